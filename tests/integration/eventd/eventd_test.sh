#!/bin/sh
# ctdb-eventd at work: results, queueing, and scripts that behave badly.
# shellcheck source=/dev/null disable=SC2154,SC2034 # the harness sets and reads them
. "${0%/*}/harness.sh"

script service/10.test <<'EOF'
case "$1" in
hang) echo starting; sleep 1000 ;;
stubborn) trap '' TERM; echo "$$" >"$CTDB_BASE/stubborn"; sleep 1000 ;;
family) sleep 1000 & echo "$!" >"$CTDB_BASE/child"; wait ;;
megabytes) yes 'all work and no play' | head -c 5000000; echo; echo the end; exit 1 ;;
background) (exec sleep 1000) & echo "$!" >"$CTDB_BASE/background" ;;
monitor) touch "$CTDB_BASE/monitoring"; sleep 1000 ;;
order) echo "$2" >>"$CTDB_BASE/order"; sleep 0.2 ;;
environment) echo "$CTDB_COMPONENT $CTDB_EVENT $CTDB_SCRIPT_NAME $CTDB_SCRIPT_VARDIR"; exit 77 ;;
arguments) printf '<%s>' "$@"; exit 1 ;;
signal) kill -9 $$ ;;
esac
EOF
script service/20.later <<'EOF'
[ "$1" = megabytes ] && echo later
exit 0
EOF

start_eventd

# ---- hanging scripts ----

check 'a hanging script is answered when its time is up' exits 110 run 1 service hang
check 'it is reported with what it printed' exits 110 status service hang
check '... as timed out' prints '^10.test *TIMEDOUT'
check '... with its output' prints 'OUTPUT: starting'
check '... and the scripts after it are not run' eval '! prints 20.later'

exits 110 run 1 service family
check 'the children of a hanging script end with it' until_ok gone "$(cat "$dir/child")"

exits 110 run 1 service stubborn
check 'a script that ignores SIGTERM is killed' until_ok gone "$(cat "$dir/stubborn")"
check '... and the log says so' until_ok logged 'script 10.test (pid .*) ignores SIGTERM'
check 'the component works on' exits 0 run 5 service nothing

check 'no time at all is over at once' exits 110 run 0 service nothing

# ---- output ----

check 'megabytes of output fail like any other failure' exits 8 run 20 service megabytes
check '... and are shown cut' exits 1 status service megabytes
check '... with the beginning' prints 'OUTPUT: all work'
check '... what is missing' prints 'bytes of output left out'
check '... and the end' prints '^the end'
check '... in less than 200 KiB' [ "${#output}" -lt 204800 ]
check 'the log has not grown by megabytes' [ "$(wc -c <"$dir/log")" -lt 100000 ]

check 'a process left in the background holds nothing up' exits 0 run 5 service background
check '... and is left alone' kill -0 "$(cat "$dir/background")"
kill "$(cat "$dir/background")"

# ---- scripts that cannot run ----

check 'a component that does not exist' exits 2 run 5 nosuch event
check '... cannot reach out of its directory' exits 2 run 5 ../events/service event
printf '#!/no/such/interpreter\n' >"$dir/events/service/30.interpreter.script"
chmod +x "$dir/events/service/30.interpreter.script"
check 'a script without its interpreter fails' exits 8 run 5 service nothing
check '... and is named' exits 2 status service nothing
check '... with the reason' prints '^30.interpreter *CANNOT RUN (No such file or directory)'
rm "$dir/events/service/30.interpreter.script"
ln -s /no/such/script "$dir/events/service/30.dangling.script"
check 'a dangling link is no failure' exits 0 run 5 service nothing
exits 0 status service nothing
check '... but disabled' prints '^30.dangling *DISABLED'
rm "$dir/events/service/30.dangling.script"
check 'a killed script is a failure' exits 8 run 5 service signal
check '... told with its signal in the log' logged '10.test: killed by signal 9'

# ---- what scripts see ----

exits 8 run 5 service environment
check 'status 77 is a plain failure in our components' exits 77 status service environment
check 'a script knows what it is run for' \
	prints "service environment 10.test $dir/var/scripts/service"
exits 8 run 5 service arguments 'a  b' c
exits 1 status service arguments
check 'arguments are cut at blanks' prints '<arguments><a><b><c>'

# ---- notifications ----

mkdir "$dir/events/notification"
script notification/10.one <<'EOF'
echo "one $1" >>"$CTDB_BASE/notified"; exit 1
EOF
script notification/20.two <<'EOF'
echo "two $1" >>"$CTDB_BASE/notified"
EOF
CTDB_EVENT_RUN_ALL=1 exits 8 run 5 notification healthy
check 'all scripts of a notification are run, failures or not' \
	[ "$(tr '\n' ' ' <"$dir/notified")" = 'one healthy two healthy ' ]
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\necho "old $1" >>"$CTDB_BASE/notified"\n' >"$dir/notify.sh"
chmod +x "$dir/notify.sh"
: >"$dir/notified"
exits 0 run 5 notification unhealthy
check "a site's own notify.sh is called in their place" [ "$(cat "$dir/notified")" = 'old unhealthy' ]

# ---- queueing ----

# asked_for COUNT: so many order events have come to eventd
asked_for()
{
	[ "$(grep -cE 'event order \(run [0-9]+\) (begins|waits)' "$dir/log")" -ge "$1" ]
}

for i in 1 2 3 4 5; do
	"$tool" run 20 service order "$i" &
	pids="${pids:-} $!"
	until_ok asked_for "$i"
done
# shellcheck disable=SC2086 # a list
wait $pids
check 'events of a component run one after the other, in their order' \
	[ "$(tr -d '\n' <"$dir/order")" = 12345 ]

"$tool" run 20 service monitor >"$dir/cancelled" 2>&1 &
monitor_pid=$!
until_ok [ -e "$dir/monitoring" ]
check 'another event does not wait for a monitor event' exits 0 run 5 service nothing
status=0
wait "$monitor_pid" || status=$?
check 'the monitor event is cancelled' [ "$status" -eq 125 ]
check '... and says so' grep -q 'got cancelled' "$dir/cancelled"
check '... and leaves no result' exits 22 status service monitor

"$tool" run 3 service hang >/dev/null &
hang_pid=$!
until_ok logged 'event hang (run [0-9]*) begins'
check 'a monitor event does not wait for another' exits 125 run 5 service monitor
check 'components do not wait for each other' exits 0 run 1 legacy nothing
wait "$hang_pid"

# ---- the debug script ----

stop_eventd
# shellcheck disable=SC2016 # for the script
printf '#!/bin/sh\necho "debugging $1 of $2"; kill -0 "$1" && echo alive\n' >"$dir/debug.sh"
chmod +x "$dir/debug.sh"
printf '[event]\ndebug script = debug.sh\n' >>"$dir/ctdb.conf"
start_eventd
exits 110 run 1 service hang
check 'the debug script is run on a hanging script' until_ok logged 'event_debug: debugging .* of hang'
check '... while it still lives' until_ok logged 'event_debug: alive'
check '... and its end does not depend on it' exits 0 run 10 service nothing

# ---- signals, ends ----

refuses_to_start()
{
	status=0
	timeout 20 "$bin/ctdb-eventd" 2>/dev/null || status=$?
	[ "$status" -eq 1 ]
}

mv "$dir/log" "$dir/log.1"
kill -HUP "$eventd_pid"
log_is_back()
{
	"$tool" run 5 nosuch x >/dev/null
	[ -s "$dir/log" ]
}
until_ok log_is_back
check 'SIGHUP opens the log anew' logged 'No such file or directory'
printf '[logging]\nlog level = nonsense\n' >>"$dir/ctdb.conf"
kill -USR1 "$eventd_pid"
check 'a bad configuration is not taken over' until_ok logged 'configuration not reloaded'
check '... and eventd works on' exits 0 run 5 service nothing
check 'an eventd with a bad configuration does not start' refuses_to_start
sed -i '$d' "$dir/ctdb.conf"
check 'a second daemon in the same place does not start' refuses_to_start
check '... and names the first' logged "already running with pid $eventd_pid"

"$tool" run 20 service family >/dev/null 2>&1 &
until_ok logged 'event family (run [0-9]*) begins'
until_ok [ -s "$dir/child" ]
stop_eventd
check 'SIGTERM ends running scripts with the daemon' until_ok gone "$(cat "$dir/child")"
check 'nothing is left in its place' [ -z "$(ls "$dir/run")" ]

sleep 1000 &
starter_pid=$!
"$bin/ctdb-eventd" -P "$starter_pid" -S 9 9>"$dir/startup" &
eventd_pid=$!
until_ok [ -s "$dir/startup" ]
check 'the starter is told by four zero bytes' [ "$(od -An -tx1 "$dir/startup" | tr -d ' ')" = 00000000 ]
kill "$starter_pid"
check 'with its starter it makes room for the next' until_ok [ ! -e "$dir/run/eventd.socket" ]
check '... and ends' until_ok gone "$eventd_pid"
eventd_pid=
starter_pid=

finish
