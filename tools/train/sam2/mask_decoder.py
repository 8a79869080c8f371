# SPDX-License-Identifier: Apache-2.0
"""Features and prompts to four masks, their expected IoU, their tokens and the score that the object is there."""
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from .layers import MLP, Attention, ChannelNorm, to_map, to_tokens


class TwoWayBlock(nn.Module):
    def __init__(self, arch, first):
        super().__init__()
        d, heads = arch.d_model, arch.decoder_heads
        self.first = first
        self.self_attn = Attention(d, d, heads)
        self.norm1 = nn.LayerNorm(d)
        self.cross_attn_token_to_image = Attention(d, d // 2, heads)
        self.norm2 = nn.LayerNorm(d)
        self.mlp = MLP(d, arch.decoder_mlp, d)
        self.norm3 = nn.LayerNorm(d)
        self.norm4 = nn.LayerNorm(d)
        self.cross_attn_image_to_token = Attention(d, d // 2, heads)

    def forward(self, tokens, image, token_code, image_code):
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_code
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        place = image + image_code
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + token_code, place, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.norm4(image + self.cross_attn_image_to_token(place, tokens + token_code, tokens))
        return tokens, image


class TwoWayTransformer(nn.Module):
    def __init__(self, arch):
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(arch, index == 0) for index in range(arch.decoder_layers))
        self.final_attn_token_to_image = Attention(arch.d_model, arch.d_model // 2, arch.decoder_heads)
        self.norm_final_attn = nn.LayerNorm(arch.d_model)

    def forward(self, tokens, image, image_code):
        token_code = tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_code, image_code)
        read = self.final_attn_token_to_image(tokens + token_code, image + image_code, image)
        return self.norm_final_attn(tokens + read), image


class Decoded(NamedTuple):
    masks: torch.Tensor   # logits [n, 4, image / 4, image / 4]: one for unambiguous prompts, three for ambiguous ones
    ious: torch.Tensor    # [n, 4]
    tokens: torch.Tensor  # [n, 4, d_model]
    score: torch.Tensor   # [n, 1]: the object is there where it is positive


class MaskDecoder(nn.Module):
    def __init__(self, arch):
        super().__init__()
        d = arch.d_model
        self.transformer = TwoWayTransformer(arch)
        self.iou_token = nn.Embedding(1, d)
        self.mask_tokens = nn.Embedding(4, d)
        self.obj_score_token = nn.Embedding(1, d)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(d, d // 4, 2, stride=2), ChannelNorm(d // 4), nn.GELU(),
            nn.ConvTranspose2d(d // 4, d // 8, 2, stride=2), nn.GELU())
        self.conv_s0 = nn.Conv2d(d, d // 8, 1)
        self.conv_s1 = nn.Conv2d(d, d // 4, 1)
        self.output_hypernetworks_mlps = nn.ModuleList(MLP(d, d, d, d // 8) for _ in range(4))
        self.iou_prediction_head = MLP(d, 256, 256, 4)
        if arch.has_video:
            self.pred_obj_score_head = MLP(d, d, d, 1)

    def forward(self, image, image_code, fine, finer, prompts, dense):
        """image [n, d, h, w]; fine [n, d / 4, 2h, 2w] and finer [n, d / 8, 4h, 4w] come from conv_s1 and conv_s0."""
        own = torch.cat((self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight))
        tokens = torch.cat((own[None].expand(len(prompts), -1, -1), prompts), 1)
        height, width = image.shape[2:]
        tokens, image = self.transformer(tokens, to_tokens(image + dense), to_tokens(image_code))

        first, norm, _, second, _ = self.output_upscaling
        image = F.gelu(norm(first(to_map(image, height, width)) + fine))
        image = F.gelu(second(image) + finer)
        masks_out = tokens[:, 2:6]
        hyper = torch.stack([mlp(masks_out[:, i]) for i, mlp in enumerate(self.output_hypernetworks_mlps)], 1)
        masks = (hyper @ image.flatten(2)).view(len(tokens), 4, *image.shape[2:])
        score = self.pred_obj_score_head(tokens[:, 0]) if hasattr(self, "pred_obj_score_head") else \
            tokens.new_full((len(tokens), 1), 10.0)
        return Decoded(masks, self.iou_prediction_head(tokens[:, 1]).sigmoid(), masks_out, score)
