# SPDX-License-Identifier: Apache-2.0
"""The model as the five steps that the tracker and the training put in order."""
from typing import List, NamedTuple

import torch
from torch import nn

from .image_encoder import ImageEncoder
from .layers import MLP, to_map, to_tokens
from .mask_decoder import MaskDecoder
from .memory_attention import MemoryAttention
from .memory_encoder import MemoryEncoder
from .position import sine_1d, sine_2d
from .prompt_encoder import PromptEncoder


class Features(NamedTuple):
    top: torch.Tensor    # [n, d, size / 16, size / 16]
    fine: torch.Tensor   # [n, d / 4, size / 8, ...]
    finer: torch.Tensor  # [n, d / 8, size / 4, ...]

    def pick(self, index):
        return Features(*(x[index] for x in self))


class Memory(NamedTuple):
    """What is kept of one frame, for n objects at once."""
    frame: int
    prompted: bool
    features: torch.Tensor  # [n, memory_dim, h, w]
    pointer: torch.Tensor   # [n, d_model]


class Sam2(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.arch = arch
        d = arch.d_model
        self.image_encoder = ImageEncoder(arch)
        self.sam_prompt_encoder = PromptEncoder(arch)
        self.sam_mask_decoder = MaskDecoder(arch)
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, d))
        if not arch.has_video:
            return
        self.memory_attention = MemoryAttention(arch)
        self.memory_encoder = MemoryEncoder(arch)
        self.mask_downsample = nn.Conv2d(1, 1, 4, stride=4)
        self.maskmem_tpos_enc = nn.Parameter(torch.randn(arch.num_maskmem, 1, 1, arch.memory_dim) * 0.02)
        self.no_mem_pos_enc = nn.Parameter(torch.zeros(1, 1, d))
        self.no_obj_ptr = nn.Parameter(torch.randn(1, d) * 0.02)
        self.obj_ptr_proj = MLP(d, d, d, d)
        if arch.no_object_embedding:
            self.no_obj_embed_spatial = nn.Parameter(torch.randn(1, arch.memory_dim) * 0.02)
        if arch.pointer_time_projection:
            self.obj_ptr_tpos_proj = nn.Linear(d, arch.memory_dim)

    def encode(self, images):
        finer, fine, top = self.image_encoder(images)
        return Features(top, self.sam_mask_decoder.conv_s1(fine), self.sam_mask_decoder.conv_s0(finer))

    def unconditioned(self, features):
        """For the first frame of an object: nothing is remembered."""
        return features.top + self.no_mem_embed.view(1, -1, 1, 1)

    def conditioned(self, features, memories: List[Memory], frame, span=15):
        """Top features that have read the memories. Pointers' ages are divided by `span`: 15 in a stream, the number
        of frames less one in a shorter clip."""
        arch = self.arch
        n, _, height, width = features.top.shape
        place = to_tokens(sine_2d(arch.memory_dim, height, width, features.top.device))
        prompted = [m for m in memories if m.prompted]
        recent = {frame - m.frame: m for m in memories if not m.prompted}
        keys, codes = [], []
        for memory in prompted:
            keys.append(to_tokens(memory.features))
            codes.append(place + self.maskmem_tpos_enc[arch.num_maskmem - 1])
        for age in range(arch.num_maskmem - 1, 0, -1):
            if age in recent:
                keys.append(to_tokens(recent[age].features))
                codes.append(place + self.maskmem_tpos_enc[age - 1])
        owners = [(frame - m.frame, m.pointer) for m in prompted if m.frame <= frame]
        owners += [(age, recent[age].pointer) for age in range(1, arch.max_object_pointers) if age in recent]
        pieces = arch.d_model // arch.memory_dim
        if owners:
            pointers = torch.stack([pointer for _, pointer in owners], 1)
            keys.append(pointers.reshape(n, -1, arch.memory_dim))
            if arch.pointer_time_encoding:
                ages = torch.tensor([age / span for age, _ in owners], device=pointers.device)
                code = self.obj_ptr_tpos_proj(sine_1d(ages, arch.d_model))
            else:
                code = pointers.new_zeros(len(owners), arch.memory_dim)
            codes.append(code.repeat_interleave(pieces, 0)[None])
        code = torch.cat(codes, 1)
        x = self.memory_attention(to_tokens(features.top),
                                  to_tokens(sine_2d(arch.d_model, height, width, features.top.device)),
                                  torch.cat(keys, 1), code, pieces * len(owners), height, width)
        return to_map(x, height, width)

    def decode(self, image, features, coordinates=None, labels=None, logits=None):
        """Four masks for each of n objects. No points means a tracked frame: two padding points."""
        n, _, height, width = image.shape
        encoder = self.sam_prompt_encoder
        if coordinates is None:
            coordinates = image.new_zeros(n, 1, 2)
            labels = torch.full((n, 1), -1, dtype=torch.int64, device=image.device)
        prompts = encoder.points(coordinates, labels, 16 * width)
        return self.sam_mask_decoder(image, encoder.dense_position(height, width), features.fine, features.finer,
                                     prompts, encoder.dense(logits, height, width))

    def remember(self, features, mask, present):
        """The memory of a frame; `mask` is scaled (see scaled_mask), present is [n, 1] of 0 and 1."""
        memory = self.memory_encoder(features.top, mask)
        if self.arch.no_object_embedding:
            memory = memory + ((1 - present) * self.no_obj_embed_spatial)[..., None, None]
        return memory

    def scaled_mask(self, logits, hard):
        mask = (logits > 0).to(logits.dtype) if hard else logits.sigmoid()
        return mask * self.arch.sigmoid_scale + self.arch.sigmoid_bias

    def pointer(self, token, present):
        return present * self.obj_ptr_proj(token) + (1 - present) * self.no_obj_ptr
