#!/usr/bin/env bash
# check_output.sh OUTPUT CLIP [--same-as FILE] PROGRAM...: runs PROGRAM on the clip, keeps what it prints in OUTPUT and
# compares it with FILE, byte for byte; or without a FILE looks whether it can be right.
# SPDX-License-Identifier: Apache-2.0
#
# Environment: SAMLET_MODEL, the model; SAMLET_POINT, two numbers; SAMLET_CLI, the command line, and SAMLET_JPEGS, the clip
# as it reads it: without a FILE its boxes must be the same.
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

[ -n "${SAMLET_CLI:-}" ] || exit 0
out=${output%.txt}-cli
"$SAMLET_CLI" track --quiet --model "$SAMLET_MODEL" --video "$SAMLET_JPEGS" --point "$x,$y" --out "$out"
diff <(sed -nE 's/^frame ([0-9]+) .* visible ([01]) box (.*)$/\1 \2 \3/p' "$output") \
    <(sed -nE -e 's/true/1/; s/false/0/; s/null/[0,0,0,0]/' \
        -e 's/.*"frame":([0-9]+),.*"visible":([01]),"box":\[([0-9]+)[.0]*,([0-9]+)[.0]*,([0-9]+)[.0]*,([0-9]+)[.0]*\].*/\1 \2 \3 \4 \5 \6/p' \
        "$out/results.json")
echo "the same boxes as the command line's"
