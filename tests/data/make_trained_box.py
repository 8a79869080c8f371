#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes trained_box.npz: what the reference answers with the trained micro model on the bundled clip, in brief.

The scenario "box" of the reference data (SAMLET_GOLDEN_DIR, see tests/support/golden.h): a box on frame 0, then 19
tracked frames. Logits are rounded to f16, masks are packed bits at the frame's size. Run it in this folder.
"""
import os

import numpy as np

FRAMES = 20

golden = np.load(os.path.join(os.environ["SAMLET_GOLDEN_DIR"], "golden", "trained", "box.npz"))


def stacked(what):
    return np.stack([golden[f"f{frame:03}_o1_{what}"].squeeze() for frame in range(FRAMES)])


np.savez_compressed(
    "trained_box.npz",
    logits=stacked("pred_masks").astype(np.float16),
    # Of several candidates the reference takes the one with the highest IoU.
    ious=np.array([golden[f"f{frame:03}_o1_ious"].max() for frame in range(FRAMES)], np.float32),
    scores=stacked("object_score_logits").astype(np.float32),
    bits=stacked("video_res.bits"),
)
