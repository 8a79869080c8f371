"""What the tests of the live view share: a video that is easy to point at, and waiting.

SPDX-License-Identifier: Apache-2.0

Environment: SAMLET_CLI, the executable (without it everything is skipped); SAMLET_TEST_MODEL, a small video model
(default: the bundled one).
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib
from pathlib import Path

import numpy as np

CLI = os.environ.get("SAMLET_CLI", "")
MODEL = Path(os.environ.get("SAMLET_TEST_MODEL") or
             Path(os.environ.get("SAMLET_SOURCE_DIR", ".")) / "examples" / "data" / "samlet_micro.gguf")
SKIPPED = 77
LIMIT = 120  # seconds for anything that should happen
WIDTH, HEIGHT = 160, 100
FRAMES = 6


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


def picture(number):
    """Four quarters of different colours, and a bright square that moves."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:50, :80], pixels[:50, 80:] = (200, 40, 40), (40, 160, 40)
    pixels[50:, :80], pixels[50:, 80:] = (40, 40, 180), (60, 60, 60)
    pixels[60:90, 100 + 2 * number:130 + 2 * number] = (240, 240, 120)
    return pixels


def write_png(path, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def wait_for(what, condition, alive=lambda: True):
    """The first true value of condition()."""
    until = time.monotonic() + LIMIT
    while True:
        running = alive()
        value = condition()
        if value:
            return value
        if not running:
            raise AssertionError("the program ended before " + what)
        if time.monotonic() > until:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.01)


class LiveTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)
        self.out = self.dir / "out"
        self.video = self.dir / "video"
        self.video.mkdir()
        for number in range(FRAMES):
            write_png(self.video / f"{number}.png", picture(number))

    def command(self, *arguments):
        return [CLI, "track", "--model", MODEL, "--video", self.video, "--threads", "1", *arguments]

    def prompts(self):
        """What was clicked so far."""
        path = self.out / "prompts.json"
        return json.loads(path.read_text())["prompts"] if path.exists() else []

    def results(self):
        return json.loads((self.out / "results.json").read_text())

    def check_replay(self, *arguments):
        """The same prompts without a view give the same masks."""
        again = self.dir / "again"
        live = self.results()
        # Live tracks remember this many prompted frames.
        subprocess.run([str(part) for part in self.command(
            "--out", again, "--prompts", self.out / "prompts.json", "--start", 0, "--prompted-frames", 4, "--quiet",
            *arguments)],
            check=True, timeout=600)
        masks = sorted(path.name for path in self.out.glob("[0-9]*.png"))
        self.assertEqual(masks, sorted(path.name for path in again.glob("[0-9]*.png"))[:len(masks)])
        for name in masks:
            self.assertEqual((self.out / name).read_bytes(), (again / name).read_bytes(), name)
        kept = ("frame", "object", "iou", "object_score", "box", "area")
        strip = lambda results: [[entry[field] for field in kept] for entry in results["results"]]
        replayed = json.loads((again / "results.json").read_text())
        self.assertEqual(strip(live), strip(replayed)[:len(strip(live))])
        return live["results"], replayed["results"]

    def check_frames(self, count):
        """Every frame was written, once and in order."""
        names = sorted(path.name for path in self.out.glob("[0-9]*.png"))
        self.assertEqual(names, [f"{n:05}.png" for n in range(count)])
        frames = [entry["frame"] for entry in self.results()["results"]]
        self.assertEqual(frames, sorted(frames))
        pairs = [(entry["frame"], entry["object"]) for entry in self.results()["results"]]
        self.assertEqual(len(pairs), len(set(pairs)))
