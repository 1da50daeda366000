#!/bin/sh
# Every shell script parses under dash and satisfies shellcheck. Usage: shell.sh SOURCE_DIR
set -eu
cd "$1"
status=0
for file in $(git ls-files); do
	[ -f "$file" ] || continue
	case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
	'#!/bin/sh'* | '#!/usr/bin/env sh'*) dash -n "$file" || status=1 ;;
	'#!/bin/bash'* | '#!/usr/bin/env bash'*) bash -n "$file" || status=1 ;;
	*) continue ;;
	esac
	shellcheck --external-sources --source-path=SCRIPTDIR --exclude=SC1090,SC1091 "$file" || status=1
done
exit "$status"
