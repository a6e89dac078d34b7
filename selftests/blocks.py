#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which basic blocks of the module KCOV told of.

blocks.py MODULE SECTIONS ADDRESSES

MODULE is msi-route.ko, built with KCOV_INSTRUMENT=y and KCFLAGS=-g; SECTIONS has lines
"NAME ADDRESS", where the kernel loaded each section of its code; ADDRESSES is what
fuzz_route --kcov wrote. Prints TAP and a table.
"""
import collections
import os
import re
import subprocess
import sys

# What the compiler calls at the beginning of each block. KCOV keeps where it returns to.
CALL = "__sanitizer_cov_trace_pc"


def output(*command, text=None):
    """What a command prints, in lines"""
    return subprocess.run(command, input=text, capture_output=True, text=True,
                          check=True).stdout.split("\n")


def blocks_of(module):
    """{section: the offsets to which the calls return}"""
    found = collections.defaultdict(list)
    section, called = "", False
    for line in output("objdump", "--disassemble", "--reloc", "--no-show-raw-insn", module):
        if line.startswith("Disassembly of section "):
            section, called = line.split()[-1].rstrip(":"), False
        elif " R_X86_64_" in line:
            called = called or CALL in line.split()[-1]
        elif match := re.match(r"\s+([0-9a-f]+):\t", line):
            if called:
                found[section].append(int(match[1], 16))
            called = False
    return found


def files_of(module, section, offsets):
    """The source file of the function that each block is in, whatever was inlined there"""
    asked = "".join(f"{offset - 1:#x}\n" for offset in offsets)
    files = []
    for line in output("addr2line", "-a", "-i", "-e", module, "-j", section, text=asked):
        if line.startswith("0x"):
            files.append("?")
        elif line:
            files[-1] = os.path.basename(line.rsplit(":", 1)[0])
    return files


def main():
    """A test, and a row for each file"""
    module, sections, addresses = sys.argv[1:]
    with open(sections, encoding="utf-8") as text:
        at = {name: int(address, 16) for name, address in map(str.split, text)}
    with open(addresses, encoding="utf-8") as text:
        seen = {int(line, 16) for line in text}

    all_blocks, run = collections.Counter(), collections.Counter()
    known = set()
    for section, offsets in blocks_of(module).items():
        # What runs while the module is loaded or unloaded, no caller can run.
        if section not in at or section.startswith((".init", ".exit")):
            continue
        for offset, file in zip(offsets, files_of(module, section, offsets)):
            all_blocks[file] += 1
            if at[section] + offset in seen:
                run[file] += 1
                known.add(at[section] + offset)

    missing = [file for file in ("route.c", "msix.c", "msi.c", "eventfd.c") if not run[file]]
    right = known == seen and not missing
    print(f"{'ok' if right else 'not ok'} - KCOV tells which blocks the fuzzer runs")
    if seen - known:
        print(f"# {len(seen - known)} addresses are of no block of the module: "
              f"{min(seen - known):#x}")
    for file in missing:
        print(f"# no block of {file}")
    print(f"# {'file':<12}{'blocks':>8}{'fuzzer':>10}")
    for file in sorted(all_blocks):
        print(f"# {file:<12}{all_blocks[file]:>8}{100 * run[file] / all_blocks[file]:>8.1f} %")
    print(f"# {'sum':<12}{all_blocks.total():>8}"
          f"{100 * run.total() / all_blocks.total():>8.1f} %")
    sys.exit(not right)


main()
