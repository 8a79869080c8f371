#!/usr/bin/env bash
# use.sh PREFIX MODEL FOLDER: builds the project consumer/ against the samlet installed in PREFIX: in C and C++, shared and
# static, by find_package and by pkg-config. All programs must run and print the same.
# SPDX-License-Identifier: Apache-2.0
#
# Environment: CC, CXX, the compilers; SAMLET_CMAKE_OPTIONS, SAMLET_EMULATOR, for another machine.
set -euo pipefail
prefix=$(cd "$1" && pwd) model=$(realpath "$2") folder=$3
source=$(cd "$(dirname "$0")" && pwd)/consumer
die() { echo "use: error: $*" >&2; exit 1; }

rm -rf "$folder"
mkdir -p "$folder/pkg-config"
cp -r "$source" "$folder/consumer" # outside of the tree, with nothing of ours above
cd "$folder"

library=$(find "$prefix/" -name libsamlet.so) # the slash: a prefix may be a link
[ -n "$library" ] || die "no libsamlet.so in $prefix."
libdir=$(dirname "$library")

# Toolchain files let packages be looked for in the sysroot only.
find=-DCMAKE_PREFIX_PATH=$prefix
[ -z "${SAMLET_EMULATOR:-}" ] || find=-Dsamlet_DIR:PATH=$libdir/cmake/samlet
# shellcheck disable=SC2086
cmake -S consumer -B cmake -G Ninja -DCMAKE_BUILD_TYPE=Release "$find" ${SAMLET_CMAKE_OPTIONS:-} \
    >cmake.log 2>&1 && cmake --build cmake >>cmake.log 2>&1 || { cat cmake.log >&2; die "find_package failed."; }
grep -q "^samlet_DIR:PATH=$prefix/" cmake/CMakeCache.txt || die "another samlet was found: $(grep ^samlet_DIR cmake/CMakeCache.txt)"

export PKG_CONFIG_PATH=$libdir/pkgconfig
warnings="-O2 -Wall -Wextra -Werror"
for kind in shared static; do
    package=samlet
    [ $kind = shared ] || package=samlet-static
    flags=()
    eval "flags+=($(pkg-config --cflags --libs $package))" # it quotes what a shell would split
    # shellcheck disable=SC2086
    {
        ${CC:-cc} -std=c99 $warnings consumer/disc.c "${flags[@]}" -o pkg-config/c_$kind
        ${CXX:-c++} -std=c++17 $warnings consumer/disc.cpp "${flags[@]}" -o pkg-config/cpp_$kind
    }
done

for program in cmake/c_shared {cmake,pkg-config}/{c,cpp}_{shared,static}; do
    # shellcheck disable=SC2086
    LD_LIBRARY_PATH=$libdir ${SAMLET_EMULATOR:-} "$program" "$model" >"$program.out" || die "$program failed."
    needed=$(readelf -d "$program" | grep -c 'NEEDED.*libsamlet\.so' || true)
    case $program in
        *_shared) [ "$needed" = 1 ] || die "$program does not use the shared library." ;;
        *) [ "$needed" = 0 ] || die "$program uses the shared library." ;;
    esac
    cmp "$program.out" cmake/c_shared.out
done
grep -q "^samlet [0-9.]* frame 1 visible 1 area [1-9]" cmake/c_shared.out || { cat cmake/c_shared.out; die "no disc was tracked."; }
echo "8 programs print the same: $(tail -1 cmake/c_shared.out)"
