// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/vector/attention.h"

namespace samlet {
namespace {

// `keys` <= width rows of dk floats become columns, `pitch` apart; columns without a key become zero.
template <class V>
void transpose_keys(const float* k, size_t stride, size_t keys, size_t dk, float* to, size_t pitch) {
    size_t c = 0;
    if (keys == V::width) {
        for (; c + V::width <= dk; c += V::width) {
            V block[V::width];
            SAMLET_UNROLL
            for (size_t i = 0; i < V::width; ++i) block[i] = V::load(k + i * stride + c);
            V::transpose(block);
            SAMLET_UNROLL
            for (size_t i = 0; i < V::width; ++i) block[i].store(to + (c + i) * pitch);
        }
    }
    for (; c < dk; c += V::width) {  // at the edges
        const size_t channels = smaller(V::width, dk - c);
        V block[V::width];
        for (size_t i = 0; i < V::width; ++i) block[i] = V::zero();
        for (size_t i = 0; i < keys; ++i) {
            const float* from = k + i * stride + c;
            block[i] = channels == V::width ? V::load(from) : V::load_part(from, channels);
        }
        V::transpose(block);
        for (size_t i = 0; i < channels; ++i) block[i].store(to + (c + i) * pitch);
    }
}

template <class V>
void pack_keys(const float* k, size_t stride, size_t keys, size_t dk, float* packed) {
    for (size_t panel = 0; panel < keys; panel += key_panel<V>, packed += key_panel<V> * dk) {
        for (size_t lane = 0; lane < key_panel<V>; lane += V::width) {
            const size_t begin = smaller(keys, panel + lane);
            transpose_keys<V>(k + begin * stride, stride, smaller(V::width, keys - begin), dk, packed + lane,
                              key_panel<V>);
        }
    }
}

}  // namespace
}  // namespace samlet
