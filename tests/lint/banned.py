#!/usr/bin/env python3
"""Calls that must not appear, with the files that may have them. Usage: banned.py SOURCE_DIR"""
import re
import sys

import sources

BANNED = [
    # pattern, why, who may
    (r"\b(gettimeofday|time)\s*\(\s*(nullptr|NULL|0|&)", "wall clock; take the runtime's", []),
    (r"(?<![\w.>])(?:::)?(?<!int64_t )(rand|random|srand|srandom)\s*\(\s*\)", "not repeatable; take the runtime's", ["src/common/async/", "tests/"]),
    (r"(?<![\w:.>])system\s*\(", "runs a shell; use child_process", []),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets)\s*\(", "unbounded", []),
    (r"\btevent_(add|create|schedule|loop)\w*\s*\(", "wrapped once in common/async", ["src/common/async/"]),
    (r"\btalloc_\w+\s*\(", "wrapped once in common/async", ["src/common/async/"]),
    (r"\btdb_(open|open_ex|close|fetch|store|storev|delete|append|exists|parse_record|wipe_all|check|repack|"
     r"chainlock\w*|chainunlock\w*|lockall\w*|unlockall\w*|transaction_\w+|traverse\w*)\s*\(",
     "wrapped once in common/tdb", ["src/common/tdb/", "src/ctdbd/database/tdb_store/", "tests/"]),
    (r"(?<![\w:.>(])(new|delete)\s+[\w:]+\s*[\(\{\[;]", "owners are unique_ptr or members", []),
    (r"\busing namespace std\s*;", "never", []),
    (r"\bassert\s*\(", "use ensure(): it stays on in release", ["tests/"]),
]


def main(root):
    problems = []
    for name in sources.tracked(root, "src/*.cpp", "src/*.hpp", "tools/*.cpp", "tools/*.hpp", "tests/*.cpp",
                                "tests/*.hpp"):
        text = sources.bare(sources.read(root, name))
        for pattern, why, allowed in BANNED:
            if any(name.startswith(prefix) for prefix in allowed):
                continue
            for match in re.finditer(pattern, text):
                if text[:match.start()].rstrip().endswith("("):
                    continue  # an owner's constructor is given the object
                line = sources.line_of(text, match.start())
                problems.append(f"{name}:{line}: {match.group().strip()} is banned: {why}")
    sources.finish(problems)


main(sys.argv[1])
