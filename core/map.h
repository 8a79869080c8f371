// A map of the image encoder: rows of channels in f32, or in half precision where memory counts more.
//
// SPDX-License-Identifier: Apache-2.0
//
// Only what is large and lives long is stored so: the residual stream of the trunk and the features of a frame. The
// strips in which stages compute are always f32. Half precision keeps 11 bits of each number and ends at 65504, far
// beyond what the published models reach.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"

namespace samlet {

struct Map {
    void* data = nullptr;
    bool half = false;

    size_t element() const { return half ? sizeof(uint16_t) : sizeof(float); }
    float* f32() const { return static_cast<float*>(data); }
    uint16_t* f16() const { return static_cast<uint16_t*>(data); }
    // The map from element `first` on.
    Map from(size_t first) const { return {static_cast<uint8_t*>(data) + first * element(), half}; }

    // The first n elements: to y, from x, and with x added.
    void load(const Kernels& kernels, size_t n, float* y) const {
        if (half)
            kernels.f16_to_f32(f16(), n, y);
        else
            memcpy(y, data, n * sizeof(float));
    }
    void store(const Kernels& kernels, const float* x, size_t n) const {
        if (half)
            kernels.f32_to_f16(x, n, f16());
        else
            memcpy(data, x, n * sizeof(float));
    }
    void add(const Kernels& kernels, const float* x, size_t n) const {
        if (half)
            kernels.add_f16(x, n, f16());
        else
            kernels.add(x, n, f32());
    }
};

}  // namespace samlet
