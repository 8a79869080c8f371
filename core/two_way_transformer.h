// Two-way transformer of the mask decoder: a few tokens and the image attend to each other
// (sam2/modeling/sam/transformer.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/exec.h"

namespace samlet {

struct DecoderAttention {
    LinearId q, k, v, out;
    uint32_t inner;  // channels of q, k and v
};

struct TwoWayLayer {
    DecoderAttention self, token_to_image, image_to_token;
    const float *norm_gamma[4], *norm_beta[4];
    LinearId mlp_in, mlp_out;
    uint32_t hidden;
};

struct TwoWayTransformer {
    TwoWayLayer* layers;
    uint32_t layer_count, heads, d_model;
    DecoderAttention final_attention;
    const float *final_gamma, *final_beta;

    void read(WeightReader& reader, const Config& config);
    // tokens [count][d_model] and image [cells][d_model] are replaced by the results; image_position
    // [cells][d_model]. The tokens' values on entry serve as their position, as in the reference.
    void run(Exec& exec, float* tokens, size_t count, float* image, const float* image_position,
             size_t cells) const;
};

}  // namespace samlet
