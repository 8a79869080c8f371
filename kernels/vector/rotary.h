// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/vector/map.h"

namespace samlet {
namespace {

template <class V>
void rotate(float* x, const float* cosine, const float* sine, size_t n) {
    map<V>(
        n, x, [](V v, V c, V s) { return mul_add(v, c, swap_pairs(v) * s); }, x, cosine, sine);
}

}  // namespace
}  // namespace samlet
