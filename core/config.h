// Hyper-parameters of a model of the SAM 2 family, read from the model file and validated once.
//
// SPDX-License-Identifier: Apache-2.0
//
// Model files are GGUF version 3, little endian, tensors aligned to 32 bytes, under the published names,
// dimensions innermost first as GGUF has them, types F32 (0), F16 (1) and I8 (24). tools/convert_checkpoint.py
// writes them. A tensor X of type I8 holds -127 .. 127 and comes with a tensor X_scale, F32, one number for each
// element of X's outermost dimension: weight = number * scale. Metadata:
//
// clang-format off
//   general.architecture              string "sam2"
//   general.name                      string "sam2.1_hiera_tiny"
//   general.alignment                 u32    32 (optional)
//   sam2.family                       string "sam2" or "sam2.1"
//   sam2.has_video                    bool   memory attention, memory encoder, pointer projection, object score head
//   sam2.image_size                   u32    trained side of the square
//   sam2.image_mean, sam2.image_std   f32[3]
//   sam2.trunk.embed_dim              u32    channels of stage 1; each stage doubles channels and heads
//   sam2.trunk.num_heads              u32
//   sam2.trunk.stages                 u32[]  blocks per stage
//   sam2.trunk.window_spec            u32[]  window per stage
//   sam2.trunk.global_att_blocks      u32[]
//   sam2.trunk.q_pool                 u32    stage changes that pool, 3
//   sam2.neck.top_down_levels         u32[]  2, 3
//   sam2.d_model                      u32
//   sam2.decoder.layers, .heads       u32    2, 8
//   sam2.decoder.stability_delta, .stability_thresh   f32 0.05, 0.98
//   sam2.memory.dim, .layers, .num_maskmem, .max_object_pointers   u32 64, 4, 7, 16        (video only, and below)
//   sam2.memory.sigmoid_scale, .sigmoid_bias                       f32 20, -10
//   sam2.memory.rope_theta                                         f32 10000
//   sam2.pointer_time_encoding, sam2.pointer_time_signed           bool  the switches of 2.1
// clang-format on
//
// (pointer_time_signed is not read: pointers come from the past only, where the sign never shows.)
// What tensors tell by being there or by their shape (no_obj_embed_spatial, obj_ptr_tpos_proj, FFN widths,
// position embedding sizes, number of mask tokens) has no key.

#pragma once

#include <cstdint>

#include "core/model_file.h"
#include "core/status.h"

namespace samlet {

constexpr uint32_t kStages = 4;  // strides 4, 8, 16, 32: the decoder and the neck rely on it
constexpr uint32_t kMaxGlobalBlocks = 32;
constexpr uint32_t kMaxBlocks = 128;
constexpr uint32_t kMaxMaskTokens = 4;
constexpr uint32_t kTopStride = 16;  // image pixels per cell of the top features

struct Config {
    char name[64];
    char family[16];
    bool has_video;
    uint32_t image_size;
    float image_mean[3], image_std[3];

    uint32_t embed_dim, num_heads;
    uint32_t stages[kStages], window_spec[kStages];
    uint32_t global_blocks[kMaxGlobalBlocks], global_block_count;
    uint32_t top_down_levels;  // bit per level

    uint32_t d_model;
    uint32_t decoder_layers, decoder_heads;
    float stability_delta, stability_thresh;

    uint32_t memory_dim, memory_layers, memory_frames, max_pointers;
    float mask_sigmoid_scale, mask_sigmoid_bias, rope_theta;
    bool pointer_time_encoding;

    uint32_t blocks() const { return stages[0] + stages[1] + stages[2] + stages[3]; }
    uint32_t channels(uint32_t stage) const { return embed_dim << stage; }
    uint32_t heads(uint32_t stage) const { return num_heads << stage; }
    bool is_global(uint32_t block) const;

    Status read(const ModelFile& file);
};

}  // namespace samlet
