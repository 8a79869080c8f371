// Prompt encoder: points, box corners and low-res masks -> tokens and a dense embedding
// (sam2/modeling/sam/prompt_encoder.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/exec.h"

namespace samlet {

// A point of the model's square, in pixels of the square. Labels as in the reference.
struct PromptPoint {
    enum Label : int32_t { padding = -1, negative = 0, positive = 1, box_first = 2, box_second = 3 };
    float x, y;
    int32_t label;
};

struct PromptEncoder {
    const float* gaussian;             // [2][d_model / 2]
    const float* point_embeddings[4];  // by label
    const float* not_a_point;
    const float* no_mask;  // dense embedding where there is no mask prompt
    LinearId mask_conv1, mask_conv2, mask_out;
    const float *mask_norm1_gamma, *mask_norm1_beta, *mask_norm2_gamma, *mask_norm2_beta;
    uint32_t d_model, mask_channels1, mask_channels2;

    void read(WeightReader& reader, const Config& config);

    // The code of a position in 0..1, d_model channels.
    void encode_position(float x, float y, float* code) const;
    // Position codes of a grid x grid map. They are sines and cosines of x-angle + y-angle, so that two small
    // tables hold them: [grid][d_model] each, sines then cosines of one coordinate; expand_position() writes
    // [grid][grid][d_model].
    void fill_position_tables(size_t grid, float* along_x, float* along_y) const;
    void expand_position(Exec& exec, size_t grid, const float* along_x, const float* along_y,
                         float* codes) const;
    // One token per point. `size`: side of the model's square in pixels.
    void embed_points(const PromptPoint* points, size_t count, float size, float* tokens) const;
    // Dense embedding [grid][grid][d_model] of low-res logits [4 grid][4 grid].
    void embed_mask(Exec& exec, const float* logits, size_t grid, float* dense) const;
};

}  // namespace samlet
