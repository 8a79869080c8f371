# SPDX-License-Identifier: Apache-2.0
"""Points, box corners and mask logits to tokens and a dense embedding."""
import math

import torch
from torch import nn

from .layers import ChannelNorm

# Labels of points; a box is two points.
NONE, NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT = -1, 0, 1, 2, 3


class RandomFourier(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, channels // 2))

    def forward(self, places):
        """Places (x, y) in [0, 1] to [..., channels]."""
        # No matrix product: under autocast that would round places to bfloat16.
        x, y = self.positional_encoding_gaussian_matrix
        angle = (2 * math.pi) * ((2 * places[..., :1] - 1) * x + (2 * places[..., 1:] - 1) * y)
        return torch.cat((angle.sin(), angle.cos()), -1)


class PromptEncoder(nn.Module):
    def __init__(self, arch):
        super().__init__()
        d = arch.d_model
        self.pe_layer = RandomFourier(d)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, d) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, d)
        self.mask_downscaling = nn.Sequential(nn.Conv2d(1, 4, 2, stride=2), ChannelNorm(4), nn.GELU(),
                                              nn.Conv2d(4, 16, 2, stride=2), ChannelNorm(16), nn.GELU(),
                                              nn.Conv2d(16, d, 1))
        self.no_mask_embed = nn.Embedding(1, d)

    def dense_position(self, height, width):
        device = self.no_mask_embed.weight.device
        y = (torch.arange(height, device=device) + 0.5) / height
        x = (torch.arange(width, device=device) + 0.5) / width
        grid = torch.stack((x[None].expand(height, width), y[:, None].expand(height, width)), -1)
        return self.pe_layer(grid).permute(2, 0, 1)[None]

    def points(self, coordinates, labels, size):
        """coordinates [n, points, 2] in pixels of a square of `size`, labels [n, points]; one padding point follows."""
        coordinates = torch.cat(((coordinates + 0.5) / size, coordinates.new_zeros(len(coordinates), 1, 2)), 1)
        labels = torch.cat((labels, labels.new_full((len(labels), 1), NONE)), 1)
        kinds = torch.cat([self.not_a_point_embed.weight] + [e.weight for e in self.point_embeddings])
        code = self.pe_layer(coordinates)
        return torch.where(labels[..., None] == NONE, torch.zeros_like(code), code) + kinds[labels.long() + 1]

    def dense(self, logits, height, width):
        if logits is None:
            return self.no_mask_embed.weight.view(1, -1, 1, 1).expand(1, -1, height, width)
        return self.mask_downscaling(logits)
