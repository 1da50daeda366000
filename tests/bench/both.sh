# shellcheck shell=sh
# Three nodes of ours and three of Debian's ctdb package on loopback at the same time. Sourced by the benchmarks, whose first
# argument is BIN, the directory of our programs; start_both starts them, everything is ended on exit.
#
# Needs what tests/interop/debian-daemons needs (exit 77 without). Results are lines "WHO NAME JSON" in $results.

CTDB_BIN=$(CDPATH='' cd "$1" && pwd)
CTDB_SOURCE=$(CDPATH='' cd "$(dirname "$0")/../.." && pwd)
debian=$CTDB_SOURCE/tests/interop/debian-daemons

# shellcheck source=../integration/support/cluster.sh
. "$CTDB_SOURCE/tests/integration/support/cluster.sh"
results=$work/results
theirs=$work/debian

# Ends Debian's daemons before the clean-up of the sourced file removes the directory.
finish() {
	_end=$?
	trap - EXIT
	"$debian" stop "$theirs" || true
	(exit "$_end")
	clean_up
}
trap finish EXIT

start_both() {
	"$debian" start "$theirs" 3 || exit $?
	start_nodes 3
	wait_healthy 3
	note "$(date '+%F %T'), $(nproc) CPUs, Linux $(uname -r), load average $(cut -d' ' -f1-3 /proc/loadavg)"
	note "debian: $(dpkg-query -W -f '${Package} ${Version}' ctdb)"
}

sockets_of() { # ours | debian
	for _n in 0 1 2; do
		case $1 in
		ours) printf '%s/run/ctdbd.socket\n' "$(base_of "$_n")" ;;
		debian) printf '%s/node.%s/run/ctdbd.socket\n' "$theirs" "$_n" ;;
		esac
	done
}

# median WHO NAME FIELD
median() {
	sed -n "s/^$1 $2 .*\"$3\":\([0-9.]*\).*/\1/p" "$results" | sort -n |
		awk '{ v[NR] = $1 } END { if (NR % 2) print v[(NR + 1) / 2]; else print (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

row() { # NAME FIELD TEXT: ours, Debian's, ratio
	_ours=$(median ours "$1" "$2")
	_debian=$(median debian "$1" "$2")
	printf '| %s | %s | %s | %s |\n' "$3" "$_ours" "$_debian" \
		"$(awk -v a="$_ours" -v b="$_debian" 'BEGIN { if (b == 0) print "-"; else printf "%.2f", a / b }')"
}
