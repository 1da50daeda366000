#!/usr/bin/env python3
"""Manual pages and completion name every option and command that the programs take, and no other.

manuals.py SOURCE_DIR BIN_DIR. Programs made from a table (common/cmdline) tell their lists with --print-man-lists and
--print-bash-completion; of the others the usage is read. -h, --help, -? and --usage need no manual.
"""
import pathlib
import re
import subprocess
import sys

WITH_TABLE = ["ctdb", "ctdb-config", "ctdb-event", "ctdb-path", "ctdbd", "ctdb-eventd", "ctdb-serviced", "ctdb-failoverd",
              "ctdb-contrackd"]
FILES = {"ctdb.conf"}  # pages of files, compared with the table of options by the tests of ctdb-config
HELP = {"-?", "-h", "--help", "--usage"}
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z?])(?![\w-])")


def output_of(*command):
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    return run.stdout + run.stderr


def section(page, *titles):
    """The lines below these headings that begin with a bold word."""
    parts = re.split(r"^# (.*)$", page, flags=re.M)
    lines = [line for title, body in zip(parts[1::2], parts[2::2]) if title in titles for line in body.splitlines()]
    return [line for line in lines if line.startswith("*")]


def bold(line):
    return re.findall(r"\*([^*]+)\*", line)


class check:
    def __init__(self, source):
        self.pages = {p.name.rsplit(".", 2)[0]: p.read_text() for p in sorted(source.glob("doc/man/*.scd"))}
        self.faults = []

    def page_of(self, program):
        if program not in self.pages:
            self.faults.append(f"{program}: no manual page")
        return self.pages.get(program, "")

    def options(self, program, page, taken):
        documented = {o for line in section(page, "OPTIONS") for o in OPTION.findall(line)}
        for option in sorted(taken - documented - HELP):
            self.faults.append(f"{program}: option {option} is not in the manual page")
        for option in sorted(documented - taken - HELP):
            self.faults.append(f"{program}: the manual page has option {option}, the program has not")

    def commands(self, program, page, taken):
        documented = {" ".join(word.split()) for line in section(page, "COMMANDS") for word in bold(line)}
        first = {bold(line)[0] for line in section(page, "COMMANDS")}
        for command in sorted(taken):
            if command not in documented and not (command.endswith(" append") and "append" in documented):
                self.faults.append(f"{program}: command {command} is not in the manual page")
        for command in sorted(first - taken):
            self.faults.append(f"{program}: the manual page has command {command}, the program has not")

    def completion(self, program, script, options, commands):
        words = set(script.replace('"', " ").split())
        missing = {o for o in options if o.startswith("--")} | {c.split()[0] for c in commands}
        for word in sorted(missing - words):
            self.faults.append(f"{program}: completion does not offer {word}")

    def program_with_table(self, program, path):
        lines = [line for line in output_of(path, "--print-man-lists").splitlines() if line.startswith("*")]
        names = [bold(line)[0] for line in lines]
        options = {o for name in names if name.startswith("-") for o in OPTION.findall(name.split("=")[0])}
        commands = {name for name in names if not name.startswith("-")}
        if not options:
            self.faults.append(f"{program}: --print-man-lists says nothing")
        page = self.page_of(program)
        self.options(program, page, options)
        self.commands(program, page, commands)
        self.completion(program, output_of(path, "--print-bash-completion"), options, commands)

    def program_with_usage(self, program, usage):
        options = {o for line in usage.splitlines() for o in OPTION.findall(line[:14])}
        if not options:
            self.faults.append(f"{program}: its usage names no option")
        self.options(program, self.page_of(program), options)


def main():
    source, programs = (pathlib.Path(word) for word in sys.argv[1:3])
    look = check(source)
    for program in WITH_TABLE:
        look.program_with_table(program, programs / program)
    look.program_with_usage("ltdbtool", output_of(programs / "ltdbtool", "-h"))
    look.program_with_usage("onnode", output_of("sh", source / "tools/onnode/onnode.in", "-h"))
    for page in sorted(set(look.pages) - set(WITH_TABLE) - {"ltdbtool", "onnode"} - FILES):
        look.faults.append(f"{page}: a manual page that nothing compares")
    print("\n".join(look.faults), end="\n" if look.faults else "")
    return 1 if look.faults else 0


if __name__ == "__main__":
    sys.exit(main())
