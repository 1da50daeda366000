#!/bin/sh
# ctdb-event prints what upstream's tool prints. Where Debian's is installed, every command is run with
# both and compared; otherwise exit statuses alone are checked.
# shellcheck source=/dev/null disable=SC2154,SC2034 # the harness sets and reads them
. "${0%/*}/harness.sh"

upstream=/usr/libexec/ctdb/ctdb-event
if [ ! -x "$upstream" ]; then
	echo 'skipped: comparison with upstream (package ctdb is not installed)'
	upstream="$tool"
fi

script legacy/10.test <<'EOF'
case "$1" in
slow) echo starting; sleep 1000 ;;
exit*) exit "${1#exit}" ;;
signal) kill -9 $$ ;;
lines) printf 'a\n\nb\n'; exit 1 ;;
says) echo "hi $*"; exit 3 ;;
monitor) echo fine ;;
esac
EOF
script legacy/30.later <<'EOF'
exit 0
EOF
printf 'echo no interpreter\n' >"$dir/events/legacy/20.format.script"
chmod +x "$dir/events/legacy/20.format.script"
: >"$dir/events/legacy/25.off.script"
mkdir -p "$dir/share/events/legacy"
for name in 10.test 40.provided; do
	printf '#!/bin/sh\n' >"$dir/share/events/legacy/$name.script"
	chmod +x "$dir/share/events/legacy/$name.script"
done

# times differ from run to run
without_times()
{
	sed -e 's/ [0-9]*\.[0-9][0-9][0-9] / T /' -e 's/[0-9][0-9]:[0-9][0-9]:[0-9][0-9]/TIME/'
}

# ask PROGRAM ARGUMENTS...: everything about one call, in the variable seen
ask()
{
	status=0
	"$@" >"$dir/out" 2>"$dir/err" || status=$?
	seen=$(without_times <"$dir/out"; echo "--- $status"; cat "$dir/err")
}

# same STATUS ARGUMENTS...: both tools, and the exit status
same()
{
	wanted="$1"
	shift
	ask "$upstream" "$@"
	theirs="$seen"
	ask "$tool" "$@"
	output="$seen"
	check "ctdb-event $*: exit status" [ "$status" -eq "$wanted" ]
	check "ctdb-event $*: as upstream" [ "$seen" = "$theirs" ]
}

start_eventd

same 0 run 5 legacy monitor
same 0 status legacy monitor
same 8 run 5 legacy says a b
same 3 status legacy says
same 8 run 5 legacy lines
same 1 status legacy lines
same 8 run 5 legacy exit255
same 255 status legacy exit255
same 0 run 5 legacy exit77
same 0 status legacy exit77
same 8 run 5 legacy exit126
same 62 status legacy exit126
same 8 run 5 legacy signal
same 4 status legacy signal
same 110 run 1 legacy slow
same 110 status legacy slow
same 110 run 0 legacy monitor
same 110 run -- -3 legacy monitor
same 110 run abc legacy monitor
same 2 run 5 nosuch monitor
same 22 status legacy nosuch
same 2 status nosuch monitor

same 1
same 1 -h
same 1 bogus
same 1 script
same 1 run
same 1 run 5 legacy
same 1 status
same 1 status legacy
same 1 status legacy monitor more
same 1 script list
same 1 script enable legacy
same 1 -x
same 0 -d DEBUG status legacy monitor

same 0 script list legacy
same 2 script list nosuch
same 0 script enable legacy 40.provided
same 0 script list legacy
same 0 script disable legacy 40.provided
same 0 script disable legacy 40.provided
same 0 script enable legacy 25.off
same 0 script disable legacy 25.off
same 0 script list legacy
same 2 script enable legacy 50.nosuch
same 0 script disable legacy 50.nosuch
mkdir "$dir/events/legacy/60.directory.script"
same 22 script enable legacy 60.directory
same 22 script disable legacy 60.directory
rmdir "$dir/events/legacy/60.directory.script"

rm "$dir"/events/legacy/*
script service/05.system <<'EOF'
echo full; exit 1
EOF
mkdir "$dir/events/failover"
script failover/10.pubip <<'EOF'
exit 0
EOF
check 'service monitor fails' exits 8 run 5 service monitor
check 'failover monitor works' exits 0 run 5 failover monitor
same 1 status legacy monitor
check 'without legacy scripts old tools see ours' prints '^05.system *ERROR'
check '... of both components' prints '^10.pubip *OK'

stop_eventd
same 5 status legacy monitor

finish
