#!/usr/bin/env python3
"""Every test that doc/database-defects.md names exists. Usage: evidence.py SOURCE_DIR"""
import os
import re
import sys

import sources

DOCUMENT = "doc/database-defects.md"
TOKEN = re.compile(r"`(?:(record|cluster|leadership|planted|integration|interop|scenario):([^`]+)|([A-Z]\w+\.(?:\*|[A-Z]\w+)))`")


def all_text(root, pattern):
    return "\n".join(sources.read(root, name) for name in sources.tracked(root, pattern))


def unit_tests(root):
    text = all_text(root, "tests/unit/**.cpp")
    found = set(re.findall(r"TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)", text))
    return {f"{suite}.{name}" for suite, name in found} | {f"{suite}.*" for suite, _ in found}


def simulations(root):
    return {kind: all_text(root, f"tests/simulation/{kind}/*.cpp") for kind in ("record", "cluster", "leadership")}


def exists(root, kind, what, simulated):
    if kind in ("record", "cluster"):
        return f'"{what}: ' in simulated[kind]
    if kind == "leadership":
        return what in simulated[kind]
    if kind == "planted":
        return any(f"planted_bug::{what}," in text for text in simulated.values())
    places = {"integration": f"tests/integration/{what}.sh", "interop": f"tests/interop/{what}",
              "scenario": f"tests/scenario/election/{what}.scenario"}
    return os.path.exists(os.path.join(root, places[kind]))


def main(root):
    text = sources.read(root, DOCUMENT)
    tables = text[text.index("## 12.1"):]
    offset = len(text) - len(tables)
    units, simulated, problems, seen = unit_tests(root), simulations(root), [], 0
    for match in TOKEN.finditer(tables):
        seen += 1
        kind, what, unit = match.groups()
        if not (unit in units if unit else exists(root, kind, what, simulated)):
            problems.append(f"{DOCUMENT}:{sources.line_of(text, offset + match.start())}: no such test {match.group()}")
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\| (\d|I\d|[a-z]+\.[\d*])", line) and not TOKEN.search(line):
            problems.append(f"{DOCUMENT}:{number}: names no test")
    if seen == 0:
        problems.append(f"{DOCUMENT}: names no test at all")
    sources.finish(problems)


main(sys.argv[1])
