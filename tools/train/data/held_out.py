#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes clips that training never sees, of pictures that training never sees.

    python3 -m data.held_out WORK [--clips 48] [--seen]        (in tools/train)

WORK/held/NNN holds 30 frames as PNG and truth.npz: `masks` [30, side, side] of the object to follow, `first_hidden` the
frame from which it is fully hidden for at least 5 frames, or -1 (three clips in four). With --seen, WORK/seen/NNN holds
other clips, of the pictures that training sees: to choose by, so that the held-out ones stay out of every choice.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .pictures import Pictures
from .render import render

SIDE, FRAMES, HIDDEN = 320, 30, 5
LARGE_ENOUGH = 0.01  # of the frame, when it is prompted


def clip(rng, pictures, occluded):
    """(images, masks, first hidden frame): tries until there is something to follow that stays for half of the clip."""
    while True:
        first = int(rng.integers(8, 16))
        made = render(rng, pictures, 1, FRAMES, SIDE, occluded=(first, HIDDEN) if occluded else None)
        owners = made.owners[0]
        for name in rng.permutation(np.arange(1, int(owners.max()) + 1)):
            masks = owners == (2 if occluded else int(name))
            area = masks.flatten(1).float().mean(1)
            hidden = torch.nonzero(area == 0).flatten().tolist()
            if area[0] < LARGE_ENOUGH or (area > 0.0005).sum() < FRAMES // 2:
                continue
            if occluded and not (set(range(first, first + HIDDEN)) <= set(hidden) and len(hidden) <= HIDDEN + 4
                                 and area[-8:].min() > 0.5 * LARGE_ENOUGH):
                continue
            return made.images[0], masks, hidden[0] if occluded else -1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--clips", type=int, default=48)
    parser.add_argument("--seen", action="store_true")
    options = parser.parse_args()
    pictures = Pictures(options.work, held=not options.seen, moves=False)
    pictures.segments = [None] * len(pictures.segments)  # what is followed is in front of the photograph
    name, seed = ("seen", 4242) if options.seen else ("held", 99)
    for index in range(options.clips):
        folder = options.work / name / f"{index:03d}"
        if (folder / "truth.npz").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        images, masks, hidden = clip(np.random.default_rng([seed, index]), pictures, index % 4 == 3)
        pixels = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
        for frame, picture in enumerate(pixels):
            Image.fromarray(picture).save(folder / f"{frame:05d}.png")
        np.savez_compressed(folder / "truth.npz", masks=masks.numpy(), first_hidden=hidden)
        print(f"{folder}: {'hidden from frame %d on' % hidden if hidden >= 0 else 'in sight'}", flush=True)


if __name__ == "__main__":
    main()
