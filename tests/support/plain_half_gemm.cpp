// SPDX-License-Identifier: Apache-2.0
#include "plain_half_gemm.h"

#include <cmath>

#include "kernels/generic/generic.h"

namespace samlet {
namespace {

using generic::f16_to_f32;
using generic::f32_to_f16;

// Rows (or channels) of halves, and for each row what brings it back to its size, and a number of the
// caller's.
struct Packed {
    float* inverse;  // [count]
    float* bias;     // [count]
    uint16_t* halves;

    Packed(const void* memory, size_t count) : inverse(static_cast<float*>(const_cast<void*>(memory))) {
        bias = inverse + count;
        halves = reinterpret_cast<uint16_t*>(bias + count);
    }
    static size_t bytes(size_t count, size_t in) {
        return count * (2 * sizeof(float) + in * sizeof(uint16_t));
    }
};

// Brings `largest` into [limit / 2, limit), as far as the scale and its inverse are normal numbers.
float scale_below(float limit, float largest) {
    if (!std::isfinite(largest)) return 1;
    int exponent = 0, limit_exponent = 0;
    std::frexp(largest, &exponent);
    std::frexp(limit, &limit_exponent);
    exponent = limit_exponent - 1 - exponent;
    return largest == 0 || exponent > 126 ? 0x1p126f : std::ldexp(1.0f, exponent);
}

// x[0 .. n - 1] -> y. Returns the inverse of the scale.
float pack(const float* x, size_t n, float limit, uint16_t* y) {
    float largest = 0;
    for (size_t i = 0; i < n; ++i) {
        const float size = std::fabs(x[i]);
        if (!(size <= largest) && largest == largest) largest = size;  // NaN stays
    }
    const float scale = scale_below(limit, largest);
    for (size_t i = 0; i < n; ++i) {
        const float scaled = x[i] * scale;
        f32_to_f16(&scaled, 1, y + i);
    }
    return 1 / scale;
}

constexpr size_t tile = 4;

size_t weight_bytes(size_t in, size_t out) {
    return Packed::bytes(out, in);
}

void pack_weights(const float* weights, const float* bias, size_t in, size_t out, void* packed) {
    const Packed to(packed, out);
    for (size_t o = 0; o < out; ++o) {
        to.inverse[o] = pack(weights + o * in, in, HalfGemm::weight_limit, to.halves + o * in);
        to.bias[o] = bias[o];
    }
}

void pack_rows(const void* x, bool half, size_t rows, size_t in, size_t first_row, void* packed) {
    const Packed to(packed, rows);
    for (size_t r = first_row; r < rows && r < first_row + tile; ++r) {
        uint16_t* halves = to.halves + r * in;
        if (!half) {
            to.inverse[r] = pack(static_cast<const float*>(x) + r * in, in, HalfGemm::row_limit, halves);
            continue;
        }
        // Halves need no scale, save that sums of large ones would overflow elsewhere: here sums are in
        // double.
        for (size_t i = 0; i < in; ++i) halves[i] = static_cast<const uint16_t*>(x)[r * in + i];
        to.inverse[r] = 1;
    }
}

void multiply(const HalfGemmTask& task) {
    const Packed rows(task.rows, task.row_count), weights(task.weights, task.out);
    for (size_t r = task.first_row; r < task.row_count && r < task.first_row + tile; ++r) {
        for (size_t o = task.first_column; o < task.out && o < task.first_column + tile; ++o) {
            double sum = 0;
            for (size_t i = 0; i < task.in; ++i) {
                float x, w;
                f16_to_f32(rows.halves + r * task.in + i, 1, &x);
                f16_to_f32(weights.halves + o * task.in + i, 1, &w);
                sum += double(x) * double(w);
            }
            sum = sum * double(rows.inverse[r]) * double(weights.inverse[o]) + double(weights.bias[o]);
            if (task.relu && sum < 0) sum = 0;
            const float y = float(sum);
            const size_t at = r * task.out + o;
            if (task.half)
                f32_to_f16(&y, 1, static_cast<uint16_t*>(task.y) + at);
            else
                static_cast<float*>(task.y)[at] = y;
        }
    }
}

}  // namespace

const HalfGemm plain_half_gemm = {tile, tile, weight_bytes, pack_weights, Packed::bytes, pack_rows, multiply};

}  // namespace samlet
