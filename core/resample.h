// Separable resampling filters along one axis, as tables: which input samples an output sample reads, and
// their weights.
//
// SPDX-License-Identifier: Apache-2.0
//
// Three filters, each an exact counterpart of what the SAM 2 reference runs:
// clang-format off
//   bicubic    Pillow's Image.resize() on 8-bit images (a = -0.5, antialiased), weights in 22-bit fixed point
//   triangle   torch interpolate(mode="bilinear", antialias=True), also torchvision's Resize on tensors, float weights
//   linear     torch interpolate(mode="bilinear", align_corners=False), two samples, no antialias
// clang-format on
// Weights are bit-exact as long as the compiler does not fuse multiplications and additions
// (-ffp-contract=off).
//
// Tables live in memory that the caller gives, aligned to Arena::kAlignment; nothing allocates.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/arena.h"

namespace samlet {

// Longest side of any image here, in pixels.
constexpr uint32_t kMaxSide = 65536;

// Bits of the fixed-point weights: a weight of 1 is 1 << kBicubicBits. 255 << kBicubicBits leaves a factor of
// 2 for the negative lobes in an int32_t.
constexpr int kBicubicBits = 32 - 8 - 2;

// Output sample i = sum over k < count[i] of input[first[i] + k] * weight[i * taps + k]. `first` never
// decreases, 1 <= count <= taps, first + count <= input length.
template <class Weight>
struct FilterAxis {
    uint32_t in = 0, out = 0;
    uint32_t taps = 0;
    const uint32_t* first = nullptr;  // [out]
    const uint32_t* count = nullptr;  // [out]
    const Weight* weight = nullptr;   // [out][taps]
};
using BicubicAxis = FilterAxis<int32_t>;
using TriangleAxis = FilterAxis<float>;

// Most samples that one output sample reads. Grows with `in`.
uint32_t bicubic_taps(uint32_t in, uint32_t out);
uint32_t triangle_taps(uint32_t in, uint32_t out);
// Bytes of a table, a multiple of Arena::kAlignment. Enough for every shorter input, too. 1 <= in, out <=
// kMaxSide.
size_t bicubic_axis_bytes(uint32_t in, uint32_t out);
size_t triangle_axis_bytes(uint32_t in, uint32_t out);
// Fill `memory`. Equal lengths give a table of one tap of weight 1.
BicubicAxis make_bicubic_axis(uint32_t in, uint32_t out, void* memory);
TriangleAxis make_triangle_axis(uint32_t in, uint32_t out, void* memory);

// Output sample i = (1 - weight[i]) * input[left[i]] + weight[i] * input[right[i]].
struct LinearAxis {
    uint32_t in = 0, out = 0;
    const uint32_t* left = nullptr;   // [out]
    const uint32_t* right = nullptr;  // [out], left or left + 1
    const float* weight = nullptr;    // [out], 0 <= weight <= 1
};
size_t linear_axis_bytes(uint32_t out);
LinearAxis make_linear_axis(uint32_t in, uint32_t out, void* memory);

}  // namespace samlet
