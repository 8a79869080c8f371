# SPDX-License-Identifier: Apache-2.0
"""Moving cut-outs on disk: NAME.npy [n, FRAMES, 128, 128, 4] uint8, each a movement that returns to its beginning, and
NAME.txt with a line "package:file" for each. The pixels stay on disk and are shared by all processes. Pieces of video
(films.py) are kept likewise, with FILM_FRAMES."""
import numpy as np

FRAMES, FILM_FRAMES = 16, 18
KINDS = ("people", "turntables")


def save(work, kind, sprites, names):
    np.save(work / (kind + ".npy"), np.stack(sprites))
    (work / (kind + ".txt")).write_text("".join(name + "\n" for name in names))


def load(work, kind):
    """(sprites, names), or None where they were not made."""
    path = work / (kind + ".npy")
    if not path.exists():
        return None
    return np.load(path, mmap_mode="r"), (work / (kind + ".txt")).read_text().splitlines()
