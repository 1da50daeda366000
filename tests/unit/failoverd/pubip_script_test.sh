#!/bin/sh
# events/failover/10.pubip.script with a stub of its helper. Usage: pubip_script_test.sh SOURCE_DIR
set -eu

script="$1/events/failover/10.pubip.script"
work=$(mktemp -d /tmp/ctdb-pubip-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
export CTDB_HELPER_BINDIR="$work/bin"
mkdir -p "$work/bin" "$work/run"
cat >"$work/bin/ctdb-pubip" <<'STUB'
#!/bin/sh
echo "$*" >>"${0%/*}/../calls"
[ ! -e "${0%/*}/../fail" ]
STUB
chmod +x "$work/bin/ctdb-pubip"
failures=0

# expect STATUS CALL-OR-EMPTY ARGUMENTS...
expect() {
	_status=$1
	_call=$2
	shift 2
	: >"$work/calls"
	_got=0
	"$script" "$@" >"$work/out" 2>&1 || _got=$?
	if [ "$_got" -ne "$_status" ] || [ "$(cat "$work/calls")" != "$_call" ]; then
		echo "$*: status $_got, wanted $_status; helper called with '$(cat "$work/calls")', wanted '$_call'"
		failures=$((failures + 1))
	fi
}

for event in monitor release take shutdown; do
	expect 0 "$event $work/run" "$event" "$work/run"
	expect 1 '' "$event"
	expect 1 '' "$event" "$work/nowhere"
done
for event in startup calculate prepare finalise anything ''; do
	expect 0 '' "$event" "$work/run"
done
touch "$work/fail"
expect 1 "take $work/run" take "$work/run"
tail -n 1 "$work/out" | grep -q 'ctdb-pubip take failed' || {
	echo "the last line does not name the cause: $(cat "$work/out")"
	failures=$((failures + 1))
}
[ "$failures" -eq 0 ] && echo 'all cases hold'
exit "$failures"
