// Mask decoder: features, prompt tokens and a dense prompt -> candidate masks and scores
// (sam2/modeling/sam/mask_decoder.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/mlp.h"
#include "core/neck.h"
#include "core/two_way_transformer.h"

namespace samlet {

// Written by MaskDecoder::run(); arrays are the caller's.
struct DecodedMasks {
    float* logits;       // [mask tokens][4 grid][4 grid]
    float* mask_tokens;  // [mask tokens][d_model]
    float iou[kMaxMaskTokens];
    float object_score;  // logit; 10 for models without that head
};

// Which candidate answers.
struct MaskChoice {
    uint32_t mask;   // index of mask and IoU
    uint32_t token;  // index of the token that becomes the object pointer
};

struct MaskDecoder {
    TwoWayTransformer transformer;
    const float *iou_token, *mask_token, *object_token;  // object_token may be null
    bool has_object_head;                                // reads the object token
    uint32_t mask_count;                                 // tokens, 4
    uint32_t d_model;
    LinearId upscale1, upscale2;
    const float *upscale_gamma, *upscale_beta;
    Mlp3 hyper[kMaxMaskTokens], iou_head, object_head;
    float stability_delta, stability_thresh;

    void read(WeightReader& reader, const Config& config);
    uint32_t own_tokens() const { return 1 + mask_count + (object_token ? 1 : 0); }

    // image [grid * grid][d_model]: conditioned features plus the dense prompt; overwritten. prompts
    // [count][d_model].
    void run(Exec& exec, float* image, const float* image_position, size_t grid, const Features& features,
             const float* prompts, size_t prompt_count, DecodedMasks* out) const;
    // Multimask: the best of 1..3 by IoU. Single: token 0, unless its mask is unstable. `cells`: logits per
    // mask.
    MaskChoice choose(const DecodedMasks& masks, size_t cells, bool multimask) const;
};

}  // namespace samlet
