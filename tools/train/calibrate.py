#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Moves the score from which an object counts as present.

    python3 calibrate.py MODEL.pt SHIFT OUTPUT.pt

Training sees short clips, where an object that is judged absent by mistake comes back soon; in a long one it is lost
with its memory. A positive SHIFT forgives more. Choose it on clips of the training pictures (data/held_out.py --seen),
not on the held-out ones.
"""
import sys

import torch

from sam2 import weights

BIAS = "sam_mask_decoder.pred_obj_score_head.layers.2.bias"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    state = weights.load(sys.argv[1]).state_dict()
    state[BIAS] = state[BIAS] + float(sys.argv[2])
    weights.save(state, sys.argv[3])


if __name__ == "__main__":
    main()
