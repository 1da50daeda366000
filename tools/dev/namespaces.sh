# shellcheck shell=sh
# A cluster in network namespaces: one namespace per node with a private and a public network, a client beside them, a switch
# between all. Sourced by tools/quickstart and by tests.
#
# Sets up below $work (a directory of its own): node.N/ is the installed tree of node N. Names of namespaces begin with $tag.
# Needs root, iproute2, CTDB_SOURCE and $build, a build directory with all programs. Everything is ended and removed by remove_cluster.

: "${work:?directory of the cluster}" "${build:?build directory}" "${CTDB_SOURCE:?source directory}"
# shellcheck source=tools/dev/waiting.sh
. "$CTDB_SOURCE/tools/dev/waiting.sh"

tag=${tag:-ctdb$$}
private=10.77.0
public=10.78.0
client=$tag-client
switch=$tag-switch
nodes=${nodes:-3}

ns() {
	printf '%s-node%s' "$tag" "$1"
}

prefix() {
	printf '%s/node.%s' "$work" "$1"
}

every_node() {
	_n=0
	while [ "$_n" -lt "$nodes" ]; do
		"$@" "$_n" || return 1
		_n=$((_n + 1))
	done
}

# plug NAMESPACE INTERFACE BRIDGE: a cable to one of the two bridges of the switch.
plug() {
	_port=$2-${1##*-}
	ip link add "$_port" netns "$switch" type veth peer name "$2" netns "$1"
	ip -n "$switch" link set "$_port" master "$3" up
	ip -n "$1" link set "$2" up
}

make_switch() {
	ip netns add "$switch"
	for _bridge in private public; do
		ip -n "$switch" link add "$_bridge" type bridge forward_delay 0
		ip -n "$switch" link set "$_bridge" up
	done
}

make_host() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip netns exec "$1" sysctl -qw net.ipv4.conf.all.promote_secondaries=1 net.ipv6.conf.all.accept_dad=0 2>/dev/null || true
}

make_node_network() {
	make_host "$(ns "$1")"
	plug "$(ns "$1")" priv private
	plug "$(ns "$1")" pub public
	ip -n "$(ns "$1")" address add "$private.$(($1 + 1))/24" dev priv
}

make_networks() {
	make_switch
	every_node make_node_network
	make_host "$client"
	plug "$client" pub public
	ip -n "$client" address add "$public.200/24" dev pub
}

# The tree of node N: what `cmake --install` gives, with a configuration.
install_node() {
	DESTDIR='' cmake --install "$build" --prefix "$(prefix "$1")" --strip >/dev/null
	_etc=$(prefix "$1")/etc/ctdb
	mkdir -p "$_etc" "$(prefix "$1")/var/run/ctdb" "$(prefix "$1")/var/lib/ctdb/volatile" \
		"$(prefix "$1")/var/lib/ctdb/persistent" "$(prefix "$1")/var/lib/ctdb/state" "$(prefix "$1")/var/log"
	every_address >"$_etc/nodes"
	_i=0
	while [ "$_i" -lt "$nodes" ]; do
		printf '%s.%s/24 pub\n' "$public" "$((101 + _i))"
		_i=$((_i + 1))
	done >"$_etc/public_addresses"
	configuration "$1" >"$_etc/ctdb.conf"
	on_node "$1" "$(prefix "$1")/bin/ctdb" event script enable failover 10.pubip >/dev/null 2>&1 ||
		enable_script "$1" failover 10.pubip
}

# configuration NODE: what every node's ctdb.conf says.
configuration() {
	cat <<-CONF
		[logging]
			location = file:$(prefix "$1")/log.ctdb
			log level = ${LOG_LEVEL:-NOTICE}
		[cluster]
			node address = $private.$(($1 + 1))
			cluster lock = $work/cluster.lock
		[legacy]
			realtime scheduling = false
	CONF
}

# Enabling is a link in etc to the shipped script.
enable_script() {
	mkdir -p "$(prefix "$1")/etc/ctdb/events/$2"
	ln -sfn "$(prefix "$1")/share/ctdb/events/$2/$3.script" "$(prefix "$1")/etc/ctdb/events/$2/$3.script"
}

every_address() {
	_i=1
	while [ "$_i" -le "$nodes" ]; do
		printf '%s.%s\n' "$private" "$_i"
		_i=$((_i + 1))
	done
}

# on_node N COMMAND...: in the node's namespace, with the node's programs first on the PATH.
on_node() {
	_on=$1
	shift
	ip netns exec "$(ns "$_on")" env PATH="$(prefix "$_on")/bin:$(prefix "$_on")/sbin:$PATH" "$@"
}

ctdb_on() {
	_asked=$1
	shift
	on_node "$_asked" "$(prefix "$_asked")/bin/ctdb" "$@"
}

start_node() {
	on_node "$1" "$(prefix "$1")/sbin/ctdbd"
}

pid_of() {
	cat "$(prefix "$1")/var/run/ctdb/${2:-ctdbd}.pid" 2>/dev/null
}

# Every process of the node's namespace, at once and without warning.
kill_node() {
	# Stopped first: otherwise the last to be killed sees the end of the first and still acts on it.
	_pids=$(ip netns pids "$(ns "$1")")
	# shellcheck disable=SC2086 # a list
	kill -STOP $_pids 2>/dev/null || true # one has ended by itself
	# shellcheck disable=SC2086
	kill -9 $_pids 2>/dev/null || true
}

# hosted COUNT [NODE]: that many public addresses have a holder.
hosted() {
	[ "$(ctdb_on "${2:-0}" -X ip all 2>/dev/null | grep -c '^|[0-9.]*|[0-9]')" -eq "$1" ]
}

answers() {
	ip netns exec "$client" ping -c 1 -W 0.3 "$1"
}

remove_cluster() {
	every_node kill_node 2>/dev/null
	for _ns in $(ip netns list | cut -d ' ' -f 1 | grep "^$tag-"); do
		for _pid in $(ip netns pids "$_ns"); do
			kill -9 "$_pid" 2>/dev/null
		done
		ip netns delete "$_ns"
	done
	rm -rf "$work"
}
