# SPDX-License-Identifier: Apache-2.0
"""Pictures of triangle meshes, from points: every triangle is strewn with so many that no pixel stays empty.

Slower than a rasteriser, and short; a sequence of frames is drawn once, beforehand.
"""
from typing import NamedTuple

import numpy as np

SIDE, FINE = 128, 256  # of a picture; of what it is shrunk from
PER_PIXEL = 1.5        # points, on the surface seen from in front; each covers 2 x 2
MOST = 250_000         # points in all: what has more is mostly hidden by itself


class Surface(NamedTuple):
    """Points strewn on triangles; they follow the vertices."""
    corners: np.ndarray   # [n, 3] vertices
    weights: np.ndarray   # [n, 3]
    colours: np.ndarray   # [n, 3], 0 to 1
    inside: np.ndarray    # [n, 3] colours of the back


def strew(rng, vertices, triangles, pixels):
    """(triangle [n], weights [n, 3]): points evenly on the triangles; `pixels` for each unit of length."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1) * pixels ** 2
    count = np.minimum(np.ceil(PER_PIXEL * area).astype(int), 60000)
    which = np.repeat(np.arange(len(triangles)), count)
    u, v = rng.random((2, len(which)))
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    return which, np.stack((1 - u - v, u, v), 1).astype(np.float32)


def normals(vertices, triangles):
    """Of the vertices, by the triangles around them."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    sums = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            sums[:, axis] += np.bincount(triangles[:, corner], faces[:, axis], len(vertices))
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)


def splat(vertices, facing, surface, light, shine):
    """[SIDE, SIDE, 4] uint8, not premultiplied. Vertices in pixels of FINE, y down, z to the viewer."""
    places = np.einsum("nij,ni->nj", vertices[surface.corners], surface.weights)
    towards = np.einsum("nij,ni->nj", facing[surface.corners], surface.weights)
    back = towards[:, 2] < 0
    towards = np.where(back[:, None], -towards, towards)
    towards /= np.sqrt(np.maximum(np.einsum("ni,ni->n", towards, towards), 1e-12))[:, None]
    lit = towards @ light
    bright = 0.45 + 0.55 * np.clip(0.5 + 0.5 * lit, 0, 1) + 0.12 * np.clip(lit, 0, 1)
    colours = np.where(back[:, None], surface.inside, surface.colours) * bright[:, None]
    if shine:
        half = np.array([0, 0, 1], np.float32) + light
        colours = colours + shine * np.clip(towards @ (half / np.linalg.norm(half)), 0, 1)[:, None] ** 20
    x, y = (np.floor(places[:, axis] - 0.5).astype(np.int32) for axis in (0, 1))
    on = np.flatnonzero((x >= 0) & (x < FINE - 1) & (y >= 0) & (y < FINE - 1))
    # The nearest is written last; 16 bits are sorted fast.
    depth = places[on, 2]
    depth = ((depth - depth.min()) * (65535 / max(np.ptp(depth), 1e-6))).astype(np.uint16)
    on = on[np.argsort(depth, kind="stable")]
    owner = np.full(FINE * FINE, -1, np.int32)
    corner = y[on] * FINE + x[on]
    owner[(corner[:, None] + np.array([0, 1, FINE, FINE + 1], np.int32)).ravel()] = np.repeat(on, 4)
    canvas = np.zeros((FINE * FINE, 4), np.float32)
    hit = owner >= 0
    canvas[hit, :3] = np.clip(colours[owner[hit]], 0, 1)
    canvas[hit, 3] = 1
    ratio = FINE // SIDE
    sums = canvas.reshape(SIDE, ratio, SIDE, ratio, 4).sum((1, 3))
    alpha = sums[..., 3:] / ratio ** 2
    return (255 * np.concatenate((sums[..., :3] / np.maximum(sums[..., 3:], 1), alpha), -1) + 0.5).astype(np.uint8)


def view(yaw, pitch):
    """Rotation of a world with y up and z to the front into pixels' axes: y down."""
    a, b = np.cos(yaw), np.sin(yaw)
    c, d = np.cos(pitch), np.sin(pitch)
    turn = np.array([[a, 0, b], [0, 1, 0], [-b, 0, a]])
    tilt = np.array([[1, 0, 0], [0, c, -d], [0, d, c]])
    return np.diag([1.0, -1.0, 1.0]) @ tilt @ turn


def sequence(rng, frames, triangles, strewn):
    """[frames, SIDE, SIDE, 4] of vertices in pixels' axes, [frame][v, 3]: all scaled alike to fit the picture.

    `strewn`(pixels per unit) gives the Surface.
    """
    low = np.min([f[np.unique(triangles)].min(0) for f in frames], 0)
    high = np.max([f[np.unique(triangles)].max(0) for f in frames], 0)
    pixels = (FINE - 16) / max(high[:2] - low[:2])
    middle = (low + high) / 2
    surface = strewn(pixels)
    kept = rng.permutation(len(surface.corners))[:MOST]
    surface = Surface(*(part[kept].astype(np.int32 if index == 0 else np.float32) for index, part in enumerate(surface)))
    light = rng.normal(size=3) * [1, 0.6, 0.6] + [0, -0.9, 0.7]
    light = (light / np.linalg.norm(light)).astype(np.float32)
    shine = rng.choice([0, 0.1, 0.3], p=[0.6, 0.25, 0.15])
    out = []
    for vertices in frames:
        facing = -normals(vertices, triangles)  # an axis is mirrored
        placed = (vertices - middle) * pixels + [FINE / 2, FINE / 2, 0]
        out.append(splat(placed.astype(np.float32), facing.astype(np.float32), surface, light, shine))
    return np.stack(out)
