#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""People who walk, sit, jump and wave, from MakeHuman's bodies and clothes (CC0-1.0), as moving cut-outs.

    python3 -m data.people WORK [--count 480]     WORK/people.npy and .txt are the result, see moving.py

The repositories keep their pictures of skin and cloth elsewhere; here skin is plain, and cloth plain, striped or a
photograph.
"""
import argparse
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .moving import FRAMES, save
from .splat import Surface, sequence, strew, view

BODY_PARTS = ("body",)
SHOES = tuple(f"shoes0{i}" for i in range(1, 7))
HAIR = {"male": ("short01", "short02", "short03", "short04", "afro01"),
        "female": ("bob01", "bob02", "braid01", "long01", "ponytail01", "short02")}


# ---- MakeHuman's files -----------------------------------------------------------------------------------------------

def read_mesh(path, groups=None):
    """(vertices, triangles) of an OBJ file, of the named groups only."""
    vertices, triangles, wanted = [], [], True
    for line in path.read_text().splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] == "v":
            vertices.append([float(x) for x in word[1:4]])
        elif word[0] == "g" and groups:
            wanted = len(word) > 1 and word[1] in groups
        elif word[0] == "f" and wanted:
            corner = [int(c.split("/")[0]) - 1 for c in word[1:]]
            triangles += [(corner[0], corner[i], corner[i + 1]) for i in range(1, len(corner) - 1)]
    return np.array(vertices), np.array(triangles)


class Garment(NamedTuple):
    """How the vertices of clothes or hair hang on those of the body."""
    triangles: np.ndarray
    corners: np.ndarray   # [n, 3] vertices of the body
    weights: np.ndarray   # [n, 3]
    offset: np.ndarray    # [n, 3], by `scales`
    scales: list          # (axis, vertex, vertex, length)
    hidden: np.ndarray    # vertices of the body that lie under it

    def fitted(self, body):
        scale = np.ones(3)
        for axis, a, b, length in self.scales:
            scale[axis] = abs(body[a, axis] - body[b, axis]) / length
        return (body[self.corners] * self.weights[..., None]).sum(1) + self.offset * scale


def read_garment(path):
    corners, weights, offset, scales, hidden, part = [], [], [], [], [], None
    for line in path.read_text().splitlines():
        word = line.split()
        if not word or word[0].startswith("#"):
            continue
        if word[0] in ("verts", "delete_verts"):
            part = word[0]
        elif re.match(r"[xyz]_scale", word[0]):
            scales.append(("xyz".index(word[0][0]), int(word[1]), int(word[2]), float(word[3])))
        elif part == "verts" and word[0].lstrip("-").isdigit():
            if len(word) == 1:
                word = [word[0]] * 3 + ["1", "0", "0", "0", "0", "0"]
            corners.append([int(w) for w in word[:3]])
            weights.append([float(w) for w in word[3:6]])
            offset.append([float(w) for w in word[6:9]])
        elif part == "delete_verts":
            for a, b in re.findall(r"(\d+)(?: - (\d+))?", line):
                hidden += range(int(a), int(b or a) + 1)
    triangles = read_mesh(next(path.parent.glob(path.stem + ".obj")))[1]
    return Garment(triangles, np.array(corners), np.array(weights), np.array(offset), scales, np.array(hidden, int))


class Human:
    """The mesh, its bones and what can be put on it."""

    def __init__(self, work):
        core = work / "packages/makehumancommunity+makehuman/makehuman/data"
        self.assets = work / "packages/makehumancommunity+makehuman-assets/base"
        self.targets = core / "targets/macrodetails"
        self.vertices, self.triangles = read_mesh(core / "3dobjs/base.obj", BODY_PARTS)
        skeleton = json.loads((core / "rigs/default.mhskel").read_text())
        weights = json.loads((core / "rigs/default_weights.mhw").read_text())["weights"]
        self.parents, self.heads = {}, {}
        waiting = dict(skeleton["bones"])
        while waiting:  # parents before children
            for name in [n for n, b in waiting.items() if b["parent"] is None or b["parent"] in self.parents]:
                bone = waiting.pop(name)
                self.parents[name] = bone["parent"]
                self.heads[name] = skeleton["joints"][bone["head"]]
        self.bones = list(self.parents)
        self.weights = np.zeros((len(self.vertices), len(self.bones)), np.float32)
        for name, pairs in weights.items():
            index, value = np.array(pairs).T
            self.weights[index.astype(int), self.bones.index(name)] = value
        self.weights /= np.maximum(self.weights.sum(1, keepdims=True), 1e-6)
        self.cache = {}

    def target(self, name):
        if name not in self.cache:
            lines = (self.targets / (name + ".target")).read_text().splitlines()
            rows = np.array([line.split() for line in lines if line and line[0] != "#"], float).reshape(-1, 4)
            self.cache[name] = rows[:, 0].astype(int), rows[:, 1:]
        return self.cache[name]

    def body(self, rng, gender):
        shape = self.vertices.copy()
        age = rng.choice(["child", "young", "old"], p=[0.4, 0.45, 0.15])
        muscle, weight = rng.choice(["minmuscle", "averagemuscle", "maxmuscle"]), \
            rng.choice(["minweight", "averageweight", "maxweight"], p=[0.25, 0.5, 0.25])
        race = rng.choice(["african", "asian", "caucasian"])
        for name in (f"{race}-{gender}-{age}", f"universal-{gender}-{age}-{muscle}-{weight}"):
            index, offset = self.target(name)
            shape[index] += offset
        return shape

    def garment(self, kind, name):
        if (kind, name) not in self.cache:
            folder = self.assets / kind / name
            path = folder / (name + ".mhclo")
            self.cache[kind, name] = read_garment(path if path.exists() else next(folder.glob("*.mhclo")))
        return self.cache[kind, name]

    def posed(self, shape, pose):
        """[bones, 3, 4]: where a pose, rotations by bone about the axes of the rest position, takes each bone."""
        out = {}
        for name in self.bones:
            head = shape[self.heads[name]].mean(0)
            turn = pose.get(name, np.eye(3))
            parent = out.get(self.parents[name], (np.eye(3), np.zeros(3)))
            rotation = parent[0] @ turn
            out[name] = rotation, parent[0] @ head + parent[1] - rotation @ head
        return np.stack([np.concatenate((r, t[:, None]), 1) for r, t in out.values()])


def skinned(vertices, weights, bones):
    each = np.einsum("vb,bij->vij", weights, bones.astype(np.float32), optimize=True)
    return np.einsum("vij,vj->vi", each[..., :3], vertices) + each[..., 3]


# ---- what they do ----------------------------------------------------------------------------------------------------

def rotation(axis, angle):
    """Rodrigues."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k


def movement(rng):
    """f(moment in 0..2 pi) -> rotations of bones. The rest position stretches the arms half down."""
    what = rng.choice(["walk", "stand", "wave", "sit", "jump", "kneel"], p=[0.25, 0.2, 0.15, 0.15, 0.15, 0.1])
    still = 0.3 if what in ("stand", "sit", "kneel") else 1.0
    spread = {s: rng.uniform(-0.7, 0.0) if what in ("walk", "stand") else rng.uniform(-0.7, 1.4) for s in "LR"}
    swing = {s: rng.uniform(-0.2, 0.5) if what == "walk" else rng.uniform(-0.3, 1.2) for s in "LR"}
    elbow = {s: rng.uniform(0.1, 1.8) if what != "walk" else rng.uniform(0.1, 0.9) for s in "LR"}
    thigh = {s: {"sit": 1.45, "kneel": rng.uniform(0.1, 0.9), "jump": rng.uniform(0, 0.7)}.get(what, 0.0)
             + rng.uniform(-0.1, 0.15) for s in "LR"}
    knee = {s: {"sit": rng.uniform(0.9, 1.7), "kneel": rng.uniform(1.5, 2.1), "jump": rng.uniform(0.2, 1.2)}.get(what, 0.1)
            + rng.uniform(0, 0.1) for s in "LR"}
    stride, bend, lean = rng.uniform(0.3, 0.7), rng.uniform(-0.15, 0.35), rng.uniform(-0.1, 0.1)
    beat, phase = rng.choice([1, 2]), {s: rng.uniform(0, 6.3) for s in "LR"}
    nod, look = rng.uniform(-0.3, 0.3), rng.uniform(-0.6, 0.6)

    def at(moment):
        pose = {}
        for side, sign in (("L", 1), ("R", -1)):
            beat_now = np.sin(moment + (0 if side == "L" else np.pi))
            own = np.sin(beat * moment + phase[side])
            leg = stride * beat_now if what == "walk" else 0.25 * own * (what == "jump")
            bent = max(0.0, 0.8 * np.cos(moment + (0 if side == "L" else np.pi))) if what == "walk" \
                else 0.4 * (1 + own) * (what == "jump")
            arm = -0.8 * stride * beat_now if what == "walk" else 0.25 * still * own
            raised = 0.0 if what == "walk" else (0.5 if what in ("wave", "jump") else 0.15) * own
            pose["upperleg01." + side] = rotation((1, 0, 0), -(thigh[side] + leg))
            pose["lowerleg01." + side] = rotation((1, 0, 0), knee[side] + bent)
            down = np.array([sign * 0.75, -0.65, 0])
            pose["upperarm01." + side] = rotation((1, 0, 0), -(swing[side] + arm)) @ rotation(
                (0, 0, sign), spread[side] + raised)
            pose["lowerarm01." + side] = rotation(np.cross(down, (0, 0, 1)), max(0.0, elbow[side] + 0.4 * still * own))
        sway = 0.1 * still * np.sin(moment + phase["L"])
        for bone in ("spine03", "spine02"):
            pose[bone] = rotation((1, 0, 0), 0.5 * bend) @ rotation((0, 0, 1), 0.5 * (lean + sway))
        pose["neck02"] = rotation((0, 1, 0), look + 0.3 * np.sin(moment + phase["R"])) @ rotation((1, 0, 0), nod)
        return pose
    return at


# ---- how they look ---------------------------------------------------------------------------------------------------

def components(triangles, count):
    """A number for each triangle: which connected part it belongs to."""
    root = np.arange(count)
    while True:
        low = root[triangles].min(1)
        before = root.copy()
        for corner in range(3):
            np.minimum.at(root, triangles[:, corner], low)
        root = root[root]
        if (root == before).all():
            return np.unique(root[triangles[:, 0]], return_inverse=True)[1]


def cloth(rng, photos):
    """f(places at rest [n, 3]) -> colours [n, 3]"""
    colour = rng.random(3) * rng.uniform(0.3, 1)
    kind = rng.choice(["plain", "stripes", "photograph"], p=[0.5, 0.2, 0.3])
    if kind == "plain":
        return lambda places: np.broadcast_to(colour, places.shape)
    if kind == "stripes":
        other, axis, width = rng.random(3), rng.choice([0, 1]), rng.uniform(0.2, 1.2)
        return lambda places: np.where((np.floor(places[:, axis] / width) % 2 > 0)[:, None], colour, other)
    photo = photos[rng.integers(len(photos))]
    scale = len(photo) / rng.uniform(2, 20)
    tint = 0.5 + 0.8 * rng.random(3)

    def printed(places):
        y, x = (np.floor(places[:, axis] * scale).astype(int) % len(photo) for axis in (1, 0))
        return np.clip(photo[y, x] / 255 * tint, 0, 1)
    return printed


def skin(rng):
    light, dark = np.array([0.96, 0.80, 0.70]), np.array([0.30, 0.19, 0.13])
    share = rng.random() ** 1.5
    colour = (light * (1 - share) + dark * share) * rng.uniform(0.9, 1.05)
    return lambda places: np.broadcast_to(colour, places.shape)


def hair(rng):
    colours = np.array([[0.07, 0.06, 0.05], [0.2, 0.12, 0.07], [0.4, 0.25, 0.12], [0.75, 0.6, 0.35], [0.6, 0.6, 0.6]])
    colour = colours[rng.choice(5, p=[0.35, 0.25, 0.15, 0.15, 0.1])]
    return lambda places: np.clip(colour * (0.8 + 0.5 * np.sin(40 * places[:, :1])), 0, 1)


def person(rng, human, photos):
    gender = rng.choice(["male", "female"])
    shape = human.body(rng, gender)
    suits = [p.name for p in (human.assets / "clothes").iterdir() if p.name.startswith(gender)]
    wears = [("clothes", rng.choice(sorted(suits)))]
    if rng.random() < 0.8:
        wears.append(("clothes", rng.choice(SHOES)))
    wears.append(("hair", rng.choice(HAIR[gender])))
    if rng.random() < 0.12:
        wears[-1] = ("clothes", "fedora01")
    vertices, triangles, weights, paints = [shape], [human.triangles], [human.weights], []
    hidden = np.zeros(len(shape), bool)
    for kind, name in wears:
        garment = human.garment(kind, name)
        hidden[garment.hidden[garment.hidden < len(hidden)]] = True
        hangs = (human.weights[garment.corners] * garment.weights[..., None].clip(0)).sum(1)
        weights.append(hangs / np.maximum(hangs.sum(1, keepdims=True), 1e-6))
        triangles.append(garment.triangles + sum(map(len, vertices)))
        vertices.append(garment.fitted(shape))
    triangles[0] = triangles[0][~hidden[triangles[0]].all(1)]
    for (kind, name), mesh in zip(wears, triangles[1:]):
        if kind == "hair" or name in SHOES:
            paints.append([(mesh, hair(rng) if kind == "hair" else cloth(rng, photos))])
            continue
        # Shirt and trousers hang together by themselves only; small parts are buttons and laces.
        parts = components(mesh - mesh.min(), int(mesh.max() - mesh.min()) + 1)
        sizes = np.bincount(parts)
        parts = np.where(sizes[parts] < 0.05 * len(mesh), sizes.argmax(), parts)
        paints.append([(mesh[parts == part], cloth(rng, photos)) for part in np.unique(parts)])
    layers = [(triangles[0], skin(rng))] + [layer for some in paints for layer in some]
    rest, weights = np.concatenate(vertices), np.concatenate(weights)
    at, yaw, pitch = movement(rng), rng.uniform(-3.14, 3.14), rng.uniform(-0.2, 0.6)
    around = 1 if rng.random() < 0.15 else 0
    turns = rng.uniform(0, 0.5)
    frames = []
    for frame in range(FRAMES):
        moment = 2 * np.pi * frame / FRAMES
        moved = skinned(rest, weights, human.posed(shape, at(moment)))
        frames.append(moved @ view(yaw + around * moment + turns * np.sin(moment), pitch).T)
    everything = np.concatenate([mesh for mesh, _ in layers])

    def strewn(pixels):
        pieces = []
        for index, (mesh, paint) in enumerate(layers):
            which, inner = strew(rng, rest, mesh, pixels)
            corners = mesh[which]
            colours = paint((rest[corners] * inner[..., None]).sum(1))
            # What is seen of the body from behind is the inside of mouth and eyes.
            pieces.append((corners, inner, colours, colours * (0.25 if index == 0 else 0.8)))
        return Surface(*(np.concatenate(p) for p in zip(*pieces)))
    return sequence(rng, frames, everything, strewn)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--count", type=int, default=480)
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    options = parser.parse_args()
    with np.load(options.work / "pictures.npz") as pictures:
        photos = pictures["photos"][:250, ::4, ::4]
    human, sprites, names = Human(options.work), [], []
    for number in range(options.first, options.first + options.count):
        sprites.append(person(np.random.default_rng([17, number]), human, photos))
        names.append(f"people:{number}")
        print(f"\r{len(names)} of {options.count}", end="", flush=True)
    print()
    save(options.work, "people", sprites, names)


if __name__ == "__main__":
    main()
