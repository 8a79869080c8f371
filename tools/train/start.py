# SPDX-License-Identifier: Apache-2.0
"""Starting values. They change no architecture: they spare the first hours, in which attention would have to find out
by itself that near and alike things belong together.

With the usual values nothing was learned for a quarter of an hour: after the decoder's first self-attention, which has
no residual, all tokens are alike and prompts carry no place.
"""
import math

import torch

from sam2.layers import to_tokens


@torch.no_grad()
def start_image(model, generator):
    start_patches(model.image_encoder.trunk, generator)
    start_trunk(model.image_encoder.trunk)
    start_decoder(model, generator)


def start_patches(trunk, generator):
    """Colour blobs and Gabor filters, as trained networks have them."""
    weight = trunk.patch_embed.proj.weight
    axis = torch.arange(7.0) - 3
    y, x = axis[:, None], axis[None]
    for i in range(len(weight)):
        colour = torch.randn(3, generator=generator)
        if i < 8:
            kernel = torch.exp(-(x ** 2 + y ** 2) / 5)
            colour = torch.ones(3) if i < 2 else colour - colour.mean() * (i < 6)
            strength = 0.35
        else:
            turn = math.pi * ((i - 8) % 6) / 6
            frequency, phase = (0.11, 0.22)[(i - 8) // 12 % 2], (0, math.pi / 2)[(i - 8) // 6 % 2]
            wave = 2 * math.pi * frequency * (x * math.cos(turn) + y * math.sin(turn)) + phase
            kernel = torch.exp(-(x ** 2 + y ** 2) / 8) * torch.cos(wave)
            kernel = kernel - kernel.mean()
            colour = 1 + 0.5 * colour
            strength = 0.9
        kernel = colour[:, None, None] * kernel
        weight[i] = strength * kernel / kernel.norm()
    trunk.patch_embed.proj.bias.zero_()


def start_trunk(trunk):
    """Sinusoids over the window, and keys equal to queries: near and alike tokens attend to each other."""
    table = trunk.pos_embed_window
    channels, side = table.shape[1], table.shape[3]
    place = (torch.arange(float(side)) + 0.5) / side
    channel = 0
    for waves in (0.5, 1, 2, 3):
        for function in (torch.sin, torch.cos):
            row = function(2 * math.pi * waves * place) * (0.6 if waves < 2 else 0.3)
            for wave in (row[None].expand(side, side), row[:, None].expand(side, side)):
                table[0, 7 * channel % channels] += wave
                channel += 1
    trunk.pos_embed.normal_(0, 0.05)
    for block in trunk.blocks:
        qkv = block.attn.qkv
        third = len(qkv.weight) // 3
        qkv.weight[:third] *= 1.6
        qkv.weight[third:2 * third] = qkv.weight[:third]
        qkv.bias.zero_()


def alike(attention, gain):
    """Keys are made as queries are, so that equal inputs attract each other."""
    attention.q_proj.weight.mul_(gain)
    attention.k_proj.weight.copy_(attention.q_proj.weight)
    attention.q_proj.bias.zero_()
    attention.k_proj.bias.zero_()


def start_decoder(model, generator):
    prompts, decoder = model.sam_prompt_encoder, model.sam_mask_decoder
    # Low frequencies: near places get like codes. The matrix is a tensor of the file, so this is a starting value too.
    matrix = prompts.pe_layer.positional_encoding_gaussian_matrix
    waves = torch.linspace(0.1, 0.8, matrix.shape[1])[torch.randperm(matrix.shape[1], generator=generator)]
    matrix.copy_(torch.randn(matrix.shape, generator=generator) * waves)
    for embedding in [*prompts.point_embeddings, prompts.not_a_point_embed]:
        embedding.weight.mul_(0.7)
    prompts.no_mask_embed.weight.mul_(0.2)

    layers = decoder.transformer.layers
    alike(decoder.transformer.final_attn_token_to_image, 3.0)
    for layer in layers:
        alike(layer.cross_attn_token_to_image, 3.0)
        alike(layer.cross_attn_image_to_token, 3.0)
        layer.cross_attn_image_to_token.v_proj.weight.mul_(2)
        layer.cross_attn_image_to_token.out_proj.weight.mul_(2)
    first = layers[0].self_attn
    alike(first, 2.0)
    for linear in (first.v_proj, first.out_proj):  # near the identity: tokens stay distinct
        linear.weight.mul_(0.2).add_(torch.eye(len(linear.weight)))
        linear.bias.zero_()


@torch.no_grad()
def start_memory(model, images):
    """Makes the memory attention compare features and carry masks, before it has learned anything.

    Most of a memory's channels start as the principal components of the top features, the rest as random features of
    the mask. Queries start as the components of the present frame, on the slow pairs of the rotary code, which hardly
    turn; the fast pairs start constant, which prefers near places. So a cell finds the cells that look like it and
    reads their masks. `images` [n, 3, size, size] serve for the statistics.
    """
    arch = model.arch
    d, width = arch.d_model, arch.memory_dim
    content = 3 * width // 4
    raw = to_tokens(model.encode(images).top).flatten(0, 1)
    spread = raw.std(1).mean()
    mean = raw.mean(0)
    values, vectors = torch.linalg.eigh((raw - mean).T @ (raw - mean) / len(raw))
    top = vectors[:, -content:]
    whiten = top / values[-content:].clamp(min=1e-6).sqrt()  # [d, content]
    gain = 2.0  # the place is added to the same channels with amplitude 1

    encoder = model.memory_encoder
    encoder.pix_feat_proj.weight[:content] = gain * whiten.T[..., None, None]
    encoder.pix_feat_proj.bias[:content] = -gain * (mean @ whiten)
    last = encoder.mask_downsampler.encoder[-1]
    last.weight[:content] *= 0.05
    last.bias[:content] = 0
    encoder.pix_feat_proj.weight[content:] *= 0.1
    encoder.pix_feat_proj.bias[content:] = 0
    encoder.out_proj.weight[:content] = torch.eye(d, device=raw.device)[:content][..., None, None]
    encoder.out_proj.weight[content:, :content] = 0
    encoder.out_proj.weight[content:] *= 3
    encoder.out_proj.bias.zero_()
    for layer in encoder.fuser.layers:
        layer.gamma.fill_(0.02)

    slow = torch.cat([torch.arange(half + d // 4, half + d // 2) for half in (0, d // 2)])[:content]
    fast = torch.cat([torch.arange(half, half + 3 * d // 16) for half in (0, d // 2)])
    normal = torch.nn.functional.layer_norm(raw, (d,))
    ones = torch.ones(len(raw), 1, device=raw.device)
    inputs, outputs = torch.cat((normal, ones), 1).cpu(), ((raw - mean) @ whiten).cpu()
    solution = torch.linalg.lstsq(inputs, outputs).solution.to(raw.device)
    sharpness = math.sqrt(6 * math.sqrt(d) / content)  # alike cells score about 6 before the softmax
    for layer in model.memory_attention.layers:
        cross = layer.cross_attn_image
        for linear in (cross.q_proj, cross.k_proj):
            linear.weight.mul_(0.1)
            linear.bias.zero_()
            linear.bias[fast] = 1.0
        cross.q_proj.weight[slow] = sharpness * solution[:-1].T
        cross.q_proj.bias[slow] = sharpness * solution[-1]
        cross.k_proj.weight[slow] = 0
        cross.k_proj.weight[slow, torch.arange(content)] = sharpness / gain
        cross.out_proj.weight.mul_(float(spread))
        layer.self_attn.q_proj.bias[fast] = 1.0
        layer.self_attn.k_proj.bias[fast] = 1.0
        layer.self_attn.out_proj.weight.mul_(0.1 * float(spread))
        layer.linear2.weight.mul_(0.1 * float(spread))
    # The decoder has learned on raw features: give it features of their size.
    model.memory_attention.norm.weight.fill_(float(spread))
    model.memory_attention.norm.bias.copy_(mean - mean.mean())
