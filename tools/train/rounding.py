# SPDX-License-Identifier: Apache-2.0
"""Weights that lose nothing in a file: multiples of one number a row where an int8 file has int8, exact in f16 all."""
from contextlib import contextmanager

import torch

from sam2.weights import converter


def on_grid(weight):
    """Row by row the nearest multiples, up to 127 times, of a number of four significant bits. The largest of a row is
    127 times that number, by which tools/convert_checkpoint.py finds it again."""
    rows = weight.detach().float().flatten(1)
    largest, place = rows.abs().max(1, keepdim=True)
    fraction, exponent = torch.frexp(largest / 127)
    unit = torch.ldexp((fraction * 16).round() / 16, exponent)
    unit = torch.where(largest > 0, unit, torch.ones_like(unit))
    numbers = (rows / unit).round().clamp(-127, 127)
    numbers.scatter_(1, place, 127 * rows.gather(1, place).sign())
    return (numbers * unit).view_as(weight).to(weight.dtype)


def kinds(arch):
    """How an int8 file stores each tensor of a model; scales are not among them."""
    tensors = converter.plan_output(converter.expected_tensors(arch), "int8")
    return {t.name: t.type for t in tensors if not t.name.endswith(converter.SCALE_SUFFIX)}


def as_stored(value, kind):
    if kind == converter.GGUF_I8:
        return on_grid(value)
    return value.half().to(value.dtype) if kind == converter.GGUF_F16 else value


def rounded(arch, state):
    """A state_dict as a file will hold it."""
    kind = kinds(arch)
    return {name: as_stored(value, kind[name]) for name, value in state.items()}


@torch.no_grad()
def rounding_error(x):
    """Of the inputs of an int8 product, which get 256 steps a row between their extremes and 0."""
    low, high = x.amin(-1, keepdim=True).clamp(max=0), x.amax(-1, keepdim=True).clamp(min=0)
    step = ((high - low) / 255).clamp(min=1e-12)
    return (x / step).round() * step - x


class Rounding:
    """Costs and gradients are those of an int8 file, its weights and the inputs of its linear layers; the optimizer moves
    the weights behind them (the straight-through estimator of arXiv 1308.3432)."""

    def __init__(self, model):
        kind = kinds(model.arch)
        self.parameters = [(p, kind[name]) for name, p in model.named_parameters() if kind[name] != converter.GGUF_F32]
        self.linear = [module for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)
                       and kind[name + ".weight"] == converter.GGUF_I8]

    @contextmanager
    def applied(self, on):
        behind, hooks = [], []
        with torch.no_grad():
            for parameter, kind in self.parameters if on else ():
                behind.append((parameter, parameter.clone()))
                parameter.copy_(as_stored(parameter, kind))
        for module in self.linear if on else ():
            hooks.append(module.register_forward_pre_hook(lambda _, inputs: (inputs[0] + rounding_error(inputs[0]),)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            with torch.no_grad():
                for parameter, value in behind:
                    parameter.copy_(value)
