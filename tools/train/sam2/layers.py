# SPDX-License-Identifier: Apache-2.0
"""What several stages share: attention, perceptrons, norms over channels."""
import math

import torch
import torch.nn.functional as F
from torch import nn


def attend(q, k, v):
    """Softmax attention over [..., tokens, channels]."""
    if hasattr(F, "scaled_dot_product_attention"):  # torch 2: no score matrix in memory
        return F.scaled_dot_product_attention(q, k, v)
    scores = (q * (1.0 / math.sqrt(q.shape[-1]))) @ k.transpose(-1, -2)
    return scores.softmax(-1) @ v


def split_heads(x, heads):
    batch, tokens, channels = x.shape
    return x.view(batch, tokens, heads, channels // heads).transpose(1, 2)


def join_heads(x):
    return x.transpose(1, 2).flatten(2)


class Attention(nn.Module):
    """Multi-head attention: `inside` channels between the projections, `key_inputs` at keys and values."""

    def __init__(self, outside, inside=None, heads=1, key_inputs=None):
        super().__init__()
        inside = inside or outside
        key_inputs = key_inputs or outside
        self.heads = heads
        self.q_proj = nn.Linear(outside, inside)
        self.k_proj = nn.Linear(key_inputs, inside)
        self.v_proj = nn.Linear(key_inputs, inside)
        self.out_proj = nn.Linear(inside, outside)

    def forward(self, q, k, v):
        q, k, v = (split_heads(x, self.heads) for x in (self.q_proj(q), self.k_proj(k), self.v_proj(v)))
        return self.out_proj(join_heads(attend(q, k, v)))


class MLP(nn.Module):
    def __init__(self, *widths, activation=F.relu):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))
        self.activation = activation

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of [batch, channels, height, width]."""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x):
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


def to_tokens(x):
    """[batch, channels, height, width] to [batch, tokens, channels]"""
    return x.flatten(2).transpose(1, 2)


def to_map(x, height, width):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], height, width)
