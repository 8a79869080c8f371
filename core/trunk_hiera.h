// Trunk of the image encoder: Hiera (Ryali et al., arXiv 2306.00989) with windowed position embeddings
// (Bolya et al., arXiv 2311.05613), as in sam2/modeling/backbones/hieradet.py.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/exec.h"

namespace samlet {

struct TrunkBlock {
    const float *norm1_gamma, *norm1_beta, *norm2_gamma, *norm2_beta;
    LinearId qkv;    // windowed blocks: one fused projection
    LinearId q, k, v;  // global blocks: keys and values of the whole map first, then queries in strips
    LinearId proj, mlp_in, mlp_out;
    LinearId shortcut;  // pooling blocks
    uint32_t in, out;   // channels
    uint32_t heads;
    uint32_t window;  // 0: global
    uint32_t hidden;  // of the MLP
    bool pools;       // first block of stages 2..4: halves the map
};

struct Trunk {
    LinearId patch_embed;
    const float* pos_embed;         // [channels][pos_size][pos_size]
    const float* pos_embed_window;  // [channels][window][window]
    uint32_t pos_size, pos_window, channels;
    TrunkBlock* blocks;
    uint32_t stage_first[kStages + 1];  // first block of each stage

    void read(WeightReader& reader, const Config& config);

    // image [size][size][3], normalised -> x [size/4][size/4][channels], position embedding added.
    void embed(Exec& exec, const Map& image, size_t size, const Map& x) const;
    // Adds the position embedding to a row of tokens. `columns`: pos_size * channels floats of scratch.
    void add_position(const Kernels& kernels, size_t y, size_t side, float* columns, float* row) const;
    // One block on a side x side map. Pooling blocks read `x` and write `y` (half the side, twice the
    // channels); all others work in place on `x` and take y == x.
    void run_block(Exec& exec, const TrunkBlock& block, const Map& x, size_t side, const Map& y) const;
};

}  // namespace samlet
