#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cuts objects out of the photographs, with a published model as the scissors.

    python3 -m data.cutouts WORK --teacher sam2_hiera_tiny.safetensors [--photos 60]        (in tools/train)

Every photograph gets a grid of clicks, as `samlet segment --multimask` would answer them, but encoded once for all
clicks. What the model is sure of, what is neither a speck nor the whole scene and does not touch the border is kept as
a cut-out of the package "photograph" in WORK/cutouts.npz, which Pictures reads beside pictures.npz.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from sam2 import weights

from .assets import sprite
from .render import Clips

GRID, SIZE = 6, 512
SURE, SMALLEST, LARGEST = 0.85, 0.015, 0.4
SAME = 0.6  # IoU from which two cut-outs are one object


def candidates(model, photo, grid):
    """(masks, ious) of grid x grid clicks; photo [3, 512, 512] in 0..1"""
    features = model.encode(Clips(photo[None], None).normalised())
    axis = (torch.arange(grid) + 0.5) / grid * SIZE
    clicks = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(-1, 1, 2)
    decoded = model.decode(model.unconditioned(features).expand(len(clicks), -1, -1, -1), features, clicks,
                           torch.ones(len(clicks), 1))
    return decoded.masks[:, 1:].flatten(0, 1), decoded.ious[:, 1:].flatten()


def worth_keeping(logits):
    mask = logits > 0
    area = mask.float().mean()
    border = torch.cat((mask[0], mask[-1], mask[:, 0], mask[:, -1])).float().mean()
    stable = (logits > 1).sum() / (logits > -1).sum().clamp(min=1)
    return SMALLEST < area < LARGEST and border < 0.02 and stable > 0.85


def cut(model, photo):
    """Cut-outs of one photograph as RGBA pictures, the surest first."""
    logits, ious = candidates(model, photo, GRID)
    taken = []
    for index in ious.argsort(descending=True).tolist():
        if ious[index] < SURE:
            break
        mask = logits[index] > 0
        if worth_keeping(logits[index]) and all((mask & other).sum() < SAME * (mask | other).sum() for other in taken):
            taken.append(mask)
            alpha = F.interpolate(logits[index][None, None], (SIZE, SIZE), mode="bicubic", align_corners=False)[0]
            alpha = (alpha * 2).sigmoid()
            pixels = (torch.cat((photo, alpha)) * 255).round().byte().permute(1, 2, 0).numpy()
            yield Image.fromarray(pixels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--photos", type=int, default=10 ** 6)
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    model = weights.load(options.teacher)
    with np.load(options.work / "pictures.npz") as file:
        names, photos = [str(n) for n in file["photo_names"]], file["photos"]
    # Whole pictures before parts of them.
    order = sorted((names[:i].count(name), i) for i, name in enumerate(names) if not name.startswith("freedoom"))
    kept, kept_names = [], []
    for count, (_, index) in enumerate(order[:options.photos]):
        photo = torch.from_numpy(photos[index]).permute(2, 0, 1).float() / 255
        for picture in cut(model, photo):
            pixels = sprite(picture)
            if pixels is not None:
                kept.append(pixels)
                kept_names.append(f"photograph:{names[index]}")
        print(f"{count + 1} photographs, {len(kept)} cut-outs", flush=True)
    np.savez(options.work / "cutouts.npz", sprites=np.stack(kept), sprite_names=kept_names)


if __name__ == "__main__":
    main()
