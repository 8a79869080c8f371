# SPDX-License-Identifier: Apache-2.0
"""Picture to three feature maps: the Hiera trunk (arXiv 2306.00989) and a feature pyramid neck."""
import torch
import torch.nn.functional as F
from torch import nn

from .layers import MLP, attend, join_heads


def to_windows(x, window):
    """[batch, height, width, channels] to [batch * windows, window, window, channels], padded with zeros."""
    batch, height, width, channels = x.shape
    x = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
    rows, columns = x.shape[1] // window, x.shape[2] // window
    x = x.view(batch, rows, window, columns, window, channels).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, window, window, channels)


def from_windows(x, batch, height, width):
    window, channels = x.shape[1], x.shape[3]
    rows, columns = -(-height // window), -(-width // window)
    x = x.view(batch, rows, columns, window, window, channels).permute(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, rows * window, columns * window, channels)[:, :height, :width]


def max_pool(x):
    return F.max_pool2d(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)


class WindowAttention(nn.Module):
    def __init__(self, inputs, outputs, heads, pools):
        super().__init__()
        self.heads, self.pools = heads, pools
        self.qkv = nn.Linear(inputs, 3 * outputs)
        self.proj = nn.Linear(outputs, outputs)

    def forward(self, x):
        batch, height, width, _ = x.shape
        q, k, v = self.qkv(x).chunk(3, -1)
        if self.pools:
            q = max_pool(q)
            height, width = height // 2, width // 2
        q, k, v = (t.reshape(batch, -1, self.heads, t.shape[-1] // self.heads).transpose(1, 2) for t in (q, k, v))
        return self.proj(join_heads(attend(q, k, v)).view(batch, height, width, -1))


class Block(nn.Module):
    def __init__(self, inputs, outputs, heads, window, pools):
        super().__init__()
        self.window, self.pools = window, pools
        self.norm1 = nn.LayerNorm(inputs, eps=1e-6)
        self.attn = WindowAttention(inputs, outputs, heads, pools)
        self.norm2 = nn.LayerNorm(outputs, eps=1e-6)
        self.mlp = MLP(outputs, 4 * outputs, outputs, activation=F.gelu)
        if inputs != outputs:
            self.proj = nn.Linear(inputs, outputs)

    def forward(self, x):
        shortcut, x = x, self.norm1(x)
        if hasattr(self, "proj"):
            shortcut = self.proj(x)
        if self.pools:
            shortcut = max_pool(shortcut)
        if self.window:
            x = self.attn(to_windows(x, self.window))
            x = from_windows(x, *shortcut.shape[:3])
        else:
            x = self.attn(x)
        x = shortcut + x
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.proj = nn.Conv2d(3, channels, 7, stride=4, padding=3)

    def forward(self, x):
        return self.proj(x).permute(0, 2, 3, 1)


class Trunk(nn.Module):
    def __init__(self, arch):
        super().__init__()
        channels, window = arch.embed_dim, arch.window_spec[0]
        self.patch_embed = PatchEmbed(channels)
        self.pos_embed = nn.Parameter(torch.zeros(1, channels, *arch.background))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, channels, window, window))
        self.blocks, self.stage_ends = nn.ModuleList(), []
        for stage, count in enumerate(arch.stages):
            for index in range(count):
                first = stage > 0 and index == 0
                outputs = arch.embed_dim << stage
                # The block that opens a stage still works on the windows of the stage before.
                window = 0 if len(self.blocks) in arch.global_att_blocks else arch.window_spec[stage - first]
                self.blocks.append(Block(channels, outputs, arch.num_heads << stage, window, first))
                channels = outputs
            self.stage_ends.append(len(self.blocks) - 1)

    def position(self, height, width):
        window = self.pos_embed_window
        tiles = [1, 1, height // window.shape[2], width // window.shape[3]]
        whole = F.interpolate(self.pos_embed, (height, width), mode="bicubic", align_corners=False)
        return (whole + window.repeat(tiles)).permute(0, 2, 3, 1)

    def forward(self, images):
        x = self.patch_embed(images)
        x = x + self.position(*x.shape[1:3])
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.stage_ends:
                maps.append(x.permute(0, 3, 1, 2))
        return maps


class Lateral(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.conv(x)


class Neck(nn.Module):
    """Lateral convolutions, `convs[0]` for the coarsest map; sums from above only at the levels of `top_down`."""

    def __init__(self, arch):
        super().__init__()
        self.top_down = arch.top_down_levels
        self.convs = nn.ModuleList(Lateral(arch.embed_dim << level, arch.d_model) for level in (3, 2, 1, 0))

    def forward(self, maps):
        above, levels = None, [None] * 4
        for level in (3, 2, 1, 0):
            x = self.convs[3 - level](maps[level])
            if above is not None and level in self.top_down:
                x = x + F.interpolate(above, scale_factor=2.0, mode="nearest")
            levels[level] = above = x
        return levels[:3]  # strides 4, 8, 16


class ImageEncoder(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.trunk = Trunk(arch)
        self.neck = Neck(arch)

    def forward(self, images):
        return self.neck(self.trunk(images))
