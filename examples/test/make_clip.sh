#!/usr/bin/env bash
# make_clip.sh JPEGS CLIP: the JPEG files of a folder as PPM files in the folder CLIP.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
command -v djpeg >/dev/null || { echo "skipped: no djpeg (Debian: libjpeg-turbo-progs)"; exit 77; }
rm -rf "$2"
mkdir -p "$2"
for jpeg in "$1"/*.jpg; do
    djpeg -ppm -outfile "$2/$(basename "$jpeg" .jpg).ppm" "$jpeg"
done
