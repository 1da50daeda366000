# shellcheck shell=sh
# Waiting for a state of a cluster. Sourced by tools/dev/namespaces.sh and by tests; needs ctdb_on NODE ARGS... of whoever sources it.

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	_limit=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$_limit" ] || return 1
		sleep 0.1
	done
}

# healthy COUNT [NODE]: that many nodes are OK in the eyes of a node, else of $ASK, else of node 0.
healthy() {
	[ "$(ctdb_on "${2:-${ASK:-0}}" -X status 2>/dev/null | grep -c '^|[0-9]*|[^|]*|0|0|0|0|0|0|0|')" -eq "$1" ]
}
