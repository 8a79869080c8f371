#!/usr/bin/env python3
"""The command line from outside: what it prints, what it writes, what it refuses.

SPDX-License-Identifier: Apache-2.0

Environment: SAMLET_CLI, the executable (without it everything is skipped); SAMLET_TEST_MODEL, a small video model
(default: the bundled one; without it the tests that need a model are skipped).
"""
import base64
import html.parser
import json
import math
import os
import re
import signal
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
SKIPPED = 77
WIDTH, HEIGHT = 97, 63  # odd on purpose


def find_model():
    named = os.environ.get("SAMLET_TEST_MODEL")
    bundled = Path(os.environ.get("SAMLET_SOURCE_DIR", ".")) / "examples" / "data" / "samlet_micro.gguf"
    return Path(named) if named else bundled


MODEL = find_model()
needs_model = unittest.skipUnless(MODEL.is_file(), "no model: set SAMLET_TEST_MODEL")


# ---- Files ----------------------------------------------------------------------------------------------------------

def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_png(path, pixels, palette=None):
    """pixels: uint8 or uint16, (height, width) grey or palette, or (height, width, 3)."""
    height, width = pixels.shape[:2]
    depth = 8 * pixels.itemsize
    colour_type = 3 if palette is not None else 0 if pixels.ndim == 2 else 2
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    if palette is not None:
        data += png_chunk(b"PLTE", bytes(palette))
    data += png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    Path(path).write_bytes(data)


def read_palette_png(path):
    """-> (indices, palette) of an unfiltered 8-bit palette PNG, which is what samlet writes."""
    data = Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, compressed, palette = 8, b"", b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour_type = struct.unpack(">IIBB", body[:10])
            assert (depth, colour_type) == (8, 3)
        elif kind == b"PLTE":
            palette = body
        elif kind == b"IDAT":
            compressed += body
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(compressed), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    return rows[:, 1:], palette


def picture(number):
    """A bright square that moves over a dark pattern."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([20 + x % 16, 30 + y % 16, 40 + (x + y) % 16], axis=-1).astype(np.uint8)
    left = 20 + 3 * number
    pixels[20:44, left:left + 24] = (230, 200, 60)
    return pixels


def write_frames(folder, count, name="{}.png"):
    folder.mkdir()
    for number in range(count):
        write_png(folder / name.format(number), picture(number))
    return folder


# ---- Running --------------------------------------------------------------------------------------------------------

def run(*arguments, environment=None):
    """`environment`: variables to set or, with None, to remove."""
    variables = dict(os.environ)
    for name, value in (environment or {}).items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    return subprocess.run([CLI, *map(str, arguments)], capture_output=True, text=True, env=variables, timeout=600)


class CliTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.dir = Path(self.folder.name)
        self.out = self.dir / "out"

    def succeed(self, *arguments, **options):
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def refuse(self, code, words, *arguments, **options):
        """Exit code `code`, and one sentence on stderr that holds `words`."""
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertTrue(result.stderr.startswith("samlet: "), result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        self.assertEqual(result.stdout, "")
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, result.stderr)

    def track(self, video, *arguments):
        return self.succeed("track", "--model", MODEL, "--video", video, "--out", self.out, "--threads", 2,
                            "--quiet", *arguments)

    def results(self):
        return json.loads((self.out / "results.json").read_text())

    def prompts_file(self, content):
        path = self.dir / "prompts.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path


class HelpTest(CliTest):
    def test_help_lists_the_commands(self):
        text = self.succeed("--help").stdout
        for command in ("track", "segment", "info", "bench"):
            self.assertIn(command, text)

    def test_each_command_has_examples(self):
        for command in ("track", "segment", "info", "bench"):
            text = self.succeed(command, "--help").stdout
            self.assertIn("Examples:", text)
            self.assertIn("samlet " + command, text)

    def test_results_are_explained(self):
        for command, fields in (("track", ("iou", "object_score", "visible", "box", "area", "time", "time_s")),
                                ("segment", ("iou", "object_score", "box", "area", "time"))):
            text = self.succeed(command, "--help").stdout.split("Examples:")[1]
            for field in fields:
                self.assertRegex(text, rf'(?m)(^  |"){field}\b', command)
            for word in ("milliseconds", "exclusive", "logit"):
                self.assertIn(word, text, command)

    def test_version(self):
        self.assertRegex(self.succeed("--version").stdout, r"^samlet \d+\.\d+\.\d+\n$")


class UsageTest(CliTest):
    def refuse_track(self, words, *arguments):
        frames = self.dir / "frames"
        if not frames.exists():
            write_frames(frames, 1)
        self.refuse(2, words, "track", "--video", frames, "--out", self.out, *arguments)
        self.assertFalse(self.out.exists())

    def test_command_line(self):
        self.refuse(2, "subcommand")
        self.refuse(2, "--frobnicate", "track", "--video", "v", "--out", self.out, "--frobnicate")
        self.refuse(2, "--video", "track", "--out", self.out)
        self.refuse(2, "--preset", "bench", "--preset", "sam3")

    def test_points_and_boxes(self):
        self.refuse_track("nothing to track")
        self.refuse_track(["x,y", "'12'"], "--point", "12")
        self.refuse_track("'1,2,3,4'", "--point", "1,2,3,4")
        self.refuse_track("'a,b'", "--point", "a,b")
        self.refuse_track("label", "--point", "1,2,7")
        self.refuse_track("x0,y0,x1,y1", "--box", "1,2,3")
        self.refuse_track("--mask", "--mask", "m.png", "--point", "1,2")
        self.refuse_track("--prompts", "--prompts", "p.json", "--point", "1,2")

    def test_other_options(self):
        self.refuse_track("--direction", "--point", "1,2", "--direction", "sideways")
        self.refuse_track("--object", "--point", "1,2", "--object", "0")
        self.refuse_track("--threads", "--point", "1,2", "--threads", "-1")
        self.refuse_track("--max-frames", "--point", "1,2", "--max-frames", "0")
        self.refuse_track("--camera-size", "--point", "1,2", "--camera-size", "640")
        self.refuse_track("--direction: forward, backward or both is needed, got 'up'", "--point", "1,2", "--direction",
                          "up")
        self.refuse_track("--start: a whole number from 0 on is needed, got '-1'", "--point", "1,2", "--start", "-1")
        self.refuse_track("--max-frames: a whole number from 1 on is needed, got '0'", "--point", "1,2", "--max-frames",
                          "0")
        self.refuse_track("--start: a whole number", "--point", "1,2", "--start", "soon")

    def test_start_behind_a_prompt(self):
        prompts = self.prompts_file({"prompts": [{"frame": 2, "points": [[1, 2]]}]})
        self.refuse_track("--start 3", "--prompts", prompts, "--start", "3")
        self.refuse_track("--start 1", "--prompts", prompts, "--start", "1", "--direction", "backward")
        self.refuse_track("--start 1", "--prompts", prompts, "--start", "1", "--direction", "both")

    def test_prompts_that_max_frames_leaves_out(self):
        prompts = self.prompts_file({"prompts": [{"frame": frame, "points": [[1, 2]]} for frame in (2, 5)]})
        for words, enough, *arguments in (("frame 5", 4), ("frame 5", 6, "--start", "0"), ("frame 5", 4, "--direction", "both"),
                                          ("frame 2", 4, "--direction", "backward"),
                                          ("frame 2", 6, "--direction", "backward", "--start", "7")):
            few = str(enough - 1)
            self.refuse_track(["--max-frames " + few, words + " has a prompt"], "--prompts", prompts, "--max-frames", few,
                              *arguments)
            # One more is enough; then only the video is too short.
            self.refuse(1, "does not exist", "track", "--video", self.dir / "frames", "--out", self.out, "--prompts",
                        prompts, "--max-frames", enough, *arguments)


class KeptInputsTest(CliTest):
    """Results must not destroy what they are made from."""

    def refuse_track(self, words, *arguments):
        kept = {path: path.read_bytes() for path in self.dir.rglob("*") if path.is_file()}
        self.refuse(2, words, "track", "--point", "30,30", *arguments)
        self.assertEqual(kept, {path: path.read_bytes() for path in self.dir.rglob("*") if path.is_file()})

    def test_the_folder_of_the_frames(self):
        frames = write_frames(self.dir / "frames", 2, "{:05}.png")
        os.symlink(frames, self.dir / "link")
        self.refuse_track(["--out", "folder of the frames", "another folder"], "--video", frames, "--out", frames)
        self.refuse_track("folder of the frames", "--video", frames, "--out", self.dir / "link")
        self.refuse_track(["--overlay", "folder of the frames"], "--video", frames, "--out", self.out,
                          "--overlay", f"{frames}/../frames/")
        self.refuse_track("would overwrite", "--video", frames / "00000.png", "--out", frames)

    def test_the_video(self):
        video = self.dir / "clip.mp4"
        video.write_bytes(b"a film")
        os.symlink(video, self.dir / "link.mp4")
        self.refuse_track(["--overlay", "is the video"], "--video", video, "--out", self.out, "--overlay", video)
        self.refuse_track("is the video", "--video", video, "--out", self.out, "--overlay", self.dir / "link.mp4")

    def test_masks_of_prompts(self):
        frames = write_frames(self.dir / "frames", 2)
        masks = write_frames(self.dir / "masks", 2, "{:05}.png")
        self.refuse(2, ["--out", "00001.png"], "track", "--video", frames, "--mask", masks / "00001.png", "--out", masks)
        self.assertEqual(len(list(masks.iterdir())), 2)

    def test_segment(self):
        image = self.dir / "overlay.png"
        write_png(image, picture(0))
        self.refuse(2, ["--out", "overlay.png"], "segment", "--image", image, "--point", "1,2", "--out", self.dir)
        self.refuse(2, ["--out", "overlay.png"], "segment", "--image", image, "--everything", "--out", self.dir)
        image = image.rename(self.dir / "mask_2.png")
        self.refuse(2, "mask_2.png", "segment", "--image", image, "--point", "1,2", "--multimask", "--out", self.dir)
        image = image.rename(self.dir / "labels.png")
        self.refuse(2, "labels.png", "segment", "--image", image, "--everything", "--out", self.dir)
        np.save(self.dir / "mask_0.npy", np.zeros((64, 64), np.float32))
        self.refuse(2, ["--logits", "mask_0.npy"], "segment", "--image", image, "--out", self.out, "--logits", self.dir,
                    "--logits-in", self.dir / "mask_0.npy")
        self.assertFalse(self.out.exists())

    def test_overlays_that_are_no_videos(self):
        frames = write_frames(self.dir / "frames", 1)
        track = ["--video", frames, "--out", self.out, "--overlay"]
        self.refuse_track(["'" + str(self.dir / "x.webm") + "'", ".mp4", "/ for a folder"], *track, self.dir / "x.webm")
        self.refuse_track(".mp4", *track, self.dir / "x.gif")
        self.assertFalse((self.dir / "x.webm").exists())


class BadPromptsTest(CliTest):
    def refuse_prompts(self, words, content):
        video = self.dir / "frames"
        if not video.exists():
            write_frames(video, 3)
        self.refuse(1, words, "track", "--video", video, "--out", self.out, "--prompts", self.prompts_file(content))
        self.assertFalse(self.out.exists())

    def entry(self, words, entry):
        good = {"frame": 0, "points": [[1, 2]]}
        self.refuse_prompts(["prompts[1]", words], {"prompts": [good, entry]})

    def test_not_a_prompts_file(self):
        self.refuse_prompts("not JSON", "{\"prompts\": [")
        self.refuse_prompts("not JSON", b"\xff\xfe".decode("latin-1") + "x")
        self.refuse_prompts("\"prompts\"", "[]")
        self.refuse_prompts("\"prompts\"", {"prompts": 3})
        self.refuse_prompts("no prompts", {"prompts": []})
        self.refuse_prompts("too large", '{"prompts": [{"frame": 0, "points": [[1e400, 2]]}]}')

    def test_bad_entries(self):
        self.entry("object {...}", 5)
        self.entry("frame is missing", {"points": [[1, 2]]})
        self.entry(".frame", {"frame": -1, "points": [[1, 2]]})
        self.entry(".frame", {"frame": 0.5, "points": [[1, 2]]})
        self.entry(".frame", {"frame": 1e30, "points": [[1, 2]]})
        self.entry(".object", {"frame": 0, "object": 256, "points": [[1, 2]]})
        self.entry(".object", {"frame": 0, "object": "cat", "points": [[1, 2]]})
        self.entry(".points", {"frame": 0, "points": []})
        self.entry(".points[1]", {"frame": 0, "points": [[1, 2], [3]]})
        self.entry(".points[0]", {"frame": 0, "points": [[1, "2"]]})
        self.entry("label", {"frame": 0, "points": [[1, 2, 3]]})
        self.entry(".box", {"frame": 0, "box": [1, 2, 3]})
        self.entry(".mask", {"frame": 0, "mask": 7})
        self.entry(".mask", {"frame": 0, "mask": "m.png", "box": [1, 2, 3, 4]})
        self.entry(".clear", {"frame": 0, "clear": 1})
        self.entry("\"colour\"", {"frame": 0, "points": [[1, 2]], "colour": "red"})
        self.entry("is needed", {"frame": 0})

    def test_deep_nesting(self):
        lists, objects = "[" * 100000 + "]" * 100000, '{"a":' * 100000 + "0" + "}" * 100000
        for deep in (lists, objects):
            self.refuse_prompts(["prompts.json'", "nested too deeply"], deep)
            for field in ("frame", "points", "mask", "colour"):
                self.refuse_prompts("nested too deeply", '{"prompts": [{"frame": 0, "%s": %s}]}' % (field, deep))
        self.refuse_prompts("nested too deeply", "[" * 100000)

    def test_frame_behind_the_end(self):
        self.entry("frame 3 does not exist", {"frame": 3, "points": [[1, 2]]})

    def test_start_behind_the_end(self):
        video = write_frames(self.dir / "frames", 3)
        prompts = self.prompts_file({"prompts": [{"frame": 0, "points": [[1, 2]]}]})
        for arguments in (["--prompts", prompts, "--direction", "backward"], ["--live"]):
            self.refuse(1, ["--start: frame 1000 does not exist", "has 3 frames"], "track", "--video", video, "--out",
                        self.out, "--start", 1000, *arguments)
            self.assertFalse(self.out.exists())


class BadFilesTest(CliTest):
    def refuse_track(self, words, *arguments):
        self.refuse(1, words, "track", "--out", self.out, *arguments)

    def test_videos(self):
        self.refuse_track("'nowhere'", "--video", "nowhere", "--point", "1,2")
        self.refuse_track("holds no", "--video", self.dir, "--point", "1,2")
        text = self.dir / "video.mp4"
        text.write_text("not a video at all")
        self.refuse_track("video.mp4", "--video", text, "--point", "1,2")

    def test_masks(self):
        video = write_frames(self.dir / "frames", 1)
        self.refuse_track("no.png", "--video", video, "--mask", "no.png")
        text = self.dir / "text.png"
        text.write_text("not a picture")
        self.refuse_track("text.png", "--video", video, "--mask", text)
        empty = self.dir / "empty.png"
        write_png(empty, np.zeros((8, 8), np.uint8))
        self.refuse_track("is empty", "--video", video, "--mask", empty)
        self.refuse_track("is empty", "--video", video, "--prompts",
                          self.prompts_file({"prompts": [{"frame": 0, "mask": "empty.png"}]}))
        two = self.dir / "two.png"
        write_png(two, np.array([[0, 1, 2]], np.uint8), palette=range(30))
        labels = self.dir / "labels.png"
        write_png(labels, np.array([[0, 1, 300]], np.uint16))
        self.refuse_track(["labels.png", "palette PNG", "0 and 255"], "--video", video, "--mask", labels)
        self.refuse_track("none of index 5", "--video", video, "--mask", two, "--object", "5")

    def test_models(self):
        video = write_frames(self.dir / "frames", 1)
        self.refuse_track("no.gguf", "--video", video, "--point", "1,2", "--model", "no.gguf")
        garbage = self.dir / "garbage.gguf"
        garbage.write_bytes(b"garbage" * 100)
        self.refuse_track("garbage.gguf", "--video", video, "--point", "1,2", "--model", garbage)
        self.refuse(1, "no.gguf", "info", "no.gguf")
        self.refuse(1, "no.gguf", "info", environment={"SAMLET_MODEL": "no.gguf"})
        self.refuse(1, "no.gguf", "bench", "--model", "no.gguf")

    def test_pictures(self):
        segment = ["segment", "--point", "1,2", "--out", self.out]
        self.refuse(1, "no.jpg", *segment, "--image", "no.jpg")
        text = self.dir / "text.jpg"
        text.write_text("not a picture")
        self.refuse(1, "neither", *segment, "--image", text)
        cut = self.dir / "cut.png"
        write_png(cut, picture(0))
        cut.write_bytes(cut.read_bytes()[:-100])
        self.refuse(1, ["cut.png", "PNG"], *segment, "--image", cut)
        cut.write_bytes(b"\xff\xd8\xff\xe0garbage")
        self.refuse(1, ["cut.png", "JPEG"], *segment, "--image", cut)


@needs_model
class TrackTest(CliTest):
    def check_entry(self, entry):
        self.assertEqual(list(entry), ["frame", "object", "iou", "object_score", "visible", "box", "area", "time"])
        self.assertTrue(0 <= entry["iou"] <= 1)
        self.assertEqual(entry["visible"], entry["object_score"] > 0)
        self.assertGreater(entry["time"], 0)
        self.assertEqual(entry["box"] is None, entry["area"] == 0)

    def check_mask(self, entry, mask):
        """For results that nothing overlaps."""
        ys, xs = np.nonzero(mask == entry["object"])
        self.assertEqual(entry["area"], len(xs))
        if len(xs):
            self.assertEqual(entry["box"], [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1])

    def test_results_and_masks(self):
        video = write_frames(self.dir / "frames", 3)
        self.track(video, "--box", "18,18,46,46", "--object", 3)
        results = self.results()
        self.assertTrue(results["complete"])
        self.assertEqual(results["prompts"], [{"frame": 0, "object": 3, "box": [18, 18, 46, 46]}])
        self.assertEqual((results["video"]["width"], results["video"]["height"]), (WIDTH, HEIGHT))
        self.assertEqual([(entry["frame"], entry["object"]) for entry in results["results"]], [(0, 3), (1, 3), (2, 3)])
        self.assertEqual(sorted(path.name for path in self.out.iterdir()),
                         ["00000.png", "00001.png", "00002.png", "results.json"])
        for entry in results["results"]:
            self.check_entry(entry)
            mask, palette = read_palette_png(self.out / f"{entry['frame']:05}.png")
            self.assertEqual(mask.shape, (HEIGHT, WIDTH))
            self.assertTrue(set(np.unique(mask)) <= {0, 3})
            self.check_mask(entry, mask)
            # Background, and the first colours of the VOC map.
            self.assertEqual(list(palette[:12]), [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])

    def test_frames_in_natural_order(self):
        video = self.dir / "frames"
        video.mkdir()
        for number, name in enumerate(["f1.png", "f2.png", "f10.png"]):
            write_png(video / name, picture(number)[:60 + number])  # told apart by their height
        (video / "notes.txt").write_text("not a frame")
        self.track(video, "--point", "30,30", "--direction", "both", "--start", 2)
        heights = [read_palette_png(self.out / f"{number:05}.png")[0].shape[0] for number in range(3)]
        self.assertEqual(heights, [60, 61, 62])

    def test_single_picture_and_summary(self):
        write_png(self.dir / "one.png", picture(0))
        result = self.succeed("track", "--model", MODEL, "--video", self.dir / "one.png", "--out", self.out, "--point",
                              "30,30", "--point", "90,60,0", "--json")
        summary = json.loads(result.stdout)
        self.assertEqual((summary["frames"], summary["objects"], summary["complete"]), (1, [1], True))
        self.assertEqual(self.results()["prompts"][0]["points"], [[30, 30, 1], [90, 60, 0]])
        self.assertEqual(result.stderr, "")

    def test_names_that_are_not_utf8(self):
        folder = Path(os.fsdecode(os.fsencode(self.dir) + b"/caf\xe9"))
        folder.mkdir()
        video = write_frames(folder / "frames", 2)
        self.out = folder / "out"
        result = self.succeed("track", "--model", MODEL, "--video", video, "--out", self.out, "--point", "32,30", "--json",
                              "--explain", folder / "why")
        self.assertTrue(json.loads(result.stdout)["out"].endswith("caf\ufffd/out"))
        self.assertEqual(self.results()["video"]["path"], f"{self.dir}/caf\ufffd/frames")
        self.succeed("segment", "--model", MODEL, "--image", video / "0.png", "--out", self.out, "--point", "32,30",
                     "--quiet")
        self.succeed("segment", "--model", MODEL, "--image", video / "0.png", "--out", self.out, "--everything",
                     "--points-per-side", 2, "--quiet")

    def test_results_that_cannot_be_written(self):
        video = write_frames(self.dir / "frames", 1)
        (self.out / "results.json").mkdir(parents=True)
        self.refuse(1, ["results.json", "Is a directory"], "track", "--model", MODEL, "--video", video, "--out", self.out,
                    "--point", "32,30")

    def test_output_that_goes_nowhere(self):
        video = write_frames(self.dir / "frames", 1)
        track = ("track", "--model", MODEL, "--video", video, "--out", self.out, "--point", "32,30")
        for arguments in ((*track, "--json"), track, ("info", MODEL), ("info", MODEL, "--json"), ("--version",),
                          ("track", "--help")):
            with open("/dev/full", "w") as full:
                result = subprocess.run([CLI, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertIn("samlet: cannot write to standard output: No space left on device\n", result.stderr)

    def test_masks_of_an_earlier_run_go(self):
        video = write_frames(self.dir / "frames", 3)
        self.out.mkdir()
        for name in ("00007.png", "7.png", "000007.png", "00001.png.txt"):
            (self.out / name).write_text("mine")
        self.track(video, "--point", "32,30")
        # Before the first results.json the masks may be anybody's.
        self.assertEqual((self.out / "00007.png").read_text(), "mine")
        self.track(video, "--point", "32,30", "--max-frames", 1)
        self.assertEqual(sorted(path.name for path in self.out.iterdir()),
                         ["00000.png", "000007.png", "00001.png.txt", "7.png", "results.json"])

    def test_video_from_standard_input(self):
        write_png(self.dir / "one.png", picture(0))
        self.track(self.dir / "one.png", "--point", "30,30", "--overlay", f"{self.dir}/")
        # As rpicam-vid writes them: one JPEG after the other.
        frames = (self.dir / "00000.jpg").read_bytes() * 4
        result = subprocess.run([CLI, "track", "--model", MODEL, "--video", "-", "--out", self.out, "--point", "30,30",
                                 "--start", "1", "--quiet"], input=frames, capture_output=True)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        results = self.results()
        self.assertEqual([entry["frame"] for entry in results["results"]], [1, 2, 3])
        self.assertEqual(results["video"]["path"], "-")
        self.assertNotIn("time_s", results["results"][0])  # nobody knows when they were taken
        for direction in ("backward", "both"):
            result = subprocess.run([CLI, "track", "--model", MODEL, "--video", "-", "--out", self.out, "--point", "30,30",
                                     "--start", "1", "--direction", direction], input=frames, capture_output=True)
            self.assertEqual(result.returncode, 2)
            self.assertIn(b"a pipe can be read only once: --direction must be forward", result.stderr)
        # What is no pipe can be read again.
        (self.dir / "frames.mjpeg").write_bytes(frames)
        with open(self.dir / "frames.mjpeg", "rb") as file:
            result = subprocess.run([CLI, "track", "--model", MODEL, "--video", "-", "--out", self.out, "--point", "30,30",
                                     "--start", "1", "--direction", "both", "--quiet"], stdin=file, capture_output=True)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual([entry["frame"] for entry in self.results()["results"]], [1, 2, 3, 0])

    def test_photographs_are_upright(self):
        write_png(self.dir / "one.png", picture(0))
        self.track(self.dir / "one.png", "--point", "30,30", "--overlay", f"{self.dir}/")
        photo = self.dir / "00000.jpg"
        entry = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)  # the camera was held upright
        exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
        data = photo.read_bytes()
        photo.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
        self.track(photo, "--point", "20,30")
        self.assertEqual((self.results()["video"]["width"], self.results()["video"]["height"]), (HEIGHT, WIDTH))
        self.assertEqual(read_palette_png(self.out / "00000.png")[0].shape, (WIDTH, HEIGHT))

    def test_model_from_the_environment(self):
        write_png(self.dir / "one.png", picture(0))
        self.succeed("track", "--video", self.dir / "one.png", "--out", self.out, "--point", "30,30",
                     environment={"SAMLET_MODEL": str(MODEL)})

    def test_logits(self):
        video = write_frames(self.dir / "frames", 2)
        self.track(video, "--point", "30,30", "--logits", self.dir / "logits")
        self.assertEqual(sorted(path.name for path in (self.dir / "logits").iterdir()),
                         ["frame00000_obj1.npy", "frame00001_obj1.npy"])
        logits = np.load(self.dir / "logits" / "frame00001_obj1.npy")
        self.assertEqual((logits.dtype, logits.ndim), (np.float32, 2))
        self.assertEqual(logits.shape[0], logits.shape[1])
        self.assertTrue(np.isfinite(logits).all())

    def test_prompts_file_and_corrections(self):
        video = write_frames(self.dir / "frames", 4)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[20:44, 20:44] = 255
        (self.dir / "masks").mkdir()
        write_png(self.dir / "masks" / "m.png", mask)
        self.track(video, "--prompts", self.prompts_file({"prompts": [
            {"frame": 1, "object": 2, "mask": "masks/m.png"},
            {"frame": 2, "object": 5, "box": [60, 10, 90, 40]},
            {"frame": 2, "object": 5, "points": [[70, 20], [5, 5, 0]]},
            {"frame": 3, "object": 2, "clear": True, "points": [[40, 30, 1]]},
        ]}), "--start", "0")
        results = self.results()
        self.assertEqual([(entry["frame"], entry["object"]) for entry in results["results"]],
                         [(1, 2), (2, 2), (2, 5), (3, 2), (3, 5)])
        # Nothing was asked for on frame 0; its mask is there and empty.
        self.assertFalse(read_palette_png(self.out / "00000.png")[0].any())
        # A mask prompt is answered with itself.
        self.assertEqual(results["results"][0]["iou"], 1)
        self.check_mask(results["results"][0], read_palette_png(self.out / "00001.png")[0])

    def test_palette_mask_starts_each_object(self):
        video = write_frames(self.dir / "frames", 2)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[20:44, 20:44] = 1
        mask[5:15, 60:90] = 4
        write_png(self.dir / "two.png", mask, palette=range(30))
        self.track(video, "--mask", self.dir / "two.png")
        self.assertEqual([entry["object"] for entry in self.results()["results"]], [1, 4, 1, 4])
        write_png(self.dir / "one.png", np.where(mask == 4, 300, 0).astype(np.uint16))
        self.track(video, "--mask", self.dir / "one.png")
        self.assertEqual([entry["object"] for entry in self.results()["results"]], [1, 1])
        self.track(video, "--mask", self.dir / "two.png", "--object", 4)
        self.assertEqual([entry["object"] for entry in self.results()["results"]], [4, 4])

    def test_masks_larger_than_the_frames(self):
        video = write_frames(self.dir / "frames", 2)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[20:44, 20:44] = 1
        write_png(self.dir / "mask.png", np.kron(mask, np.ones((3, 2), np.uint8)))
        self.track(video, "--mask", self.dir / "mask.png")
        found = read_palette_png(self.out / "00000.png")[0] == 1
        self.assertEqual(found.shape, (HEIGHT, WIDTH))
        self.assertGreater((found & (mask == 1)).sum() / (found | (mask == 1)).sum(), 0.9)

    def test_frames_of_other_sizes(self):
        video = self.dir / "frames"
        video.mkdir()
        for number, height in enumerate((60, 55, 62, 60)):
            write_png(video / f"{number}.png", picture(number)[:height])
        self.refuse(1, ["frame 2 is 97 x 62, the first was 97 x 60: all frames must fit"], "track", "--model", MODEL,
                    "--video", video, "--out", self.out, "--point", "32,30", "--quiet")
        results = self.results()
        self.assertIn("97 x 62", results["error"])
        self.assertEqual([entry["frame"] for entry in results["results"]], [0, 1])
        # Where there is nothing to track, the size does not matter.
        self.track(video, "--prompts", self.prompts_file({"prompts": [{"frame": 3, "points": [[32, 30]]}]}), "--start", 0)
        self.assertEqual([entry["frame"] for entry in self.results()["results"]], [3])

    def test_directions(self):
        video = write_frames(self.dir / "frames", 4)
        order = lambda: [entry["frame"] for entry in self.results()["results"]]
        self.track(video, "--point", "32,30", "--start", 1, "--direction", "both")
        self.assertEqual(order(), [1, 2, 3, 0])
        self.track(video, "--point", "32,30", "--start", 2, "--direction", "backward")
        self.assertEqual(order(), [2, 1, 0])
        self.track(video, "--point", "32,30", "--start", 1, "--max-frames", 2)
        self.assertEqual(order(), [1, 2])

    def test_overlay_directory_and_jpeg_frames(self):
        video = write_frames(self.dir / "frames", 3)
        overlay = self.dir / "overlay"
        self.track(video, "--point", "32,30", "--overlay", overlay)
        self.assertEqual(sorted(path.name for path in overlay.iterdir()), ["00000.jpg", "00001.jpg", "00002.jpg"])
        # JPEGs are frames as well. Break the last one: what came before stays.
        last = overlay / "00002.jpg"
        last.write_bytes(last.read_bytes()[:-200])
        self.refuse(1, ["00002.jpg", "JPEG"], "track", "--model", MODEL, "--video", overlay, "--out", self.out,
                    "--point", "32,30")
        results = self.results()
        self.assertFalse(results["complete"])
        self.assertIn("00002.jpg", results["error"])
        self.assertEqual([entry["frame"] for entry in results["results"]], [0, 1])
        read_palette_png(self.out / "00001.png")

    def test_overlay_video_is_a_video(self):
        video = write_frames(self.dir / "frames", 5)
        overlay = self.dir / "overlay.mp4"
        self.track(video, "--point", "32,30", "--start", 2, "--direction", "both", "--overlay", overlay, "--fps", 10)
        # Read it back; odd sizes are padded. Going backward needs frames in descending order from a file.
        self.track(overlay, "--point", "32,30", "--start", 3, "--direction", "both")
        results = self.results()
        self.assertEqual((results["video"]["width"], results["video"]["height"]), (WIDTH + 1, HEIGHT + 1))
        self.assertEqual((results["video"]["frames"], results["video"]["fps"]), (5, 10))
        self.assertEqual([entry["frame"] for entry in results["results"]], [3, 4, 2, 1, 0])
        # When each was taken, after the first picture of the video.
        self.assertEqual([entry["time_s"] for entry in results["results"]], [0.3, 0.4, 0.2, 0.1, 0])

    def test_start_behind_an_end_that_nobody_knows(self):
        overlay = self.dir / "overlay.mkv"
        self.track(write_frames(self.dir / "frames", 3), "--point", "32,30", "--overlay", overlay)
        prompts = self.prompts_file({"prompts": [{"frame": 1, "points": [[32, 30]]}]})
        self.track(overlay, "--prompts", prompts, "--direction", "backward", "--start", 2)
        self.assertEqual(self.results()["video"]["frames"], 0)
        for arguments in (["--prompts", prompts, "--direction", "backward"], ["--point", "32,30"]):
            self.refuse(1, "overlay.mkv' has no frame 100", "track", "--model", MODEL, "--video", overlay, "--out",
                        self.dir / "none", "--start", 100, *arguments)
            self.assertFalse((self.dir / "none").exists())

    def test_library_errors_reach_the_user(self):
        video = write_frames(self.dir / "frames", 1)
        track = ["track", "--model", MODEL, "--video", video, "--out", self.out]
        self.refuse(1, ["--point", "frame 0", "object 1"], *track, "--point", "5000,5")
        self.refuse(1, "32", *track, "--point", "5,5", "--image-size", 100)
        prompts = {"prompts": [{"frame": 0, "object": k, "points": [[20, 30]]} for k in (1, 2)]}
        self.refuse(1, "object 2", *track, "--prompts", self.prompts_file(prompts), "--objects", 1)

    def test_interrupt_leaves_valid_files(self):
        video = write_frames(self.dir / "frames", 1)
        for number in range(1, 1000):
            os.symlink(video / "0.png", video / f"{number}.png")
        process = subprocess.Popen([CLI, "track", "--model", MODEL, "--video", video, "--out", self.out, "--point", "30,30"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until = time.monotonic() + 60
        while not (self.out / "00001.png").exists() and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        results = self.results()
        self.assertFalse(results["complete"])
        done = len(results["results"])
        self.assertTrue(2 <= done < 1000)
        read_palette_png(self.out / f"{done - 1:05}.png")
        self.assertFalse(any(path.name.endswith(".part") for path in self.out.iterdir()))

    def test_interrupt_before_the_first_frame(self):
        video = write_frames(self.dir / "frames", 1)
        prompts = self.dir / "prompts.json"
        os.mkfifo(prompts)
        process = subprocess.Popen([CLI, "track", "--model", MODEL, "--video", video, "--out", self.out, "--prompts",
                                    prompts], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with open(prompts, "wb") as pipe:  # waits for the reader, who catches interrupts by then
            pipe.write(b" " * (1 << 24) + b'{"prompts": [{"frame": 0, "points": [[30, 30]]}]}')
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=60)
        self.assertEqual(complaint, "")
        # The folder is named where there is something in it.
        self.assertEqual(str(self.out) in said, self.out.exists(), said)


class PageReader(html.parser.HTMLParser):
    """Tags, what they point at, ids and visible text of a page; fails where tags do not nest."""
    VOID = {"meta", "img", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.references, self.ids, self.words = [], [], [], set(), []
        self.errors = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
                self.references.append(value)
            if name == "id":
                self.ids.add(value)
            if name.startswith("on"):
                self.errors.append(name)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.errors.append("/" + tag)

    def handle_data(self, data):
        self.words.append(data)


@needs_model
class ExplainTest(CliTest):
    FRAMES = 9

    def explain(self, *arguments, video=None):
        video = video or write_frames(self.dir / "frames", self.FRAMES)
        self.why = self.dir / "why"
        self.track(video, "--box", "18,18,46,46", "--explain", self.why, *arguments)
        return self.results()["results"]

    def check_attention(self, entry):
        attention = entry["attention"]
        memories = attention["memories"]
        inside = attention["mask_area"] > 0
        self.assertAlmostEqual(sum(m["share"] for m in memories), 1 if inside else 0, places=4)
        self.assertAlmostEqual(sum(m["share_all"] for m in memories), 1, places=4)
        for kind, sums in (("prompted", "prompted"), ("recent", "recent"), ("pointer", "pointers")):
            self.assertAlmostEqual(sum(m["share"] for m in memories if m["kind"] == kind), attention[sums], places=4)
        self.assertAlmostEqual(sum(m["entropy"] for m in memories), attention["entropy"], places=3)
        self.assertEqual(max(m["largest"] for m in memories), attention["largest"])
        self.assertLess(attention["entropy_all"], math.log(attention["tokens"]))
        for layer in attention["layers"]:
            self.assertAlmostEqual(layer["prompted"] + layer["recent"] + layer["pointers"], inside, places=4)
        mean = sum(layer["prompted"] for layer in attention["layers"]) / len(attention["layers"])
        self.assertAlmostEqual(mean, attention["prompted"], places=4)

    def test_figures(self):
        entries = self.explain()
        self.assertEqual(len(entries), self.FRAMES)
        self.assertEqual(entries[0]["attention"]["memories"], [])
        for entry in entries:
            self.assertEqual(len(entry["stages"]), 6)
            self.assertGreater(entry["stages"]["trunk"], 0)
        for entry in entries[1:]:
            self.check_attention(entry)
            placed = [m["frame"] for m in entry["attention"]["memories"] if m["kind"] != "pointer"]
            self.assertEqual(placed, [0, *range(max(1, entry["frame"] - 6), entry["frame"])])
            pictures = [self.why / "heat" / f"{entry['frame']:05}_obj1_memory{frame:05}.jpg" for frame in placed]
            for picture in pictures:
                self.assertTrue(picture.read_bytes().startswith(b"\xff\xd8"), picture)
        self.assertEqual(len(list((self.why / "heat").iterdir())), sum(min(n, 7) for n in range(1, self.FRAMES)))

    def test_results_stay_the_same(self):
        explained = self.explain()
        masks = [path.read_bytes() for path in sorted(self.out.glob("*.png"))]
        self.track(self.dir / "frames", "--box", "18,18,46,46")
        plain = self.results()["results"]
        self.assertEqual(masks, [path.read_bytes() for path in sorted(self.out.glob("*.png"))])
        for entry in explained:
            del entry["attention"], entry["stages"], entry["time"]
        for entry in plain:
            del entry["time"]  # nothing else: no "attention" where nobody asked
        self.assertEqual(explained, plain)

    def read_report(self):
        text = (self.why / "report.html").read_text(encoding="utf-8")
        page = PageReader()
        page.feed(text)
        page.close()
        self.assertEqual((page.open, page.errors), ([], []))
        return text, page

    def test_report_needs_no_other_file(self):
        video = write_frames(self.dir / 'a <b> & "c"', self.FRAMES)
        self.explain(video=video)
        text, page = self.read_report()
        self.assertNotIn("http:", text)
        self.assertNotIn("https:", text)
        self.assertNotIn("url(", text)
        self.assertNotIn("@import", text)
        self.assertFalse({"script", "link", "iframe", "object", "embed", "base"} & set(page.tags))
        self.assertGreater(page.tags.count("svg"), 4)
        for reference in page.references:
            if reference.startswith("#"):
                self.assertIn(reference[1:], page.ids)
            else:
                self.assertTrue(reference.startswith("data:image/jpeg;base64,"), reference[:40])
                self.assertTrue(base64.b64decode(reference.split(",")[1], validate=True).startswith(b"\xff\xd8"))
        # A filmstrip, and per tracked frame the frame again and its memories.
        self.assertEqual(page.tags.count("img"), 9 + sum(1 + min(n, 7) for n in range(1, self.FRAMES)))
        self.assertIn(str(video), "".join(page.words))
        self.assertNotIn("nan", "".join(page.words).split())
        self.assertIsNone(re.search(r'="[^"]*\b(nan|inf)\b', re.sub(r"data:[^\"]*", "", text)))

    def test_both_directions_and_objects_that_come_later(self):
        video = write_frames(self.dir / "frames", 6)
        prompts = self.prompts_file({"prompts": [{"frame": 2, "object": 1, "box": [26, 18, 52, 46]},
                                                 {"frame": 4, "object": 3, "points": [[5, 50]]}]})
        self.why = self.dir / "why"
        self.track(video, "--prompts", prompts, "--direction", "both", "--explain", self.why)
        for entry in self.results()["results"]:
            if entry["attention"]["memories"]:
                self.check_attention(entry)
        text, page = self.read_report()
        self.assertIn("Object 3", "".join(page.words))
        # The picture of every memory was at hand: nothing is missing.
        placed = sum(m["kind"] != "pointer" for e in self.results()["results"] for m in e["attention"]["memories"])
        self.assertEqual(len(list((self.why / "heat").iterdir())), placed)

    def test_long_videos_make_no_long_reports(self):
        video = write_frames(self.dir / "frames", 1)
        for number in range(1, 90):
            os.symlink(video / "0.png", video / f"{number}.png")
        self.explain("--image-size", "64", video=video)
        text, page = self.read_report()
        self.assertIn("Pictures of 45 of the 90 frames.", "".join(page.words))
        self.assertEqual(text.count('class="row"'), 44)

    def test_a_single_frame(self):
        video = write_frames(self.dir / "frames", 1)
        self.why = self.dir / "why"
        arguments = ("track", "--model", MODEL, "--video", video, "--out", self.out, "--point", "32,30")
        report = str(self.why / "report.html")
        self.assertIn(report, self.succeed(*arguments, "--explain", self.why).stdout)
        self.assertEqual(json.loads(self.succeed(*arguments, "--explain", self.why, "--json").stdout)["report"], report)
        self.assertNotIn("report", json.loads(self.succeed(*arguments, "--json").stdout))
        text, page = self.read_report()
        self.assertEqual(page.tags.count("img"), 1)


@needs_model
class SegmentTest(CliTest):
    def segment(self, *arguments):
        write_png(self.dir / "one.png", picture(0))
        return self.succeed("segment", "--model", MODEL, "--image", self.dir / "one.png", "--out", self.out, *arguments)

    def test_multimask(self):
        results = json.loads(self.segment("--point", "30,30", "--multimask", "--json", "--logits", self.dir / "l").stdout)
        self.assertEqual(results, self.results())
        self.assertEqual([mask["file"] for mask in results["masks"]], ["mask_0.png", "mask_1.png", "mask_2.png"])
        best = max(results["masks"], key=lambda mask: mask["iou"])
        self.assertEqual(results["masks"][results["best"]]["iou"], best["iou"])
        for mask in results["masks"]:
            self.assertEqual((read_palette_png(self.out / mask["file"])[0] == 1).sum(), mask["area"])
        self.assertEqual(np.load(self.dir / "l" / "mask_2.npy").dtype, np.float32)
        self.assertTrue((self.out / "overlay.png").read_bytes().startswith(b"\x89PNG"))

    def test_refining_by_logits(self):
        self.segment("--box", "18,18,46,46", "--logits", self.dir / "l")
        self.segment("--point", "30,30", "--logits-in", self.dir / "l" / "mask_0.npy")
        self.assertEqual(len(self.results()["masks"]), 1)
        for wrong in (np.zeros((3, 5), np.float32), np.zeros((64, 64), np.float64), np.zeros(7, np.float32)):
            np.save(self.dir / "wrong.npy", wrong)
            self.refuse(1, "wrong.npy", "segment", "--model", MODEL, "--image", self.dir / "one.png", "--out", self.out,
                        "--logits-in", self.dir / "wrong.npy")

    def test_logits_with_a_broken_header(self):
        write_png(self.dir / "one.png", picture(0))
        whole = "{'descr': '<f4', 'fortran_order': False, 'shape': (64, 64), }"
        for end in ("'descr':", "'descr': ", "'fortran_order':", "'fortran_order':  ", "'shape':", "'shape': (64", "{"):
            header = whole[:whole.index(end.rstrip())] + end
            data = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()
            (self.dir / "cut.npy").write_bytes(data)
            self.refuse(1, ["cut.npy' is not a .npy file"], "segment", "--model", MODEL, "--image", self.dir / "one.png",
                        "--out", self.out, "--logits-in", self.dir / "cut.npy")

    def test_usage(self):
        write_png(self.dir / "one.png", picture(0))
        self.refuse(2, "nothing to segment", "segment", "--model", MODEL, "--image", self.dir / "one.png", "--out", self.out)


@needs_model
class InfoTest(CliTest):
    def test_json(self):
        info = json.loads(self.succeed("info", MODEL, "--json", "--tensors", "--objects", 2).stdout)
        self.assertIn(info["model"]["family"], ("sam2", "sam2.1"))
        self.assertEqual(len(info["tensors"]), info["model"]["tensors"])
        self.assertEqual(set(info["memory"]), {"model", "tracker", "segmenter"})
        for plan in info["memory"].values():
            self.assertEqual(sum(part["bytes"] for part in plan["parts"]), plan["bytes"])

    def layers(self, *arguments, environment=None):
        """The precisions of the layers that ran; None where this CPU cannot."""
        result = run("info", MODEL, "--run", "--json", "--image-size", 64, *arguments, environment=environment)
        if result.returncode and "f16" in result.stderr:
            return None
        self.assertEqual(result.returncode, 0, result.stderr)
        return {layer["precision"] for layer in json.loads(result.stdout)["layers"] if layer["rows"]}

    def test_precision(self):
        half = {"SAMLET_PRECISION": "f16"}
        self.assertEqual(self.layers("--precision", "f32"), {"f32"})
        self.assertEqual(self.layers("--precision", "f32", environment=half), {"f32"})
        asked = self.layers("--precision", "f16")
        self.assertEqual(asked, self.layers(environment=half))
        self.assertTrue(asked is None or "f16" in asked)
        for command in (["info"], ["bench"], ["track", "--video", "v", "--out", self.out],
                        ["segment", "--image", "i", "--out", self.out]):
            self.refuse(2, "--precision: auto, f32 or f16 is needed, got 'int4'", *command, "--precision", "int4")

    def test_f16_maps_take_less_memory(self):
        plans = [json.loads(self.succeed("info", MODEL, "--json", *flag).stdout)["memory"] for flag in ([], ["--f16-maps"])]
        write_png(self.dir / "one.png", picture(0))
        for plan in ("tracker", "segmenter"):
            self.assertLess(plans[1][plan]["bytes"], plans[0][plan]["bytes"])
        for command in (["bench", "--model", MODEL, "--frames", 1, "--warm-up", 1],
                        ["track", "--model", MODEL, "--video", self.dir / "one.png", "--point", "30,30", "--out", self.out],
                        ["segment", "--model", MODEL, "--image", self.dir / "one.png", "--point", "30,30", "--out", self.out]):
            whole, half = (json.loads(self.succeed(*command, "--json", *flag).stdout)["arena_bytes"]
                           for flag in ([], ["--f16-maps"]))
            self.assertLess(half, whole, command[0])

    def test_text(self):
        text = self.succeed("info", MODEL).stdout
        self.assertIn("tracker memory", text)
        self.assertIn("image_size", text)


class BenchTest(CliTest):
    def test_preset(self):
        for kind in ("f16", "f32"):
            result = self.succeed("bench", "--preset", "micro", "--preset-type", kind, "--frames", 2, "--objects", 2,
                                  "--threads", 1, "--json")
            bench = json.loads(result.stdout)
            self.assertEqual((bench["frames"], bench["objects"], bench["threads"]), (2, 2, 1))
            self.assertEqual(len(bench["stages"]), 6)
            for row in bench["stages"] + [bench["total"]]:
                self.assertLessEqual(row["median_ms"], row["p99_ms"])
            for field in ("xnnpack_f32_gmac_per_s", "rate_ratio", "arena_bytes", "peak_rss_bytes", "frames_per_second"):
                self.assertGreater(bench[field], 0, field)

    def test_text(self):
        text = self.succeed("bench", "--preset", "micro", "--frames", 1, "--warm-up", 1, "--quiet").stdout
        self.assertIn("XNNPACK f32", text)
        self.assertIn("memory", text)


if __name__ == "__main__":
    if not CLI:
        print("skipped: SAMLET_CLI names no executable")
        sys.exit(SKIPPED)
    unittest.main()
