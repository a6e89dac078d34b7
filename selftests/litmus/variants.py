#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""variants.py HERD MODEL FILE...: runs litmus tests, prints TAP.

A line "//@ MACRO... OBSERVATION" of a FILE is one variant of its test: the
macros that cpp is given, "-" for none, and what must be observed: Never,
Sometimes, or Race, if the model must flag a data race.  A variant that is to
observe Never must have no data race either.
"""
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

TIMEOUT = 300


def variants(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    name = os.path.basename(path).split(".")[0]
    wanted = re.findall(r"^//@[ \t]+(.*)$", text, re.M)
    # herd's comments are none to cpp.
    text = re.sub(r"^//@.*\n", "", text, flags=re.M)
    text = re.sub(r"\(\*.*?\*\)", "", text, flags=re.S)
    for line in wanted:
        *macros, want = line.split()
        yield name, text, [m for m in macros if m != "-"], want


def observe(herd, model, text, macros):
    source = subprocess.run(
        ["cpp", "-P", "-undef", "-nostdinc"] + ["-D" + m for m in macros],
        input=text, text=True, capture_output=True, check=True).stdout
    with tempfile.NamedTemporaryFile("w", suffix=".litmus") as file:
        file.write(source)
        file.flush()
        try:
            result = subprocess.run(
                [herd, "-conf", "linux-kernel.cfg", file.name], cwd=model,
                text=True, capture_output=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return f"nothing in {TIMEOUT} s"
    found = re.search(r"^Observation \S+ (\w+)", result.stdout, re.M)
    if not found:
        return "error: " + " ".join((result.stderr or result.stdout).split())
    # No execution at all would be a Never as well.
    if re.search(r"^States 0$", result.stdout, re.M):
        return "no execution"
    race = " Race" if "Flag data-race" in result.stdout else ""
    return found.group(1) + race


def matches(want, got):
    if want == "Never":
        return got == "Never"
    return want in got.split()


def main():
    herd, model, *files = sys.argv[1:]
    tests = [v for path in files for v in variants(path)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda v: observe(herd, model, v[1], v[2]), tests)
        failed = 0
        print(f"TAP version 13\n1..{len(tests)}")
        for number, (test, got) in enumerate(zip(tests, results), 1):
            name, _, macros, want = test
            ok = matches(want, got)
            failed += not ok
            print(f"{'' if ok else 'not '}ok {number} - {name}",
                  *macros + [f"({want})"], flush=True)
            if not ok:
                print(f"# wanted {want}, got {got}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
