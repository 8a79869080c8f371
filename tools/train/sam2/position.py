# SPDX-License-Identifier: Apache-2.0
"""Fixed position codes: sine tables and the axial rotary code."""
import math

import torch


def sine_2d(channels, height, width, device=None):
    """[1, channels, height, width]: y in the first half of the channels, sine and cosine interleaved."""
    half = channels // 2
    frequency = 10000.0 ** (-2.0 * (torch.arange(half, device=device) // 2) / half)

    def axis(count):
        place = torch.arange(1, count + 1, dtype=torch.float32, device=device) / (count + 1e-6) * (2 * math.pi)
        angle = place[:, None] * frequency
        return torch.stack((angle[:, 0::2].sin(), angle[:, 1::2].cos()), 2).flatten(1)

    y = axis(height)[:, None].expand(height, width, half)
    x = axis(width)[None, :].expand(height, width, half)
    return torch.cat((y, x), 2).permute(2, 0, 1)[None]


def sine_1d(values, channels):
    """[..., channels]: all sines, then all cosines."""
    half = channels // 2
    frequency = 10000.0 ** (-2.0 * (torch.arange(half, device=values.device) // 2) / half)
    angle = values[..., None] * frequency
    return torch.cat((angle.sin(), angle.cos()), -1)


def rotary_table(channels, height, width, theta, device=None):
    """(cosine, sine), each [height * width, channels / 2]: half of the pairs turns with x, the other with y."""
    frequency = theta ** (-torch.arange(0, channels, 4, dtype=torch.float32, device=device) / channels)
    cell = torch.arange(height * width, device=device)
    angle = torch.cat([(place.float()[:, None] * frequency) for place in (cell % width, cell // width)], 1)
    return angle.cos(), angle.sin()


def rotate(x, table):
    """Turns the pairs (2i, 2i + 1) of [..., tokens, channels]; the table repeats when there are more tokens."""
    cosine, sine = table
    repeats = x.shape[-2] // cosine.shape[0]
    if repeats > 1:
        cosine, sine = cosine.repeat(repeats, 1), sine.repeat(repeats, 1)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2).to(x.dtype)
