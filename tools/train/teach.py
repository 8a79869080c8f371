#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pictures with what a trained image encoder sees in them, for the first phase of training.

    python3 teach.py WORK --teacher sam2_hiera_tiny.safetensors --images 1500 [--seed 0]

Any published checkpoint serves (Apache-2.0). Half of the pictures are frames of rendered clips, half are photographs.
A shard of WORK/taught holds `images` [n, 3, 256, 256] uint8 and `features` [n, 256, 16, 16] float16.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from data.pictures import Pictures
from data.render import Clips, backgrounds, render
from sam2 import weights

SIZE, SEEN = 256, 384  # the student's image; the teacher sees more
SHARD = 20


def shrink(maps, size):
    return F.interpolate(maps, (size, size), mode="bilinear", align_corners=False, antialias=True)


def pictures_of(rng, pictures, count):
    half = count // 2
    plain = backgrounds(rng, pictures, count - half, 1, SEEN)
    return torch.cat((render(rng, pictures, half, 1, SEEN).images, plain))[:, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()

    rng = np.random.default_rng([7, options.seed])
    pictures = Pictures(options.work, device=options.device)
    teacher = weights.load(options.teacher).to(options.device)
    target = options.work / "taught"
    target.mkdir(exist_ok=True)
    with torch.no_grad():
        for shard in range(-(-options.images // SHARD)):
            seen = pictures_of(rng, pictures, SHARD)
            features = teacher.encode(Clips(seen, None).normalised()).top
            features, images = shrink(features, SIZE // 16), shrink(seen, SIZE)
            path = target / f"{options.seed:02d}_{shard:04d}.npz"
            half = path.with_suffix(".part.npz")
            np.savez(half, images=(images.clamp(0, 1) * 255).round().byte().cpu().numpy(),
                     features=features.half().cpu().numpy())
            half.rename(path)
            print(f"{path}: {SHARD * (shard + 1)} of {options.images}", flush=True)


if __name__ == "__main__":
    main()
