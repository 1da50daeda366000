# shellcheck shell=sh
# Three nodes in namespaces with Debian's Samba on top, and a client beside them. Sourced, after $work is set.
#
# IMPLEMENTATION says whose daemons: `ours` (of the build, $CTDB_BIN) or `debian`. Either way a node lives below $work/node.N:
# ctdb's part in the directory itself, Samba's own part (what each node has for itself) in samba/. Ours run in test mode; Debian's,
# whose test mode sees no kernel addresses, outside it: each in a mount namespace where its directory lies over the system's.
# shellcheck disable=SC2034,SC2154 # names shared with namespaces.sh

: "${work:?directory of the cluster}" "${CTDB_BIN:?directory of the built programs}" "${CTDB_SOURCE:?source directory}"

IMPLEMENTATION=${IMPLEMENTATION:-ours}
build=${CTDB_BIN%/bin}
# shellcheck source=/dev/null
. "$CTDB_SOURCE/tools/dev/namespaces.sh"
# shellcheck source=/dev/null
. "$CTDB_SOURCE/tests/integration/support/node_tree.sh"

# Accounts that every Debian has; Samba's users are these.
user=games
other_user=backup
password=first.password
share=$work/share
workers='0 1 2 3 4 5' # of torture, each with a share of its own

case $IMPLEMENTATION in
ours) programs=$CTDB_BIN ;;
debian) programs=/usr/bin ;;
*)
	printf 'IMPLEMENTATION is ours or debian, not %s\n' "$IMPLEMENTATION" >&2
	exit 2
	;;
esac

# ---- ctdb ----

install_node() {
	_base=$(prefix "$1")
	every_address >"$work/nodes"
	"install_${IMPLEMENTATION}_node" "$1" "$_base"
	cp "$work/nodes" "$_base/nodes"
	for _last in 101 102 103; do
		printf '%s.%s/24 pub\n' "$public" "$_last"
	done >"$_base/public_addresses"
	write_ctdb_conf "$1" "$_base"
	install_samba "$1" "$_base/samba"
}

install_ours_node() {
	make_tree "$2"
	ln -sfn "$CTDB_SOURCE/events/failover/10.pubip.script" "$2/events/failover/10.pubip.script"
}

install_debian_node() {
	mkdir -p "$2/run" "$2/var/volatile" "$2/var/persistent" "$2/var/state" "$2/events/legacy" "$2/events/notification"
	ln -sfn /usr/share/ctdb/events/legacy/10.interface.script "$2/events/legacy/10.interface.script"
	cp /etc/ctdb/functions /etc/ctdb/notify.sh "$2/"
	mkdir -p "$2/var/scripts" # as 00.ctdb does; 10.interface keeps its lock there
	# Its scripts block addresses while they move with iptables, and fail where that is not installed: here nobody is hurt.
	mkdir -p "$2/bin"
	for _program in iptables ip6tables; do
		printf '#!/bin/sh\nexit 0\n' >"$2/bin/$_program"
		chmod 755 "$2/bin/$_program"
	done
}

write_ctdb_conf() {
	configuration "$1" >"$2/ctdb.conf"
	cat >>"$2/ctdb.conf" <<-CONF
		[database]
			volatile database directory = $2/var/volatile
			persistent database directory = $2/var/persistent
			state database directory = $2/var/state
	CONF
}

# on_node N COMMAND...: in the node's namespace and in the environment of its ctdb.
on_node() {
	_on=$1
	shift
	"on_${IMPLEMENTATION}_node" "$(prefix "$_on")" "$@"
}

on_ours_node() {
	_base=$1
	shift
	in_tree "$_base" ip netns exec "$(ns "$_on")" "$@"
}

on_debian_node() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	ip netns exec "$(ns "$_on")" sh -euc '
		mount --bind "$1" /etc/ctdb
		mount --bind "$1/var" /var/lib/ctdb
		mount -t tmpfs tmpfs /run
		mkdir /run/ctdb
		mount --bind "$1/run" /run/ctdb
		PATH=$PATH:$1/bin
		shift
		exec "$@"' sh "$@"
}

ctdb_on() {
	_asked=$1
	shift
	on_node "$_asked" "$programs/ctdb" "$@"
}

start_ctdb() {
	if [ "$IMPLEMENTATION" = ours ]; then
		on_node "$1" "$CTDB_BIN/ctdbd" </dev/null
	else
		on_node "$1" /usr/sbin/ctdbd </dev/null
	fi
}

pid_of() {
	cat "$(prefix "$1")/run/ctdbd.pid" 2>/dev/null
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# ---- Samba ----

samba_conf() {
	printf '%s/samba/smb.conf' "$(prefix "$1")"
}

install_samba() {
	mkdir -p "$2/private" "$2/lock" "$2/state" "$2/cache" "$2/pid" "$2/ncalrpc" "$2/log" "$2/run"
	chmod 755 "$2" "$2/ncalrpc" "$2/run"
	cat >"$2/smb.conf" <<-CONF
		[global]
			clustering = yes
			ctdbd socket = $(prefix "$1")/run/ctdbd.socket
			netbios name = CLUSTER
			workgroup = CTDBTEST
			server role = standalone server
			passdb backend = tdbsam
			private dir = $2/private
			lock directory = $2/lock
			state directory = $2/state
			cache directory = $2/cache
			pid directory = $2/pid
			ncalrpc dir = $2/ncalrpc
			log file = $2/log/log.%m
			logging = file
			log level = ${SAMBA_LOG_LEVEL:-1}
			panic action = echo %d >>$work/panics
			load printers = no
			printcap name = /dev/null
			printing = bsd
			disable spoolss = yes
			# For the POSIX locks of smbclient.
			server min protocol = NT1
			kernel oplocks = no
			kernel share modes = no
			posix locking = no
			# Files that torture makes for all access are given again for all access.
			force create mode = 0777
			force directory mode = 0777
			registry shares = yes
			# batch22b of torture blocks its own connection with it.
			smbd:FSCTL_SMBTORTURE = yes
		[share]
			path = $share
			read only = no
	CONF
	for _worker in $workers; do
		printf '[torture%s]\n\tpath = %s/torture%s\n\tread only = no\n' "$_worker" "$work" "$_worker"
	done >>"$2/smb.conf"
}

# samba N PROGRAM ARGS...: one of Samba's programs with the configuration of node N. What it compiles in as /run/samba is a
# directory of the node.
samba() {
	_samba_on=$1 _program=$2
	shift 2
	# shellcheck disable=SC2016 # expanded by the inner shell
	ip netns exec "$(ns "$_samba_on")" sh -c 'mount --bind "$1" /run/samba && shift && exec "$@"' sh \
		"$(prefix "$_samba_on")/samba/run" "$_program" --configfile="$(samba_conf "$_samba_on")" "$@"
}

# wbinfo reads no configuration.
wbinfo_on() {
	_samba_on=$1
	shift
	# shellcheck disable=SC2016
	ip netns exec "$(ns "$_samba_on")" sh -c 'mount --bind "$1" /run/samba && shift && exec wbinfo "$@"' sh \
		"$(prefix "$_samba_on")/samba/run" "$@"
}

start_samba() {
	for _daemon in winbindd smbd nmbd; do
		samba "$1" "$_daemon" --daemon </dev/null || return 1
	done
}

samba_pid() {
	cat "$(prefix "$1")/samba/pid/$2.pid" 2>/dev/null
}

# Ends the daemons of node N by their PID files; their children go with them.
stop_samba() {
	_pids=
	for _daemon in nmbd smbd winbindd; do
		_pids="$_pids $(samba_pid "$1" "$_daemon")"
	done
	# shellcheck disable=SC2086 # a list
	kill -TERM $_pids || return 1
	for _pid in $_pids; do
		wait_for 20 gone "$_pid" || return 1
	done
}

smb_answers() {
	smb "$1" -c quit
}

# smb ADDRESS ARGS...: smbclient in the client's namespace.
smb() {
	_server=$1
	shift
	in_client smbclient "//$_server/share" -U "$user%$password" "$@"
}

in_client() {
	_client_program=$1
	shift
	ip netns exec "$client" "$_client_program" --configfile="$work/client.conf" "$@"
}

install_client() {
	mkdir -p "$work/client"
	cat >"$work/client.conf" <<-CONF
		[global]
			workgroup = CTDBTEST
			netbios name = CLIENT
			private dir = $work/client
			lock directory = $work/client
			state directory = $work/client
			cache directory = $work/client
			pid directory = $work/client
			client min protocol = NT1
	CONF
}

make_shares() {
	chmod 755 "$work"
	mkdir -p "$share"
	chmod 777 "$share"
	for _worker in $workers; do
		mkdir -p "$work/torture$_worker"
		chmod 777 "$work/torture$_worker"
	done
}

# add_user NAME: with the common password, on node 0; the database is the cluster's.
add_user() {
	printf '%s\n%s\n' "$password" "$password" | samba 0 pdbedit --create --password-from-stdin --user="$1"
}

# ---- all together ----

all_services() {
	ctdb_on "${1:-0}" nodestatus all >/dev/null 2>&1 && healthy 3 "${1:-0}" && hosted 3 "${1:-0}"
}

public_addresses="$public.101 $public.102 $public.103"

all_serve() {
	for _address in $public_addresses; do
		smb_answers "$_address" || return 1
	done
}

# holder_of ADDRESS [NODE]: the number of the node that has it, in the eyes of a node.
holder_of() {
	ctdb_on "${2:-0}" -X ip all | sed -n "s/^|$1|\([0-9]*\)|.*/\1/p"
}

# address_of NODE: a public address that the node has.
address_of() {
	ctdb_on "$1" -X ip all | sed -n "s/^|\([0-9.]*\)|$1|.*/\1/p" | head -n 1
}
