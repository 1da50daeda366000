#!/usr/bin/env python3
"""Every path that a Markdown file links to or names in `code` with a slash exists. Usage: links.py SOURCE_DIR"""
import os
import re
import sys

import sources

# Named in documents, but not files of the tree.
OUTSIDE = ("build/", "/", "http", "~", "$", "<", ".", "etc/", "sbin/", "bin/", "libexec/", "share/", "run/", "var/")
TOP = ("src", "tests", "tools", "doc", "events", "config", "cmake")


def main(root):
    problems = []
    for name in sources.tracked(root, "*.md"):
        text = sources.read(root, name)
        here = os.path.dirname(name)
        for match in re.finditer(r"\]\(([^)#]+)[^)]*\)", text):
            target = match[1].strip()
            if target.startswith(("http", "mailto")):
                continue
            if not os.path.exists(os.path.join(root, here, target)):
                problems.append(f"{name}:{sources.line_of(text, match.start())}: no such file {target}")
        for match in re.finditer(r"`((?:" + "|".join(TOP) + r")/[\w./-]+)`", text):
            if not os.path.exists(os.path.join(root, match[1].rstrip("."))):
                problems.append(f"{name}:{sources.line_of(text, match.start())}: no such file {match[1]}")
    sources.finish(problems)


main(sys.argv[1])
