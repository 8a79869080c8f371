#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Solid things that turn: the models of sweethome3d-furniture, people and animals among them, as moving cut-outs.

    python3 -m data.turntables WORK       WORK/turntables.npy and .txt are the result, see moving.py
"""
import argparse
import io
import posixpath
import random
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from .assets import files
from .moving import FRAMES, save
from .splat import Surface, sequence, strew, view

LARGEST_FILE = 2_500_000
LIVING = re.compile(r"reallusion/|male|cat/|dog|horse|deer|chicken|bird|teddy|cow|fish|caballito|mannequin", re.I)
FLAT = re.compile(r"window|door|plug|switch|rj-45|antenna|dimmer|fleche|stationnement|passage|tatami|carpet|rug|billet"
                  r"|wall|curtain|shadow|fence|railing|stair|pool|column|mat/|tile|hedge", re.I)


def read_materials(archive, path):
    """{name: (colour [3], texture or None)}; what is hardly there is left out."""
    out, name, folder = {}, None, posixpath.dirname(path)
    if path not in archive.namelist():
        return out
    colour, texture, solid = np.array([0.6, 0.6, 0.6]), None, 1.0

    def keep():
        if name is not None:
            out[name] = (colour, texture) if solid > 0.3 else None
    for line in archive.read(path).decode("latin-1").splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] == "newmtl":
            keep()
            name, colour, texture, solid = " ".join(word[1:]), np.array([0.6, 0.6, 0.6]), None, 1.0
        elif word[0] == "Kd":
            colour = np.array([float(x) for x in word[1:4]])
        elif word[0] == "d" and len(word) > 1:
            solid = float(word[1])
        elif word[0] == "map_Kd":
            picture = posixpath.join(folder, " ".join(word[1:]).replace("\\", "/").split("/")[-1])
            if picture in archive.namelist():
                texture = Image.open(io.BytesIO(archive.read(picture))).convert("RGB")
                texture.thumbnail((512, 512))
                texture = np.asarray(texture, np.float32) / 255
    keep()
    return out


def read_model(archive, path):
    """(vertices, [(triangles, texture places by corner [t, 3, 2], material name)])"""
    vertices, places, groups, name = [], [[0.0, 0.0]], {}, None
    for line in archive.read(path).decode("latin-1").splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] == "v":
            vertices.append([float(x) for x in word[1:4]])
        elif word[0] == "vt":
            places.append([float(x) for x in word[1:3]])
        elif word[0] == "usemtl":
            name = " ".join(word[1:])
        elif word[0] == "f":
            corner = []
            for c in word[1:]:
                part = (c.split("/") + [""])[:2]
                v, t = int(part[0]), int(part[1] or 0)
                corner.append((v - 1 if v > 0 else len(vertices) + v, t if t >= 0 else len(places) + t))
            groups.setdefault(name, []).extend((corner[0], corner[i], corner[i + 1]) for i in range(1, len(corner) - 1))
    places = np.array(places)
    meshes = []
    for name, faces in groups.items():
        faces = np.array(faces)
        meshes.append((faces[..., 0], places[faces[..., 1]], name))
    return np.array(vertices), meshes


def turntable(rng, vertices, meshes, materials):
    meshes = [m for m in meshes if materials.get(m[2], ()) is not None]
    everything = np.concatenate([m[0] for m in meshes])
    yaw, pitch = rng.uniform(-3.14, 3.14), rng.uniform(-0.1, 0.7)
    around, swing, nod = rng.random() < 0.25, rng.uniform(0.1, 0.9), rng.uniform(0, 0.2)
    frames = []
    for frame in range(FRAMES):
        moment = 2 * np.pi * frame / FRAMES
        turn = moment if around else swing * np.sin(moment)
        frames.append(vertices @ view(yaw + turn, pitch + nod * np.sin(moment + 1)).T)

    def strewn(pixels):
        pieces = []
        for triangles, places, name in meshes:
            which, inner = strew(rng, vertices, triangles, pixels)
            colour, texture = materials.get(name) or (np.array([0.6, 0.6, 0.6]), None)
            colours = np.broadcast_to(colour, (len(which), 3))
            if texture is not None:
                at = (places[which] * inner[..., None]).sum(1) % 1
                height, width = texture.shape[:2]
                colours = texture[((1 - at[:, 1]) * (height - 1)).astype(int), (at[:, 0] * (width - 1)).astype(int)]
            pieces.append((triangles[which], inner, colours, 0.9 * colours))
        return Surface(*(np.concatenate(p) for p in zip(*pieces)))
    return sequence(rng, frames, everything, strewn)


def usable(sprites):
    """Neither a wire nor a pane at any time."""
    solid = (sprites[..., 3] > 128).mean((1, 2))
    return solid.min() > 0.08 and solid.max() < 0.97


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--most", type=int, default=700)
    options = parser.parse_args()
    models = []
    for path in files(options.work, "sweethome3d-furniture", r"\.sh3f$"):
        with zipfile.ZipFile(path) as archive:
            models += [(path, i.filename) for i in archive.infolist()
                       if i.filename.lower().endswith(".obj") and i.file_size < LARGEST_FILE
                       and not FLAT.search(i.filename)]
    random.Random(3).shuffle(models)
    models.sort(key=lambda m: not LIVING.search(m[1]))
    sprites, names = [], []
    for path, name in models:
        with zipfile.ZipFile(path) as archive:
            try:
                vertices, meshes = read_model(archive, name)
                materials = read_materials(archive, name[:-4] + ".mtl")
                for take in range(6 if LIVING.search(name) else 1):
                    drawn = turntable(np.random.default_rng([zlib.crc32(name.encode()), take]), vertices, meshes,
                                      materials)
                    if usable(drawn):
                        sprites.append(drawn)
                        names.append(f"sweethome3d-furniture:{name}")
            except (OSError, ValueError, IndexError):
                continue  # a damaged or exotic file
        print(f"\r{len(names)}", end="", flush=True)
        if len(names) >= options.most:
            break
    print()
    save(options.work, "turntables", sprites, names)


if __name__ == "__main__":
    main()
