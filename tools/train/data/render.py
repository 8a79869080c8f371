# SPDX-License-Identifier: Apache-2.0
"""Clips with exact masks: cut-outs move over photographs, behind and before each other and what the photographs show.

What happens is drawn with numpy, a few numbers for each clip; the pixels are composed with torch, so that the same code
runs on a CPU and on a GPU. Places are in [-1, 1], the square of the frame.
"""
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from .pictures import FILM_SHARE, jitter

MEAN = torch.tensor([0.485, 0.456, 0.406])
STD = torch.tensor([0.229, 0.224, 0.225])


class Clips(NamedTuple):
    images: torch.Tensor  # [clips, frames, 3, size, size], 0 to 1
    owners: torch.Tensor  # [clips, frames, size, size] uint8: which object is seen, 0 for none

    def normalised(self):
        mean, std = MEAN.to(self.images.device), STD.to(self.images.device)
        return (self.images - mean[:, None, None]) / std[:, None, None]


class Motion(NamedTuple):
    """Of one thing over the frames; every member is an array of one value each."""
    x: np.ndarray
    y: np.ndarray
    size: np.ndarray     # half the side of its square
    turn: np.ndarray
    shear: np.ndarray
    aspect: np.ndarray   # logarithm
    light: np.ndarray
    seen: np.ndarray


class Actor(NamedTuple):
    sprite: torch.Tensor  # [4, side, side], premultiplied; [frames, 4, side, side] where it moves by itself
    motion: Motion
    bend: tuple           # amplitude, waves, phase, speed
    shadow: float


# ---- what happens ----------------------------------------------------------------------------------------------------

def path(rng, frames, start, speed, wave=0.0, shake=0.0):
    """A start, a steady speed, a slow wave and some shaking."""
    time = np.arange(frames)
    speed = rng.uniform(-speed, speed) * (0.1 if rng.random() < 0.3 else 1)
    swing = rng.uniform(0, wave) if wave else 0
    period = rng.uniform(6, 30)
    phase = rng.uniform(0, 2 * np.pi)
    return (start + speed * time + swing * (np.sin(2 * np.pi * time / period + phase) - np.sin(phase))
            + rng.normal(0, 1, frames) * shake)


def act(rng, frames, half):
    """An object of about the given half side somewhere in the frame."""
    pace = rng.choice([0.01, 0.04, 0.09], p=[0.35, 0.4, 0.25])
    seen = np.ones(frames)
    if frames > 2 and rng.random() < 0.2:  # gone for a while
        first = rng.integers(1, frames)
        seen[first:first + rng.integers(1, 6)] = 0
    turn = rng.uniform(-0.4, 0.4) if rng.random() < 0.8 else rng.uniform(-3.1, 3.1)
    return Motion(path(rng, frames, rng.uniform(-0.8, 0.8), pace, 0.3, 0.003),
                  path(rng, frames, rng.uniform(-0.8, 0.8), 0.7 * pace, 0.2, 0.003),
                  half * np.exp(path(rng, frames, 0, 0.03, 0.1, 0.003)),
                  path(rng, frames, turn, 0.06, 0.3), path(rng, frames, rng.uniform(-0.15, 0.15), 0.01, 0.1),
                  path(rng, frames, rng.uniform(-0.2, 0.2), 0.01, 0.1), 1 + path(rng, frames, 0, 0.02, 0.1), seen)


def cross(rng, frames, target, first, length):
    """An occluder that hides `target` for `length` frames from `first` on and is gone before and after."""
    middle = first + (length - 1) / 2
    pace = rng.uniform(0.25, 0.35) * rng.choice([-1, 1])
    at = int(round(middle))
    reach = 1.3 * target.size[first:first + length].max() + np.abs(
        target.x[first:first + length] - target.x[at]).max()
    half = reach + (length / 2 + 0.2) * abs(pace)
    time = np.arange(frames) - middle
    still = np.zeros(frames)
    return Motion(target.x[at] + pace * time, target.y, np.full(frames, half), still, still, still,
                  still + 1, still + 1)


def cast(rng, pictures, frames, occluded, few=False):
    """The things of one clip, the furthest first; the last one hides the one before it if `occluded` is set."""
    count = 2 if occluded else int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.08, 0.22, 0.25, 0.2, 0.15, 0.1]))
    if few and not occluded:
        count = int(rng.integers(0, 3))
    actors = []
    for index in range(count):
        half = float(np.exp(rng.uniform(np.log(0.13), np.log(0.75))))
        if occluded:
            half = rng.uniform(0.15, 0.4)
        elif index == 0 and count > 2:
            half = max(half, rng.uniform(0.3, 0.8))
        twin = actors and rng.random() < 0.15
        bend = (rng.uniform(0.02, 0.12), rng.uniform(0.6, 2.2), rng.uniform(0, 6.3), rng.uniform(-0.9, 0.9)) \
            if rng.random() < 0.5 else (0, 0, 0, 0)
        actors.append(Actor(actors[-1].sprite if twin else pictures.sprite(rng, frames), act(rng, frames, half), bend,
                            rng.uniform(0.2, 0.6) if rng.random() < 0.3 else 0.0))
    if occluded:
        first, length = occluded
        target = actors[-1].motion
        target = target._replace(x=np.clip(target.x, -0.7, 0.7), y=np.clip(target.y, -0.7, 0.7), seen=np.ones(frames))
        actors[-1] = actors[-1]._replace(motion=target)
        wall = torch.cat((pictures.texture(rng, 128), torch.ones(1, 128, 128, device=pictures.photos.device)))
        actors.append(Actor(wall, cross(rng, frames, target, first, length), (0, 0, 0, 0), 0.0))
    return actors


# ---- how it looks ----------------------------------------------------------------------------------------------------

def prefilter(picture, half, size):
    """Blurs a picture that will be drawn smaller than it is, so that it does not flicker."""
    ratio = picture.shape[-1] / max(1.0, half * size)
    level = int(np.floor(np.log2(max(1.0, ratio))))
    if level == 0:
        return picture
    frames = picture.reshape(-1, *picture.shape[-3:])
    small = F.avg_pool2d(frames, 2 ** level)
    return F.interpolate(small, picture.shape[-2:], mode="bilinear", align_corners=False).view_as(picture)


def base_grid(size, device):
    axis = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) / size * 2 - 1
    return axis.view(1, 1, 1, size), axis.view(1, 1, size, 1)  # x, y


def number(values, device):
    return torch.from_numpy(np.asarray(values, np.float32)).to(device)[..., None, None]  # [clips, frames, 1, 1]


def look_up(motions, bends, size, device):
    """(grid [clips, frames * size, size, 2], motions as tensors): where in its picture each pixel of a frame lies."""
    m = Motion(*(number([getattr(one, name) for one in motions], device) for name in Motion._fields))
    clips, frames = m.x.shape[:2]
    grid_x, grid_y = base_grid(size, device)
    x, y = (grid_x - m.x) / m.size, (grid_y - m.y) / m.size
    cosine, sine = m.turn.cos(), m.turn.sin()
    x, y = cosine * x + sine * y, cosine * y - sine * x
    x = (x - m.shear * y) * (-m.aspect).exp()
    y = y * m.aspect.exp()
    if any(b[0] for b in bends):
        amplitude, waves, phase, speed = (number([[b[i]] for b in bends], device) for i in range(4))
        moment = phase + speed * torch.arange(frames, device=device, dtype=torch.float32).view(1, -1, 1, 1)
        x, y = (x + amplitude * (np.pi * waves * y + moment).sin(),
                y + 0.7 * amplitude * (np.pi * waves * x + 2 * phase - moment).sin())
    return torch.stack((x, y), -1).view(clips, frames * size, size, 2), m


def sample_one(picture, grid, size, mode="bilinear", beyond="zeros"):
    """[1, frames, channels, size, size] of one picture [channels, ...], or of one a frame; `beyond` says what lies
    outside of it."""
    if picture.dim() == 4:
        return F.grid_sample(picture, grid.view(-1, size, size, 2), mode, beyond, align_corners=False)[None]
    drawn = F.grid_sample(picture[None], grid[None], mode, beyond, align_corners=False)
    return drawn.view(1, drawn.shape[1], -1, size, size).transpose(1, 2)


def draw(sprites, motions, bends, size):
    """[clips, frames, 4, size, size]: one thing of each clip."""
    grid, m = look_up(motions, bends, size, sprites[0].device)
    light = m.light[:, :, None]
    light = torch.cat((light.expand(-1, -1, 3, 1, 1), torch.ones_like(light)), 2)
    drawn = torch.cat([sample_one(sprite, place, size) for sprite, place in zip(sprites, grid)])
    return drawn * light * m.seen[:, :, None]


def backgrounds(rng, pictures, clips, frames, size):
    """Photographs, or video, under a camera that pans, zooms, turns and shakes; which of the things in them is where;
    and which clips have video."""
    motions, photos, labels, filmed = [], [], [], []
    for _ in range(clips):
        filmed.append(bool(pictures.film_rows) and rng.random() < FILM_SHARE)
        if filmed[-1]:
            photo, seen = pictures.film(rng, frames)
            half = 1 / rng.uniform(0.6, 0.98)
        else:
            index = pictures.choose_photo(rng)
            photo, seen = pictures.photo(rng, index), pictures.labels(rng, index)
            half = 1 / rng.uniform(0.35, 0.95)  # the photograph's half side where the frame's is 1
        labels.append(seen)
        photo = jitter(rng, photo, 0.2, swap=not filmed[-1])
        moves = 0.0 if rng.random() < 0.3 else 1.0
        still = np.zeros(frames)
        room = half - 1
        motions.append(Motion(path(rng, frames, rng.uniform(-room, room), 0.04 * moves, 0.1 * moves, 0.004 * moves),
                              path(rng, frames, rng.uniform(-room, room), 0.03 * moves, 0.1 * moves, 0.004 * moves),
                              half * np.exp(path(rng, frames, 0, 0.01 * moves, 0.05 * moves)),
                              path(rng, frames, rng.uniform(-0.1, 0.1), 0.01 * moves, 0.05 * moves),
                              still, still, still + 1, still + 1))
        photos.append(prefilter(photo, half, size))
    grids, _ = look_up(motions, [(0, 0, 0, 0)] * clips, size, pictures.photos.device)
    # Reflected at its borders, so that a frame is never empty; a reflection is not the object.
    images = torch.cat([sample_one(photo, grid, size, "bilinear", "reflection") for photo, grid in zip(photos, grids)])
    owners = torch.cat([sample_one(seen[..., None, :, :].float(), grid, size, "nearest", "zeros")
                        for seen, grid in zip(labels, grids)])
    return images, owners[:, :, 0].byte(), filmed


def film(rng, images):
    """What a camera adds: exposure that drifts, blur, noise."""
    clips, frames = images.shape[:2]
    device = images.device
    exposure = number([1 + path(rng, frames, rng.uniform(-0.15, 0.15), 0.01, 0.05, 0.01) for _ in range(clips)], device)
    images = images * exposure[:, :, None]
    soft = F.avg_pool2d(images.flatten(0, 1), 3, 1, 1, count_include_pad=False).view_as(images)
    blur = number([[rng.uniform(0, 1) if rng.random() < 0.4 else 0] for _ in range(clips)], device)[:, :, None]
    images = images + blur * (soft - images)
    noise = number([[rng.uniform(0, 0.04) if rng.random() < 0.5 else 0] for _ in range(clips)], device)[:, :, None]
    generator = torch.Generator(device=device).manual_seed(int(rng.integers(2 ** 31)))
    images = images + noise * torch.randn(images.shape, generator=generator, device=device)
    return images.clamp(0, 1)


def render(rng, pictures, clips, frames, size, occluded=None):
    """`occluded` = (first, length) hides object 2 of every clip behind object 3 for that many frames."""
    images, segments, filmed = backgrounds(rng, pictures, clips, frames, size)
    casts = [cast(rng, pictures, frames, occluded, few) for few in filmed]
    # Objects are numbered as they are drawn, what the photograph shows after them.
    owners = torch.where(segments > 0, segments + max(map(len, casts)), segments)
    for layer in range(max(map(len, casts))):
        rows = [i for i, actors in enumerate(casts) if layer < len(actors)]
        actors = [casts[i][layer] for i in rows]
        sprites = [prefilter(a.sprite, float(a.motion.size.mean()), size) for a in actors]
        drawn = draw(sprites, [a.motion for a in actors], [a.bend for a in actors], size)
        colour, alpha = drawn[:, :, :3], drawn[:, :, 3:]
        under = images[rows]
        if any(a.shadow for a in actors):
            reach = size // 32
            dark = F.avg_pool2d(alpha.flatten(0, 1), 2 * reach + 1, 1, reach).view_as(alpha)
            depth = number([[a.shadow] for a in actors], dark.device)[:, :, None]
            under = under * (1 - depth * torch.roll(dark, (reach, reach), (-2, -1)))
        images[rows] = (under * (1 - alpha) + colour).clamp(0, 1)
        owners[rows] = torch.where(alpha[:, :, 0] > 0.5, torch.full_like(owners[rows], layer + 1), owners[rows])
    return Clips(film(rng, images), owners)
