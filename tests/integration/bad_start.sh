#!/bin/sh
# What keeps a ctdbd from starting: it ends at once, not with success, and says what is wrong with which file,
# directory, port or process. A node that runs already is not disturbed.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

# refused NODE REGEX: does not start, leaves no process, and says why.
refused() {
	_log=$(base_of "$1")/log.ctdb
	: >"$_log"
	if on_node "$1" timeout 20 "$CTDB_BIN/ctdbd" 2>>"$_log"; then
		fail "node $1 starts in spite of: $2"
	elif [ $? -eq 124 ]; then
		fail "node $1 hangs in spite of: $2"
	fi
	grep -q -e "$2" "$_log" || fail "log of node $1 lacks: $2"
	wait_for 10 no_processes "$1" || fail "processes of node $1 stay: $(processes_of "$1")"
	note "refused: $(grep -e "$2" "$_log" | head -n 1 | cut -d ' ' -f 2-)"
}

still_serving() {
	expect "$pid" pid_of 0
	ctdb_on 0 ping >/dev/null || fail "node 0 does not answer any more"
	expect value ctdb_on 0 pfetch keep.tdb key
}

start_nodes 1
wait_healthy 1
pid=$(pid_of 0)
ctdb_on 0 attach keep.tdb persistent
ctdb_on 0 pstore keep.tdb key value
nodes=2
configure 1 # the same nodes list, which lacks 127.x.y.2

note "an address that is not in the nodes list"
refused 1 "cannot start: .*$net.2 is not in the nodes list"

note "nodes files with errors: each line is named"
printf '%s.1\nnot-an-address\n%s.2\n%s.2\n' "$net" "$net" "$net" >"$(base_of 1)/nodes"
refused 1 'nodes:2: .*"not-an-address" is no address'
grep -q "nodes:4: .*has the address of node 2" "$(base_of 1)/log.ctdb" || fail "second error not named"
rm "$(base_of 1)/nodes"
refused 1 "cannot start: nodes list: .*/nodes: No such file"
printf '%s.1\n%s.2\n' "$net" "$net" >"$(base_of 1)/nodes"

note "a missing directory"
for directory in volatile persistent state; do
	mv "$(base_of 1)/var/$directory" "$(base_of 1)/var/away"
	refused 1 "$directory database directory .*/var/$directory: No such file or directory"
	mv "$(base_of 1)/var/away" "$(base_of 1)/var/$directory"
done
mv "$(base_of 1)/run" "$(base_of 1)/away"
refused 1 "/node.1/run.*: No such file or directory"
mv "$(base_of 1)/away" "$(base_of 1)/run"

note "a configuration with an error"
echo '	leader timeout = soon' >>"$(base_of 1)/ctdb.conf"
refused 1 'ctdb.conf:[0-9]*: .*leader timeout'
sed -i '$d' "$(base_of 1)/ctdb.conf"

note "a port in use"
sed -i "s/node address = .*/node address = $net.1/" "$(base_of 1)/ctdb.conf"
refused 1 "bind to $net.1:4379: Address already in use\|listen on $net.1:4379: Address already in use"
still_serving

note "two daemons on one base"
if on_node 0 timeout 20 "$CTDB_BIN/ctdbd"; then
	fail "a second daemon runs on the base of the first"
fi
grep -q "run/ctdbd.pid is locked: already running with pid $pid" "$(base_of 0)/log.ctdb" ||
	fail "the log does not name the PID file and the process"
still_serving
wait_healthy 1
