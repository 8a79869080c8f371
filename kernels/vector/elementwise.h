// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/vector/map.h"

namespace samlet {
namespace {

template <class V>
void add(const float* x, size_t n, float* y) {
    map<V>(
        n, y, [](V a, V b) { return a + b; }, y, x);
}

template <class V>
void add_scaled(const float* x, float scale, size_t n, float* y) {
    map<V>(
        n, y, [=](V a, V b) { return mul_add(b, V::broadcast(scale), a); }, y, x);
}

template <class V>
void max4(const float* a, const float* b, const float* c, const float* d, size_t n, float* y) {
    map<V>(
        n, y, [](V p, V q, V r, V s) { return max(max(p, q), max(r, s)); }, a, b, c, d);
}

// Narrows to halves of either kind with `store`, one of V's.
template <class V>
SAMLET_INLINE void narrow(const float* x, size_t n, uint16_t* y, void (V::*store)(uint16_t*) const) {
    size_t i = 0;
    for (; i + V::width <= n; i += V::width) (V::load(x + i).*store)(y + i);
    if (i < n) {
        uint16_t rest[V::width];
        (V::load_part(x + i, n - i).*store)(rest);
        std::memcpy(y + i, rest, (n - i) * sizeof rest[0]);
    }
}

template <class V>
void f32_to_bf16(const float* x, size_t n, uint16_t* y) {
    narrow<V>(x, n, y, &V::store_bf16);
}

template <class V>
void f32_to_f16(const float* x, size_t n, uint16_t* y) {
    narrow<V>(x, n, y, &V::store_f16);
}

template <class V>
void add_f16(const float* x, size_t n, uint16_t* y) {
    size_t i = 0;
    for (; i + V::width <= n; i += V::width) (V::load_f16(y + i) + V::load(x + i)).store_f16(y + i);
    if (i < n) {
        uint16_t rest[V::width] = {};
        std::memcpy(rest, y + i, (n - i) * sizeof rest[0]);
        (V::load_f16(rest) + V::load_part(x + i, n - i)).store_f16(rest);
        std::memcpy(y + i, rest, (n - i) * sizeof rest[0]);
    }
}

// Widens halves of either kind with `load`, one of V's.
template <class V>
SAMLET_INLINE void widen(const uint16_t* x, size_t n, float* y, V (*load)(const uint16_t*)) {
    size_t i = 0;
    for (; i + V::width <= n; i += V::width) load(x + i).store(y + i);
    if (i < n) {
        uint16_t rest[V::width] = {};
        std::memcpy(rest, x + i, (n - i) * sizeof rest[0]);
        load(rest).store_part(y + i, n - i);
    }
}

template <class V>
void bf16_to_f32(const uint16_t* x, size_t n, float* y) {
    widen<V>(x, n, y, V::load_bf16);
}

template <class V>
void f16_to_f32(const uint16_t* x, size_t n, float* y) {
    widen<V>(x, n, y, V::load_f16);
}

}  // namespace
}  // namespace samlet
