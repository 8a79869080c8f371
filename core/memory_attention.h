// Memory attention: conditions the features of a frame on the memories of an object
// (sam2/modeling/memory_attention.py, RoPEAttention of sam2/modeling/sam/transformer.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/exec.h"

namespace samlet {

// The memory tokens that a frame reads. Spatial memories are fetched piece by piece from wherever and however
// they are stored; pointer tokens, which get no rotary code, are few and given whole.
struct MemoryTokens {
    size_t frames;  // spatial memories of grid * grid tokens
    // Tokens first .. first + count - 1 of memory `frame`: `values` without, `keys` with their position.
    // `stride`: floats from one token to the next in both.
    void (*load)(const void* context, size_t frame, size_t first, size_t count, size_t stride, float* values,
                 float* keys);
    const void* context;
    size_t pointers;
    const float* pointer_values;  // [pointers][dim]
    const float* pointer_keys;
};

// Looks on while memories are read: called once a layer with what its cross-attention compares, for all
// queries of the frame (`values`, `out` and `scratch` are not set). May take scratch.
struct CrossAttentionObserver {
    void (*see)(void* context, Exec& exec, uint32_t layer, const AxialTask& task);
    void* context;
};

struct MemoryAttentionLayer {
    const float *norm1_gamma, *norm1_beta, *norm2_gamma, *norm2_beta, *norm3_gamma, *norm3_beta;
    LinearId self_q, self_k, self_v, self_out;
    LinearId cross_q;
    const float *cross_k_weight,
        *cross_k_bias;  // [d_model][memory_dim], [d_model]: AxialTask never forms a key
    // Values carry no position and there is one head, so that softmax(S)(M Wv + b) Wo = (softmax(S) M)(Wv Wo)
    // + ...: the weighted sum runs over memory_dim channels, and both projections are one.
    LinearId cross_value_out;
    LinearId mlp_in, mlp_out;
    uint32_t hidden;
};

struct MemoryAttention {
    MemoryAttentionLayer* layers;
    uint32_t layer_count, d_model, memory_dim;
    const float *norm_gamma, *norm_beta;

    void read(WeightReader& reader, const Config& config);
    // x [grid * grid][d_model]: current features with their position added; replaced by the result. `cosine`,
    // `sine`: rotary tables for the grid (position.h). The first layer's self-attention sees the frame alone,
    // never the memory: begin() does it, once for all objects of a frame, run() the rest for each.
    void begin(Exec& exec, float* x, size_t grid, const float* cosine, const float* sine) const;
    void run(Exec& exec, float* x, size_t grid, const MemoryTokens& memory, const float* cosine,
             const float* sine, const CrossAttentionObserver* observer = nullptr) const;
};

}  // namespace samlet
