#!/bin/sh
# The kernel fence closes in the moment failoverd ends because nobody else has its sockets: while a script of it runs, failoverd is
# killed and ctdbd, eventd and the script live on.
# shellcheck disable=SC2034,SC2154 # names shared with nodes.sh
set -eu

nodes=1
# shellcheck source=nodes.sh
. "${0%/*}/nodes.sh"

make_networks
install_node 0
printf '[failover]\n\tmonitor interval = 1\n' >>"$(prefix 0)/ctdb.conf"
cat >"$(prefix 0)/events/failover/20.hangs.script" <<-SCRIPT
	#!/bin/sh
	[ "\$1" = monitor ] && [ -e '$work/hang' ] || exit 0
	echo "\$\$" >'$work/script.new'
	mv '$work/script.new' '$work/script'
	exec sleep 60
SCRIPT
chmod +x "$(prefix 0)/events/failover/20.hangs.script"
start_node 0
wait_for 60 healthy 1 || failed 'the node does not become healthy'

has_opening() {
	ip netns exec "$(ns 0)" nft list tables | grep -q 'arp ctdb_alive'
}
script_runs() {
	[ -e "$work/script" ] && kill -0 "$(cat "$work/script")"
}
wait_for 30 has_opening || failed 'the fence does not open'
: >"$work/hang"
wait_for 30 script_runs || failed 'no script of failoverd runs'

victim=$(pid_of 0 failoverd)
sockets=$(find "/proc/$victim/fd" -lname 'socket:*' -printf '%l\n')
[ -n "$sockets" ] || failed 'failoverd has no sockets'
children=$(cat "/proc/$victim"/task/*/children)
[ -z "$children" ] || failed "failoverd has children: $children"
# Close-on-exec (02000000), should it ever start a program.
for _path in "/proc/$victim/fd"/*; do
	case $(readlink "$_path") in
	socket:*) _fd=${_path##*/} ;;
	*) continue ;;
	esac
	grep -q '^flags:[[:space:]]*0[0-7]*[2367][0-7]\{6\}$' "/proc/$victim/fdinfo/$_fd" ||
		failed "a program started by failoverd would get $(readlink "$_path")"
done

kill -STOP "$(pid_of 0)" # it would start failoverd again
kill -9 "$victim"
closed() {
	! has_opening
}
wait_for 10 closed || failed 'the opening outlives failoverd'
script_runs || failed 'the script has ended with failoverd: nothing is shown'
for _socket in $sockets; do
	! find /proc/[0-9]*/fd -lname "$_socket" 2>/dev/null | grep . || failed "somebody still has $_socket of failoverd"
done
ip netns exec "$(ns 0)" nft list tables | grep -q 'arp ctdb$' || failed 'the guard has gone with failoverd'
kill -CONT "$(pid_of 0)"
echo 'nobody has the sockets of a failoverd that was killed'
