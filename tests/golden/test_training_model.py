#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training and library compute the same: the PyTorch model of tools/train against outputs of the published code, and
the library against the PyTorch model with random weights.

Needs torch; skipped without. The first half needs SAMLET_GOLDEN_DIR, the second the command line (SAMLET_CLI).
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import numpy as np
    import torch
    from PIL import Image
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "train"))
from sam2 import weights  # noqa: E402
from sam2.layers import to_map, to_tokens  # noqa: E402
from sam2.model import Sam2  # noqa: E402
from sam2.position import sine_2d  # noqa: E402
from sam2.tracker import Tracker, choose  # noqa: E402

GOLDEN = os.environ.get("SAMLET_GOLDEN_DIR")
CLI = os.environ.get("SAMLET_CLI")
BEDROOM = ROOT / "examples" / "data" / "bedroom"
MEAN, STD = (np.array(v, np.float32) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def setUpModule():
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)


def picture(path, size):
    """As the published video predictor reads a frame: Pillow's bicubic to a square."""
    pixels = np.asarray(Image.open(path).convert("RGB").resize((size, size), Image.BICUBIC), np.float32) / 255
    return torch.from_numpy(((pixels - MEAN) / STD).transpose(2, 0, 1).copy())[None]


def relative(value, expected):
    """Root mean square of the difference, relative to that of what is expected."""
    expected = torch.as_tensor(expected)
    return float((value - expected).pow(2).mean().sqrt() / expected.pow(2).mean().sqrt())


@unittest.skipUnless(GOLDEN, "SAMLET_GOLDEN_DIR is not set")
class AgainstPublished(unittest.TestCase):
    """Outputs of the published code, fp32. Memories are rounded to bfloat16 there, which moves later frames by 1e-4."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(GOLDEN) / "golden"
        cls.model = weights.load(cls.folder / "micro" / "weights.pt")

    def close(self, value, expected, bound, what):
        self.assertEqual(tuple(value.shape), tuple(expected.shape), what)
        self.assertLess(relative(value, expected), bound, what)

    def test_stages(self):
        golden = np.load(self.folder / "micro" / "point.npz")
        features = self.model.encode(torch.from_numpy(golden["images"]))
        for row, frame in enumerate((0, 3, 8)):
            for level, name in enumerate(("finer", "fine", "top")):
                self.close(getattr(features, name)[row:row + 1], golden[f"img{frame:03d}_fpn{level}"], 2e-6, name)
        self.close(self.model.sam_prompt_encoder.dense_position(16, 16), golden["dense_pe"], 2e-6, "dense position")
        for row, frame in ((1, 3), (2, 8)):
            memory, position = (torch.from_numpy(golden[f"f{frame:03d}_o1_ma_{what}"]).transpose(0, 1)
                                for what in ("memory", "memory_pos"))
            read = self.model.memory_attention(to_tokens(features.top[row:row + 1]), to_tokens(sine_2d(64, 16, 16)),
                                               memory, position, memory.shape[1] % 256, 16, 16)
            self.close(read.transpose(0, 1), golden[f"f{frame:03d}_o1_ma_out"], 3e-6, "memory attention")
            decoded = self.model.decode(to_map(read, 16, 16), features.pick([row]))
            self.close(choose(decoded, True, 0.05, 0.98)[0], golden[f"f{frame:03d}_o1_pred_masks"], 5e-6, "mask")

    def follow(self, folder, scenario, model, coordinates, labels, objects=(1,)):
        """Every frame of a scenario, from the JPEG files on."""
        story = json.loads((self.folder / folder / f"{scenario}.json").read_text())
        golden = np.load(self.folder / folder / f"{scenario}.npz")
        width, height = story["video_size"]
        size = model.arch.image_size
        places = torch.tensor(coordinates) * torch.tensor([size / width, size / height])
        tracker = Tracker(model, len(story["frames"]))
        for frame, file in enumerate(story["frames"]):
            features = model.encode(picture(Path(GOLDEN) / "video" / "bedroom" / file, size)).pick([0] * len(objects))
            low, _, score = tracker.prompt(features, 0, places, torch.tensor(labels)) if frame == 0 else \
                tracker.track(features, frame)
            for row, name in enumerate(objects):
                key = f"f{frame:03d}_o{name}_"
                what = f"{folder}/{scenario}, frame {frame}, object {name}"
                if key + "pred_masks" in golden:
                    self.close(low[row:row + 1], golden[key + "pred_masks"], 2e-4, what)
                self.close(score[row:row + 1], golden[key + "object_score_logits"], 1e-3, what)

    def test_point(self):
        self.follow("micro", "point", self.model, [[[0.45 * 960, 0.5 * 540]]], [[1]])

    def test_box(self):
        self.follow("micro", "box", self.model, [[[0.3 * 960, 0.25 * 540], [0.6 * 960, 0.8 * 540]]], [[2, 3]])

    def test_absent_object(self):
        model = weights.load(self.folder / "micro" / "weights.pt")
        model.sam_mask_decoder.pred_obj_score_head.layers[2].bias -= 0.59
        self.follow("micro", "occluded", model, [[[0.45 * 960, 0.5 * 540]]], [[1]])

    def test_trained(self):
        model = weights.load(Path(GOLDEN) / "weights" / "samlet_micro.safetensors")
        self.follow("trained", "box", model, [[[0.3 * 960, 0.25 * 540], [0.6 * 960, 0.8 * 540]]], [[2, 3]])


@unittest.skipUnless(CLI, "SAMLET_CLI is not set")
class LibraryAgainstTraining(unittest.TestCase):
    """A model of odd sizes with random weights, written as training writes it, converted, and run by the library."""

    def test_track(self):
        arch = weights.converter.replace(weights.architecture("samlet_micro"), image_size=128)
        torch.manual_seed(1)
        model = Sam2(arch).eval()
        for name, value in model.state_dict().items():  # starting values are too tame: zeros and ones
            value += 0.05 * torch.randn(value.shape)
        frames = sorted(BEDROOM.glob("*.jpg"))[:9]
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            weights.save(model.state_dict(), folder / "model.pt")
            subprocess.run([sys.executable, str(ROOT / "tools" / "convert_checkpoint.py"), str(folder / "model.pt"),
                            str(folder / "model.gguf")], check=True, stdout=subprocess.DEVNULL)
            (folder / "video").mkdir()
            for frame in frames:
                (folder / "video" / frame.name).symlink_to(frame)
            subprocess.run([CLI, "track", "--model", str(folder / "model.gguf"), "--video", str(folder / "video"),
                            "--box", "315,0,520,400", "--out", str(folder / "out"), "--logits", str(folder / "logits"),
                            "--image-size", str(arch.image_size), "--threads", "2", "--quiet"], check=True)
            scale = torch.tensor([arch.image_size / 960, arch.image_size / 540])
            tracker = Tracker(model)
            for index, frame in enumerate(frames):
                features = model.encode(picture(frame, arch.image_size))
                if index == 0:
                    low = tracker.prompt(features, 0, torch.tensor([[[315.0, 0], [520, 400]]]) * scale,
                                         torch.tensor([[2, 3]]))[0]
                else:
                    low = tracker.track(features, index)[0]
                logits = np.load(next((folder / "logits").glob(f"frame{index:05d}_*.npy")))
                self.assertLess(relative(torch.from_numpy(logits).view_as(low), low), 2e-3, f"frame {index}")


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if program.result.testsRun == len(program.result.skipped):
        sys.exit(77)
    sys.exit(not program.result.wasSuccessful())
