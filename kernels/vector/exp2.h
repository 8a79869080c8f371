// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

constexpr float log2_e = 1.44269504088896341f;

// 2^x for x <= 0 (NaN stays NaN): exactly 1 for 0, exactly 0 from -125.5 down, so that no result is denormal
// and handled by slow microcode, and in between with a relative error of at most 9e-8 (measured over all
// floats).
//
// x = n + r with n whole and |r| <= 1/2. Adding 1.5 * 2^23 rounds to whole numbers and leaves n in the low
// bits of the sum; with 126 added as well, those bits are the exponent field of 2^(n-1), and n = -126 is the
// bit pattern of 0. The polynomial makes up for the missing factor: it is 2 * 2^r, degree 6, minimax for the
// relative error with the value at 0 held exact (Remez; 2.6e-9 before rounding).
template <class V>
SAMLET_INLINE V exp2_nonpositive(V x) {
    const V to_whole = V::broadcast(12582912.0f + 126.0f);
    x = max(V::broadcast(-126.0f), x);
    const V biased = x + to_whole;
    const V r = x - (biased - to_whole);
    V p = V::broadcast(2 * 1.559468039813636e-4f);
    p = mul_add(p, r, V::broadcast(2 * 1.3406644060811245e-3f));
    p = mul_add(p, r, V::broadcast(2 * 9.617692970603107e-3f));
    p = mul_add(p, r, V::broadcast(2 * 5.5503105507348265e-2f));
    p = mul_add(p, r, V::broadcast(2 * 0.2402265278288428f));
    p = mul_add(p, r, V::broadcast(2 * 0.6931472149681082f));
    p = mul_add(p, r, V::broadcast(2.0f));
    return p * bits_shifted_left_23(biased);
}

}  // namespace
}  // namespace samlet
