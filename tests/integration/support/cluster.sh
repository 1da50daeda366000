# shellcheck shell=sh
# A cluster of real daemons on loopback for one test: start_nodes N, ctdb_on NODE args, stop_nodes. Sourced.
#
# Needs CTDB_BIN (directory of all programs) and CTDB_SOURCE. Each node has its CTDB_BASE below $work; addresses are
# 127.A.B.(node+1) with A, B from the pid, so that tests may run side by side. Everything is ended and removed on exit.

: "${CTDB_BIN:?directory of the built programs}" "${CTDB_SOURCE:?source directory}"
# shellcheck source=tools/dev/waiting.sh
. "$CTDB_SOURCE/tools/dev/waiting.sh"
# shellcheck source=tests/integration/support/node_tree.sh
. "$CTDB_SOURCE/tests/integration/support/node_tree.sh"

work=$(mktemp -d /tmp/ctdb-test.XXXXXX)
net="127.$((1 + $$ / 250 % 250)).$((1 + $$ % 250))"
nodes=0
extra_processes= # of the test itself, ended on exit

fail() {
	printf 'FAILED: %s\n' "$*" >&2
	show_logs >&2
	exit 1
}

note() {
	printf '%s\n' "$*"
}

show_logs() {
	for log in "$work"/node.*/log.ctdb; do
		[ -f "$log" ] || continue
		printf -- '--- %s\n' "$log"
		tail -n "${LOG_LINES:-60}" "$log"
	done
}

base_of() {
	printf '%s/node.%s' "$work" "$1"
}

# Runs a command in the environment of a node.
on_node() {
	_node=$1
	shift
	in_tree "$(base_of "$_node")" "$@"
}

# start_on NODE OUTPUT COMMAND...: in the background; its pid is $started, and it is ended on exit.
start_on() {
	_node=$1 _output=$2
	shift 2
	(
		CTDB_TEST_MODE=yes CTDB_BASE=$(base_of "$_node") CTDB_TEST_HELPER_BINDIR=$CTDB_BIN PATH=$CTDB_BIN:$PATH
		export CTDB_TEST_MODE CTDB_BASE CTDB_TEST_HELPER_BINDIR PATH
		exec "$@" >"$_output"
	) &
	started=$!
	extra_processes="$extra_processes $started"
}

ctdb_on() {
	_on=$1
	shift
	on_node "$_on" "${CTDB_TOOL:-$CTDB_BIN/ctdb}" "$@"
}

# configure NODE: directories, nodes list, ctdb.conf. Extra lines for ctdb.conf in $EXTRA_CONF, those of ctdb.tunables in $TUNABLES,
# of public_addresses in $PUBLIC_ADDRESSES.
configure() {
	_base=$(base_of "$1")
	make_tree "$_base"
	cp "$work/nodes" "$_base/nodes"
	{
		printf '[logging]\n\tlocation = file:%s/log.ctdb\n\tlog level = %s\n' "$_base" "${LOG_LEVEL:-NOTICE}"
		printf '[cluster]\n\tnode address = %s.%s\n' "$net" "$(($1 + 1))"
		if [ -z "${NO_CLUSTER_LOCK:-}" ]; then
			printf '\tcluster lock = %s/cluster.lock\n' "$work"
		fi
		printf '%s\n' "${EXTRA_CONF:-}"
	} >"$_base/ctdb.conf"
	[ -z "${PUBLIC_ADDRESSES:-}" ] || printf '%s\n' "$PUBLIC_ADDRESSES" >"$_base/public_addresses"
	[ -z "${TUNABLES:-}" ] || printf '%s\n' "$TUNABLES" >"$_base/ctdb.tunables"
}

start_node() {
	on_node "$1" "$CTDB_BIN/ctdbd" || fail "node $1 does not start"
}

# start_nodes NUMBER [LISTED]: so many of ours, the nodes list has as many (NUMBER).
start_nodes() {
	nodes=$1
	_i=0
	: >"$work/nodes"
	while [ "$_i" -lt "${2:-$1}" ]; do
		printf '%s.%s\n' "$net" "$((_i + 1))" >>"$work/nodes"
		_i=$((_i + 1))
	done
	_i=0
	while [ "$_i" -lt "$nodes" ]; do
		configure "$_i"
		start_node "$_i"
		_i=$((_i + 1))
	done
}

pid_of() {
	cat "$(base_of "$1")/run/${2:-ctdbd}.pid" 2>/dev/null
}

wait_healthy() {
	wait_for "${2:-30}" healthy "$1" || {
		ctdb_on "${ASK:-0}" status
		fail "not all of $1 nodes are healthy"
	}
}

# kill_node NODE: all its daemons at once, by pid.
kill_node() {
	for _daemon in ctdbd eventd serviced failoverd contrackd; do
		_pid=$(pid_of "$1" "$_daemon") || continue
		[ -z "$_pid" ] || kill -9 "$_pid" 2>/dev/null || true
	done
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

stop_node() {
	_pid=$(pid_of "$1")
	[ -n "$_pid" ] || return 0
	ctdb_on "$1" shutdown >/dev/null 2>&1 || kill -TERM "$_pid" 2>/dev/null
	wait_for 20 gone "$_pid" || kill -9 "$_pid" 2>/dev/null
}

# expect TEXT COMMAND...: the command prints exactly that.
expect() {
	_wanted=$1
	shift
	_got=$("$@" 2>&1) || true
	[ "$_got" = "$_wanted" ] || fail "$*: printed '$_got'; expected '$_wanted'"
}

# wait_log NODE REGEX [SECONDS]: the node's log says so.
wait_log() {
	wait_for "${3:-30}" grep -q -e "$2" "$(base_of "$1")/log.ctdb" || fail "log of node $1 lacks: $2"
}

# state_is ASKED NODE PATTERN: flags as `ctdb status` has them, e.g. OK, DISABLED, *STOPPED|INACTIVE.
state_is() {
	_state=$(ctdb_on "$1" status 2>/dev/null | sed -n "s/^pnn:$2 [^ ]* *\([A-Z|]*\).*/\1/p")
	# shellcheck disable=SC2254 # a pattern
	case $_state in $3) true ;; *) false ;; esac
}

# wait_state NODE FLAGS ASKED...: as each of the asked nodes sees it.
wait_state() {
	_subject=$1 _flags=$2
	shift 2
	for _asked; do
		wait_for 30 state_is "$_asked" "$_subject" "$_flags" || {
			ctdb_on "$_asked" status
			fail "node $_asked does not see node $_subject as $_flags"
		}
	done
}

leader_of() {
	ctdb_on "$1" leader 2>/dev/null
}

generation_of() {
	ctdb_on "$1" status 2>/dev/null | sed -n 's/^Generation:\([0-9]*\)$/\1/p'
}

# Processes that belong to a node, whatever they are.
processes_of() {
	grep -lzxF "CTDB_BASE=$(base_of "$1")" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
}

no_processes() {
	[ -z "$(processes_of "$1")" ]
}

clean_up() {
	_status=$?
	trap - EXIT INT TERM
	set +e
	for _pid in $extra_processes; do
		kill -9 "$_pid" 2>/dev/null || true
	done
	_i=0
	while [ "$_i" -lt "$nodes" ]; do
		kill_node "$_i"
		for _pid in $(processes_of "$_i"); do # helpers, scripts and clients that stayed
			kill -9 "$_pid" 2>/dev/null || true
		done
		_i=$((_i + 1))
	done
	if [ "$_status" -ne 0 ] && [ -n "${KEEP_WORK:-}" ]; then
		printf 'kept: %s\n' "$work"
	else
		rm -rf "$work"
	fi
	exit "$_status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
