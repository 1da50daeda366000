#!/bin/sh
# Every C++ file is formatted. Exit 1 and a list of files otherwise. Usage: format.sh SOURCE_DIR
set -eu
cd "$1"
formatter=$(command -v clang-format-14 || command -v clang-format)
unformatted=$(git ls-files -- '*.cpp' '*.hpp' | while read -r file; do
	[ -f "$file" ] || continue
	"$formatter" --dry-run -Werror "$file" >/dev/null 2>&1 || printf '%s\n' "$file"
done)
if [ -n "$unformatted" ]; then
	printf 'not formatted (clang-format -i FILE mends it):\n%s\n' "$unformatted"
	exit 1
fi
