// Eight f16 numbers, and what makes arithmetic in them safe: scales that are powers of two, and flushing to
// f32.
//
// SPDX-License-Identifier: Apache-2.0
//
// f16 has 11 significant bits (unit roundoff u = 2^-11) and a small range, 6e-5 .. 65504: sessions flush
// smaller ones to zero. So every operand is first multiplied by a power of two that brings its largest
// element below a limit, which is exact, and results are multiplied by the inverse in f32. Limits are as
// large as sums of products allow, so that little is flushed. Nothing overflows as long as the product of the
// largest elements is a finite float, and the error is relative to the largest element whatever its size.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

constexpr size_t half_lanes = 8;

SAMLET_INLINE float16x8_t narrow(float32x4_t low, float32x4_t high) {
    return vcvt_high_f16_f32(vcvt_f16_f32(low), high);
}
SAMLET_INLINE float32x4_t widen_low(float16x8_t x) {
    return vcvt_f32_f16(vget_low_f16(x));
}
SAMLET_INLINE float32x4_t widen_high(float16x8_t x) {
    return vcvt_high_f32_f16(x);
}

// The power of two that brings `largest` (not negative) into [limit / 2, limit), as far as it and its inverse
// are normal numbers. `limit` is a power of two from 4 to 2^15. Not finite: some power of two.
inline float scale_below(float limit, float largest) {
    uint32_t bits, limit_bits;
    __builtin_memcpy(&bits, &largest, sizeof bits);
    __builtin_memcpy(&limit_bits, &limit, sizeof limit_bits);
    const uint32_t exponent = bits >> 23, top = 126 + (limit_bits >> 23);
    bits = (exponent + 253 <= top ? 253 : exponent < top ? top - exponent : 1) << 23;
    float scale;
    __builtin_memcpy(&scale, &bits, sizeof scale);
    return scale;
}

// The larger of `largest` and the magnitudes of x[0 .. n - 1].
inline float largest_of(const float* x, size_t n, float largest) {
    float32x4_t a = vdupq_n_f32(largest), b = a;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        a = vmaxq_f32(a, vabsq_f32(vld1q_f32(x + i)));
        b = vmaxq_f32(b, vabsq_f32(vld1q_f32(x + i + 4)));
    }
    largest = vmaxvq_f32(vmaxq_f32(a, b));
    for (; i < n; ++i) {
        const float size = __builtin_fabsf(x[i]);
        if (!(size <= largest) && largest == largest) largest = size;  // NaN stays
    }
    return largest;
}

// x[0 .. n - 1] times scale, n <= 8; lanes beyond are 0.
SAMLET_INLINE float16x8_t narrow_part(const float* x, size_t n, float scale) {
    float part[half_lanes] = {};
    __builtin_memcpy(part, x, n * sizeof part[0]);
    return narrow(vmulq_n_f32(vld1q_f32(part), scale), vmulq_n_f32(vld1q_f32(part + 4), scale));
}
SAMLET_INLINE float16x8_t narrow_eight(const float* x, float scale) {
    return narrow(vmulq_n_f32(vld1q_f32(x), scale), vmulq_n_f32(vld1q_f32(x + 4), scale));
}

// A row of n floats -> halves, zeros up to `padded`, a multiple of 8. Vectors come to lie `pitch` apart.
inline void narrow_row(const float* x, size_t n, float scale, float16_t* y, size_t padded,
                       size_t pitch = half_lanes) {
    size_t i = 0;
    for (; i + half_lanes <= n; i += half_lanes, y += pitch) vst1q_f16(y, narrow_eight(x + i, scale));
    for (; i < padded; i += half_lanes, y += pitch)
        vst1q_f16(y, narrow_part(x + i, i < n ? n - i : 0, scale));
}

SAMLET_INLINE void transpose_halves(float16x8_t (&r)[half_lanes]) {
    uint32x4_t pairs[half_lanes];
    SAMLET_UNROLL
    for (size_t i = 0; i < half_lanes; i += 2) {
        const uint16x8_t a = vreinterpretq_u16_f16(r[i]), b = vreinterpretq_u16_f16(r[i + 1]);
        pairs[i] = vreinterpretq_u32_u16(vtrn1q_u16(a, b));
        pairs[i + 1] = vreinterpretq_u32_u16(vtrn2q_u16(a, b));
    }
    uint64x2_t fours[half_lanes];
    SAMLET_UNROLL
    for (size_t i = 0; i < half_lanes; i += 4) {
        SAMLET_UNROLL
        for (size_t k = 0; k < 2; ++k) {
            fours[i + k] = vreinterpretq_u64_u32(vtrn1q_u32(pairs[i + k], pairs[i + k + 2]));
            fours[i + k + 2] = vreinterpretq_u64_u32(vtrn2q_u32(pairs[i + k], pairs[i + k + 2]));
        }
    }
    SAMLET_UNROLL
    for (size_t i = 0; i < 4; ++i) {
        r[i] = vreinterpretq_f16_u64(vtrn1q_u64(fours[i], fours[i + 4]));
        r[i + 4] = vreinterpretq_f16_u64(vtrn2q_u64(fours[i], fours[i + 4]));
    }
}

// 256 2^x for x <= 0 (NaN stays NaN): exactly 256 for 0, exactly 0 from -22.5 down, in between with a
// relative error of at most 5.5e-4 (measured over all halves), two roundings of f16 included. The factor of
// 256 keeps small results out of the denormal halves, whose bits are few; sums of 64 of
// them times values below 1 still stay below 65504.
//
// As kernels/vector/exp2.h does it: adding 1.5 * 2^10 rounds to whole numbers; with 23 added as well, the low
// bits of the sum are the exponent field of 2^(n + 8). The polynomial is minimax for the relative error with
// the value at 0 held exact.
SAMLET_INLINE float16x8_t exp2_times_256(float16x8_t x) {
    const float16x8_t to_whole = vdupq_n_f16(float16_t(1536 + 23));
    x = vmaxq_f16(x, vdupq_n_f16(float16_t(-23)));
    const float16x8_t biased = vaddq_f16(x, to_whole);
    const float16x8_t r = vsubq_f16(x, vsubq_f16(biased, to_whole));
    float16x8_t p = vdupq_n_f16(float16_t(0.054779052734375));
    p = vfmaq_f16(vdupq_n_f16(float16_t(0.2421875)), p, r);
    p = vfmaq_f16(vdupq_n_f16(float16_t(0.693359375)), p, r);
    p = vfmaq_f16(vdupq_n_f16(float16_t(1)), p, r);
    return vmulq_f16(p, vreinterpretq_f16_u16(vshlq_n_u16(vreinterpretq_u16_f16(biased), 10)));
}

// Calls f with the constants 0 .. 7: numbers of lanes.
template <int i>
struct Constant {
    static constexpr int value = i;
};
template <class F>
SAMLET_INLINE void for_eight(F f) {
    f(Constant<0>()), f(Constant<1>()), f(Constant<2>()), f(Constant<3>());
    f(Constant<4>()), f(Constant<5>()), f(Constant<6>()), f(Constant<7>());
}

// sum + a times lane i of b. Not by intrinsic: gcc 12 copies the lane to a vector of its own as soon as it is
// used twice, which costs an instruction each and, with 16 sums, the registers. In this form b must be one of
// the lower 16. Volatile, so that products stay in the order in which they are written: gcc would go sum by
// sum, along a chain of latencies.
template <int i>
SAMLET_INLINE float16x8_t add_product(float16x8_t sum, float16x8_t a, float16x8_t b) {
    __asm__ volatile("fmla %0.8h, %1.8h, %2.h[%c3]" : "+w"(sum) : "w"(a), "x"(b), "i"(i));
    return sum;
}

// One step of a product: two vectors of the right-hand side times lane i of M factors.
template <int i, size_t M>
SAMLET_INLINE void multiply_halves(const float16x8_t (&factors)[M], float16x8_t left, float16x8_t right,
                                   float16x8_t (&sums)[M][2]) {
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m) {
        sums[m][0] = add_product<i>(sums[m][0], left, factors[m]);
        sums[m][1] = add_product<i>(sums[m][1], right, factors[m]);
    }
}

// Makes gcc leave f32 sums in memory while a product needs the registers: it would carry copies of them
// through, on the stack, and store both.
SAMLET_INLINE void leave_in_memory(const float* sums) {
    __asm__ volatile("" : : "r"(sums) : "memory");
}

template <size_t M>
SAMLET_INLINE void clear(float16x8_t (&sums)[M][2]) {
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m) sums[m][0] = sums[m][1] = vdupq_n_f16(0);
}

}  // namespace
}  // namespace samlet
