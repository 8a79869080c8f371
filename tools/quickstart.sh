#!/usr/bin/env bash
# From a fresh checkout to a first tracked object: dependencies, build, one run on the bundled clip.
set -euo pipefail
cd "$(dirname "$0")/.."

prompt=(--box "315,0,520,400")
video=examples/data/bedroom
out=build/quickstart

tools/setup_dependencies.sh
echo "quickstart: building in build/"
log=build/quickstart-build.log
mkdir -p build
{
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DSAMLET_BUILD_TESTS=OFF &&
        cmake --build build --parallel "${SAMLET_JOBS:-$(nproc)}"
} >"$log" 2>&1 || { tail -n 40 "$log" >&2; echo "quickstart: error: the build failed, see $log" >&2; exit 1; }

echo "quickstart: build/samlet track --video $video ${prompt[*]}"
build/samlet track --video "$video" --out "$out" --overlay "$out/overlay.mp4" "${prompt[@]}"

echo "quickstart: done"
echo "  overlay video    $out/overlay.mp4"
echo "  masks, scores    $out/:"
find "$out" -maxdepth 2 -mindepth 1 ! -name overlay.mp4 | LC_ALL=C sort | sed -n 's/^/    /; 1,6p; 7s/.*/    .../p'
