// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

// y[i] = f(x[i] of each input), a vector at a time and the rest as a part of one. In place is fine.
template <class V, class F, class... X>
SAMLET_INLINE void map(size_t n, float* y, F f, const X*... x) {
    size_t i = 0;
    for (; i + V::width <= n; i += V::width) f(V::load(x + i)...).store(y + i);
    if (i < n) f(V::load_part(x + i, n - i)...).store_part(y + i, n - i);
}

}  // namespace
}  // namespace samlet
