#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well a model file tracks, measured through the samlet command line.

    python3 evaluate.py held WORK/held MODEL.gguf [MODEL.gguf ...]
        the clips of data/held_out.py, by one point and by a box
    python3 evaluate.py video FRAMES --teacher TINY.gguf --box X0,Y0,X1,Y1 --prompt 'point 210,300' MODEL.gguf ...
        a real video, against masks that a model good at single pictures gives when prompted on each frame by a box

Prints a table; --json FILE also writes the figures. Needs no PyTorch.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FOUND = 0.5  # IoU from which an object counts as found again
SMALL = 0.03  # of the frame


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name in ("held", "video"):
        sub = kinds.add_parser(name)
        sub.add_argument("clips", type=Path)
        sub.add_argument("models", type=Path, nargs="+")
        sub.add_argument("--samlet", type=Path, default=ROOT / "build" / "samlet")
        sub.add_argument("--image-size", type=int, help="side of the model's square, where it is not as trained")
        sub.add_argument("--json", type=Path)
        if name == "held":
            sub.add_argument("--first", type=int, default=None, metavar="N", help="only the first N clips")
            continue
        sub.add_argument("--teacher", type=Path, required=True)
        where = sub.add_mutually_exclusive_group(required=True)
        where.add_argument("--box", help="around the object on the first frame; later ones follow the masks")
        where.add_argument("--boxes", type=Path, help="JSON: a box for each frame, where following goes astray")
        sub.add_argument("--prompt", required=True, help="'point X,Y' or 'box X0,Y0,X1,Y1' for the models")
        sub.add_argument("--frames", type=int, default=30)
        sub.add_argument("--masks", type=Path, help="folder that keeps the teacher's masks for the next time")
    return parser.parse_args()


def run(samlet, *words):
    subprocess.run([str(samlet), *map(str, words), "--quiet"], check=True, stdout=subprocess.DEVNULL)


def track(options, model, video, prompt, frames=None):
    """(masks [frames, height, width], visible [frames]) of one object."""
    kind, place = prompt.split()
    with tempfile.TemporaryDirectory() as out:
        run(options.samlet, "track", "--model", model, "--video", video, "--" + kind, place, "--out", out,
            *(["--max-frames", frames] if frames else []),
            *(["--image-size", options.image_size] if options.image_size else []))
        masks = np.stack([np.asarray(Image.open(p)) > 0 for p in sorted(Path(out).glob("[0-9]*.png"))])
        results = json.loads((Path(out) / "results.json").read_text())["results"]
    return masks, np.array([r["visible"] for r in results])


def iou(a, b):
    union = (a | b).sum()
    return (a & b).sum() / union if union else 1.0


def box_of(mask):
    """x0, y0, x1, y1 with the far edges just outside."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def middle_of(mask):
    """The pixel furthest from the outside, by peeling: the middle of what a person would point at."""
    layer = np.pad(mask, 1)
    while True:
        inner = layer[1:-1, 1:-1] & layer[:-2, 1:-1] & layer[2:, 1:-1] & layer[1:-1, :-2] & layer[1:-1, 2:]
        if not inner.any():
            y, x = np.nonzero(layer[1:-1, 1:-1])
            return x[len(x) // 2], y[len(y) // 2]
        layer = np.pad(inner, 1)


def commas(values):
    return ",".join(str(int(v)) for v in values)


# ---- held-out clips --------------------------------------------------------------------------------------------------

def measure_held(options, model, clips, kind):
    first, tracked, small, last, right, absent_found, found = [], [], [], [], [], [], []
    for clip in clips:
        with np.load(clip / "truth.npz") as truth:
            masks, hidden = truth["masks"], int(truth["first_hidden"])
        prompt = f"box {commas(box_of(masks[0]))}" if kind == "box" else f"point {commas(middle_of(masks[0]))}"
        answer, visible = track(options, model, clip, prompt)
        there = masks.mean((1, 2)) > 0.0005
        scores = np.array([iou(a, m) for a, m in zip(answer, masks)])
        first.append(scores[0])
        tracked.append(scores[1:][there[1:]].mean())
        if masks[0].mean() < SMALL:
            small.append(tracked[-1])
        if there[-1]:
            last.append(scores[-1])
        right += list((visible == there)[1:])
        absent_found += list(~visible[1:][~there[1:]])
        if hidden >= 0:
            back = hidden + np.flatnonzero(there[hidden:])[0]
            found.append(scores[back:back + 8].max() >= FOUND)  # within 8 frames of being back
    mean = lambda values: float(np.mean(values)) if values else float("nan")
    return {"prompted frame": mean(first), "tracked": mean(tracked), "small, tracked": mean(small),
            "last frame": mean(last), "presence": mean(right),
            "absent found": mean(absent_found), "found again": mean(found), "clips": len(clips)}


# ---- real video ------------------------------------------------------------------------------------------------------

def segment(samlet, model, image, box):
    with tempfile.TemporaryDirectory() as out:
        run(samlet, "segment", "--model", model, "--image", image, "--box", box, "--out", out)
        return np.asarray(Image.open(Path(out) / "mask_0.png")) > 0


def teacher_masks(options):
    """Frame by frame, by the given boxes or by that of the mask before, with a margin. Look at the masks!"""
    frames = sorted(p for p in options.clips.iterdir() if p.suffix in (".jpg", ".jpeg", ".png"))[:options.frames]
    kept = options.masks / "masks.npz" if options.masks else None
    if kept and kept.exists():
        return np.load(kept)["masks"]
    boxes = json.loads(options.boxes.read_text()) if options.boxes else [list(map(int, options.box.split(",")))]
    if options.boxes:
        frames = frames[:len(boxes)]
    masks = []
    for index, frame in enumerate(frames):
        box = boxes[index] if options.boxes else boxes[-1]
        mask = segment(options.samlet, options.teacher, frame, commas(box))
        masks.append(mask)
        if mask.any():
            x0, y0, x1, y1 = box_of(mask)
            height, width = mask.shape
            dx, dy = 0.08 * (x1 - x0), 0.08 * (y1 - y0)
            boxes.append([max(0, x0 - dx), max(0, y0 - dy), min(width, x1 + dx), min(height, y1 + dy)])
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, masks=np.stack(masks))
    return np.stack(masks)


def measure_video(options, model, truth):
    answer, _ = track(options, model, options.clips, options.prompt, len(truth))
    scores = [iou(a, m) for a, m in zip(answer, truth)]
    return {"prompted frame": float(scores[0]), "tracked": float(np.mean(scores[1:])), "last frame": float(scores[-1]),
            "frames": len(scores)}


def main():
    options = arguments()
    rows = []
    if options.kind == "held":
        clips = sorted(p.parent for p in options.clips.glob("*/truth.npz"))[:options.first]
        if not clips:
            sys.exit(f"evaluate: no clips in {options.clips}; data/held_out.py writes them")
        for model in options.models:
            for kind in ("point", "box"):
                rows.append({"model": model.name, "prompt": kind, **measure_held(options, model, clips, kind)})
    else:
        truth = teacher_masks(options)
        for model in options.models:
            rows.append({"model": model.name, "prompt": options.prompt, **measure_video(options, model, truth)})
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()) + " |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
