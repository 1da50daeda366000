#!/bin/sh
# onnode with a remote shell that only says what it was asked. Usage: onnode_test.sh ONNODE
set -u
onnode=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
passed=0

printf '10.0.0.1\n10.0.0.2\n#10.0.0.3\n10.0.0.4\n' >"$work/nodes"
cat >"$work/shell" <<'SHELL'
#!/bin/sh
[ "$1" = -n ] && { printf 'closed '; shift; }
printf '%s: %s\n' "$1" "$2"
[ "$2" != "fail on ${1##*.}" ]
SHELL
cat >"$work/ctdb" <<'STATUS'
#!/bin/sh
cat <<MAP
|Node|IP|Disconnected|Unknown|Banned|Disabled|Unhealthy|Stopped|Inactive|PartiallyOnline|ThisNode|
|0|10.0.0.1|0|0|0|0|0|0|0|0|Y|
|1|10.0.0.2|0|0|0|0|1|0|0|0|N|
|3|10.0.0.4|1|0|0|0|1|0|1|0|N|
MAP
STATUS
chmod +x "$work/shell" "$work/ctdb"

# expect STATUS OUTPUT ARGUMENTS...: exit status and standard output.
expect() {
	want_status=$1
	want=$2
	shift 2
	got=$(env CTDB_BASE="$work" ONNODE_SSH="$work/shell" PATH="$work:$PATH" "$onnode" "$@" 2>"$work/err" </dev/null)
	status=$?
	if [ "$status" -eq "$want_status" ] && [ "$got" = "$want" ]; then
		passed=$((passed + 1))
	else
		failures=$((failures + 1))
		printf 'FAILED: onnode %s\n  status %s, expected %s\n  printed: %s\n  expected: %s\n  stderr: %s\n' \
			"$*" "$status" "$want_status" "$got" "$want" "$(cat "$work/err")"
	fi
}
said() {
	if grep -q -- "$1" "$work/err"; then
		passed=$((passed + 1))
	else
		failures=$((failures + 1))
		printf 'FAILED: standard error lacks "%s": %s\n' "$1" "$(cat "$work/err")"
	fi
}

expect 0 'closed 10.0.0.1: id' 0 id
expect 0 '10.0.0.2: echo a b' -i 1 echo a b
expect 0 'closed 10.0.0.1: id
closed 10.0.0.2: id' 0-1 id
said '>> NODE: 10.0.0.2 <<'
expect 0 'closed 10.0.0.4: id
closed 10.0.0.1: id' -q 3,0 id
expect 0 'closed 10.0.0.1: id
closed 10.0.0.2: id
closed 10.0.0.4: id' -q all id
expect 0 '' 2-0 id
expect 1 '' 2 id
said 'onnode: "node 2" does not exist'
expect 1 '' nonsense id
said 'Invalid <nodespec>'
expect 0 'closed nonsense: id' -n nonsense id
expect 0 'closed 10.0.0.1: id' ok id
expect 0 'closed 10.0.0.1: id
closed 10.0.0.2: id' -q connected id
expect 1 'closed 10.0.0.1: fail on 1' 0 fail on 1
expect 0 '[10.0.0.1] closed 10.0.0.1: id' -pv 0 id
expect 1 '' 0
said 'Usage: onnode'
expect 1 '' -f /does/not/exist 0 id
said 'unable to open nodes file  "/does/not/exist"'

printf '%s passed, %s failed\n' "$passed" "$failures"
[ "$failures" -eq 0 ]
