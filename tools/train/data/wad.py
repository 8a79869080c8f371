# SPDX-License-Identifier: Apache-2.0
"""Pictures of a Doom WAD file (https://doomwiki.org/wiki/Picture_format): columns of palette indices with gaps."""
import struct

import numpy as np


def directory(data):
    count, offset = struct.unpack_from("<ii", data, 4)
    for i in range(count):
        start, size, name = struct.unpack_from("<ii8s", data, offset + 16 * i)
        yield name.rstrip(b"\0").decode("latin-1"), data[start:start + size]


def picture(lump, palette):
    width, height = struct.unpack_from("<HH", lump)
    rgba = np.zeros((height, width, 4), np.uint8)
    for x, position in enumerate(struct.unpack_from(f"<{width}I", lump, 8)):
        while lump[position] != 255:
            top, length = lump[position], lump[position + 1]
            column = palette[np.frombuffer(lump, np.uint8, length, position + 3)]
            rgba[top:top + length, x, :3] = column
            rgba[top:top + length, x, 3] = 255
            position += length + 4
    return rgba


def sprites_and_textures(path):
    """([rgba], [rgb]): figures and things, and 64 x 64 floors."""
    data = open(path, "rb").read()
    palette, section, sprites, textures = None, "", [], []
    for name, lump in directory(data):
        if name == "PLAYPAL":
            palette = np.frombuffer(lump, np.uint8, 768).reshape(256, 3)
        elif name.endswith(("_START", "_END")):
            section = name
        elif section == "S_START" and len(lump) > 8:
            sprites.append((name, picture(lump, palette)))
        elif section.startswith("F") and section.endswith("_START") and len(lump) == 4096:
            textures.append((name, palette[np.frombuffer(lump, np.uint8).reshape(64, 64)]))
    return sprites, textures
