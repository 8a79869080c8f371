# SPDX-License-Identifier: Apache-2.0
"""Conditions the top features of a frame on what was stored of an object."""
import torch
import torch.nn.functional as F
from torch import nn

from .layers import Attention, attend
from .position import rotary_table, rotate


class RotaryAttention(Attention):
    def forward(self, q, k, v, table, plain_keys=0):
        """The last `plain_keys` keys (pointers) have no place and are not turned."""
        q, k, v = self.q_proj(q), self.k_proj(k), self.v_proj(v)
        turned = k.shape[1] - plain_keys
        if plain_keys:
            k = torch.cat((rotate(k[:, :turned], table), k[:, turned:]), 1)
        else:
            k = rotate(k, table)
        return self.out_proj(attend(rotate(q, table), k, v))


class Layer(nn.Module):
    def __init__(self, arch):
        super().__init__()
        d = arch.d_model
        self.self_attn = RotaryAttention(d)
        self.cross_attn_image = RotaryAttention(d, key_inputs=arch.memory_dim)
        self.linear1 = nn.Linear(d, arch.memory_ffn)
        self.linear2 = nn.Linear(arch.memory_ffn, d)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)

    def forward(self, x, keys, values, table, pointers):
        y = self.norm1(x)
        x = x + self.self_attn(y, y, y, table)
        x = x + self.cross_attn_image(self.norm2(x), keys, values, table, pointers)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class MemoryAttention(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.theta = arch.rope_theta
        self.layers = nn.ModuleList(Layer(arch) for _ in range(arch.memory_layers))
        self.norm = nn.LayerNorm(arch.d_model)

    def forward(self, x, position, memory, memory_position, pointers, height, width):
        """Everything is [batch, tokens, channels]; the last `pointers` tokens of the memory are object pointers."""
        table = rotary_table(x.shape[-1], height, width, self.theta, x.device)
        keys = memory + memory_position
        x = x + 0.1 * position
        for layer in self.layers:
            x = layer(x, keys, memory, table, pointers)
        return self.norm(x)
