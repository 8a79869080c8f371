// Memory encoder: a frame's features and an object's mask -> a memory (sam2/modeling/memory_encoder.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/exec.h"

namespace samlet {

struct FuserLayer {
    const float *depthwise, *depthwise_bias;  // [7][7][channels]
    const float *norm_gamma, *norm_beta, *gamma;
    LinearId in, out;
    uint32_t size, hidden;
};

struct MemoryEncoder {
    struct Downsample {
        LinearId convolution;
        const float *norm_gamma, *norm_beta;
        uint32_t in, out;
    };
    static constexpr size_t kSteps = 4;  // by 2 each: from pixels to the stride-16 grid
    Downsample steps[kSteps];
    LinearId mask_out, feature_projection, out;
    FuserLayer* fuser;
    uint32_t fuser_count, d_model, memory_dim;
    const float* no_object;  // SAM 2.1: added where the object is absent; may be null

    void read(WeightReader& reader, const Config& config);
    // mask [16 grid][16 grid]: what the network is fed, already scaled; overwritten. features [grid *
    // grid][d_model] are the raw top features. memory [grid * grid][memory_dim].
    void run(Exec& exec, float* mask, const Map& features, size_t grid, bool present, float* memory) const;

  private:
    // mask -> [grid * grid][256], in place.
    void downsample(Exec& exec, float* mask, size_t grid) const;
};

}  // namespace samlet
