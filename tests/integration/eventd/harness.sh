# shellcheck shell=sh
# Sourced: one eventd in a directory of its own. $1 is the directory of the programs.
set -u

bin="$1"
dir=$(mktemp -d)
passed=0
failed=0
eventd_pid=
starter_pid=
tool="$bin/ctdb-event"

export CTDB_TEST_MODE=1 CTDB_BASE="$dir" CTDB_TEST_HELPER_BINDIR="$bin" TZ=UTC LC_ALL=C
unset CTDB_EVENT_RUN_ALL CTDB_INTERACTIVE CTDB_LOGGING CTDB_DEBUGLEVEL

clean_up()
{
	for pid in $eventd_pid $starter_pid; do
		kill -9 "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

mkdir -p "$dir/run" "$dir/var" "$dir/events/legacy" "$dir/events/service" "$dir/share/events"
printf '[logging]\nlocation = file:%s/log\nlog level = INFO\n' "$dir" >"$dir/ctdb.conf"

# until COMMAND...: waits for it to succeed, ten seconds at most
until_ok()
{
	tries=0
	while ! "$@" 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -gt 500 ]; then
			return 1
		fi
		sleep 0.02
	done
}

gone()
{
	! kill -0 "$1"
}

logged()
{
	grep -q -- "$1" "$dir/log"
}

start_eventd()
{
	"$bin/ctdb-eventd" "$@" &
	eventd_pid=$!
	until_ok [ -S "$dir/run/eventd.socket" ] || echo 'eventd does not start'
}

stop_eventd()
{
	kill "$eventd_pid"
	wait "$eventd_pid"
	eventd_pid=
}

# script COMPONENT/NAME: an enabled script, body on standard input
script()
{
	{
		echo '#!/bin/sh'
		cat
	} >"$dir/events/$1.script"
	chmod +x "$dir/events/$1.script"
}

check()
{
	what="$1"
	shift
	if "$@"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what"
		[ -z "${output:-}" ] || printf '%s\n' "$output" | head -20 | sed 's/^/  got: /'
	fi
}

# exits STATUS ARGUMENTS...: ctdb-event ends with it; output kept
exits()
{
	wanted="$1"
	shift
	status=0
	output=$("$tool" "$@" 2>&1) || status=$?
	[ "$status" -eq "$wanted" ]
}

# prints TEXT: the last output has a line that matches
prints()
{
	printf '%s\n' "$output" | grep -q -- "$1"
}

finish()
{
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}
