// Neck of the image encoder: a feature pyramid of lateral 1x1 convolutions
// (sam2/modeling/backbones/image_encoder.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/exec.h"

namespace samlet {

// What the decoder and the memory read of a frame, [side][side][channels] each, grid = image size / 16.
struct Features {
    Map stride4;  // [4 grid][4 grid][d_model / 8], after conv_s0
    Map stride8;  // [2 grid][2 grid][d_model / 4], after conv_s1
    Map top;      // [grid][grid][d_model]
};

struct Neck {
    // Levels 0 and 1 are linear maps followed by the decoder's linear conv_s0 and conv_s1: multiplied out at
    // load.
    LinearId stride4, stride8, lateral16, lateral32;
    uint32_t d_model;
    bool top_down;  // level 3 is added to level 2

    void read(WeightReader& reader, const Config& config);
    void run_stride4(Exec& exec, const Map& x, size_t tokens, const Map& out) const;
    void run_stride8(Exec& exec, const Map& x, size_t tokens, const Map& out) const;
    void run_top(Exec& exec, const Map& stage3, size_t side, const Map& out) const;
    // Adds level 3, enlarged to twice its side by repetition. Level 3 itself is read by nothing else.
    void add_level3(Exec& exec, const Map& stage4, size_t side, const Map& top) const;
};

}  // namespace samlet
