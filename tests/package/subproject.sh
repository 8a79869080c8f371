#!/usr/bin/env bash
# subproject.sh FOLDER [cmake option...]: samlet within another project gives it the library that BUILD_SHARED_LIBS names,
# and neither builds nor installs anything else. Looks at what would be built, and builds nothing.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
folder=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
die() { echo "subproject: error: $*" >&2; exit 1; }

for kind in OFF ON; do
    build=$folder/$kind
    rm -rf "$build"
    mkdir -p "$build"
    cmake -S "$here/subproject" -B "$build" -G Ninja "-DSAMLET_SOURCE_DIR=$(cd "$here/../.." && pwd)" \
        "-DBUILD_SHARED_LIBS=$kind" "$@" >"$build.log" 2>&1 || { tail -n 40 "$build.log" >&2; die "no configuration."; }
    ninja -C "$build" -t commands all >"$build.plan"
    grep -qE -- '-o disc( |$)' "$build.plan" || die "the program is not built."
    case $kind in
        OFF) wanted='qc samlet/libsamlet\.a' unwanted='-o samlet/libsamlet\.so' ;;
        ON) wanted='-o samlet/libsamlet\.so' unwanted='qc samlet/libsamlet\.a' ;;
    esac
    grep -qE -- "$wanted" "$build.plan" || die "BUILD_SHARED_LIBS=$kind: not the library that was asked for."
    ! grep -oE -- "$unwanted|-o samlet/(samlet|tests/|archive/)[^ ]*" "$build.plan" ||
        die "BUILD_SHARED_LIBS=$kind: builds more than it needs."
    ! grep -q samlet/ "$build/cmake_install.cmake" || ! grep -qE 'file\(INSTALL' "$build/samlet/cmake_install.cmake" ||
        die "BUILD_SHARED_LIBS=$kind: installs something."
done
echo "static and shared, and nothing else"
