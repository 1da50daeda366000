#!/bin/sh
# The helper of the cluster lock hangs, ends without a word, says nonsense, and dies while it holds the lock: the log
# names it, there is never more than one leader, and there is one again as soon as the helper works.
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

# What the helper does is in $work/mode.
cat >"$work/helper" <<EOH
#!/bin/sh
case "\$(cat "$work/mode")" in
hang) exec sleep 1000 ;;
die) exit 1 ;;
nonsense) echo x; exec sleep 1000 ;;
esac
exec "$CTDB_BIN/ctdb_mutex_fcntl_helper" "$work/cluster.lock" 5 10
EOH
chmod 755 "$work/helper"

one_leader() {
	_leader=$(leader_of 0)
	case $_leader in [0-2]) [ "$(leader_of 1)" = "$_leader" ] && [ "$(leader_of 2)" = "$_leader" ] ;; *) false ;; esac
}

somebody_logs() {
	grep -q -e "$1" "$work"/node.*/log.ctdb
}

set_mode() { # in one step: helpers are reading it
	echo "$1" >"$work/mode.new"
	mv "$work/mode.new" "$work/mode"
}

# in_mode MODE REGEX
in_mode() {
	note "a helper of kind: $1"
	set_mode "$1"
	wait_for 40 somebody_logs "$2" || fail "no log has: $2"
	note "  $(cat "$work"/node.*/log.ctdb | grep -e "$2" | head -n 1 | cut -d ' ' -f 2-)"
}

set_mode hang
NO_CLUSTER_LOCK=yes EXTRA_CONF="	cluster lock = !$work/helper"
start_nodes 3
in_mode hang "cluster lock not taken: $work/helper gave no answer in time"
in_mode die 'cluster lock not taken: .*\(ended\|exit\|without\)'
in_mode nonsense 'cluster lock not taken: .*x'
set_mode work
wait_healthy 3 60
wait_for 30 one_leader || fail "no leader"
ctdb_on 0 attach keep.tdb persistent
ctdb_on 1 pstore keep.tdb key value

leader=$(leader_of 0)
note "the helper dies while node $leader holds the lock"
for helper in $(processes_of "$leader"); do
	case $(tr '\0' ' ' <"/proc/$helper/cmdline") in
	"$CTDB_BIN/ctdb_mutex_fcntl_helper $work/"*) kill -9 "$helper" 2>/dev/null || true ;;
	esac
done
wait_log "$leader" "leader: $leader -> .*lock"
note "  $(grep "leader: $leader -> .*lock" "$work/node.$leader/log.ctdb" | tail -n 1 | cut -d ' ' -f 2-)"
wait_healthy 3 60
wait_for 30 one_leader || fail "no leader after the helper's death"
for node in 0 1 2; do
	expect value ctdb_on "$node" pfetch keep.tdb key
	ctdb_on "$node" pstore keep.tdb "from-$node" later || fail "no transaction on node $node"
done
