#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Adds up what gcov counted, and looks for lines that nothing ran.

coverage.py [--record FILE] SOURCES REASONS COUNTS.json...

Each COUNTS is one object a line, as gcov --json-format --stdout prints it. REASONS has
lines "FILE FUNCTION: TEXT: REASON"; TEXT is the line of the source without the space
around it, or * for each line of the function. If REASON begins with "race", the line
may be run all the same.
"""
import argparse
import datetime
import json
import os
import re
import subprocess
import sys


def of_module(path):
    """The name in the checkout of a file that a build of the module has elsewhere"""
    directory, name = os.path.split(path)
    parent = os.path.basename(directory)
    return os.path.join(parent, name) if parent in ("function", "route", "tests") else name


def counts(path):
    """{(file, line): (function, count)} of one run"""
    found = {}
    with open(path, encoding="utf-8") as text:
        for one in text:
            for source in json.loads(one)["files"]:
                name = of_module(source["file"])
                for line in source["lines"]:
                    # A label may be a line without code.
                    if "function_name" not in line:
                        continue
                    key = name, line["line_number"]
                    before = found.get(key, ("", 0))[1]
                    found[key] = line["function_name"], before + line["count"]
    return found


def is_run(key, run):
    """Did this run come to that line?"""
    return run.get(key, ("", 0))[1] > 0


def reasons(path):
    """{(file, function, text): reason}"""
    found = {}
    with open(path, encoding="utf-8") as text:
        for line in text:
            if line.startswith("#") or not line.strip():
                continue
            match = re.fullmatch(r"(\S+) (\S+): (.*): ([^:]+)\n", line)
            if not match:
                sys.exit(f"{path}: not understood: {line}")
            found[match[1], match[2], match[3]] = match[4]
    return found


def table(names, lines, runs, reasoned):
    """The lines of each file, and how many each run covers"""
    heads = [os.path.basename(run).rsplit(".", 1)[0] for run in runs]
    rows = [["file", "lines", *heads, "all", "reasoned"]]

    def row(name, wanted):
        per = [sum(is_run(key, run) for key in wanted) for run in runs.values()]
        every = sum(any(is_run(key, run) for run in runs.values()) for key in wanted)
        share = [f"{100 * n / len(wanted):.1f} %" for n in per + [every]]
        rows.append([name, str(len(wanted)), *share,
                     str(sum(1 for key in wanted if key in reasoned))])

    for name in names:
        row(name, [key for key in lines if key[0] == name])
    row("sum", lines)
    width = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width[0]) if i == 0 else cell.rjust(width[i])
                               for i, cell in enumerate(row)) for row in rows)


def main():
    """Prints TAP, a test for each file"""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record")
    parser.add_argument("sources")
    parser.add_argument("reasons")
    parser.add_argument("counts", nargs="+")
    args = parser.parse_args()

    runs = {path: counts(path) for path in args.counts}
    reason, used, reasoned = reasons(args.reasons), set(), set()
    # Of the module: no tests in it, no header of the kernel's.
    names = sorted(name for name in {key[0] for run in runs.values() for key in run}
                   if os.path.exists(os.path.join(args.sources, name))
                   and not re.search(r"^tests/|^mutate\.|/trace\.", name))
    lines = sorted({key for run in runs.values() for key in run if key[0] in names})
    if not lines:
        sys.exit("nothing was counted")

    failed = 0
    for number, name in enumerate(names, 1):
        with open(os.path.join(args.sources, name), encoding="utf-8") as text:
            source = text.read().split("\n")
        bare = []
        for key in (key for key in lines if key[0] == name):
            if any(is_run(key, run) for run in runs.values()):
                continue
            function = next(run[key][0] for run in runs.values() if key in run)
            # What the compiler makes of a part of a function
            function = function.split(".")[0]
            said = source[key[1] - 1].strip()
            for wanted in ((name, function, said), (name, function, "*")):
                if wanted in reason:
                    used.add(wanted)
                    reasoned.add(key)
                    break
            else:
                bare.append(f"{name}:{key[1]}: {function}: {said}")
        failed += bool(bare)
        print(f"{'not ok' if bare else 'ok'} {number} {name}: each line is run, or has a reason")
        for line in bare:
            print(f"# {line}")
    stale = {key for key in set(reason) - used if not reason[key].startswith("race")}
    for left in sorted(stale):
        print(f"# no such line is left uncovered: {' '.join(left)}")
    failed += bool(stale)
    print(f"{'not ok' if stale else 'ok'} {len(names) + 1} each reason has its line")
    print(f"1..{len(names) + 1}")

    shown = table(names, lines, runs, reasoned)
    print("\n".join("# " + line for line in shown.split("\n")))
    if args.record:
        commit = subprocess.run(["git", "-C", args.sources, "log", "-1", "--format=%h"],
                                capture_output=True, text=True, check=True).stdout.strip()
        with open(args.record, "w", encoding="utf-8") as out:
            out.write("SPDX-License-Identifier: GPL-2.0\n\n"
                      "Made by:  RECORD=--record make check-coverage\n"
                      f"Date:     {datetime.date.today()}, commit {commit}\n\n{shown}\n")
    sys.exit(bool(failed))


main()
