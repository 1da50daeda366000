#!/bin/sh
# The README's first command, on the programs of this build: a cluster in namespaces that loses a node and nothing else.
set -eu
: "${CTDB_BIN:?}" "${CTDB_SOURCE:?}"
if [ "$(id -u)" -ne 0 ] || ! ip netns list >/dev/null 2>&1; then
	echo 'SKIPPED: needs root and network namespaces'
	exit 77
fi
exec "$CTDB_SOURCE/tools/quickstart" --build-dir "$(dirname "$CTDB_BIN")"
