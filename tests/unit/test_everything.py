#!/usr/bin/env python3
"""samlet segment --everything and track --everything, against the same steps in numpy.

SPDX-License-Identifier: Apache-2.0

The truth is made of single clicks (`samlet segment --point`), one for every point of the grid, and of the reference's
rules (sam2/automatic_mask_generator.py, sam2/utils/amg.py) written down once more. Environment: as test_cli.py.
"""
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

from test_cli import CLI, MODEL, SKIPPED, CliTest, needs_model, read_palette_png, write_png

WIDTH, HEIGHT = 240, 160
CLIP = Path(os.environ.get("SAMLET_SOURCE_DIR", ".")) / "examples" / "data" / "bedroom"
BUNDLED = CLIP.parent / "samlet_micro.gguf"
LOOSE = {"pred_iou_thresh": 0, "stability_score_thresh": 0}


def scene():
    """Squares and discs of some sizes over a soft pattern."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    pixels = np.stack([60 + x // 4, 70 + y // 4, 90 + (x + y) // 8], axis=-1).astype(np.uint8)
    for left, top, side, colour in ((20, 20, 30, (220, 40, 40)), (90, 90, 44, (40, 210, 60)), (180, 16, 38, (30, 60, 230))):
        pixels[top:top + side, left:left + side] = colour
    for cx, cy, radius, colour in ((52, 118, 26, (230, 220, 50)), (198, 112, 32, (200, 60, 210)), (120, 40, 22, (240, 240, 240))):
        pixels[(x - cx) ** 2 + (y - cy) ** 2 < radius ** 2] = colour
    return pixels


def options_of(values):
    arguments = []
    for name, value in values.items():
        arguments += ["--" + name.replace("_", "-")] + ([] if value is True else [value])
    return arguments


# ---- The reference's rules -------------------------------------------------------------------------------------------

def decode(segmentation):
    """COCO's compressed counts -> bool (height, width)."""
    height, width = segmentation["size"]
    runs, at, text = [], 0, segmentation["counts"].encode()
    while at < len(text):
        value = shift = 0
        more = True
        while more:
            group = text[at] - 48
            at += 1
            value |= (group & 31) << shift
            shift += 5
            more = group & 32
        if group & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    assert sum(runs) == height * width
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def upsampled(logits, width, height):
    """torch's interpolate(mode="bilinear", align_corners=False)."""
    def axis(count, size):
        at = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, None)
        low = np.minimum(at.astype(int), count - 1)
        return low, np.minimum(low + 1, count - 1), at - low
    y0, y1, v = axis(logits.shape[0], height)
    x0, x1, u = axis(logits.shape[1], width)
    rows = logits[y0] * (1 - v)[:, None] + logits[y1] * v[:, None]
    return rows[:, x0] * (1 - u) + rows[:, x1] * u


def box_of(mask):
    ys, xs = np.nonzero(mask)
    return [xs.min(), ys.min(), xs.max(), ys.max()]


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def suppress(boxes, scores, threshold):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        a = boxes[i]
        for k in kept:
            b = boxes[k]
            shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
            whole = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared
            if whole > 0 and shared / whole > threshold:
                break
        else:
            kept.append(i)
    return kept


def near_edge(box, crop):
    picture = (0, 0, WIDTH, HEIGHT)
    return any(abs(box[i] - crop[i]) <= 20 and abs(box[i] - picture[i]) > 20 for i in range(4))


def regions(mask, value):
    seen = np.zeros_like(mask)
    for start in zip(*np.nonzero(mask == value)):
        if seen[start]:
            continue
        region, seen[start] = [start], True
        for y, x in region:
            for v in range(max(y - 1, 0), min(y + 2, mask.shape[0])):
                for u in range(max(x - 1, 0), min(x + 2, mask.shape[1])):
                    if mask[v, u] == value and not seen[v, u]:
                        seen[v, u] = True
                        region.append((v, u))
        yield region


def without_small_regions(mask, area):
    mask, changed = mask.copy(), False
    for region in list(regions(mask, False)):
        if len(region) < area:
            changed = True
            mask[tuple(zip(*region))] = True
    islands = sorted(regions(mask, True), key=len)
    for region in islands:
        if len(region) < area:
            changed = True
            if region is not islands[-1]:
                mask[tuple(zip(*region))] = False
    return mask, changed


def middle_of_gap(values, part):
    """A threshold that no rounding can cross: in the widest gap near that `part` of the values."""
    values = np.unique(values)
    centre = int(part * len(values))
    span = max(len(values) // 6, 2)
    low, high = max(centre - span, 0), min(centre + span, len(values) - 1)
    at = low + int(np.argmax(np.diff(values[low:high + 1])))
    return float(np.round((values[at] + values[at + 1]) / 2, 6))


# ---- The tests -------------------------------------------------------------------------------------------------------

class EverythingTest(CliTest):
    def everything(self, **options):
        write_png(self.dir / "scene.png", scene())
        self.succeed("segment", "--model", MODEL, "--image", self.dir / "scene.png", "--everything", "--threads", 2,
                     "--quiet", "--out", self.out, *options_of(options))
        return self.results()["masks"]

    def click(self, crop, point, multimask=True, logits=None):
        """The masks of a click into a part of the scene, and their logits: [(iou, mask, logits)]."""
        x0, y0, x1, y1 = crop
        write_png(self.dir / "crop.png", scene()[y0:y1, x0:x1])
        out = self.dir / "click"
        more = ["--multimask"] if multimask else []
        if logits is not None:
            np.save(self.dir / "in.npy", logits)
            more += ["--logits-in", self.dir / "in.npy"]
        self.succeed("segment", "--model", MODEL, "--image", self.dir / "crop.png", "--point",
                     f"{point[0]},{point[1]}", "--out", out, "--logits", out, "--quiet", "--threads", 2, *more)
        found = json.loads((out / "results.json").read_text())["masks"]
        return [(mask["iou"], read_palette_png(out / mask["file"])[0] == 1, np.load(out / f"mask_{i}.npy"))
                for i, mask in enumerate(found)]

    def candidates(self, crop, side, **how):
        """All masks of a grid of points, before any of them is dropped."""
        found = []
        x0, y0, x1, y1 = crop
        for row in range(side):
            for column in range(side):
                point = ((column + 0.5) / side * (x1 - x0), (row + 0.5) / side * (y1 - y0))
                for iou, mask, logits in self.predictions(crop, point, **how):
                    if not mask.any():
                        continue
                    large = upsampled(logits.astype(float), x1 - x0, y1 - y0)
                    whole = np.zeros((HEIGHT, WIDTH), bool)
                    whole[y0:y1, x0:x1] = mask
                    found.append({"iou": iou, "mask": whole, "box": box_of(whole), "crop": crop,
                                  "point": (point[0] + x0, point[1] + y0),
                                  "stability": (large > 1).sum() / (large > -1).sum()})
        return found

    def predictions(self, crop, point, multimask=True, m2m=False):
        first = self.click(crop, point, multimask)
        if not m2m:
            return first
        return [self.click(crop, point, False, logits)[0] for _, _, logits in first]

    def check_masks(self, got, expected):
        self.assertEqual(len(got), len(expected))
        self.assertGreater(len(got), 1)  # else there is little to see
        for label, (mask, truth) in enumerate(zip(got, expected), 1):
            self.assertEqual(list(mask), ["label", "segmentation", "area", "bbox", "predicted_iou", "point_coords",
                                          "stability_score", "crop_box"])
            self.assertEqual(mask["label"], label)
            np.testing.assert_array_equal(decode(mask["segmentation"]), truth["mask"])
            self.assertEqual(mask["area"], truth["mask"].sum())
            x0, y0, x1, y1 = truth["box"]
            self.assertEqual(mask["bbox"], [x0, y0, x1 - x0 + 1, y1 - y0 + 1])
            self.assertAlmostEqual(mask["predicted_iou"], truth["iou"], 4)
            np.testing.assert_allclose(mask["point_coords"], [truth["point"]], rtol=1e-5)
            self.assertAlmostEqual(mask["stability_score"], truth["stability"], 2)
            x0, y0, x1, y1 = truth["crop"]
            self.assertEqual(mask["crop_box"], [x0, y0, x1 - x0, y1 - y0])


@needs_model
class SegmentEverythingTest(EverythingTest):
    WHOLE = (0, 0, WIDTH, HEIGHT)

    def selected(self, found, threshold):
        return [found[i] for i in suppress([mask["box"] for mask in found], [mask["iou"] for mask in found], threshold)]

    def test_thresholds_and_suppression(self):
        found = self.candidates(self.WHOLE, 4)
        for nms in (0.7, 0.3):
            options = {"points_per_side": 4, "box_nms_thresh": nms,
                       "pred_iou_thresh": middle_of_gap([mask["iou"] for mask in found], 0.3),
                       "stability_score_thresh": middle_of_gap([mask["stability"] for mask in found], 0.3)}
            good = [mask for mask in found if mask["iou"] > options["pred_iou_thresh"]
                    and mask["stability"] >= options["stability_score_thresh"]]
            self.assertLess(len(good), len(found))
            self.check_masks(self.everything(**options), self.selected(good, nms))

    def test_every_mask(self):
        found = self.candidates(self.WHOLE, 3)
        self.check_masks(self.everything(points_per_side=3, box_nms_thresh=1, **LOOSE), self.selected(found, 1))

    def test_single_mask(self):
        found = self.candidates(self.WHOLE, 4, multimask=False)
        self.check_masks(self.everything(points_per_side=4, single_mask=True, **LOOSE), self.selected(found, 0.7))

    def test_refined_masks(self):
        found = self.candidates(self.WHOLE, 2, m2m=True)
        self.check_masks(self.everything(points_per_side=2, use_m2m=True, **LOOSE), self.selected(found, 0.7))

    def test_crops(self):
        overlap = int(512 / 1500 * HEIGHT)
        across, down = math.ceil((WIDTH + overlap) / 2), math.ceil((HEIGHT + overlap) / 2)
        crops = [self.WHOLE] + [(x, y, min(x + across, WIDTH), min(y + down, HEIGHT))
                                for x in (0, across - overlap) for y in (0, down - overlap)]
        found = []
        for crop in crops:
            inside = self.candidates(crop, 4 if crop == self.WHOLE else 2)
            found += self.selected([mask for mask in inside if not near_edge(mask["box"], crop)], 0.7)
        areas = [(mask["crop"][2] - mask["crop"][0]) * (mask["crop"][3] - mask["crop"][1]) for mask in found]
        self.assertGreater(len(set(areas)), 1)
        kept = suppress([mask["box"] for mask in found], [1 / area for area in areas], 0.6)
        got = self.everything(points_per_side=4, crop_n_layers=1, crop_n_points_downscale_factor=2,
                              crop_nms_thresh=0.6, **LOOSE)
        self.check_masks(got, [found[i] for i in kept])

    def test_small_regions(self):
        found = self.selected(self.candidates(self.WHOLE, 4), 0.7)
        area = 200
        for mask in found:
            mask["mask"], mask["changed"] = without_small_regions(mask["mask"], area)
            mask["box"] = box_of(mask["mask"])
        self.assertTrue(any(mask["changed"] for mask in found))
        kept = suppress([mask["box"] for mask in found], [0 if mask["changed"] else 1 for mask in found], 0.7)
        self.check_masks(self.everything(points_per_side=4, min_mask_region_area=area, **LOOSE),
                         [found[i] for i in kept])

    def test_threshold_of_masks(self):
        got = self.everything(points_per_side=2, mask_threshold=1.5, stability_score_offset=0.25, box_nms_thresh=1,
                              **LOOSE)
        truth = {}
        for row in range(2):
            for column in range(2):
                point = ((column + 0.5) / 2 * WIDTH, (row + 0.5) / 2 * HEIGHT)
                for iou, _, logits in self.click(self.WHOLE, point):
                    truth[point + (round(iou, 4),)] = upsampled(logits.astype(float), WIDTH, HEIGHT)
        self.assertGreater(len(got), 1)
        for mask in got:
            logits = truth[tuple(mask["point_coords"][0]) + (round(mask["predicted_iou"], 4),)]
            self.assertLess((decode(mask["segmentation"]) != (logits > 1.5)).sum(), 10)
            self.assertAlmostEqual(mask["stability_score"], (logits > 1.75).sum() / (logits > 1.25).sum(), 2)

    def test_pictures_and_header(self):
        got = self.everything(points_per_side=4, **LOOSE)
        labels, _ = read_palette_png(self.out / "labels.png")
        expected = np.zeros_like(labels)
        for mask in sorted(got, key=lambda mask: -mask["area"]):
            expected[decode(mask["segmentation"])] = mask["label"]
        np.testing.assert_array_equal(labels, expected)
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), ["labels.png", "overlay.png", "results.json"])
        results = self.results()
        self.assertEqual(results["everything"]["points_per_side"], 4)
        self.assertEqual(results["everything"]["crop_overlap_ratio"], 0.341333)
        self.assertEqual((results["image"]["width"], results["image"]["height"]), (WIDTH, HEIGHT))

    def test_more_masks_than_colours(self):
        got = self.everything(points_per_side=10, box_nms_thresh=1, **LOOSE)
        self.assertGreater(len(got), 255)
        header = (self.out / "labels.png").read_bytes()[16:26]
        self.assertEqual(header, WIDTH.to_bytes(4, "big") + HEIGHT.to_bytes(4, "big") + bytes([16, 0]))

    def test_threads_change_nothing(self):
        first = self.everything(points_per_side=4, **LOOSE)
        result = self.succeed("segment", "--model", MODEL, "--image", self.dir / "scene.png", "--everything", "--json",
                              "--threads", 1, "--out", self.out, *options_of({"points_per_side": 4, **LOOSE}))
        self.assertEqual(result.stderr, "")
        self.assertEqual(json.loads(result.stdout)["masks"], first)

    def test_interrupt(self):
        write_png(self.dir / "scene.png", scene())
        process = subprocess.Popen([CLI, "segment", "--model", MODEL, "--image", self.dir / "scene.png", "--everything",
                                    "--points-per-side", "256", "--out", self.out], stderr=subprocess.PIPE, text=True)
        self.assertIn("of 65536", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertFalse(self.out.exists())

    def test_no_masks(self):
        self.assertEqual(self.everything(points_per_side=2, pred_iou_thresh=1), [])
        self.assertFalse(read_palette_png(self.out / "labels.png")[0].any())


@needs_model
class UsageTest(CliTest):
    def refuse_segment(self, code, words, *arguments):
        write_png(self.dir / "scene.png", scene())
        self.refuse(code, words, "segment", "--model", MODEL, "--image", self.dir / "scene.png", "--out", self.out,
                    *arguments)
        self.assertFalse(self.out.exists())

    def test_segment(self):
        self.refuse_segment(2, ["--points-per-side", "--everything"], "--point", "1,2", "--points-per-side", 4)
        self.refuse_segment(2, ["--use-m2m", "--everything"], "--point", "1,2", "--use-m2m")
        for other in (["--point", "1,2"], ["--box", "1,2,3,4"], ["--multimask"], ["--logits", self.dir / "l"]):
            self.refuse_segment(2, ["--everything cannot be combined", other[0]], "--everything", *other)
        self.refuse_segment(2, "--points-per-side", "--everything", "--points-per-side", 0)
        self.refuse_segment(2, "--pred-iou-thresh", "--everything", "--pred-iou-thresh", 1.5)
        self.refuse_segment(2, "none for layer 2", "--everything", "--points-per-side", 3, "--crop-n-layers", 2,
                            "--crop-n-points-downscale-factor", 2)
        write_png(self.dir / "line.png", scene()[:1])
        self.refuse(1, "too small", "segment", "--model", MODEL, "--image", self.dir / "line.png", "--out", self.out,
                    "--everything", "--crop-n-layers", 1)

    def test_nothing_found_by_the_bundled_model(self):
        strict = ["--everything", "--points-per-side", 2, "--pred-iou-thresh", 1]
        write_png(self.dir / "scene.png", scene())
        segment = ["segment", "--image", self.dir / "scene.png", "--out", self.out, *strict]
        copy = self.dir / "trained.gguf"
        shutil.copy(MODEL, copy)
        for model, demonstrates in ((BUNDLED, True), (copy, False)):
            result = self.succeed(*segment, "--model", model, "--json")
            self.assertEqual(json.loads(result.stdout)["masks"], [])
            self.assertIn("samlet: warning: no masks", result.stderr)
            self.assertEqual("demonstration" in result.stderr, demonstrates)
        self.assertEqual(self.succeed(*segment, "--model", BUNDLED, "--quiet").stderr, "")
        self.refuse(1, ["finds no objects", "demonstration", "published checkpoint"], "track", "--model", BUNDLED,
                    "--video", self.dir / "scene.png", "--quiet", "--out", self.out, "--everything", 2, *strict[1:])

    def test_track(self):
        track = ["track", "--model", MODEL, "--video", CLIP, "--out", self.out]
        self.refuse(2, ["--crop-n-layers", "--everything"], *track, "--point", "1,2", "--crop-n-layers", 1)
        for other in (["--point", "1,2"], ["--mask", "m.png"], ["--object", 2], ["--prompts", "p.json"]):
            self.refuse(2, ["--everything cannot be combined", other[0]], *track, "--everything", 2, *other)
        self.refuse(2, "--everything", *track, "--everything", 0)
        self.refuse(1, ["--everything", "frame 99"], *track, "--everything", 2, "--start", 99)
        self.refuse(1, ["finds no objects", "frame 3"], *track, "--quiet", "--everything", 2, "--start", 3,
                    "--points-per-side", 2, "--pred-iou-thresh", 1)
        self.assertFalse(self.out.exists())


@needs_model
@unittest.skipUnless(CLIP.is_dir(), "no clip")
class TrackEverythingTest(CliTest):
    OPTIONS = options_of({"points_per_side": 8, **LOOSE})

    def largest(self, picture, count):
        """The seeds, from what segment --everything finds."""
        out = self.dir / "segment"
        self.succeed("segment", "--model", MODEL, "--image", picture, "--everything", "--quiet", "--out", out,
                     *self.OPTIONS)
        masks = [decode(mask["segmentation"]) for mask in json.loads((out / "results.json").read_text())["masks"]]
        seeds, skipped = np.zeros(masks[0].shape, np.uint8), 0
        for mask in sorted(masks, key=lambda mask: -mask.sum()):
            if seeds.max() == count:
                break
            if (seeds[mask] != 0).mean() > 0.1:
                skipped += 1
                continue
            seeds[mask] = seeds.max() + 1
        return seeds, skipped

    def without_time(self):
        return [{key: value for key, value in entry.items() if key != "time"} for entry in self.results()["results"]]

    def test_the_largest_are_tracked(self):
        self.track(CLIP, "--everything", 8, "--start", 2, "--max-frames", 2, *self.OPTIONS)
        seeds = read_palette_png(self.out / "seeds.png")[0]
        expected, skipped = self.largest(sorted(CLIP.iterdir())[2], 8)
        self.assertGreater(skipped, 0)
        np.testing.assert_array_equal(seeds, expected)
        count = int(seeds.max())
        self.assertTrue(3 <= count <= 8)
        results = self.results()
        self.assertTrue(results["complete"])
        self.assertEqual(results["everything"]["points_per_side"], 8)
        self.assertEqual(results["prompts"], [{"frame": 2, "object": k, "mask": str(self.out / "seeds.png")}
                                              for k in range(1, count + 1)])
        self.assertEqual([(entry["frame"], entry["object"]) for entry in results["results"]],
                         [(frame, k) for frame in (2, 3) for k in range(1, count + 1)])
        for entry in results["results"][:count]:  # a mask prompt is answered with itself
            self.assertEqual(entry["iou"], 1)
            # Through 64 x 64 logits, so that the outline may move by a quarter of a cell.
            x0, y0, x1, y1 = entry["box"]
            cell = sum(seeds.shape) / 2 / 64
            self.assertLess(abs(entry["area"] - (seeds == entry["object"]).sum()), 0.25 * cell * 2 * (x1 - x0 + y1 - y0))

        # The same again from the picture of the seeds.
        first, masks = self.without_time(), [(self.out / f"{n:05}.png").read_bytes() for n in (2, 3)]
        seeds_path = self.out / "seeds.png"
        self.out = self.dir / "again"
        self.track(CLIP, "--mask", seeds_path, "--start", 2, "--max-frames", 2)
        self.assertEqual(self.without_time(), first)
        self.assertEqual([(self.out / f"{n:05}.png").read_bytes() for n in (2, 3)], masks)

    def test_fewer_than_asked_for(self):
        self.track(CLIP, "--everything", 200, "--direction", "backward", "--start", 1, "--points-per-side", 2,
                   "--pred-iou-thresh", 0, "--stability-score-thresh", 0)
        results = self.results()
        objects = [prompt["object"] for prompt in results["prompts"]]
        self.assertEqual(objects, list(range(1, len(objects) + 1)))
        self.assertTrue(1 <= len(objects) <= 12)
        self.assertEqual([(entry["frame"], entry["object"]) for entry in results["results"]],
                         [(frame, k) for frame in (1, 0) for k in objects])


GOLDEN = Path(os.environ.get("SAMLET_GOLDEN_DIR", ""))
WEIGHTS = GOLDEN / "weights" / "sam2_hiera_tiny_image_f16.safetensors"
SOURCE = Path(__file__).resolve().parents[2]


@unittest.skipUnless(os.environ.get("SAMLET_GOLDEN_DIR") and WEIGHTS.is_file(), "SAMLET_GOLDEN_DIR is not set")
class ReferenceTest(CliTest):
    """Trained weights on a photograph, against the masks of the reference's generator (see data/everything_truck.json)."""

    def test_truck(self):
        model = self.dir / "tiny.gguf"
        subprocess.run([sys.executable, SOURCE / "tools" / "convert_checkpoint.py", WEIGHTS, model, "--type", "f16"],
                       check=True, capture_output=True)
        truth = json.loads((SOURCE / "tests" / "data" / "everything_truck.json").read_text())
        self.succeed("segment", "--model", model, "--image", GOLDEN / "images" / "truck.jpg", "--everything", "--quiet",
                     "--out", self.out, *options_of(truth["options"]))
        masks = self.results()["masks"]
        self.assertEqual(len(masks), len(truth["masks"]))
        for expected in truth["masks"]:
            true_mask = decode(expected["segmentation"])
            best = max(masks, key=lambda mask: overlap(decode(mask["segmentation"]), true_mask))
            self.assertGreater(overlap(decode(best["segmentation"]), true_mask), 0.995)
            self.assertEqual(best["point_coords"], expected["point_coords"])
            self.assertEqual(best["crop_box"], expected["crop_box"])
            self.assertLess(abs(best["predicted_iou"] - expected["predicted_iou"]), 0.005)
            self.assertLess(abs(best["stability_score"] - expected["stability_score"]), 0.005)


if __name__ == "__main__":
    if not CLI:
        print("skipped: SAMLET_CLI names no executable")
        sys.exit(SKIPPED)
    unittest.main()
