#!/usr/bin/env bash
# Sets up the dependencies, builds everything with -Werror and runs all tests.
# SAMLET_GOLDEN_DIR, if set, names the folder with the reference data; tests that need it are skipped without.
set -euo pipefail
if [ -n "${SAMLET_GOLDEN_DIR:-}" ]; then
    SAMLET_GOLDEN_DIR=$(cd "$SAMLET_GOLDEN_DIR" && pwd) # tests run elsewhere
    export SAMLET_GOLDEN_DIR
fi
cd "$(dirname "$0")/.."

usage() {
    echo "usage: tests/run_all.sh [--sanitize | --both] [ctest options]"
    echo "  --sanitize  with the address and undefined behaviour sanitizers, in build-asan/ instead of build-test/"
    echo "  --both      one after the other"
}
plain=1 sanitize=0
while [ $# -gt 0 ]; do
    case $1 in
        --sanitize) plain=0 sanitize=1 ;;
        --both) plain=1 sanitize=1 ;;
        -h | --help) usage; exit 0 ;;
        *) break ;;
    esac
    shift
done

jobs=${SAMLET_JOBS:-$(nproc)}
# The thread pool spins: tests of several threads side by side on all processors only slow each other down.
test_jobs=$(((jobs + 1) / 2))
if [ -n "${SAMLET_GOLDEN_DIR:-}" ]; then
    echo "run_all: reference data in $SAMLET_GOLDEN_DIR"
else
    echo "run_all: no SAMLET_GOLDEN_DIR, tests against reference data are skipped"
fi

tools/setup_dependencies.sh --tests

# The kernels that the library must find here: a level that is not chosen would not be tested either.
has() { for f in "$@"; do grep -qw "$f" /proc/cpuinfo || return 1; done; }
if [ "$(uname -m)" = x86_64 ] && [ -z "${SAMLET_EXPECTED_KERNELS:-}" ] && [ -z "${SAMLET_KERNELS:-}" ]; then
    if has avx512f avx512bw avx512dq avx512vl; then SAMLET_EXPECTED_KERNELS=avx512
    elif has avx2 fma f16c; then SAMLET_EXPECTED_KERNELS=avx2
    else SAMLET_EXPECTED_KERNELS=generic; fi
    export SAMLET_EXPECTED_KERNELS
fi

status=0
build_and_test() { # folder, cmake options..., --, ctest options...
    local folder=$1 options=()
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    local log=$folder/run_all.log
    mkdir -p "$folder"
    echo "run_all: building in $folder/"
    if ! {
        cmake -S . -B "$folder" -G Ninja -DSAMLET_BUILD_TESTS=ON -DSAMLET_BUILD_TOOLS=ON -DSAMLET_WERROR=ON \
            "${options[@]}" && cmake --build "$folder" --parallel "$jobs"
    } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        echo "run_all: error: the build in $folder/ failed, see $log" >&2
        status=1
        return
    fi
    echo "run_all: testing in $folder/"
    (cd "$folder" && ctest --output-on-failure --parallel "$test_jobs" "$@") || status=1
}

if [ $plain = 1 ]; then
    build_and_test build-test -DCMAKE_BUILD_TYPE=Release -- "$@"
fi
if [ $sanitize = 1 ]; then
    build_and_test build-asan -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_C_FLAGS_DEBUG=-O1 -g" "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g" \
        -DSAMLET_SANITIZE=ON -- "$@"
fi
exit $status
