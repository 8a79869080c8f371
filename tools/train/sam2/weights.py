# SPDX-License-Identifier: Apache-2.0
"""Checkpoints and architectures, through what tools/convert_checkpoint.py knows about both."""
import sys
from pathlib import Path

import numpy as np
import torch

from .model import Sam2

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
import convert_checkpoint as converter  # noqa: E402


def architecture(name):
    """A known variant by name ("samlet_micro"), as SAM 2.1."""
    for variant in converter.VARIANTS:
        if variant.name.format(family="sam2.1") == name:
            return converter.replace(variant, name=name, no_object_embedding=True, pointer_time_encoding=True,
                                     pointer_time_projection=True, pointer_time_signed=True)
    raise ValueError(f"no architecture is called {name}")


def load(path, config=None):
    """The model that a .pt, .safetensors or .gguf file holds; `config` is its YAML where a file does not tell enough."""
    with open(path, "rb") as file:
        checkpoint = converter.open_checkpoint(file)
        arch = converter.architecture_of(checkpoint, Path(config) if config else None)
        model = Sam2(arch)
        values = {name: torch.from_numpy(np.array(checkpoint.read(name))) for name in model.state_dict()}
    model.load_state_dict(values)
    return model.eval()


def save(model_state, path):
    """A file that convert_checkpoint.py reads and that an interrupted run cannot leave half written."""
    path = Path(path)
    half = path.with_suffix(".part")
    torch.save({"model": {name: value.detach().float().cpu().clone() for name, value in model_state.items()}}, half)
    half.rename(path)
