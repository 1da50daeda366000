#!/bin/sh
# Every header of src/ compiles alone. Usage: headers.sh SOURCE_DIR BUILD_DIR COMPILER
set -eu
cd "$1"
build=$2
compiler=$3
export compiler build
# shellcheck disable=SC2016 # expanded by the inner shell
git ls-files -- 'src/*.hpp' | xargs -P 2 -I HEADER sh -c '
	"$compiler" -std=c++20 -fsyntax-only -Isrc -I"$build/src/common/path" -I"$build/src" -x c++ \
		$(pkg-config --cflags talloc tevent tdb libnl-3.0 libnl-route-3.0) -include HEADER /dev/null ||
		{ printf "%s does not stand alone\n" HEADER; exit 255; }'
