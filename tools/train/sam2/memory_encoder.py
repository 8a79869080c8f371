# SPDX-License-Identifier: Apache-2.0
"""Frame features and a mask to a memory that later frames read."""
import torch
import torch.nn.functional as F
from torch import nn

from .layers import ChannelNorm


class MaskDownsampler(nn.Module):
    """Stride 16 in four steps of convolution, norm and GELU, each with four times the channels."""

    def __init__(self, d_model):
        super().__init__()
        steps, channels = [], 1
        for _ in range(4):
            steps += [nn.Conv2d(channels, 4 * channels, 3, stride=2, padding=1), ChannelNorm(4 * channels), nn.GELU()]
            channels *= 4
        self.encoder = nn.Sequential(*steps, nn.Conv2d(channels, d_model, 1))

    def forward(self, mask):
        return self.encoder(mask)


class FuserBlock(nn.Module):
    """A ConvNeXt block."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), 1e-6))
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = ChannelNorm(channels)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def forward(self, x):
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    def __init__(self, channels, layers):
        super().__init__()
        self.layers = nn.ModuleList(FuserBlock(channels) for _ in range(layers))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class MemoryEncoder(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.mask_downsampler = MaskDownsampler(arch.d_model)
        self.pix_feat_proj = nn.Conv2d(arch.d_model, arch.d_model, 1)
        self.fuser = Fuser(arch.d_model, arch.fuser_layers)
        self.out_proj = nn.Conv2d(arch.d_model, arch.memory_dim, 1)

    def forward(self, features, mask):
        """`features` is the raw top map; `mask` is scaled, at image size."""
        return self.out_proj(self.fuser(self.pix_feat_proj(features) + self.mask_downsampler(mask)))
