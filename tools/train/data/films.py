#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Follows what real video shows, with a published model as the eye, so that ours learns how real things move.

    python3 -m data.films WORK --teacher sam2_hiera_tiny.safetensors [--part 0/4]        (in tools/train)

On the first frame of a piece of video a grid of clicks finds things; on every further one each is asked for by a box
around where it was, and given up where the answer is not sure or not where it was. WORK/films.npy is [n, FRAMES, SIDE,
SIDE, 4] uint8: colours, and a bit for each of up to eight things where it is seen; WORK/films.txt has a line
"package:file" for each. --part I/N makes only every N-th piece, into WORK/films/; run without it afterwards.
"""
import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from sam2 import weights
from sam2.prompt_encoder import BOTTOM_RIGHT, TOP_LEFT

from .assets import files
from .cutouts import SIZE, candidates
from .moving import FILM_FRAMES as FRAMES
from .render import Clips
from .sources import SOURCES

SIDE = 320              # of what is kept; the teacher sees SIZE
RATE = 15               # frames a second at most
PIECES = 10             # of one video at most
GRID, THINGS = 10, 8
SURE, SAME = 0.8, 0.5   # predicted IoU; IoU with the frame before, above which it is the same thing
SMALLEST, LARGEST = 0.004, 0.5


def videos(work):
    """(name, path) of every video; a small preview only where the video itself is missing."""
    for source in SOURCES:
        if "video" in source.holds:
            root = work / "packages" / source.package.replace("/", "+")
            found = {}
            for path in sorted(files(work, source.package, r"\.(mkv|mp4|gif)$"), key=lambda p: p.suffix == ".gif"):
                found.setdefault(path.stem, path)
            for path in found.values():
                yield f"{source.package}:{path.relative_to(root)}", path


def read(path):
    """Frames [height, width, 3] of SIDE rows, RATE a second at most."""
    video = cv2.VideoCapture(str(path))
    step = max(1, round(video.get(cv2.CAP_PROP_FPS) / RATE))
    frames = []
    while video.grab():
        frames.append(video.retrieve()[1] if len(frames) % step == 0 else None)
    frames = [f for f in frames if f is not None]
    return [cv2.resize(f[..., ::-1], (round(f.shape[1] * SIDE / f.shape[0]), SIDE), interpolation=cv2.INTER_AREA)
            for f in frames]


def pieces(frames):
    """Where to cut: the pieces in which most happens, in their order."""
    small = np.stack([cv2.resize(f, (64, 36), interpolation=cv2.INTER_AREA) for f in frames]).astype(np.float32)
    change = np.abs(np.diff(small, axis=0)).mean((1, 2, 3))
    starts = range(0, len(frames) - FRAMES + 1, FRAMES)
    return sorted(sorted(starts, key=lambda s: -change[s:s + FRAMES - 1].mean())[:PIECES])


def overlap(a, b):
    """IoU of masks [..., height, width]."""
    return (a & b).sum((-2, -1)) / (a | b).sum((-2, -1)).clamp(min=1)


def find(model, picture):
    """Masks [things, height, width], low-res, on the first frame: the surest first, each once."""
    logits, ious = candidates(model, picture, GRID)
    stable = (logits > 1).sum((1, 2)) / (logits > -1).sum((1, 2)).clamp(min=1)
    share = (logits > 0).float().mean((1, 2))
    good = (ious > SURE) & (stable > 0.9) & (share > SMALLEST) & (share < LARGEST)
    taken = []
    for index in ious.argsort(descending=True).tolist():
        mask = logits[index] > 0
        if good[index] and len(taken) < THINGS and all(overlap(mask, other) < 0.6 for other in taken):
            taken.append(mask)
    return torch.stack(taken) if taken else torch.zeros(0, *logits.shape[1:], dtype=torch.bool)


def box_around(masks):
    """[n, 2, 2]: corners in pixels of the teacher's square."""
    scale = SIZE / masks.shape[-1]
    corners = []
    for mask in masks:
        y, x = mask.any(1).nonzero(), mask.any(0).nonzero()
        corners.append([[x.min(), y.min()], [x.max() + 1, y.max() + 1]])
    return torch.tensor(corners, dtype=torch.float32) * scale


def follow(model, frames):
    """(which of its pixels each thing has [things, FRAMES, SIDE, SIDE]) of those that were never lost."""
    pictures = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255
    pictures = F.interpolate(pictures, (SIZE, SIZE), mode="bicubic", align_corners=False).clamp(0, 1)
    masks, kept, seen = None, None, []
    for picture in pictures:
        if masks is None:
            masks = find(model, picture)
            kept = torch.arange(len(masks))
            logits = masks.float() * 2 - 1
        elif len(kept):
            features = model.encode(Clips(picture[None], None).normalised())
            decoded = model.decode(model.unconditioned(features).expand(len(kept), -1, -1, -1), features,
                                   box_around(masks), torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]]).expand(len(kept), -1))
            same = overlap(decoded.masks > 0, masks[:, None])
            rows, best = torch.arange(len(kept)), (same + 0.5 * decoded.ious).argmax(1)
            there = (same[rows, best] > SAME) & (decoded.ious[rows, best] > SURE - 0.1)
            logits = decoded.masks[rows, best][there]
            masks, kept = logits > 0, kept[there]
            seen = [s[there] for s in seen]
        if not len(kept):
            return torch.zeros(0, FRAMES, SIDE, SIDE, dtype=torch.bool)
        seen.append(F.interpolate(logits[:, None], (SIDE, SIDE), mode="bilinear", align_corners=False)[:, 0] > 0)
    return torch.stack(seen, 1)


def film(model, frames, seed):
    """[FRAMES, SIDE, SIDE, 4] of a square somewhere in the frame, every other one backwards."""
    x = int(np.random.default_rng(seed).integers(frames[0].shape[1] - SIDE + 1))
    frames = [f[:, x:x + SIDE] for f in frames]
    things = follow(model, frames[::-1] if seed % 2 else frames).numpy()
    bits = np.zeros((FRAMES, SIDE, SIDE), np.uint8)
    for number, thing in enumerate(things[:, ::-1] if seed % 2 else things):
        bits |= thing.astype(np.uint8) << number
    return np.concatenate((np.stack(frames), bits[..., None]), -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--part")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    part, parts = map(int, options.part.split("/")) if options.part else (0, 1)
    model = weights.load(options.teacher)
    (options.work / "films").mkdir(exist_ok=True)
    films, names = [], []
    for name, path in videos(options.work):
        frames = read(path)
        starts = pieces(frames) if len(frames) >= FRAMES and frames[0].shape[1] >= SIDE else []
        for start in starts:
            seed = len(names)
            names.append(name)
            if seed % parts != part:
                continue
            kept = options.work / "films" / f"{seed}.npy"
            if not kept.exists():
                np.save(kept, film(model, frames[start:start + FRAMES], seed))
            films.append(np.load(kept))
            print(f"{name}, from {start}: {int(films[-1][..., 3].max()).bit_length()} things", flush=True)
    if parts == 1:
        rows = [i for i, made in enumerate(films) if made[..., 3].any()]
        np.save(options.work / "films.npy", np.stack([films[i] for i in rows]))
        (options.work / "films.txt").write_text("".join(names[i] + "\n" for i in rows))


if __name__ == "__main__":
    main()
