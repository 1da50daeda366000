#!/bin/sh
# lib/functions and notification/50.log
# shellcheck source=/dev/null disable=SC2154,SC2034 # the harness sets and reads them
. "${0%/*}/harness.sh"

begin 'without CTDB_BASE the library refuses'
status=0
output=$(env -u CTDB_BASE sh "$events/lib/functions" 2>&1) || status=$?
expect 1 <<'EOF'
CTDB_BASE unset in CTDB functions file
EOF

begin 'die says why'
run_functions <<'EOF'
die 'no way' 7
EOF
expect 7 <<'EOF'
no way
EOF

begin 'options of a named script'
mkdir -p "$dir/etc/events/legacy"
echo 'A=1 B=1' >"$dir/etc/script.options"
echo 'B=2' >"$dir/etc/events/legacy/11.natgw.options"
run_functions <<'EOF'
load_script_options legacy 11.natgw
echo "$A $B"
EOF
expect 0 <<'EOF'
1 2
EOF

begin 'one argument is not enough to name a script'
run_functions <<'EOF'
load_script_options legacy
EOF
expect 1 <<'EOF'
usage: load_script_options [ component script ]
EOF

begin 'system settings come from the first place that has them'
mkdir -p "$dir/sysetc/default"
echo 'X=default' >"$dir/sysetc/default/nfs"
run_functions <<'EOF'
load_system_config other nfs
echo "$X"
EOF
expect 0 <<'EOF'
default
EOF

begin 'platform style'
run_functions <<'EOF'
echo "$CTDB_PLATFORM_STYLE"
EOF
expect 0 <<'EOF'
debian
EOF
printf 'ID=rocky\nID_LIKE="rhel centos fedora"\n' >"$dir/sysetc/os-release"
run_functions <<'EOF'
detect_init_style
echo "$CTDB_INIT_STYLE"
EOF
expect 0 <<'EOF'
redhat
EOF

begin 'arguments of address events'
run_functions <<'EOF'
ctdb_check_args monitor
ctdb_check_args takeip eth0 10.0.0.1 24
ctdb_check_args takeip eth0
EOF
expect 1 <<'EOF'
ERROR: must supply interface, IP and maskbits
EOF
run_functions <<'EOF'
ctdb_check_args updateip eth0 eth1 10.0.0.1
EOF
expect 1 <<'EOF'
ERROR: must supply old interface, new interface, IP and maskbits
EOF

begin 'the node number is asked for once'
stub ctdb <<EOF
echo asked >>"$dir/asked"
echo 5
EOF
run_functions <<'EOF'
CTDB=ctdb
ctdb_get_pnn
ctdb_get_pnn
EOF
expect 0 <<'EOF'
5
5
EOF
expect_that 'ctdb was run once' [ "$(wc -l <"$dir/asked")" -eq 1 ]

begin 'a failed question is not remembered'
stub ctdb <<'EOF'
exit 1
EOF
run_functions <<'EOF'
CTDB=ctdb
ctdb_get_pnn || echo failed
EOF
expect 0 <<'EOF'
failed
EOF

begin 'directories, and shares that smbd fills in'
run_functions <<EOF
service_name=samba
printf '%s\n' '$dir/etc' '/home/%U' '$dir/none' | ctdb_check_directories_probe
EOF
expect 1 <<EOF
ERROR: samba directory "$dir/none" not available
EOF

begin 'TCP ports'
stub ctdb <<'EOF'
case "$2" in
445) exit 98 ;;
139) exit 0 ;;
*) echo strange; exit 3 ;;
esac
EOF
run_functions <<'EOF'
CTDB=ctdb service_name=samba
ctdb_check_tcp_ports 445 139
EOF
expect 1 <<'EOF'
samba not listening on TCP port 139
EOF
run_functions <<'EOF'
CTDB=ctdb service_name=samba
ctdb_check_tcp_ports 1
EOF
expect 3 <<'EOF'
unexpected error (3) running "ctdb checktcpport 1"
strange
EOF
run_functions <<'EOF'
ctdb_check_tcp_ports
EOF
expect 1 <<'EOF'
INTERNAL ERROR: ctdb_check_tcp_ports - no ports specified
EOF

begin 'Unix sockets'
stub ss <<'EOF'
[ "$*" = '-l -xH src /run/there' ] && echo listening
exit 0
EOF
run_functions <<'EOF'
service_name=clamd
ctdb_check_unix_socket /run/there && ctdb_check_unix_socket /run/gone
EOF
expect 1 <<'EOF'
ERROR: clamd not listening on /run/gone
EOF

begin 'interfaces'
stub ip <<'EOF'
case "$*" in
'-br link show eth9') exit 1 ;;
'-br link show vlan5') echo 'vlan5@eth1 UP' ;;
'-br link show '*) echo "$4 UP" ;;
'link set eth2 up') exit 0 ;;
*) echo "not stubbed: $*" ; exit 1 ;;
esac
EOF
stub ethtool <<'EOF'
case "$1" in
eth2) echo 'Link detected: no' ;;
*) echo 'Link detected: yes' ;;
esac
EOF
run_functions <<'EOF'
for i in eth1 vlan5 lo ib0 eth2 eth9; do
	interface_monitor "$i" || echo "$i: $?"
done
EOF
expect 0 <<'EOF'
ERROR: No link on the public network interface eth2
eth2: 1
ERROR: Monitored interface eth9 does not exist
eth9: 1
EOF

begin 'fail counts with two thresholds'
run_functions <<'EOF'
ctdb_setup_state_dir service test
for i in 1 2 3; do
	failcount_incr 'port 21 of x/y' 2:3 'not listening'
done
EOF
expect 1 <<'EOF'
WARNING: port 21 of x/y: fail count 2 >= threshold 2
not listening
ERROR: port 21 of x/y: fail count 3 >= threshold 3
not listening
EOF
run_functions <<'EOF'
ctdb_setup_state_dir service test
failcount_reset 'port 21 of x/y'
failcount_reset 'port 21 of x/y'
EOF
expect 0 <<'EOF'
NOTICE: port 21 of x/y: no longer failing
EOF

begin 'fail counts with a warning only are repeated once an hour'
run_functions <<'EOF'
ctdb_setup_state_dir service test
failcount_incr ping 1 lost
failcount_incr ping 1 lost
failcount_incr ping x
EOF
expect 0 <<'EOF'
WARNING: ping: fail count 1 >= threshold 1
lost
WARNING: x is an invalid threshold in "ping" check
EOF

begin 'reconfiguration'
run_functions <<'EOF'
service_name=vsftpd
ctdb_setup_state_dir service vsftpd
ctdb_service_needs_reconfigure || echo no
ctdb_service_set_reconfigure
ctdb_service_needs_reconfigure && echo yes
service_reconfigure() { echo restarted; }
ctdb_service_reconfigure
ctdb_service_needs_reconfigure || echo no
EOF
expect 0 <<'EOF'
no
yes
Reconfiguring service "vsftpd"...
restarted
no
EOF

begin 'functions of the site win'
mkdir -p "$dir/etc/rc.local.d"
echo 'service() { echo "stub $*"; }' >"$dir/etc/rc.local"
chmod +x "$dir/etc/rc.local"
run_functions <<'EOF'
service smbd start
nice_service smbd stop
EOF
expect 0 <<'EOF'
stub smbd start
stub smbd stop
EOF

begin 'what a failover changed here'
mkdir -p "$dir/run"
echo '10.0.0.1 iface=eth0' >"$dir/run/gain.pubip"
echo '10.0.0.2 x' >"$dir/run/lose.pubip"
run_functions <<EOF
ctdb_failover_changed pubip "$dir/run"
ctdb_failover_changed natgw "$dir/run"
EOF
expect 0 <<'EOF'
10.0.0.1
10.0.0.2
EOF

begin 'the example of a notification logs one line'
run notification/50.log unhealthy
expect 0 </dev/null
expect_that 'it is in the log' grep -q ' notification: this node: unhealthy$' "$dir/log"

finish
