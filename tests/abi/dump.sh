#!/usr/bin/env bash
# dump.sh LIBRARY HEADER [FILE]: writes what programs compiled against HEADER rely on in LIBRARY: functions, structs, enums,
# nothing of the inside. LIBRARY needs debug information of c_api/, as builds with tests have it.
# SPDX-License-Identifier: Apache-2.0
#
# Without FILE: renews the dump of the last release beside this script. To be done when a version is released, and only then.
set -euo pipefail
library=$1 header=$2
here=$(cd "$(dirname "$0")" && pwd)
command -v abidw >/dev/null || { echo "dump: no abidw (Debian: abigail-tools)" >&2; exit 77; }
soname=$(readelf -d "$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
file=${3:-$here/$soname.abi}

rules=$(mktemp)
trap 'rm -f "$rules"' EXIT
cat >"$rules" <<'END'
[suppress_function]
  name_not_regexp = ^samlet_
  drop = yes
END
abidw --suppressions "$rules" --headers-dir "$(dirname "$header")" --drop-private-types --drop-undefined-syms --no-elf-needed \
    --no-architecture --no-corpus-path --no-comp-dir-path --no-show-locs "$library" |
    sed "s| path='[^']*/c_api/| path='c_api/|; s| hash='[0-9a-f]*'||" >"$file.tmp" # not where it was built; no hashes, check.py changes types
# Without debug information there are symbols only.
grep -q "class-decl name='samlet_result'" "$file.tmp" || { rm "$file.tmp"; echo "dump: $library has no debug information" >&2; exit 1; }
mv "$file.tmp" "$file"
if [ $# -lt 3 ]; then
    for old in "$here"/libsamlet.so.*.abi; do
        [ "$old" = "$file" ] || rm "$old"
    done
    echo "dump: $file"
fi
