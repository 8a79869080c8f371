#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rank the layers of a checkpoint by what storing and computing each of them in int8 costs.

Every layer in turn becomes int8 while all others stay in f16; samlet runs on real frames, and the error is the
root mean square of the difference of the mask logits, divided by that of the logits themselves. The worst layers are
candidates for KEPT_IN_F16 in convert_checkpoint.py, which is what its list of measured layers came from.

Image-only checkpoints are judged by `samlet segment` on each image, video checkpoints by `samlet track` on a folder of
frames.
"""
from __future__ import annotations

import argparse
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import convert_checkpoint as converter  # noqa: E402

EXAMPLES = """\
examples:
  rank_layers.py tiny.safetensors --samlet build/samlet --image photo.jpg --prompt point=500,375
  rank_layers.py micro.safetensors --samlet build/samlet --frames clip/ --prompt box=288,135,576,432 --top 20
"""


def int8_layers(arguments: argparse.Namespace) -> Dict[str, int]:
    """The weights that int8 may change, with their numbers of elements."""
    with open(arguments.checkpoint, "rb") as file:
        checkpoint = converter.open_checkpoint(file)
        arch = converter.architecture_of(checkpoint, arguments.config)
        tensors = converter.plan_output(converter.check_tensors(arch, checkpoint.shapes), "int8")
    return {t.name: math.prod(t.shape) for t in tensors if t.type == converter.GGUF_I8}


class Bench:
    """Converts variants of the checkpoint and runs samlet on them."""

    def __init__(self, arguments: argparse.Namespace, folder: Path):
        self.arguments, self.folder = arguments, folder

    def logits(self, kept: List) -> np.ndarray:
        a, model, out = self.arguments, self.folder / "model.gguf", self.folder / "logits"
        converter.convert(a.checkpoint, model, "int8", a.config, kept=kept)
        subprocess.run(["rm", "-rf", str(out)], check=True)
        kind, value = a.prompt.split("=", 1)
        results = []
        for source in a.image or [a.frames]:
            what = ["segment", "--image", source] if a.image else ["track", "--video", source]
            subprocess.run([a.samlet, *what, "--model", str(model), f"--{kind}", value, "--quiet", "--logits", str(out),
                            "--out", str(self.folder / "out")], check=True)
            results += [np.load(path).ravel() for path in sorted(out.rglob("*.npy"))]
        return np.concatenate(results)


def error(logits: np.ndarray, exact: np.ndarray) -> float:
    return float(np.sqrt(np.mean((logits - exact) ** 2) / np.mean(exact ** 2)))


def rank(arguments: argparse.Namespace) -> None:
    layers = int8_layers(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, Path(folder))
        exact = bench.logits([("", "reference")])
        rows = []
        for number, (name, size) in enumerate(layers.items(), 1):
            others = [(f"^(?!{re.escape(name)}$)", "ranked alone"), *converter.KEPT_IN_F16]
            rows.append((error(bench.logits(others), exact), size, name))
            print(f"\r{number} of {len(layers)}", end="", file=sys.stderr)
        print(file=sys.stderr)
        together = error(bench.logits(list(converter.KEPT_IN_F16)), exact)
    rows.sort(reverse=True)
    print(f"{'error':>9}  {'elements':>9}  layer")
    for value, size, name in rows[:arguments.top]:
        print(f"{value:9.5f}  {size:9,}  {name}")
    print(f"{together:9.5f}  {sum(layers.values()):9,}  all of them together")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="what convert_checkpoint.py takes")
    parser.add_argument("--config", type=Path, help="as for convert_checkpoint.py")
    parser.add_argument("--samlet", default="build/samlet", help="the command line (default build/samlet)")
    parser.add_argument("--image", action="append", help="a picture, repeatable: judge by segmenting it")
    parser.add_argument("--frames", help="a video or a folder of frames: judge by tracking")
    parser.add_argument("--prompt", required=True, help="point=X,Y or box=X0,Y0,X1,Y1, on each image or the first frame")
    parser.add_argument("--top", type=int, help="list so many (default: all)")
    arguments = parser.parse_args()
    if bool(arguments.image) == bool(arguments.frames):
        parser.error("give images or frames")
    if not re.match(r"(point|box)=", arguments.prompt):
        parser.error(f"--prompt is {arguments.prompt!r}; it must be point=X,Y or box=X0,Y0,X1,Y1")
    try:
        rank(arguments)
        return 0
    except (converter.ConversionError, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
    except subprocess.CalledProcessError as problem:  # samlet has said why
        print(f"error: {arguments.samlet} failed with status {problem.returncode}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
