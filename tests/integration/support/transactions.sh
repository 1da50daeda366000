# shellcheck shell=sh
# A client that commits pairs to keep.tdb, one transaction after the other, for tests that look at what stays of them. Sourced
# after cluster.sh, whose names it uses.

# transactions AFTER: numbered from AFTER + 1, both records "one" and "two" with the number; until one fails or $work/enough is there. What was
# acknowledged last is in $work/acked.
transactions() {
	number=$1
	while [ ! -e "$work/enough" ]; do
		number=$((number + 1))
		printf '"one" "%s"\n"two" "%s"\n' "$number" "$number" | ctdb_on 0 ptrans keep.tdb >/dev/null 2>&1 || return 0
		printf '%s\n' "$number" >"$work/acked.new"
		mv "$work/acked.new" "$work/acked"
	done
}

acked() {
	cat "$work/acked" 2>/dev/null || echo 0
}

# advanced NUMBER: a later transaction was acknowledged
advanced() {
	[ "$(acked)" -gt "$1" ]
}

# recovered_since NODE GENERATION
recovered_since() {
	_generation=$(generation_of "$1") && [ -n "$_generation" ] && [ "$_generation" != "$2" ] &&
		ctdb_on "$1" status | grep -q '^Recovery mode:NORMAL'
}
