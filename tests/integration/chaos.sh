#!/bin/sh
# Clients work on three nodes in namespaces while nodes are killed, stopped and cut off, one after the other; then everything is counted:
# no acknowledged transaction or addition lost, no deleted record back, no record made anew lost, messages in order, once and
# unchanged, every client answered.
#
# Rounds: $ROUNDS (default: each fault once). In each the victim's clients of the volatile counter rest: what is promised of a volatile
# record ends with the node that holds it. Transactions go on everywhere. Messages go on everywhere too; a lost link may swallow some,
# so only between the two others, as long as their link held, every single one has to arrive.
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

rounds=${ROUNDS:-kill stop cut part kill-leader stop-leader cut-followers}
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

# answered WHEN NODE...: the client of the transactions gets on there.
answered() {
	_when=$1
	shift
	for _node; do
		_before=$(acked "$_node")
		wait_for 60 advanced "$_node" "$_before" || fail "the client of node $_node hangs at transaction $_before $_when"
	done
}

test_client() { # NODE PROGRAM ARGUMENTS
	_at=$1 _program=$2
	shift 2
	on_node "$_at" env CTDB_SOCKET="$(prefix "$_at")/var/run/ctdb/ctdbd.socket" "$CTDB_BIN/ctdb-test-$_program" "$@"
}

# in_background FILE NODE PROGRAM ARGUMENTS: to the list $working.
in_background() {
	_output=$1
	shift
	test_client "$@" >"$_output" &
	working="$working $!"
	clients="$clients $!"
}

# Messages between all nodes, again and again: whatever happens, each comes once, in order and unchanged.
messages() {
	until [ -e "$work/end" ]; do
		_end=0
		test_client "$1" messages 0 0 20000 0 1 2 >>"$work/client.messages$1.log" 2>&1 || _end=$?
		[ "$_end" -ne 1 ] || : >"$work/messages-broken"
		sleep 0.2
	done
}

losses() { # NODE OTHER: how often it has lost the other
	grep -c "node $2: .* -> .*DISCONNECTED" "$work/node.$1/log.ctdb" || true
}

# The number as the node's own copy of the record has it, without asking for the record.
counted() {
	ctdb_on "$1" cattdb test.tdb | awk '/^key/ { mine = $3 == "\"counter\"" } mine && /^data/ { gsub("\"", "", $3); print $3 }'
}

counts_on() { # NODE FORMER
	_count=$(counted "$1") && [ "${_count:-0}" -gt "$2" ]
}

sever() { # A B add|del
	for _pair in "$1 $2" "$2 $1"; do
		# shellcheck disable=SC2086 # two words
		set -- $_pair "$3"
		ip -n "$(ns "$1")" route "$3" blackhole "$private.$(($2 + 1))/32"
	done
}

left_out() { # VICTIM SURVIVOR: the survivor's cluster goes on without it, disconnected or banned
	ctdb_on "$2" -X status 2>/dev/null | grep -q "^|$1|[^|]*|\([01]|\)\{6\}1|" &&
		ctdb_on "$2" status | grep -q '^Recovery mode:NORMAL'
}

signal_node() { # NODE SIGNAL: ctdbd alone, its companions wait for it
	kill "-$2" "$(pid_of "$1")"
}

choose_victim() { # FAULT
	leader=$(leader 0)
	case $1 in
	*-leader) victim=$leader ;;
	*) victim=$(((leader + 1 + round % 2) % 3)) ;;
	esac
	follower=$((3 - leader - victim)) # the other one, unless the leader is the victim
	if [ "$1" = cut-followers ] && [ "$follower" -gt "$victim" ]; then
		follower=$victim victim=$((3 - leader - victim)) # of two that cannot talk the higher one has to go
	fi
	first=$(((victim + 1) % 3))
	second=$(((victim + 2) % 3))
	observer=$leader
	[ "$victim" -ne "$leader" ] || observer=$first
}

keys() { # NODE PREFIX FROM COUNT ACTION
	_at_keys=$1
	shift
	test_client "$_at_keys" keys test.tdb "$@" || fail "node $_at_keys: keys $*"
}

# Records that every node has had: $each will be deleted before the fault, $each during it, $each deleted and made anew.
make_ghosts() {
	for _node in "$first" "$victim" "$second"; do
		keys "$_node" gone "$((2 * each * round))" "$((2 * each))" write here
		keys "$_node" again "$((each * round))" "$each" write here
	done
}

delete_early() {
	keys "$second" gone "$((2 * each * round))" "$each" delete
}

delete_late() {
	keys "$second" gone "$((2 * each * round + each))" "$each" delete
	keys "$second" again "$((each * round))" "$each" delete
	keys "$first" again "$((each * round))" "$each" write again
}

check_ghosts() { # NODE
	keys "$1" gone 0 "$((2 * each * round))" expect ''
	keys "$1" again 0 "$((each * round))" expect again
}

start_pair() {
	working=
	_before=$(counted "$first")
	link_lost=$(($(losses "$first" "$second") + $(losses "$second" "$first")))
	for _node in "$first" "$second"; do
		in_background "$work/added.$round.$_node" "$_node" increment test.tdb counter 1500 --pause-us 2000
	done
	in_background "$work/messages.$round.$first" "$first" messages "$((round + 1))" 1000 2000 "$second"
	in_background "$work/messages.$round.$second" "$second" messages "$((round + 1))" 1000 2000 "$first"
	wait_for 20 counts_on "$first" "${_before:-0}" || wait_for 20 counts_on "$second" "${_before:-0}" ||
		fail "nobody counts"
}

end_pair() {
	for _pid in $working; do
		_end=0
		wait "$_pid" || _end=$?
		if [ "$_end" -eq 3 ] && [ "$link_lost" -ne "$(($(losses "$first" "$second") + $(losses "$second" "$first")))" ]; then
			note "nodes $first and $second have lost each other: messages may be lost"
		elif [ "$_end" -ne 0 ]; then
			fail "a client of node $first or $second has failed: status $_end"
		fi
	done
}

one_round() { # FAULT
	choose_victim "$1"
	for _node in 0 1 2; do # a node that is banned on the way comes back in time; vacuuming is at work
		ctdb_on "$_node" setvar RecoveryBanPeriod 10
		ctdb_on "$_node" setvar VacuumInterval 1
	done
	note "round $round: $1, node $victim (leader $leader)"
	make_ghosts
	start_pair
	delete_early
	fault "$1" begin
	wait_for 60 left_out "$victim" "$observer" || fail "the others do not go on without node $victim"
	delete_late
	answered "without node $victim" "$first" "$second"
	fault "$1" end
	wait_for 60 settled || {
		ctdb_on "$first" status
		fail "not healthy after $1 of node $victim"
	}
	end_pair
}

fault() { # KIND begin|end: of the victim
	case $1-$2 in
	kill*-begin) kill_node "$victim" ;;
	kill*-end) start_node "$victim" ;;
	stop*-begin) signal_node "$victim" STOP ;;
	stop*-end) signal_node "$victim" CONT ;;
	cut-begin) sever "$victim" "$leader" add ;;
	cut-end) sever "$victim" "$leader" del ;;
	cut-followers-begin) sever "$victim" "$follower" add ;;
	cut-followers-end) sever "$victim" "$follower" del ;;
	part-begin) ip -n "$(ns "$victim")" link set priv down ;;
	part-end) ip -n "$(ns "$victim")" link set priv up ;;
	esac
}

make_networks
every_node install_node
every_node start_node
wait_for 60 settled || fail "the cluster does not come up"
ctdb_on 0 attach test.tdb
ctdb_on 0 attach keep.tdb persistent
each=20 # deleted records of one kind and round
for node in 0 1 2; do
	transactions "$node" &
	clients="$clients $!"
	messages "$node" &
	clients="$clients $!"
done
answered "at first" 0 1 2

round=0
for fault in $rounds; do
	one_round "$fault"
	round=$((round + 1))
done

answered "in the end" 0 1 2 # also those of victims
: >"$work/end"
note "counting"
working=
for node in 0 1 2; do # every node counts, every link carries messages again
	in_background "$work/added.end.$node" "$node" increment test.tdb counter 200
	in_background "$work/messages.end.$node" "$node" messages 999 200 1000 0 1 2
done
for pid in $working; do
	wait "$pid" || fail "messages or additions do not reach every node: status $?"
done
[ ! -e "$work/messages-broken" ] || fail "messages out of order, twice or changed"
sum=$(cat "$work"/added.* | awk '{ sum += $1 } END { print sum }')
for node in 0 1 2; do
	got=$(ctdb_on "$node" readkey test.tdb counter)
	[ "$got" = "Data: size:${#sum} ptr:[$sum]" ] || fail "node $node: $sum additions acknowledged, the record says $got"
	for client in 0 1 2; do
		there=$(ctdb_on "$node" pfetch keep.tdb "client$client")
		[ "$there" -ge "$(acked "$client")" ] || fail "node $node: $(acked "$client") transactions of client $client acknowledged, $there there"
	done
	check_ghosts "$node"
done
diverged=$(find "$work" -name '*.diverged.*' | wc -l)
got=$(cat "$work"/messages.[0-9]*.* | awk '{ sum += $3 } END { print sum }')
note "$sum additions, $(acked 0)+$(acked 1)+$(acked 2) transactions, $got messages acknowledged and there; $((2 * each * round)) records deleted, $((each * round)) made anew; $diverged copies kept aside"
