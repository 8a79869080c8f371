#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes bundled_box.npz: what the PyTorch model of tools/train answers on the bundled clip, in brief.

    python3 make_bundled_box.py ../../examples/data/samlet_micro.gguf        (in this folder)

A box on frame 0, then 19 tracked frames, in the order of the published predictor, against whose outputs
tests/golden/test_training_model.py holds this model. Logits are rounded to f16, masks are packed bits at the frame's
size.
"""
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "train"))
from data.render import MEAN, STD  # noqa: E402
from sam2 import weights  # noqa: E402
from sam2.prompt_encoder import BOTTOM_RIGHT, TOP_LEFT  # noqa: E402
from sam2.tracker import Tracker  # noqa: E402

BOX = 0.3, 0.25, 0.6, 0.8  # shares of the frame, as in test_bundled.cpp
OUTPUT = Path(__file__).with_name("bundled_box.npz")


def features_of(model, path):
    """The published video predictor reads a frame so: Pillow's bicubic to a square."""
    size = model.arch.image_size
    picture = Image.open(path).convert("RGB")
    pixels = torch.from_numpy(np.asarray(picture.resize((size, size), Image.BICUBIC), np.float32)) / 255
    return model.encode(((pixels.permute(2, 0, 1) - MEAN[:, None, None]) / STD[:, None, None])[None]), picture.size


def answers(model, frames):
    tracker = Tracker(model, len(frames))
    for number, path in enumerate(frames):
        features, (width, height) = features_of(model, path)
        if number == 0:
            corners = torch.tensor(BOX).view(1, 2, 2) * model.arch.image_size
            low, iou, score = tracker.prompt(features, 0, corners, torch.tensor([[TOP_LEFT, BOTTOM_RIGHT]]))
        else:
            low, iou, score = tracker.track(features, number)
        full = F.interpolate(low, (height, width), mode="bilinear", align_corners=False)
        yield low[0, 0].numpy(), iou.item(), score.item(), np.packbits(full[0, 0].numpy() > 0)


def main():
    torch.set_grad_enabled(False)
    model = weights.load(sys.argv[1])
    frames = sorted((ROOT / "examples" / "data" / "bedroom").glob("*.jpg"))
    logits, ious, scores, bits = zip(*answers(model, frames))
    np.savez_compressed(OUTPUT, logits=np.stack(logits).astype(np.float16), ious=np.array(ious, np.float32),
                        scores=np.array(scores, np.float32), bits=np.stack(bits))


if __name__ == "__main__":
    main()
