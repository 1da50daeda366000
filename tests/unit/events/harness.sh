# shellcheck shell=sh
# Sourced by the tests of event scripts; $1 is the directory of the scripts.
set -u

events=$(cd "$1" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
passed=0
failed=0
case_name=

export CTDB_BASE="$dir/etc" CTDB_VARDIR="$dir/var" CTDB_SYS_ETCDIR="$dir/sysetc"
export CTDB_HELPER_BINDIR="$dir/bin" CTDB_LOGGING="file:$dir/log"
unset CTDB_SCRIPT_VARDIR CTDB CTDB_TEST_MODE

# begin NAME: a clean place for the next case
begin()
{
	case_name="$1"
	rm -rf "${dir:?}"/*
	mkdir -p "$dir/etc" "$dir/var" "$dir/sysetc" "$dir/bin"
	echo 'ID=debian' >"$dir/sysetc/os-release"
	export CTDB_SCRIPT_VARDIR="$dir/var/scripts/test"
}

# stub NAME: a command on PATH, its body on standard input
stub()
{
	{
		echo '#!/bin/sh'
		cat
	} >"$dir/bin/$1"
	chmod +x "$dir/bin/$1"
}

# options COMPONENT NAME: the options file of an enabled script, from standard input
options()
{
	mkdir -p "$dir/etc/events/$1"
	cat >"$dir/etc/events/$1/$2.options"
}

# run COMPONENT/NAME ARGUMENTS: runs a script as eventd does, by its link
run()
{
	link="$dir/etc/events/$1.script"
	mkdir -p "${link%/*}"
	ln -sf "$events/$1.script" "$link"
	shift
	status=0
	output=$(PATH="$dir/bin:$PATH" "$link" "$@" 2>&1) || status=$?
}

# run_functions: shell lines on standard input, with the library sourced before
run_functions()
{
	{
		echo ". \"$events/lib/functions\""
		cat
	} >"$dir/lines.sh"
	status=0
	output=$(PATH="$dir/bin:$PATH" sh "$dir/lines.sh" 2>&1) || status=$?
}

# expect STATUS: the output, exactly, on standard input
expect()
{
	wanted=$(cat)
	if [ "$status" -eq "$1" ] && [ "$output" = "$wanted" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAILED: $case_name"
	echo "  wanted status $1, got $status"
	printf '%s\n' "$wanted" | sed 's/^/  wanted: /'
	printf '%s\n' "$output" | sed 's/^/  got:    /'
}

# expect_that WHAT COMMAND...
expect_that()
{
	what="$1"
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $case_name: not so: $what"
	fi
}

finish()
{
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}
