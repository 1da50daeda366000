# shellcheck shell=sh
# Results of a benchmark: kept in $results one a line as "WHO NAME JSON", WHO being `ours` or `debian`; at the end a table of
# medians, ranges and ratios ours / Debian's. Sourced.
# shellcheck disable=SC2154 # $results is the sourcing script's

# keep WHO NAME JSON: shown as it comes, so that the spread can be seen.
keep() {
	printf '%s %s %s\n' "$1" "$2" "$3" | tee -a "$results"
}

# values WHO NAME FIELD: sorted.
values() {
	sed -n "s/^$1 $2 .*\"$3\": *\([0-9.]*\).*/\1/p" "$results" | sort -n
}

median() {
	values "$@" | awk '{ v[NR] = $1 }
		END { if (NR == 0) print "-"; else if (NR % 2) print v[(NR + 1) / 2]; else printf "%.9g\n", (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

range() {
	values "$@" | awk 'NR == 1 { least = $1 } { most = $1 } END { if (NR > 1) printf " (%s to %s)", least, most }'
}

# ratio OURS DEBIAN
ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { if (a == "-" || b == "-" || b == 0) print "-"; else printf "%.2f", a / b }'
}

table_head() { # TEXT
	printf '\n| %s | Ours | Debian | Ratio |\n|---|---|---|---|\n' "$1"
}

# row NAME FIELD TEXT: nothing if neither was measured.
row() {
	_ours=$(median ours "$1" "$2")
	_debian=$(median debian "$1" "$2")
	[ "$_ours$_debian" != -- ] || return 0
	printf '| %s | %s%s | %s%s | %s |\n' "$3" "$_ours" "$(range ours "$1" "$2")" "$_debian" "$(range debian "$1" "$2")" \
		"$(ratio "$_ours" "$_debian")"
}

# Where and on what the figures were taken.
say_machine() {
	printf '%s, %s CPUs, Linux %s, load average %s\n' "$(date '+%F %T')" "$(nproc)" "$(uname -r)" "$(load_average)"
	printf 'debian: %s\n' "$(dpkg-query -W -f '${Package} ${Version}' ctdb)"
}

load_average() {
	cut -d' ' -f1-3 /proc/loadavg
}
