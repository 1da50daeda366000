# shellcheck shell=sh
# smbtorture over the cluster, compared with what is known of Debian's cluster daemons. Sourced by samba_test.
#
# Every test runs in two ways: `direct`, all connections to one node, and `spread`, each connection of a test to the next node.
# A test that fails is tried twice more, alone on its share: many of them measure time. `torture.failures` holds the
# tests that fail on Debian's daemons as well.
# shellcheck disable=SC2154 # names shared with nodes.sh and samba_test

torture_suites='smb2.lock smb2.oplock smb2.lease smb2.durable-open'
# More than 20 s each.
torture_slow='smb2.oplock.batch22a smb2.lease.timeout smb2.lease.oplock smb2.lease.break'

# As `suite.test`; the list has them as `suite.test.test`.
every_torture_test() {
	for _suite in $torture_suites; do
		smbtorture --list 2>/dev/null | sed -n "s/^ *\\($_suite\\.[^.]*\\)\\..*/\\1/p"
	done
}

# torture_plan WHAT: lines `way test`.
torture_plan() {
	every_torture_test >"$work/torture.tests"
	if [ "$1" = all ]; then
		sed 's/^/direct /' "$work/torture.tests"
		sed 's/^/spread /' "$work/torture.tests"
	else
		grep -E '^smb2\.(lock|durable-open)\.' "$work/torture.tests" | sed 's/^/direct /'
		for _test in $torture_slow; do
			printf '%s\n' "$_test"
		done | grep -vxF -f - "$work/torture.tests" | sed 's/^/spread /'
	fi
}

known_failure() {
	grep -qE "^(both|$1) $2( |\$)" "$here/torture.failures"
}

# torture_once WORKER WAY TEST
torture_once() {
	case $2 in
	direct) _at=$public.101 ;;
	spread) _at=127.0.0.$(($1 + 1)) ;;
	esac
	timeout 120 ip netns exec "$client" smbtorture --configfile="$work/client.conf" --target=samba3 \
		"//$_at/torture$1" -U "$user%$password" "$3" >"$work/torture.$2.$3" 2>&1
}

# What it leaves is not the next one's.
clean_torture_share() {
	find "$work/torture$1" -mindepth 1 -delete
}

# torture_one WORKER WAY TEST: a line `way test result` for each.
torture_one() {
	_tries=3
	if known_failure "$2" "$3"; then
		_tries=1
	fi
	_result=failed
	while [ "$_tries" -gt 0 ] && [ "$_result" = failed ]; do
		_tries=$((_tries - 1))
		if torture_once "$@"; then
			_result=passed
		fi
		clean_torture_share "$1"
	done
	printf '%s %s %s\n' "$2" "$3" "$_result"
}

# torture_worker NUMBER COUNT: every COUNTth line of the plan.
torture_worker() {
	awk -v w="$1" -v n="$2" 'NR % n == w' "$work/torture.plan" | while read -r _way _test; do
		torture_one "$1" "$_way" "$_test"
	done >"$work/torture.results.$1"
}

torture_verdict() {
	_unexpected=
	while read -r _way _test _result; do
		if [ "$_result" = failed ] && ! known_failure "$_way" "$_test"; then
			_unexpected=yes
			printf '%s %s fails:\n' "$_way" "$_test"
			grep -vE '^(time|Using seed|smbtorture)' "$work/torture.$_way.$_test" | tail -n 12
		elif [ "$_result" = passed ] && known_failure "$_way" "$_test"; then
			printf '%s %s passes, though it is in the list of failures\n' "$_way" "$_test" >>"$work/torture.notes"
		fi
	done <"$work/torture.results"
	[ -z "$_unexpected" ]
}

check_torture() {
	[ "$torture" != none ] || return 0
	step "smbtorture ($torture)"
	torture_plan "$torture" >"$work/torture.plan"
	_listen=$(for _worker in $workers; do printf ',127.0.0.%s' "$((_worker + 1))"; done)
	ip netns exec "$client" python3 "$here/spread.py" 445 "$work/spread.ready" "${_listen#,}" \
		"$(printf '%s' "$public_addresses" | tr ' ' ,)" &
	_spread=$!
	background="$background $_spread"
	check 'connections are spread over the nodes' wait_for 15 test -s "$work/spread.ready"
	_running=
	_count=$(printf '%s\n' "$workers" | wc -w)
	for _worker in $workers; do
		torture_worker "$_worker" "$_count" &
		_running="$_running $!"
		background="$background $!"
	done
	# shellcheck disable=SC2086 # a list
	wait $_running
	kill "$_spread"
	wait "$_spread" 2>/dev/null || true
	cat "$work"/torture.results.* >"$work/torture.results"
	check "all $(wc -l <"$work/torture.plan") tests have run" [ "$(wc -l <"$work/torture.results")" -eq "$(wc -l <"$work/torture.plan")" ]
	check "none fails that passes on Debian's daemons" torture_verdict
	printf '  %s passed, %s fail as known\n' "$(grep -c passed "$work/torture.results")" "$(grep -c failed "$work/torture.results" || true)"
	sed 's/^/  note: /' "$work/torture.notes" 2>/dev/null || true
}
