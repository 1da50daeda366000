#!/bin/sh
# More clients than the limit of open files that ctdbd was started with: all are served (samba-client.md 1 wants two sockets
# for each process of Samba).
set -eu
# shellcheck source=support/cluster.sh
. "${CTDB_SOURCE:?}/tests/integration/support/cluster.sh"

# shellcheck disable=SC3045 # every shell that may be sh here has -H, -S and -n
hard=$(ulimit -H -n)
if [ "$hard" != unlimited ] && [ "$hard" -lt 1000 ]; then
	note "skipped: no more than $hard open files are allowed here"
	exit 77
fi
# shellcheck disable=SC3045 # as above
ulimit -S -n 200
start_nodes 1
wait_healthy 1
expect 600 python3 "$CTDB_SOURCE/tests/integration/clients/bad_client.py" "$work/node.0/run/ctdbd.socket" crowd
