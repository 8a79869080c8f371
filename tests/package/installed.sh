#!/usr/bin/env bash
# installed.sh BUILD FOLDER: installs a build below FOLDER, moves the installed tree, and uses it from there.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
build=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
die() { echo "installed: error: $*" >&2; exit 1; }

rm -rf "$folder"
mkdir -p "$folder"
cmake --install "$build" --prefix "$folder/first" >"$folder/install.log"
mv "$folder/first" "$folder/tree"
tree=$folder/tree

# No trace of where it was built or first installed in what others read.
! grep -rlE "$folder/first|$(cd "$build" && pwd)" "$tree/include" "$tree"/lib*/cmake "$tree"/lib*/pkgconfig ||
    die "these files name folders of the build."
model=$tree/share/samlet/samlet_micro.gguf
if [ -x "$tree/bin/samlet" ] && [ -z "${SAMLET_EMULATOR:-}" ]; then
    (unset SAMLET_MODEL LD_LIBRARY_PATH && "$tree/bin/samlet" info --json >"$folder/info.json") ||
        die "the installed command line does not run."
    man=$tree/share/man/man1/samlet.1
    [ ! -e "$man" ] || grep -q '^\.TH SAMLET 1' "$man" || die "$man is no manual page."
fi
"$here/use.sh" "$tree" "$model" "$folder/use"
