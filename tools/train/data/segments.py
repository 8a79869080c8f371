#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds what lies in the photographs, so that it can be followed where it is, with no edge of a paste around it.

    python3 -m data.segments WORK --model TINY.gguf [--samlet ../../build/samlet]        (in tools/train)

`samlet segment --everything` answers a grid of clicks on every photograph of WORK/pictures.npz. What it is sure of goes
to WORK/segments.npz: `masks` [n, 256, 32], bits of 256 x 256, and `photos` [n], the row of each in `photos`. Needs no
PyTorch. An interrupted run goes on where it was.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from .assets import held_out

SIDE, GRID = 256, 12
SMALLEST, LARGEST = 0.004, 0.5  # of the square


def from_run_lengths(code, height, width):
    """The mask of a COCO run-length string: columns, alternately outside and inside, each run relative to the one two
    before it and written 5 bits a character, lowest first."""
    runs, value, shift = [], 0, 0
    for character in code.encode():
        bits = character - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def segments(options, photo):
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "photo.png"
        Image.fromarray(photo).save(picture)
        subprocess.run([options.samlet, "segment", "--model", options.model, "--image", picture, "--everything",
                        "--points-per-side", str(GRID), "--image-size", str(photo.shape[0]), "--threads",
                        str(options.threads), "--pred-iou-thresh", "0.75", "--stability-score-thresh", "0.9",
                        "--out", folder, "--quiet"], check=True)
        found = json.loads((Path(folder) / "results.json").read_text())["masks"]
    for one in found:
        mask = from_run_lengths(one["segmentation"]["counts"], *one["segmentation"]["size"])
        small = mask.reshape(SIDE, mask.shape[0] // SIDE, SIDE, -1).mean((1, 3)) > 0.5
        if SMALLEST < small.mean() < LARGEST:
            yield np.packbits(small, axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="SAM 2 tiny as GGUF")
    parser.add_argument("--samlet", type=Path, default=Path(__file__).resolve().parents[3] / "build" / "samlet")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with np.load(options.work / "pictures.npz") as file:
        names, photos = [str(n) for n in file["photo_names"]], file["photos"]
    # Whole pictures before parts of them; floors of games show nothing, and what is held out stays out.
    order = [i for _, i in sorted((names[:i].count(name), i) for i, name in enumerate(names)
                                  if not name.startswith("freedoom") and not held_out(name))]
    path = options.work / "segments.npz"
    masks, rows, done = [], [], 0
    if path.exists():
        with np.load(path) as file:
            masks, rows, done = list(file["masks"]), list(file["photos"]), int(file["done"])
    for count in range(done, len(order)):
        found = list(segments(options, photos[order[count]]))
        masks += found
        rows += [order[count]] * len(found)
        if count % 20 == 19 or count + 1 == len(order):
            half = path.with_name("segments.part.npz")
            np.savez_compressed(half, masks=np.stack(masks), photos=np.array(rows), done=count + 1)
            half.rename(path)
            print(f"{count + 1} of {len(order)} photographs, {len(masks)} segments", flush=True)


if __name__ == "__main__":
    sys.exit(main())
