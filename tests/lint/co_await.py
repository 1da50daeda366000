#!/usr/bin/env python3
"""Reject full expressions that gcc 12 miscompiles together with co_await.

gcc 12 destroys temporaries of such statements twice: a statement with co_await may hold no braced temporary, no conditional
operator and no lambda with captures. Usage: co_await.py SOURCE_DIR"""
import re
import sys

import sources

HEAD = re.compile(r"(else\s+)?(if|for|while|switch|catch)\b")
BLOCK = re.compile(
    r"(\)|\belse|\btry|\bdo|\bnoexcept|\boverride|\bconst|\bfinal|->\s*[\w:<>, *&]+|"
    r"\b(struct|class|enum|namespace|union)\b[^=;]*)$")


def opens_block(before, depth):
    if depth != 0:
        return False
    if before == "" or HEAD.match(before.lstrip()):
        return True
    return bool(BLOCK.search(before)) and not re.search(r"co_await|co_return", before)


def statements(text):
    """Yields (position, statement); block braces split, expression braces do not."""
    start = depth = 0
    braces = []
    for i, c in enumerate(text):
        if c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
        elif c == "{":
            block = opens_block(text[start:i].rstrip(), depth)
            braces.append((block, depth))
            if block:
                yield start, text[start:i]
                start = i + 1
            else:
                # A lambda body inside an expression holds statements of its own: look at them apart.
                depth += 1
        elif c == "}" and braces:
            block, outer = braces.pop()
            if block:
                yield start, text[start:i]
                start = i + 1
            else:
                depth = outer
        elif c == ";" and depth == 0:
            yield start, text[start:i]
            start = i + 1


def reason(statement):
    if re.search(r"\{", statement):
        return "braced initialiser"
    if "?" in statement:
        return "conditional operator"
    if re.search(r"\[[^\]\w]*[&=\w][^\]]*\]\s*[\(\{]", statement) and "](" in statement.replace(" ", ""):
        if re.search(r"(^|[(,=]\s*)\[[^\]]*\]\s*\(", statement):
            return "lambda"
    return None


def main(root):
    problems = []
    for name in sources.tracked(root, "*.cpp", "*.hpp"):
        text = sources.bare(sources.read(root, name))
        if "co_await" not in text:
            continue
        for position, statement in statements(text):
            if not re.search(r"\bco_await\b", statement) or "operator co_await" in statement:
                continue
            why = reason(statement)
            if why:
                first = position + len(statement) - len(statement.lstrip())
                problems.append(f"{name}:{sources.line_of(text, first)}: co_await in one expression with a "
                                f"{why}; name the object first")
    sources.finish(problems)


main(sys.argv[1])
