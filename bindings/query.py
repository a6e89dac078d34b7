#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note
"""msi_route from Python, by ctypes and the interface as data.

usage: query.py msi_route.json [DEVICE]
Without a device, prints what ctypes makes of the interface.
"""
import ctypes
import fcntl
import json
import os
import sys

TYPES = {"char": ctypes.c_char, "u8": ctypes.c_uint8, "u16": ctypes.c_uint16,
         "u32": ctypes.c_uint32, "u64": ctypes.c_uint64, "s32": ctypes.c_int32}


class MsiRoute:
    """Requests, values and structs by their names."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.interface = json.load(file)
        self.requests = {r["name"]: r for r in self.interface["requests"]}
        self.values = {}
        for enum in self.interface["enums"]:
            self.values.update((v["name"], v["value"]) for v in enum["values"])
        self.values.update((c["name"], c["value"]) for c in self.interface["constants"])
        # A struct within another one comes before it.
        self.structs = {}
        for struct in self.interface["structs"]:
            fields = []
            for field in struct["fields"]:
                kind = TYPES.get(field["type"]) or self.structs[field["type"]]
                fields.append((field["name"],
                               kind * field["count"] if field["count"] > 1 else kind))
            self.structs[struct["name"]] = type(struct["name"], (ctypes.Structure,),
                                                {"_fields_": fields})

    def call(self, fd, request, **fields):
        """Calls a request with a struct of these fields, and returns it."""
        arg = self.structs[self.requests[request]["struct"]](**fields)
        arg.size = ctypes.sizeof(arg)
        fcntl.ioctl(fd, self.requests[request]["number"], arg)
        return arg

    def layout(self):
        """Prints what `describe --list` prints."""
        for name, request in self.requests.items():
            print("request", name, request["number"])
        for name, value in self.values.items():
            print("value", name, value)
        for name, struct in self.structs.items():
            print("struct", name, ctypes.sizeof(struct))
            for field, _ in struct._fields_:
                place = getattr(struct, field)
                print("field", name, field, place.offset, place.size)


def main():
    msi_route = MsiRoute(sys.argv[1])
    if len(sys.argv) < 3:
        msi_route.layout()
        return
    q = msi_route.call(os.open(sys.argv[2], os.O_RDWR), "MSI_ROUTE_QUERY")
    print("version %d, features %x" % (q.version, q.features))


main()
