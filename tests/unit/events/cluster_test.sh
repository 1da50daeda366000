#!/bin/sh
# cluster/00.ctdb and cluster/01.reclock
# shellcheck source=/dev/null disable=SC2154,SC2034 # the harness sets and reads them
. "${0%/*}/harness.sh"

begin 'init empties the state of the scripts'
mkdir -p "$CTDB_SCRIPT_VARDIR/old"
run cluster/00.ctdb init
expect 0 </dev/null
expect_that 'the directory is there' [ -d "$CTDB_SCRIPT_VARDIR" ]
expect_that 'nothing old is in it' [ ! -e "$CTDB_SCRIPT_VARDIR/old" ]

begin 'init refuses to empty anything else'
mkdir -p "$dir/precious"
export CTDB_SCRIPT_VARDIR="$dir/precious"
run cluster/00.ctdb init
expect 1 <<EOF
ERROR: $dir/precious is no directory for script state, not emptied
EOF
expect_that 'it is still there' [ -d "$dir/precious" ]

begin 'setup makes the directories of the other components'
run cluster/00.ctdb setup
expect 0 </dev/null
expect_that 'service has one' [ -d "$dir/var/scripts/service" ]

begin 'events it does not know are none of its business'
run cluster/00.ctdb recovered
expect 0 </dev/null

stub_config()
{
	stub ctdb-config <<EOF
case "\$3" in
'$1') echo '$2' ;;
*) exit 2 ;;
esac
EOF
}

begin 'the directory of the lock file is made'
stub_config 'cluster lock' "$dir/shared/lock/file"
run cluster/01.reclock init
expect 0 </dev/null
expect_that 'it is there' [ -d "$dir/shared/lock" ]

begin 'the old name of the lock counts as well'
stub_config 'recovery lock' "$dir/shared/old/file"
run cluster/01.reclock init
expect 0 </dev/null
expect_that 'it is there' [ -d "$dir/shared/old" ]

begin 'a helper makes its own directories'
stub_config 'cluster lock' "!$dir/helper /x/y"
run cluster/01.reclock init
expect 0 </dev/null
expect_that 'nothing was made' [ ! -e "!$dir" ]

begin 'no lock at all is fine'
stub_config 'something else' x
run cluster/01.reclock init
expect 0 </dev/null

begin 'a configuration that cannot be read stops the start'
stub ctdb-config <<'EOF'
exit 22
EOF
run cluster/01.reclock init
expect 1 <<'EOF'
Unexpected error getting cluster lock configuration
EOF

finish
