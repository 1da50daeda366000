#!/bin/sh
# service/05.system
# shellcheck source=/dev/null disable=SC2154,SC2034 # the harness sets and reads them
. "${0%/*}/harness.sh"

# file system use in percent, memory in kB: total, available, swap total, swap free
machine()
{
	stub df <<EOF
echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'
echo '/dev/x 100 $1 100 $1% /data'
EOF
	mkdir -p "$dir/etc/rc.local.d"
	cat >"$dir/etc/rc.local.d/proc" <<EOF
get_proc()
{
	printf 'MemTotal: $2 kB\nMemFree: 0 kB\nMemAvailable: $3 kB\nSwapTotal: $4 kB\nSwapFree: $5 kB\n'
}
set_proc()
{
	echo "<\$1 \$2>"
}
EOF
	chmod +x "$dir/etc/rc.local.d/proc"
	stub ps <<'EOF'
echo processes
EOF
}

filesystem_limits()
{
	options service 05.system <<EOF
CTDB_MONITOR_FILESYSTEM_USAGE="$dir/var:$1"
EOF
}

begin 'plenty of everything says nothing'
machine 10 1000 900 1000 1000
filesystem_limits 80:90
run service/05.system monitor
expect 0 </dev/null

begin 'a warning comes once for each new value'
machine 85 1000 900 0 0
filesystem_limits 80:90
run service/05.system monitor
expect 0 <<EOF
WARNING: Filesystem $dir/var utilization 85% >= threshold 80%
EOF
run service/05.system monitor
expect 0 </dev/null
machine 86 1000 900 0 0
run service/05.system monitor
expect 0 <<EOF
WARNING: Filesystem $dir/var utilization 86% >= threshold 80%
EOF
machine 79 1000 900 0 0
run service/05.system monitor
expect 0 <<EOF
NOTICE: Filesystem $dir/var utilization 79% < threshold 80%
EOF
run service/05.system monitor
expect 0 </dev/null

begin 'startup forgets warnings'
machine 85 1000 900 0 0
filesystem_limits 80
run service/05.system monitor
run service/05.system startup
expect 0 </dev/null
run service/05.system monitor
expect 0 <<EOF
WARNING: Filesystem $dir/var utilization 85% >= threshold 80%
EOF

begin 'the second threshold fails the event'
machine 90 1000 900 0 0
filesystem_limits 80:90
run service/05.system monitor
expect 1 <<EOF
ERROR: Filesystem $dir/var utilization 90% >= threshold 90%
EOF

begin 'a threshold that is no percentage is reported, not obeyed'
machine 90 1000 900 0 0
filesystem_limits 8o:101
run service/05.system monitor
expect 0 <<EOF
WARNING: 8o is an invalid percentage in "Filesystem $dir/var" check
WARNING: 101 is an invalid percentage in "Filesystem $dir/var" check
EOF

begin 'an empty threshold is silent'
machine 99 1000 900 0 0
filesystem_limits ''
run service/05.system monitor
expect 0 </dev/null

begin 'a directory that does not exist is a warning'
machine 10 1000 900 0 0
options service 05.system <<EOF
CTDB_MONITOR_FILESYSTEM_USAGE="/no/such/directory:80"
EOF
run service/05.system monitor
expect 0 <<'EOF'
WARNING: Directory /no/such/directory does not exist
EOF

begin 'a file system without a figure is a warning'
machine 10 1000 900 0 0
filesystem_limits 80
stub df <<'EOF'
exit 1
EOF
run service/05.system monitor
expect 0 <<EOF
WARNING: Unable to get FS utilization for $dir/var
EOF

begin 'without options the file systems of the databases are watched'
machine 95 1000 900 0 0
mkdir -p "$dir/data"
stub ctdb-config <<EOF
echo '$dir/data'
EOF
stub df <<EOF
echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'
echo '/dev/x 100 95 5 95% $dir/data'
EOF
run service/05.system monitor
expect 0 <<EOF
WARNING: Filesystem $dir/data utilization 95% >= threshold 90%
EOF

memory_limits()
{
	options service 05.system <<EOF
CTDB_MONITOR_FILESYSTEM_USAGE=
CTDB_MONITOR_MEMORY_USAGE=$1
EOF
}

begin 'memory counts with swap'
machine 10 1000 100 1000 900
memory_limits 50
run service/05.system monitor
expect 0 <<'EOF'
WARNING: System memory utilization 50% >= threshold 50%
EOF

begin 'memory that runs out is shown once'
machine 10 1000 20 0 0
memory_limits 80:95
run service/05.system monitor
expect 1 <<'EOF'
ERROR: System memory utilization 98% >= threshold 95%
MemTotal: 1000 kB
MemFree: 0 kB
MemAvailable: 20 kB
SwapTotal: 0 kB
SwapFree: 0 kB
processes
<sysrq-trigger m>
EOF
run service/05.system monitor
expect 1 <<'EOF'
ERROR: System memory utilization 98% >= threshold 95%
EOF

begin 'memory is watched at 80 by default'
machine 10 1000 100 0 0
options service 05.system <<'EOF'
CTDB_MONITOR_FILESYSTEM_USAGE=
EOF
run service/05.system monitor
expect 0 <<'EOF'
WARNING: System memory utilization 90% >= threshold 80%
EOF

begin 'script.options counts, and the options beside the script win'
machine 85 1000 900 0 0
echo "CTDB_MONITOR_FILESYSTEM_USAGE='$dir/var:99'" >"$dir/etc/script.options"
run service/05.system monitor
expect 0 </dev/null
filesystem_limits 80
run service/05.system monitor
expect 0 <<EOF
WARNING: Filesystem $dir/var utilization 85% >= threshold 80%
EOF

begin 'other events do nothing'
machine 99 1000 0 0 0
run service/05.system reconfigure
expect 0 </dev/null

finish
