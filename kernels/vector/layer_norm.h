// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

// The sum of f(vector) over n floats; lanes past the end count as `nothing`, for which f must give 0.
template <class V, class F>
SAMLET_INLINE float sum_over(const float* x, size_t n, V nothing, F f) {
    V even = V::zero(), odd = V::zero();  // two chains, because one would wait for each addition
    size_t i = 0;
    for (; i + 2 * V::width <= n; i += 2 * V::width) {
        even = even + f(V::load(x + i));
        odd = odd + f(V::load(x + i + V::width));
    }
    if (i + V::width <= n) {
        even = even + f(V::load(x + i));
        i += V::width;
    }
    if (i < n) odd = odd + f(first_lanes(n - i, V::load_part(x + i, n - i), nothing));
    return (even + odd).sum();
}

template <class V>
void layer_norm(const float* x, size_t x_stride, size_t rows, size_t channels, const float* gamma,
                const float* beta, float eps, float* y, size_t y_stride) {
    for (size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
        const float mean = sum_over(x, channels, V::zero(), [](V v) { return v; }) / float(channels);
        const V center = V::broadcast(mean);
        const float squares = sum_over(x, channels, center, [=](V v) { return (v - center) * (v - center); });
        const V scale = V::broadcast(1 / __builtin_sqrtf(squares / float(channels) + eps));
        size_t c = 0;
        for (; c + V::width <= channels; c += V::width) {
            const V normal = (V::load(x + c) - center) * scale;
            mul_add(normal, V::load(gamma + c), V::load(beta + c)).store(y + c);
        }
        if (c < channels) {
            const size_t n = channels - c;
            const V normal = (V::load_part(x + c, n) - center) * scale;
            mul_add(normal, V::load_part(gamma + c, n), V::load_part(beta + c, n)).store_part(y + c, n);
        }
    }
}

}  // namespace
}  // namespace samlet
