// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "kernels/generic/generic.h"

namespace samlet::generic {
namespace {

uint32_t bits_of(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

float from_bits(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

float larger(float a, float b) {
    return a > b ? a : b;
}

uint16_t to_bf16(float x) {
    const uint32_t bits = bits_of(x);
    if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;  // every NaN becomes the quiet one
    const uint32_t odd = (bits >> 16) & 1;                // ties go to the even neighbour
    return uint16_t((bits + 0x7fff + odd) >> 16);
}

uint16_t to_f16(float x) {
    const uint32_t bits = bits_of(x), magnitude = bits & 0x7fffffff;
    const uint16_t sign = uint16_t(bits >> 16 & 0x8000);
    if (magnitude > 0x7f800000) return uint16_t(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));  // quiet, payload kept
    if (magnitude >= 0x477ff000) return sign | 0x7c00;  // 65520, half way to 2^16, and beyond
    // Below the normal range the unit is 2^-24; floats of that size have a unit of 2^-23 times their power of two
    // at least, so that the rounding can be left to an addition.
    if (magnitude < 0x38800000) return uint16_t(sign | (bits_of(from_bits(magnitude) + 0.5f) - bits_of(0.5f)));
    const uint32_t odd = magnitude >> 13 & 1;
    return uint16_t(sign | (((magnitude + 0xfff + odd) >> 13) - (112 << 10)));
}

float from_f16(uint16_t h) {
    const uint32_t sign = uint32_t(h & 0x8000) << 16;
    const uint32_t exponent = (h >> 10) & 31;
    const uint32_t mantissa = h & 0x3ff;
    if (exponent == 31) {  // infinity or NaN; NaNs keep their payload and become quiet, as in hardware
        return from_bits(sign | 0x7f800000 | mantissa << 13 | (mantissa != 0 ? 0x400000 : 0));
    }
    if (exponent == 0) {  // zero or subnormal: mantissa units of 2^-24, exact in float
        const float magnitude = std::ldexp(float(mantissa), -24);
        return from_bits(sign | bits_of(magnitude));
    }
    return from_bits(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

}  // namespace

void add(const float* x, size_t n, float* y) {
    for (size_t i = 0; i < n; ++i) y[i] += x[i];
}

void add_scaled(const float* x, float scale, size_t n, float* y) {
    for (size_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

void max4(const float* a, const float* b, const float* c, const float* d, size_t n, float* y) {
    for (size_t i = 0; i < n; ++i) y[i] = larger(larger(a[i], b[i]), larger(c[i], d[i]));
}

void f32_to_bf16(const float* x, size_t n, uint16_t* y) {
    for (size_t i = 0; i < n; ++i) y[i] = to_bf16(x[i]);
}

void bf16_to_f32(const uint16_t* x, size_t n, float* y) {
    for (size_t i = 0; i < n; ++i) y[i] = from_bits(uint32_t(x[i]) << 16);
}

void f32_to_f16(const float* x, size_t n, uint16_t* y) {
    for (size_t i = 0; i < n; ++i) y[i] = to_f16(x[i]);
}

void add_f16(const float* x, size_t n, uint16_t* y) {
    for (size_t i = 0; i < n; ++i) y[i] = to_f16(from_f16(y[i]) + x[i]);
}

void f16_to_f32(const uint16_t* x, size_t n, float* y) {
    for (size_t i = 0; i < n; ++i) y[i] = from_f16(x[i]);
}

}  // namespace samlet::generic
