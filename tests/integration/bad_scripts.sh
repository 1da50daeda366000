#!/bin/sh
# Event scripts that hang, print megabytes, cannot be run or have vanished: the node is unhealthy or healthy as it
# should be, the reason is in the log, the daemons go on, and a repaired script makes the node healthy again.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

script=$work/node.0/events/service/10.bad.script

# with_script REGEX STATE: the script of node 0 is what comes from stdin.
with_script() {
	log=$work/node.0/log.ctdb
	from=$(($(wc -l <"$log") + 1))
	cat >"$script.new"
	chmod 755 "$script.new"
	mv "$script.new" "$script"
	wait_for 60 said "$1" || fail "log of node 0 lacks: $1"
	note "  $(tail -n "+$from" "$log" | grep -e "$1" | head -n 1 | cut -c 1-160 | cut -d ' ' -f 2-)"
	wait_state 0 "$2" 0 1
	expect "$pid" pid_of 0
	expect value ctdb_on 0 pfetch keep.tdb key
}

said() {
	tail -n "+$from" "$log" | grep -q -e "$1"
}

start_nodes 2
wait_healthy 2
pid=$(pid_of 0)
ctdb_on 0 attach keep.tdb persistent
ctdb_on 1 pstore keep.tdb key value
ctdb_on 0 setvar EventScriptTimeout 2
ctdb_on 0 setvar MonitorTimeoutCount 1
ctdb_on 0 setvar MonitorInterval 1

note "a script that hangs"
with_script 'monitor event timed out' UNHEALTHY <<'END'
#!/bin/sh
[ "$1" = monitor ] || exit 0
sleep 1000
END
note "a script that prints megabytes and fails"
with_script '10.bad: .*more lines not logged' UNHEALTHY <<'END'
#!/bin/sh
[ "$1" = monitor ] || exit 0
yes 'all work and no play' | head -c 5000000
exit 1
END
[ "$(wc -c <"$work/node.0/log.ctdb")" -lt 1000000 ] || fail "the log has grown by megabytes"
note "a script whose interpreter does not exist"
with_script '10.bad.*[Nn]o such file' UNHEALTHY <<'END'
#!/does/not/exist
END
note "a script that works again"
with_script 'node is healthy' OK <<'END'
#!/bin/sh
END
note "a script that is a link to nothing"
ln -sf "$work/nowhere" "$script"
sleep 3 # some monitor events
wait_healthy 2
rm "$script"
wait_healthy 2
ctdb_on 0 status >/dev/null || fail "node 0 does not answer"
