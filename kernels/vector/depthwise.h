// Depthwise convolution: channels across the lanes, several output pixels at a time so that each weight,
// loaded once, is used for all of them. One load per multiply-add remains (the input), which x86 and the
// larger ARM cores sustain.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/kernels.h"
#include "kernels/vector/attention.h"

namespace samlet {
namespace {

constexpr size_t pixels_at_once = 8;

// `pixels` outputs from x on, one vector of channels (n of them, if part) from c on. The columns dx of the
// filter given by [begin, end) must lie inside of the map for all of these pixels.
template <class V, size_t pixels, bool part>
SAMLET_INLINE void depthwise_pixels(const DepthwiseRowTask& task, size_t x, size_t c, size_t n, size_t begin,
                                    size_t end) {
    const auto load = [=](const float* p) { return part ? V::load_part(p, n) : V::load(p); };
    V sums[pixels];
    const V bias = load(task.bias + c);
    SAMLET_UNROLL
    for (size_t p = 0; p < pixels; ++p) sums[p] = bias;
    for (size_t dy = 0; dy < task.size; ++dy) {
        if (task.rows[dy] == nullptr) continue;
        const float* weights = task.weights + dy * task.size * task.channels + c;
        const float* left = task.rows[dy] + c;
        for (size_t dx = begin; dx < end; ++dx) {
            const V weight = load(weights + dx * task.channels);
            const float* in = left + (x + dx - task.size / 2) * task.channels;
            SAMLET_UNROLL
            for (size_t p = 0; p < pixels; ++p)
                sums[p] = add_product(sums[p], load(in + p * task.channels), weight);
        }
    }
    SAMLET_UNROLL
    for (size_t p = 0; p < pixels; ++p) {
        float* to = task.out + (x + p) * task.channels + c;
        if (part) {
            sums[p].store_part(to, n);
        } else {
            sums[p].store(to);
        }
    }
}

template <class V, bool part>
void depthwise_channels(const DepthwiseRowTask& task, size_t c, size_t n) {
    const size_t half = task.size / 2;
    size_t x = 0;
    while (x < task.width) {
        if (x >= half && x + pixels_at_once + half <= task.width) {
            depthwise_pixels<V, pixels_at_once, part>(task, x, c, n, 0, task.size);
            x += pixels_at_once;
        } else {
            const size_t begin = x < half ? half - x : 0;
            const size_t end = smaller(task.size, task.width + half - x);
            depthwise_pixels<V, 1, part>(task, x, c, n, begin, end);
            ++x;
        }
    }
}

template <class V>
void depthwise_row(const DepthwiseRowTask& task) {
    size_t c = 0;
    for (; c + V::width <= task.channels; c += V::width) depthwise_channels<V, false>(task, c, V::width);
    if (c < task.channels) depthwise_channels<V, true>(task, c, task.channels - c);
}

}  // namespace
}  // namespace samlet
