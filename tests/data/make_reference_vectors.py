#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes bicubic_pillow.inc and rle_coco.inc: what Pillow and pycocotools answer on small synthetic pictures.

The tests make the same pictures from the same numbers, so only the answers are stored. Needs Pillow, NumPy and
pycocotools; run it in this folder. Pillow 9.4 and cocoapi 2.0 wrote the committed files.
"""
import numpy as np
from PIL import Image
from pycocotools import mask as coco


class Lcg:
    """The generator of the tests: Numerical Recipes' constants, upper byte."""

    def __init__(self, seed):
        self.state = seed

    def byte(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state >> 24


def picture(kind, width, height):
    lcg = Lcg(width * 1000 + height)
    out = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                byte = lcg.byte()
                out[y, x, c] = [byte, 255 if byte > 127 else 0, (7 * x + 13 * y + 50 * c) % 256][kind]
    return out


def bits(width, height, density):
    lcg = Lcg(width * 1000 + height)
    return np.array([lcg.byte() < density for _ in range(width * height)], np.uint8).reshape(height, width)


BICUBIC = [
    # kind, width, height, size
    (0, 40, 30, 16),  # down
    (1, 61, 47, 24),  # down, overshoot clipped
    (0, 7, 5, 16),  # up
    (1, 3, 9, 13),  # up, overshoot clipped
    (0, 16, 16, 16),  # equal: a copy
    (0, 33, 16, 16),  # equal height: one pass only
    (0, 16, 27, 16),  # equal width
    (2, 1, 1, 8),
    (0, 1, 9, 8),
    (0, 300, 2, 12),  # strongly down and up
    (0, 5, 5, 1),
    (2, 96, 54, 26),  # a video's ratio
]
RLE = [
    # width, height, share of set pixels in 256ths
    (1, 1, 0), (1, 1, 256), (5, 4, 0), (5, 4, 256), (8, 8, 128), (17, 3, 30), (64, 64, 2), (64, 64, 254), (30, 41, 100),
]


def main():
    with open("bicubic_pillow.inc", "w") as f:
        f.write("// Written by make_reference_vectors.py: kind, width, height, size, Pillow's bytes [size][size][3] in hex.\n")
        for kind, width, height, size in BICUBIC:
            resized = np.array(Image.fromarray(picture(kind, width, height)).resize((size, size), Image.BICUBIC))
            text = resized.tobytes().hex()
            f.write(f"{{{kind}, {width}, {height}, {size},\n")
            f.writelines(f' "{text[i : i + 116]}"\n' for i in range(0, len(text), 116))
            f.write("},\n")
    with open("rle_coco.inc", "w") as f:
        f.write("// Written by make_reference_vectors.py: width, height, density, compressed counts of pycocotools.\n")
        for width, height, density in RLE:
            text = coco.encode(np.asfortranarray(bits(width, height, density)))["counts"].decode()
            text = text.replace("\\", "\\\\").replace("?", "\\?")
            f.write(f"{{{width}, {height}, {density},\n")
            at = 0
            while at < len(text):
                end = min(at + 116, len(text))
                while end < len(text) and text[end - 1] == "\\" and (end - at) > 1:
                    end -= 1  # do not cut an escape in two
                f.write(f' "{text[at:end]}"\n')
                at = end
            f.write("},\n")


if __name__ == "__main__":
    main()
