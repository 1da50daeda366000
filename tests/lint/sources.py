"""What the checks share: the project's files and C++ text without comments and strings."""
import re
import subprocess


def tracked(root, *patterns):
    """Tracked files that exist, relative to root."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        check=True, capture_output=True, text=True).stdout.split("\n")
    import os
    return [name for name in listed if name and os.path.isfile(os.path.join(root, name))]


def read(root, name):
    with open(f"{root}/{name}", encoding="utf-8") as source:
        return source.read()


def bare(text):
    """The text with comments blanked and string contents blanked; positions and lines are kept."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r'R"(\w*)\(.*?\)\1"', blank, text, flags=re.S)
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

    def one(match):
        found = match.group()
        if found.startswith("/"):
            return blank(match)
        return found[0] + " " * (len(found) - 2) + found[-1]
    # Digit separators (1'000) are not character literals.
    text = re.sub(r"(?<=\d)'(?=\d)", " ", text)
    return token.sub(one, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def finish(problems):
    for problem in problems:
        print(problem)
    raise SystemExit(1 if problems else 0)
