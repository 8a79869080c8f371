#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches the packages of sources.py and reads their pictures into one file.

    python3 -m data.assets WORK        (in tools/train; WORK/pictures.npz is the result)

`photos` [m, 512, 512, 3] and `sprites` [n, 128, 128, 4] are uint8; `photo_names` and `sprite_names` are "package:file".
A tenth of both is held out by a hash of the name (see held_out).
"""
import base64
import hashlib
import io
import os
import random
import re
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .sources import NO_PHOTOGRAPH, SKIMAGE, SOURCES
from .wad import sprites_and_textures

PHOTO, SPRITE = 512, 128
SPRITES_PER_PACKAGE = 1500
Image.MAX_IMAGE_PIXELS = None


def held_out(name):
    """By file, so that parts of one picture stay together; all frames of a freedoom figure too."""
    if name.startswith("photograph:"):  # what was cut out of one
        name = name.split(":", 1)[1]
    package, file = name.split(":", 1)
    return zlib.crc32((package + file[:4] if package == "freedoom" else name).encode()) % 10 == 0


# ---- fetching --------------------------------------------------------------------------------------------------------

def fetch(work):
    for source in SOURCES:
        folder = work / "packages" / source.package.replace("/", "+")
        if folder.exists():
            continue
        print(f"fetching {source.package} ({source.licence})", flush=True)
        half = folder.with_name(folder.name + ".part")
        half.mkdir(parents=True, exist_ok=True)
        if source.registry == "debian":
            subprocess.run(["apt-get", "download", source.package], cwd=half, check=True, stdout=subprocess.DEVNULL)
            archive = next(half.glob("*.deb"))
            subprocess.run(["dpkg-deb", "-x", archive.name, "."], cwd=half, check=True)
            archive.unlink()
        elif source.registry == "npm":
            subprocess.run(["npm", "pack", "--silent", source.package], cwd=half, check=True, stdout=subprocess.DEVNULL)
            archive = next(half.glob("*.tgz"))
            with tarfile.open(archive) as tar:
                tar.extractall(half)
            archive.unlink()
        else:
            clone(source, half)
        half.rename(folder)


def clone(source, folder):
    """Some folders of a GitHub repository, all of it where none are named; what it keeps elsewhere (Git LFS) stays a
    pointer."""
    git = ["git", "-c", "filter.lfs.smudge=", "-c", "filter.lfs.required=false"]
    sparse = ["--filter=blob:none", "--sparse"] if source.folders else []
    subprocess.run(git + ["clone", "--quiet", "--depth", "1", *sparse, f"https://github.com/{source.package}",
                          str(folder)], check=True)
    if source.folders:
        subprocess.run(git + ["-C", str(folder), "sparse-checkout", "set", *source.folders], check=True)


def files(work, package, pattern):
    root = work / "packages" / package.replace("/", "+")
    return sorted(p for p in root.rglob("*") if re.search(pattern, str(p.relative_to(root))) and p.is_file())


# ---- photographs -----------------------------------------------------------------------------------------------------

def crops(picture, name, count, seed):
    """The whole picture and parts of it, each as a square."""
    rng = random.Random(seed)
    width, height = picture.size
    for index in range(count):
        side = min(width, height) * (1.0 if index == 0 else rng.uniform(0.3, 0.9))
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        square = picture.resize((PHOTO, PHOTO), Image.BICUBIC, (x, y, x + side, y + side), reducing_gap=2.0)
        yield name, np.asarray(square)


def panorama(pixels):
    """Linear light to 8 bits; the poles of an equirectangular picture are left out."""
    pixels = pixels[..., ::-1] / max(1e-6, np.percentile(pixels, 90))
    pixels = np.clip(pixels, 0, 1) ** (1 / 2.2)
    height = len(pixels)
    return Image.fromarray((255 * pixels[height // 5:height * 9 // 10]).astype(np.uint8))


def read_panoramas(work):
    os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"
    import cv2
    for path in files(work, "blender-data", r"studiolights/world/.*\.exr$"):
        yield f"blender-data:{path.name}", panorama(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., :3])
    for path in files(work, "@pmndrs/assets", r"hdri/.*\.exr\.js$"):
        text = re.search(r"base64,([A-Za-z0-9+/=]+)", path.read_text())[1]
        raw = np.frombuffer(base64.b64decode(text), np.uint8)
        pixels = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED)
        if pixels is not None:
            yield f"@pmndrs/assets:{path.name}", panorama(pixels[..., :3].astype(np.float32))


def read_repositories(work):
    """The photographs of GitHub repositories, each once."""
    seen = set()
    for source in SOURCES:
        if source.registry != "github" or "photographs" not in source.holds:
            continue
        root = work / "packages" / source.package.replace("/", "+")
        for path in files(work, source.package, r"(?i)\.(jpe?g|png|webp)$"):
            name, digest = str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).digest()
            if digest in seen or re.search(NO_PHOTOGRAPH, name):
                continue
            seen.add(digest)
            picture = Image.open(path)
            solid = not picture.info.get("transparency") and picture.mode not in ("RGBA", "LA")
            if min(picture.size) >= 180 and (solid or picture.convert("RGBA").getchannel("A").getextrema()[0] == 255):
                yield f"{source.package}:{name}", picture.convert("RGB")


def read_photos(work):
    plain = files(work, "budgie-backgrounds", r"\.jpg$")
    plain += [p for p in files(work, "python3-skimage", r"skimage/data/[^/]*$") if p.name in SKIMAGE]
    plain += files(work, "python3-sklearn", r"datasets/images/.*\.jpg$")
    root = work / "packages"
    pictures = [(f"{p.relative_to(root).parts[0]}:{p.name}", Image.open(p).convert("RGB")) for p in plain]
    pictures += list(read_panoramas(work))
    for name, picture in pictures:
        count = 14 if min(picture.size) > 1000 else 8 if min(picture.size) > 250 else 4
        yield from crops(picture, name, count, zlib.crc32(name.encode()))
    for name, picture in read_repositories(work):  # many and alike
        yield from crops(picture, name, 3, zlib.crc32(name.encode()))


# ---- cut-outs --------------------------------------------------------------------------------------------------------

def sprite(picture):
    """Fitted into a square with a margin, or None where it is a frame, a wire or mostly translucent."""
    picture = picture.convert("RGBA")
    if picture.width * picture.height > 3000 ** 2:
        return None
    box = picture.getchannel("A").point(lambda v: 255 * (v > 40)).getbbox()
    if not box:
        return None
    picture = picture.crop(box)
    width, height = picture.size
    if min(width, height) < 16 or max(width, height) < 36 or max(width, height) > 6 * min(width, height):
        return None
    scale = (SPRITE - 8) / max(width, height)
    size = max(2, round(width * scale)), max(2, round(height * scale))
    picture = picture.convert("RGBa").resize(size, Image.BOX if scale < 0.5 else Image.BICUBIC).convert("RGBA")
    pixels = np.asarray(picture)
    alpha = pixels[..., 3]
    if not 0.12 < (alpha > 128).mean() < 0.97 or ((alpha > 20) & (alpha < 235)).mean() > 0.25:
        return None
    canvas = np.zeros((SPRITE, SPRITE, 4), np.uint8)
    y, x = (SPRITE - size[1]) // 2, (SPRITE - size[0]) // 2
    canvas[y:y + size[1], x:x + size[0]] = pixels
    return canvas


def emoji(path):
    font = ImageFont.truetype(str(path), 109)
    for first, last in ((0x1F300, 0x1F5FF), (0x1F600, 0x1F64F), (0x1F680, 0x1F6FC), (0x1F900, 0x1F9FF)):
        for code in range(first, last):
            picture = Image.new("RGBA", (140, 140))
            ImageDraw.Draw(picture).text((0, 0), chr(code), font=font, embedded_color=True)
            yield f"{code:x}", picture


def furniture(path):
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.lower().endswith(".png"):
                yield name, Image.open(io.BytesIO(archive.read(name)))


def read_sprites(work):
    clip_art = files(work, "openclipart-png", r"/png/(?!computer|shapes|signs).*\.png$")
    rooms = files(work, "sweethome3d-furniture", r"\.sh3f$")
    candidates = {
        "openclipart-png": [(p.name, p) for p in clip_art],
        "@lobehub/fluent-emoji-3d": [(p.name, p) for p in files(work, "@lobehub/fluent-emoji-3d", r"\.webp$")
                                     if not re.search("-1f3f[bcdef]", p.name)],
        "fonts-noto-color-emoji": emoji(files(work, "fonts-noto-color-emoji", r"\.ttf$")[0]),
        "sweethome3d-furniture": [pair for p in rooms for pair in furniture(p)],
        "freedoom": [(name, Image.fromarray(rgba)) for p in files(work, "freedoom", r"freedoom2\.wad$")
                     for name, rgba in sprites_and_textures(p)[0]],
    }
    for package, pairs in candidates.items():
        pairs = list(pairs)
        random.Random(1).shuffle(pairs)
        kept = 0
        for name, picture in pairs:
            try:
                pixels = sprite(Image.open(picture) if isinstance(picture, Path) else picture)
            except (OSError, ValueError):
                continue  # a damaged or exotic file
            if pixels is not None:
                yield f"{package}:{name}", pixels
                kept += 1
            if kept == SPRITES_PER_PACKAGE:
                break
        print(f"{package}: {kept} of {len(pairs)}", flush=True)


def read_textures(work):
    """Floors of freedoom, tiled to a square: backgrounds that repeat."""
    for path in files(work, "freedoom", r"freedoom2\.wad$"):
        for name, rgb in sprites_and_textures(path)[1]:
            tile = Image.fromarray(rgb).resize((128, 128), Image.BICUBIC)
            yield f"freedoom:{name}", np.tile(np.asarray(tile), (4, 4, 1))


def main():
    work = Path(sys.argv[1])
    fetch(work)
    photos = list(read_photos(work)) + list(read_textures(work))
    sprites = list(read_sprites(work))
    target = work / "pictures.npz"
    np.savez(target, photos=np.stack([p for _, p in photos]), photo_names=[n for n, _ in photos],
             sprites=np.stack([p for _, p in sprites]), sprite_names=[n for n, _ in sprites])
    print(f"{target}: {len(photos)} photographs and textures, {len(sprites)} cut-outs")


if __name__ == "__main__":
    main()
