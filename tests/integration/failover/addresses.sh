#!/bin/sh
# Public addresses move when nodes are disabled, when ctdbd dies, when everything dies, when failoverd hangs - and are never on
# two nodes. See README.md.
# shellcheck disable=SC2154 # names shared with nodes.sh
set -eu

# shellcheck source=nodes.sh
. "${0%/*}/nodes.sh"
watchers=
also_finish() {
	for _watcher in $watchers; do
		kill "$_watcher"
		wait "$_watcher" 2>/dev/null || true
	done
	[ "$1" -eq 0 ] || cat "$work/owners" "$work/answers"
}

# ---- what is looked at ----

now() {
	date +%s.%N
}
since() {
	printf '%.2f' "$(echo "$(now) - $1" | bc)"
}
addresses_of() {
	ip -n "$(ns "$1")" -o address show dev pub | sed -n -e "s/.* inet \\($public\\.[0-9]*\\)\\/.*/\\1/p" \
		-e "s/.* inet6 \\($public6:[0-9]*\\)\\/.*/\\1/p"
}
count_on() {
	addresses_of "$1" | wc -l
}
on_survivors() {
	_all=0
	for _node in "$@"; do
		_all=$((_all + $(count_on "$_node")))
	done
	[ "$_all" -eq 9 ]
}
holds_none() {
	[ "$(count_on "$1")" -eq 0 ]
}
holds_some() {
	[ "$(count_on "$1")" -gt 0 ]
}
all_answer() {
	for _address in $public_addresses; do
		answers "$_address" >/dev/null || return 1
	done
}
# An address may stay on an interface of a killed node as long as nobody reaches it there: what `fenced` counts.
fenced=0
times_on_two_nodes() {
	grep -c '^TWICE' "$work/owners" || true
}
since_line() {
	tail -n "+$(($1 + 1))" "$work/owners" | grep '^TWICE'
}
# count_fenced VICTIM LINE: on its interface still, since LINE of the owners, but nobody reaches them there.
count_fenced() {
	fenced=$((fenced + $(since_line "$2" | grep -c "[ ,]$1\(,\|\$\)" || true)))
}
never_twice() {
	[ "$(times_on_two_nodes)" -eq "$fenced" ] || failed "an address was on two nodes $1"
	! grep -q '^TWICE' "$work/answers" || failed "two nodes answered for an address $1"
}
mac_of() {
	ip -n "$(ns "$1")" -o link show dev pub | sed 's/.*link.ether \([0-9a-f:]*\) .*/\1/'
}
# gap ADDRESS: the longest time between answers to a client that asks every 20 ms, since start_pings.
start_pings() {
	_i=0
	for _address in "$@"; do
		ip netns exec "$client" ping -n -D -i 0.02 -W 1 "$_address" >"$work/ping.$_address" 2>&1 &
		_i=$((_i + 1))
	done
}
longest_gap() {
	pkill -INT -f "ping -n -D -i 0.02 -W 1 " -P $$ || true
	for _address in "$@"; do
		sed -n 's/^\[\([0-9.]*\)\] .* bytes from.*/\1/p' "$work/ping.$_address" |
			awk -v a="$_address" 'NR > 1 && $1 - p > m { m = $1 - p } { p = $1 } END { printf "  %s: longest gap %.2f s\n", a, m }'
	done
}

# ---- the test ----

make_networks
ip -n "$client" address add "$public6:200/64" dev pub nodad
every_node install_node
begun=$(now)
every_node start_node
python3 "${0%/*}/watch_owners.py" "$work/owners" pub "$public.1,$public6:1" "$(ns 0)" "$(ns 1)" "$(ns 2)" &
watchers=$!
python3 "${0%/*}/watch_answers.py" "$work/answers" "$client" pub "$public.200" "$public6:200" \
	"$(echo "$public_addresses" | tr ' ' ',')" "$(mac_of 0),$(mac_of 1),$(mac_of 2)" &
watchers="$watchers $!"
wait_for 60 healthy 3 || failed 'the nodes do not become healthy'
wait_for 30 on_survivors 0 1 2 || failed 'not every address has a holder'
printf 'all nine addresses are hosted %s s after the first daemon was started\n' "$(since "$begun")"
all_answer || failed 'an address does not answer'
for node in 0 1 2; do
	[ "$(count_on "$node")" -eq 3 ] || failed 'the addresses are not spread evenly'
done
for node in 0 1 2; do
	! ip -n "$(ns "$node")" -o address show dev pub | grep "$public\.\|$public6:" | grep -v 'dynamic' ||
		failed 'an address has no lifetime'
done

moved=$(addresses_of 1)
# shellcheck disable=SC2086 # a list
start_pings $moved
begun=$(now)
ctdb_on 0 disable -n 1 || failed 'ctdb disable fails'
wait_for 10 on_survivors 0 2 || failed 'a disabled node keeps its addresses'
printf 'a disabled node has given away everything after %s s\n' "$(since "$begun")"
sleep 1
# shellcheck disable=SC2086
longest_gap $moved
never_twice 'after disable'
ctdb_on 0 enable -n 1 || failed 'ctdb enable fails'
wait_for 10 holds_some 1 || failed 'an enabled node gets nothing back'
wait_for 10 on_survivors 0 1 2 || failed 'an address was lost after enable'

begun=$(now)
ip -n "$(ns 2)" link set pub down
wait_for 10 on_survivors 0 1 || failed 'a dead link keeps its addresses'
printf 'the addresses of a dead link are elsewhere after %s s\n' "$(since "$begun")"
ip -n "$(ns 2)" link set pub up
wait_for 20 holds_some 2 || failed 'a link that is back gets nothing'
wait_for 10 on_survivors 0 1 2 || failed 'an address was lost after the link came back'
never_twice 'after a dead link'

begun=$(now)
kill -9 "$(pid_of 1)"
wait_for 5 holds_none 1 || failed 'addresses stay after the death of ctdbd'
printf 'ctdbd killed: its node has no address after %s s\n' "$(since "$begun")"
wait_for 10 on_survivors 0 2 || failed 'the addresses of a node without ctdbd are lost'
printf 'ctdbd killed: all addresses are elsewhere after %s s\n' "$(since "$begun")"
never_twice 'after the death of ctdbd'
kill_node 1
start_node 1
wait_for 60 healthy 3 || failed 'a node does not come back'
wait_for 20 on_survivors 0 1 2 || failed 'an address was lost when the node came back'

# all_processes_end NODE WHAT: SIGKILL to all at once; the addresses go elsewhere before their lease has ended there.
all_processes_end() {
	_victim=$1
	_asked=$(((_victim + 1) % 3))
	_third=$(((_victim + 2) % 3))
	wait_for 20 holds_some "$_victim" || failed "there is nothing to take from node $_victim"
	_lines=$(wc -l <"$work/owners")
	begun=$(now)
	kill_node "$_victim"
	wait_for 15 on_survivors "$_asked" "$_third" || failed "the addresses of a killed node are lost ($2)"
	printf 'all processes killed (%s): its addresses are elsewhere after %s s\n' "$2" "$(since "$begun")"
	all_answer || failed "an address does not answer after the death of a node ($2)"
	wait_for 10 holds_none "$_victim" || failed "a killed node keeps its addresses ($2)"
	count_fenced "$_victim" "$_lines"
	never_twice "after the death of all processes ($2)"
	start_node "$_victim"
	wait_for 60 healthy 3 "$_asked" || failed "the killed node does not come back ($2)"
	wait_for 20 on_survivors 0 1 2 || failed "an address was lost when the killed node came back ($2)"
}
leader=$(ctdb_on 0 leader)
all_processes_end $(((leader + 1) % 3)) 'a node that does not lead'
all_processes_end "$leader" 'the leader'

# ctdbd ends a failoverd that hangs and starts it again, also on the node that leads; moves go on.
leader=$(ctdb_on 0 leader)
other=$(((leader + 1) % 3))
begun=$(now)
hung=$(pid_of "$leader" failoverd)
kill -STOP "$hung"
ended() {
	! [ -e "/proc/$hung" ]
}
wait_for 15 ended || failed 'a hanging failoverd is not ended'
printf 'failoverd stopped on the leader: it is ended after %s s\n' "$(since "$begun")"
ctdb_on 0 disable -n "$other" || failed 'ctdb disable fails'
wait_for 20 holds_none "$other" || failed 'no address moves after failoverd hung'
printf 'failoverd stopped on the leader: addresses move again after %s s\n' "$(since "$begun")"
ctdb_on 0 enable -n "$other" || failed 'ctdb enable fails'
wait_for 20 holds_some "$other" || failed 'an enabled node gets nothing after failoverd hung'
wait_for 10 on_survivors 0 1 2 || failed 'an address was lost after failoverd hung'
never_twice 'while failoverd hung'

# A failoverd that is started again keeps what it had.
kept=$(addresses_of 1)
killed=$(pid_of 1 failoverd)
open_again() {
	[ "$(pid_of 1 failoverd)" != "$killed" ] && ip netns exec "$(ns 1)" nft list tables | grep -q 'arp ctdb_alive'
}
# shellcheck disable=SC2086
start_pings $kept
sleep 0.5
begun=$(now)
kill -9 "$killed"
wait_for 10 open_again || failed 'a failoverd that was killed does not come back'
printf 'failoverd killed: its node can be reached again after %s s\n' "$(since "$begun")"
all_answer || failed 'an address does not answer after failoverd was killed'
[ "$(addresses_of 1)" = "$kept" ] || failed 'failoverd has lost addresses that it held before it was killed'
# shellcheck disable=SC2086
longest_gap $kept
never_twice 'after failoverd was killed'

# Where no fence is wanted any more, the guard of a life that was killed goes as soon as the plan is known.
unguarded() {
	_again=$(pid_of 1 failoverd) && [ "$_again" != "$killed" ] && [ -e "/proc/$_again" ] &&
		! ip netns exec "$(ns 1)" nft list tables | grep -q ' ctdb$'
}
# unguarded_after WHAT COMMAND...: failoverd of node 1 is killed and, after the command, started again.
unguarded_after() {
	_what=$1
	shift
	wait_for 10 holds_some 1 || failed "there is no address to reach on node 1 ($_what)"
	killed=$(pid_of 1 failoverd)
	"$@"
	_lines=$(wc -l <"$work/owners")
	begun=$(now)
	kill -9 "$killed"
	wait_for 30 unguarded || failed "the guard of an earlier life stays ($_what)"
	printf 'failoverd killed, then %s: no guard after %s s\n' "$_what" "$(since "$begun")"
	wait_for 15 all_answer || failed "an address does not answer ($_what)"
	count_fenced 1 "$_lines"
	never_twice "after the guard was removed ($_what)"
}
set_option() {
	printf '[failover]\n\t%s\n' "$1" >>"$(prefix 1)/ctdb.conf"
}
forget_addresses() {
	: >"$(prefix 1)/public_addresses"
}
node_1_anew() {
	kill_node 1
	install_node 1
	start_node 1
	wait_for 60 healthy 3 || failed 'node 1 does not come back'
	wait_for 20 on_survivors 0 1 2 || failed 'an address was lost when node 1 came back'
}
unguarded_after 'without a fence' set_option 'kernel fence = false'
node_1_anew
unguarded_after 'disabled' set_option 'disabled = true'
holds_none 1 || failed 'the guard goes before the leases of the earlier life have ended'
node_1_anew
unguarded_after 'without public addresses' forget_addresses
holds_none 1 || failed 'a node without public addresses keeps some'
node_1_anew

ctdb_on 1 shutdown || failed 'ctdb shutdown fails'
wait_for 10 on_survivors 0 2 || failed 'a node that leaves takes addresses along'
never_twice 'after shutdown'
for _address in $public_addresses; do
	grep -q "^[0-9.]* $_address [012]" "$work/owners" || failed "nobody has watched for the owner of $_address"
	grep -q "^[0-9.]* $_address [0-9a-f]" "$work/answers" || failed "nobody has watched for answers of $_address"
done
echo 'no address was ever on two nodes'
