#!/usr/bin/env bash
# check_output.sh OUTPUT CLIP [--same-as FILE] [--like RESULTS.json] PROGRAM...: runs PROGRAM on the clip, keeps what it
# prints in OUTPUT, looks whether that can be right, and compares it with FILE, byte for byte.
# SPDX-License-Identifier: Apache-2.0
#
# Environment: SAMLET_MODEL, the model; SAMLET_POINT, two numbers.
set -euo pipefail
output=$1 clip=$2 expected=
shift 2
if [ "$1" = --same-as ]; then
    expected=$2
    shift 2
fi
frames=("$clip"/*.ppm)
[ -e "${frames[0]}" ] || { echo "skipped: no clip (see examples/clip)"; exit 77; }
read -r x y <<<"$SAMLET_POINT"

mkdir -p "$(dirname "$output")"
"$@" "$SAMLET_MODEL" "$x" "$y" "${frames[@]}" >"$output"
if [ -n "$expected" ]; then
    cmp "$output" "$expected"
    echo "the same $(wc -l <"$output") lines as the C program's"
    exit
fi

number='-?[0-9]+(\.[0-9]{3})?'
grep -qE "^memory model [0-9]{6,} tracker [0-9]{6,}$" "$output" || { echo "no line about memory"; exit 1; }
lines=$(grep -cE "^frame [0-9]+ score $number iou $number visible [01] box( [0-9]+){4}$" "$output") || true
[ "$lines" = ${#frames[@]} ] || { echo "$lines lines of frames instead of ${#frames[@]}:"; cat "$output"; exit 1; }
grep -q "^frame 0 .* visible 1 " "$output" || { echo "the object is not seen in the frame that was clicked"; exit 1; }
echo "$lines frames"
