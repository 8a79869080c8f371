# SPDX-License-Identifier: Apache-2.0
"""The pictures that clips are rendered from, on the device that renders."""
import numpy as np
import torch
import torch.nn.functional as F

from . import moving
from .assets import held_out

FILM_SHARE = 0.25  # of the clips have real video behind
# How often a package is drawn; "shape" is a random outline filled with a photograph, the last two are moving.
WEIGHTS = {"openclipart-png": 1.5, "@lobehub/fluent-emoji-3d": 2, "fonts-noto-color-emoji": 1,
           "sweethome3d-furniture": 2, "freedoom": 2, "photograph": 5, "shape": 3, "people": 4, "turntables": 3}


def read(path, kind, held):
    """(pictures [n, channels, side, side], names, rows) of the part that is, or is not, held out."""
    with np.load(path) as file:
        names = [str(n) for n in file[kind + "_names"]]
        rows = [i for i, name in enumerate(names) if held_out(name) == held]
        pictures = torch.from_numpy(file[kind + "s"][rows].transpose(0, 3, 1, 2).copy())
        return pictures, [names[i] for i in rows], rows


def read_segments(path, rows):
    """For each photograph, its masks as bits [n, 256, 32]; `rows` says which photographs are wanted."""
    if not path.exists():
        return [None] * len(rows)
    with np.load(path) as file:
        masks, photos = file["masks"], file["photos"]
        return [masks[photos == row] if (photos == row).any() else None for row in rows]


class Pictures:
    """pictures.npz of a folder, and what the other modules here made beside it, where they did."""

    def __init__(self, work, held=False, device="cpu", moves=True):
        photos, photo_names, rows = read(work / "pictures.npz", "photo", held)
        sprites, names, _ = read(work / "pictures.npz", "sprite", held)
        self.segments = read_segments(work / "segments.npz", rows)
        if (work / "cutouts.npz").exists():
            more, more_names, _ = read(work / "cutouts.npz", "sprite", held)
            sprites, names = torch.cat((sprites, more)), names + more_names
        self.photos, self.sprites = photos.to(device), sprites.to(device)
        self.real = np.array([not name.startswith("freedoom") for name in photo_names])
        packages = [name.split(":")[0] for name in names]
        self.groups = {p: [i for i, q in enumerate(packages) if q == p] for p in sorted(set(packages))}
        self.moving = {}
        for kind in moving.KINDS if moves else ():
            made = moving.load(work, kind)
            if made:
                rows = [i for i, name in enumerate(made[1]) if held_out(name) == held]
                self.moving[kind] = made[0], rows
        names = list(self.groups) + ["shape"] + list(self.moving)
        weights = np.array([WEIGHTS[n] for n in names], float)
        self.names, self.chances = names, weights / weights.sum()
        # Floors of games are many and plain: draw a photograph three times in four. Of a photograph's parts, and of the
        # photographs of one folder, each is drawn less often than one that stands alone.
        folders = [name.rsplit("/", 1)[0] if "/" in name.split(":", 1)[1] else name for name in photo_names]
        alike = np.array([folders.count(folder) for folder in folders]) ** -0.25
        self.photo_chances = np.where(self.real, 0.75 * alike / max(1, (alike * self.real).sum()),
                                      0.25 / max(1, (~self.real).sum()))
        self.photo_chances /= self.photo_chances.sum()
        made = moving.load(work, "films") if moves else None
        self.films = made[0] if made else None
        self.film_rows = [i for i, name in enumerate(made[1]) if held_out(name) == held] if made else []

    def choose_photo(self, rng):
        return rng.choice(len(self.photos), p=self.photo_chances)

    def photo(self, rng, index=None):
        index = self.choose_photo(rng) if index is None else index
        return self.photos[index].float() / 255

    def film(self, rng, frames, most=4):
        """([frames, 3, side, side], labels [frames, side, side] of up to `most` things) of a piece of video, at some
        pace, to and fro where it is too short."""
        pixels = self.films[rng.choice(self.film_rows)]
        length = len(pixels)
        moments = rng.integers(0, 2 * length) + rng.choice([1, 2, 3]) * np.arange(frames)
        moments = np.abs((moments + length - 1) % (2 * length - 2) - (length - 1))
        pixels = np.ascontiguousarray(pixels[moments][:, :, ::rng.choice([-1, 1])])
        bits, labels = pixels[..., 3], np.zeros(pixels.shape[:3], np.uint8)
        for thing in rng.permutation(8):
            mask = bits >> thing & 1 > 0
            if labels.max() < most and mask.any() and (labels[mask] > 0).mean() < 0.02:
                labels[mask & (labels == 0)] = labels.max() + 1
        colour = torch.from_numpy(pixels[..., :3]).to(self.photos.device).permute(0, 3, 1, 2).float() / 255
        return colour, torch.from_numpy(labels).to(self.photos.device)

    def labels(self, rng, index, most=4):
        """[256, 256] uint8: up to `most` segments of a photograph that do not overlap, numbered from 1; 0 elsewhere."""
        labels = np.zeros((256, 256), np.uint8)
        masks = self.segments[index]
        if masks is not None and rng.random() < 0.6:
            for bits in masks[rng.permutation(len(masks))[:2 * most]]:
                mask = np.unpackbits(bits, axis=1) > 0
                if labels.max() < most and (labels[mask] > 0).mean() < 0.02:
                    labels[mask] = labels.max() + 1
        return torch.from_numpy(labels).to(self.photos.device)

    def texture(self, rng, size):
        """A part of a photograph."""
        photo = self.photo(rng)
        side = int(photo.shape[1] * rng.uniform(0.15, 0.8))
        y, x = rng.integers(photo.shape[1] - side + 1, size=2)
        return shrink(photo[:, y:y + side, x:x + side], size)

    def sprite(self, rng, frames=1):
        """[4, 128, 128], premultiplied; [frames, 4, 128, 128] of one that moves by itself."""
        size = self.sprites.shape[-1]
        name = self.names[rng.choice(len(self.names), p=self.chances)]
        if name in self.moving:
            sprites, rows = self.moving[name]
            pace = rng.choice([0.25, 0.5, 1.0]) * rng.choice([-1, 1])
            moments = np.floor(rng.uniform(0, moving.FRAMES) + pace * np.arange(frames)).astype(int) % moving.FRAMES
            pixels = torch.from_numpy(sprites[rng.choice(rows)][moments]).to(self.photos.device)
            pixels = pixels.permute(0, 3, 1, 2).float() / 255
            colour, alpha = jitter(rng, pixels[:, :3], 0.2, swap=False), pixels[:, 3:]
            if rng.random() < 0.5:
                colour, alpha = colour.flip(3), alpha.flip(3)
            picture = torch.cat((colour * alpha, alpha), 1)
            return picture if frames > 1 else picture[0]
        if name == "shape":
            alpha = outline(rng, size).to(self.photos.device)
            colour = self.texture(rng, size)
        else:
            pixels = self.sprites[rng.choice(self.groups[name])].float() / 255
            colour, alpha = pixels[:3], pixels[3:]
            if rng.random() < 0.15 and name != "photograph":  # the form of one thing, the surface of another
                colour = 0.3 * colour + 0.7 * self.texture(rng, size)
        colour = jitter(rng, colour, 0.3)
        if rng.random() < 0.5:
            colour, alpha = colour.flip(2), alpha.flip(2)
        return torch.cat((colour * alpha, alpha))


def shrink(picture, size):
    return F.interpolate(picture[None], (size, size), mode="bilinear", align_corners=False, antialias=True)[0]


def jitter(rng, colour, amount, swap=True):
    """[..., 3, height, width] in another light and, with `swap`, now and then in other colours."""
    gain = (1 + rng.uniform(-amount, amount)) * (1 + rng.uniform(-amount, amount, 3) / 3)
    gain = torch.tensor(gain, dtype=torch.float32, device=colour.device)[:, None, None]
    colour = colour * gain + rng.uniform(-0.1, 0.1)
    if rng.random() < 0.5:
        grey = colour.mean(-3, keepdim=True)
        colour = grey + (colour - grey) * rng.uniform(0.2, 1.4)
    if swap and rng.random() < 0.3:
        colour = colour[rng.permutation(3).tolist()]
    return colour.clamp(0, 1)


def outline(rng, size):
    """A random closed form: a wavy or many-cornered radius around the middle."""
    angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    if rng.random() < 0.6:
        radius = np.ones(256)
        for wave in range(2, 8):
            radius += rng.uniform(-0.5, 0.5) / wave * np.cos(wave * angle + rng.uniform(0, 6.3))
    else:
        corners = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
        radius = np.interp(angle, corners, rng.uniform(0.5, 1.2, len(corners)), period=2 * np.pi)
    radius = np.clip(radius, 0.2, 2)
    radius *= 0.93 / radius.max()
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    y, x = np.meshgrid(axis, axis * rng.uniform(1, 2), indexing="ij")
    edge = np.interp(np.arctan2(y, x) % (2 * np.pi), angle, radius, period=2 * np.pi)
    return torch.from_numpy(np.clip((edge - np.hypot(x, y)) * size / 4 + 0.5, 0, 1).astype(np.float32))[None]
