#!/bin/sh
# Clients work on three nodes in namespaces while nodes are killed, stopped and cut off, one after the other; then everything is counted:
# no acknowledged transaction or addition lost, no deleted record back, every client answered.
#
# Rounds: $ROUNDS (default: each fault once). In each the victim's clients of the volatile counter rest: what is promised of a volatile
# record ends with the node that holds it. Transactions go on everywhere.
set -eu
: "${CTDB_BIN:?}" "${CTDB_SOURCE:?}"
if [ "$(id -u)" -ne 0 ] || ! ip netns list >/dev/null 2>&1; then
	echo 'SKIPPED: needs root and network namespaces'
	exit 77
fi
work=$(mktemp -d /tmp/ctdb-chaos.XXXXXX)
# shellcheck disable=SC2034 # for namespaces.sh
build=$(dirname "$CTDB_BIN")
# shellcheck disable=SC2034
tag=chaos$$ nodes=3
# shellcheck source=../../tools/dev/namespaces.sh
. "$CTDB_SOURCE/tools/dev/namespaces.sh"

rounds=${ROUNDS:-kill stop cut part kill-leader}
clients=

note() {
	printf '%s %s\n' "$(date +%T)" "$*"
}

fail() {
	note "FAILED: $*"
	for log in "$work"/node.*/log.ctdb "$work"/client.*.log; do
		[ -f "$log" ] || continue
		printf -- '--- %s\n' "$log"
		tail -n "${LOG_LINES:-40}" "$log"
	done
	exit 1
}

clean_up() {
	_status=$?
	trap - EXIT INT TERM
	set +e
	for _pid in $clients; do
		kill -9 "$_pid" 2>/dev/null
	done
	wait
	remove_cluster
	exit "$_status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

settled() {
	healthy 3 0 && healthy 3 1 && healthy 3 2
}

leader() {
	ctdb_on "$1" leader 2>/dev/null
}

# Adds one to a number of its own in a transaction, again and again; what was acknowledged last is in acked.N.
transactions() {
	number=0
	until [ -e "$work/end" ]; do
		next=$((number + 1))
		if printf '"client%s" "%s"\n' "$1" "$next" |
			ctdb_on "$1" -T 60 ptrans keep.tdb >>"$work/client.$1.log" 2>&1; then
			number=$next
			printf '%s\n' "$number" >"$work/acked.$1.new"
			mv "$work/acked.$1.new" "$work/acked.$1"
		else
			sleep 0.2
		fi
	done
}

acked() {
	cat "$work/acked.$1" 2>/dev/null || echo 0
}

advanced() { # NODE FORMER
	[ "$(acked "$1")" -gt "$2" ]
}

sever() { # A B add|del
	for _pair in "$1 $2" "$2 $1"; do
		# shellcheck disable=SC2086 # two words
		set -- $_pair "$3"
		ip -n "$(ns "$1")" route "$3" blackhole "$private.$(($2 + 1))/32"
	done
}

left_out() { # VICTIM SURVIVOR: the survivor's cluster goes on without it
	ctdb_on "$2" -X status 2>/dev/null | grep -q "^|$1|[^|]*|1|" &&
		ctdb_on "$2" status | grep -q '^Recovery mode:NORMAL'
}

signal_node() { # NODE SIGNAL: ctdbd alone, its companions wait for it
	kill "-$2" "$(pid_of "$1")"
}

# one_round FAULT: the victim follows, except in kill-leader.
one_round() {
	_leader=$(leader 0)
	case $1 in
	kill-leader) victim=$_leader ;;
	*) victim=$(((_leader + 1 + round % 2) % 3)) ;;
	esac
	first=$(((victim + 1) % 3))
	second=$(((victim + 2) % 3))
	for _node in 0 1 2; do # a node that is banned on the way comes back in time
		ctdb_on "$_node" setvar RecoveryBanPeriod 10
	done
	note "round $round: $1, node $victim (leader $_leader)"
	ctdb_on "$first" writekey test.tdb "ghost$round" here
	ctdb_on "$victim" readkey test.tdb "ghost$round" >/dev/null # a copy is on the victim
	ctdb_on "$second" readkey test.tdb "ghost$round" >/dev/null
	adders=
	for _node in "$first" "$second"; do
		on_node "$_node" env CTDB_SOCKET="$(prefix "$_node")/var/run/ctdb/ctdbd.socket" \
			"$CTDB_BIN/ctdb-test-increment" test.tdb counter 1500 --pause-us 2000 >"$work/added.$round.$_node" &
		adders="$adders $!"
		clients="$clients $!"
	done
	sleep 1
	begin_fault "$1"
	observer=$_leader
	[ "$victim" -ne "$_leader" ] || observer=$first
	wait_for 60 left_out "$victim" "$observer" || fail "the others do not go on without node $victim"
	ctdb_on "$second" deletekey test.tdb "ghost$round" || fail "deletekey"
	for _node in "$first" "$second"; do
		_before=$(acked "$_node")
		wait_for 60 advanced "$_node" "$_before" || fail "no transaction on node $_node without node $victim"
	done
	end_fault "$1"
	wait_for 60 settled || {
		ctdb_on "$first" status
		fail "not healthy after $1 of node $victim"
	}
	for _pid in $adders; do
		wait "$_pid" || fail "a client of the counter has failed"
	done
}

begin_fault() {
	case $1 in
	kill*) kill_node "$victim" ;;
	stop) signal_node "$victim" STOP ;;
	cut) sever "$victim" "$_leader" add ;;
	part) ip -n "$(ns "$victim")" link set priv down ;;
	esac
}

end_fault() {
	case $1 in
	kill*) start_node "$victim" ;;
	stop) signal_node "$victim" CONT ;;
	cut) sever "$victim" "$_leader" del ;;
	part) ip -n "$(ns "$victim")" link set priv up ;;
	esac
}

make_networks
every_node install_node
every_node start_node
wait_for 60 settled || fail "the cluster does not come up"
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent
for node in 0 1 2; do
	transactions "$node" &
	clients="$clients $!"
done
for node in 0 1 2; do
	wait_for 20 advanced "$node" 0 || fail "no transaction on node $node"
done

round=0
for fault in $rounds; do
	one_round "$fault"
	round=$((round + 1))
done

for node in 0 1 2; do # every client is answered, also those of victims
	before=$(acked "$node")
	wait_for 60 advanced "$node" "$before" || fail "the client of node $node hangs at $before"
done
: >"$work/end"
note "counting"
sleep 1
sum=$(cat "$work"/added.* | awk '{ sum += $1 } END { print sum }')
for node in 0 1 2; do
	got=$(ctdb_on "$node" readkey test.tdb counter)
	[ "$got" = "Data: size:${#sum} ptr:[$sum]" ] || fail "node $node: $sum additions acknowledged, the record says $got"
	for client in 0 1 2; do
		there=$(ctdb_on "$node" pfetch keep.tdb "client$client")
		[ "$there" -ge "$(acked "$client")" ] || fail "node $node: $(acked "$client") transactions of client $client acknowledged, $there there"
	done
	_i=0
	while [ "$_i" -lt "$round" ]; do
		[ "$(ctdb_on "$node" readkey test.tdb "ghost$_i")" = 'Data: size:0 ptr:[]' ] || fail "node $node: deleted record ghost$_i is back"
		_i=$((_i + 1))
	done
done
diverged=$(find "$work" -name '*.diverged.*' | wc -l)
note "$sum additions, $(acked 0)+$(acked 1)+$(acked 2) transactions acknowledged and there; $diverged copies kept aside"
