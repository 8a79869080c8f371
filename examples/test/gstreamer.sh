#!/usr/bin/env bash
# gstreamer.sh GST_LAUNCH FOLDER TRACK: runs the element samlettrack in pipelines, in FOLDER. What it says of the clip
# must be what TRACK, the C program, prints for the same pictures.
# SPDX-License-Identifier: Apache-2.0
#
# Environment: SAMLET_MODEL, the model; SAMLET_POINT, two numbers; SAMLET_JPEGS, the clip.
set -euo pipefail
launch=$1 folder=$2 track=$3
read -r x y <<<"$SAMLET_POINT"
rm -rf "$folder"
mkdir -p "$folder/jpeg" "$folder/frames" "$folder/overlay"
cd "$folder"

fail() { echo "$*"; exit 1; }
count=0
for jpeg in "$SAMLET_JPEGS"/*.jpg; do
    ln -s "$jpeg" "$(printf 'jpeg/%05d.jpg' $count)"
    count=$((count + 1))
done
clip=(multifilesrc location=jpeg/%05d.jpg caps=image/jpeg,framerate=6/1)
follow=(samlettrack "model=$SAMLET_MODEL" "point=$x,$y" "clip-length=$count")

# The messages of gst-launch -m, in the words of the C program.
reports() {
    sed -nE 's/.*: samlettrack, frame=\(gint64\)([0-9]+),.* box=\(int\)< ([0-9]+), ([0-9]+), ([0-9]+), ([0-9]+) >,.* score=\(float\)([^,]+), iou=\(float\)([^,]+), visible=\(boolean\)([a-z]+),.*/\1 \6 \7 \8 \2 \3 \4 \5/p' "$1" |
        LC_ALL=C awk '{ printf "frame %d score %.3f iou %.3f visible %d box %d %d %d %d\n",
            $1, $2, $3, $4 == "true", $5, $6, $7, $8 }'
}

# The pictures that the element gets go to the C program too: JPEG decoders differ in the last bits. Nothing may be left
# alive at the end.
GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_FILE=leaks.log \
    "$launch" -m "${clip[@]}" ! jpegdec ! videoconvert ! video/x-raw,format=RGB ! tee name=pictures \
    pictures. ! queue ! multifilesink location=frames/%05d.rgb \
    pictures. ! queue ! "${follow[@]}" ! videoconvert ! pngenc compression-level=1 ! \
    multifilesink location=overlay/%05d.png >messages.log
if grep 'object-alive, type-name=(string)[A-Z]' leaks.log; then fail "these objects are left"; fi
for picture in frames/*.rgb; do
    { printf 'P6 960 540 255\n'; cat "$picture"; } >"${picture%.rgb}.ppm"
done
"$track" "$SAMLET_MODEL" "$x" "$y" frames/*.ppm | grep ^frame >c.txt
reports messages.log >gstreamer.txt
[ "$(wc -l <gstreamer.txt)" = $count ] || fail "reports of $(wc -l <gstreamer.txt) frames instead of $count"
cmp gstreamer.txt c.txt
overlays=(overlay/*.png)
[ ${#overlays[@]} = $count ] || fail "${#overlays[@]} overlays instead of $count"
echo "the same $count lines as the C program's"

# A file with a container, into a decoder that it chooses.
"$launch" -q "${clip[@]}" ! avimux ! filesink location=clip.avi
"$launch" -m filesrc location=clip.avi ! decodebin ! videoconvert ! "${follow[@]}" ! videoconvert ! fakesink >file.log
[ "$(reports file.log | wc -l)" = $count ] || fail "reports of $(reports file.log | wc -l) frames of the file"

# A camera that is faster than any machine tracks: it ends in time, and what is dropped is told.
"$launch" -m videotestsrc is-live=true num-buffers=200 ! video/x-raw,width=640,height=480,framerate=400/1 ! \
    samlettrack "model=$SAMLET_MODEL" point=320,240 max-lateness=20000000 ! fakesink sync=true >live.log
tracked=$(reports live.log | wc -l)
[ "$tracked" -ge 1 ] || fail "no frame of the live source was tracked"
echo "live: $tracked of 200 frames tracked, $(grep -c '(qos)' live.log || true) messages about dropped ones"

# What cannot work says why, in the library's words.
if "$launch" -q videotestsrc num-buffers=1 ! samlettrack model=/nowhere.gguf ! fakesink 2>error.log; then
    fail "a missing model is no error"
fi
grep -q "/nowhere.gguf" error.log || fail "the error does not name the file: $(cat error.log)"
