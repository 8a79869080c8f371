// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/vector/exp2.h"
#include "kernels/vector/map.h"

namespace samlet {
namespace {

// x Phi(x) with the normal distribution function Phi. By symmetry that is max(x, 0) - a Phi(-a), a = |x|, and
// the logarithm of Phi(-a) is so smooth (near -a^2/2) that a polynomial does: Phi(-a) = 2^q(a). No division,
// no cancellation.
//
// q has degree 8 and q(0) = -1; its coefficients minimise the largest error of a 2^q(a) over [0, 6] (Remez on
// log2 Phi, weighted with a Phi(-a); 9e-9 before rounding). Beyond 6, where a Phi(-a) < 6e-9, it falls faster
// than the true curve, down to q(12) = -294, which exp2 turns into 0. Measured over all floats in [-11, 11]:
// |error| <= 5e-8 (|x| + 1), half of it the rounding of the result.
template <class V>
SAMLET_INLINE V gelu_of(V x) {
    const V a = min(V::broadcast(12.0f), abs(x));
    V q = V::broadcast(-1.9020559568921017e-6f);
    q = mul_add(q, a, V::broadcast(2.8056810841033297e-5f));
    q = mul_add(q, a, V::broadcast(-1.3147251877072865e-4f));
    q = mul_add(q, a, V::broadcast(-2.7207772688406603e-4f));
    q = mul_add(q, a, V::broadcast(7.24542438154519e-3f));
    q = mul_add(q, a, V::broadcast(-5.262761358518403e-2f));
    q = mul_add(q, a, V::broadcast(-0.45916214190221527f));
    q = mul_add(q, a, V::broadcast(-1.151111045738136f));
    q = mul_add(q, a, V::broadcast(-1.0f));
    return max(V::zero(), x) - a * exp2_nonpositive(q);
}

template <class V>
void gelu(float* x, size_t n) {
    map<V>(n, x, gelu_of<V>, x);
}

// With e = exp(-|x|) <= 1, which cannot overflow: 1 / (1 + e) right of zero, e / (1 + e) left of it.
template <class V>
void sigmoid(const float* x, size_t n, float scale, float bias, float* y) {
    const auto f = [=](V v) {
        const V e = exp2_nonpositive(abs(v) * V::broadcast(-log2_e));
        const V above = where_negative(v, e, V::broadcast(1.0f));
        return mul_add(above / (e + V::broadcast(1.0f)), V::broadcast(scale), V::broadcast(bias));
    };
    map<V>(n, y, f, x);
}

}  // namespace
}  // namespace samlet
