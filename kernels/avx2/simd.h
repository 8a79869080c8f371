// Eight floats: the vector type of AVX2 with FMA and F16C. See kernels/vector/table.h for what each member
// means.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

// Eight lanes set, then eight clear: reading at 8 - n gives a mask of n lanes.
alignas(32) constexpr int32_t lane_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

struct Vec {
    static constexpr size_t width = 8;
    // Attention: 6 x 2 sums, 2 vectors of the right-hand side and one broadcast fill 15 of the 16 registers.
    // A tile of keys and values takes 256 KiB of the second-level cache, a block of queries, at 256 channels,
    // 128 KiB.
    static constexpr size_t rows = 6;
    static constexpr size_t tile_floats = 64 * 1024;
    static constexpr size_t block_queries = 128;
    static constexpr size_t lane_vectors = 2;
    static constexpr size_t axial_rows = 4;

    __m256 v;

    static Vec zero() { return {_mm256_setzero_ps()}; }
    static Vec broadcast(float x) { return {_mm256_set1_ps(x)}; }
    static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
    static Vec load_part(const float* p, size_t n) {
        SAMLET_ASSUME(n < width);
        return {_mm256_maskload_ps(p, mask(n))};
    }
    void store(float* p) const { _mm256_storeu_ps(p, v); }
    void store_part(float* p, size_t n) const {
        SAMLET_ASSUME(n < width);
        _mm256_maskstore_ps(p, mask(n), v);
    }

    static Vec load_bf16(const uint16_t* p) {
        const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
        return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
    }
    static Vec load_f16(const uint16_t* p) {
        return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
    }
    void store_f16(uint16_t* p) const {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                         _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    void store_bf16(uint16_t* p) const {
        const __m256i bits = _mm256_castps_si256(v);
        const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
        const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
        const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
        const __m256i nan = _mm256_set1_epi32(0x7fc00000);
        const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, nan, is_nan), 16);
        const __m128i packed =
            _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
    }

    // Four neighbouring scalars, and one of them as a factor for all lanes: here a broadcast straight from
    // memory.
    struct Four {
        const float* p;
    };
    static Four load_four(const float* p) { return {p}; }
    static Four load_one(const float* p) { return {p}; }  // only the first may be picked
    template <int i>
    static Vec pick(Four four) {
        // Not set1: gcc would treat it as a scalar load and hoist and spill dozens of them out of the loop.
        return {_mm256_broadcast_ss(four.p + i)};
    }

    float first() const { return _mm256_cvtss_f32(v); }
    float sum() const {
        __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        half = _mm_add_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
    }
    float maximum() const {
        __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        half = _mm_max_ps(half, _mm_movehl_ps(half, half));
        return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
    }

    SAMLET_INLINE static void transpose(Vec (&r)[width]) {
        __m256 pairs[8], quads[8];
        SAMLET_UNROLL
        for (size_t i = 0; i < 8; i += 2) {
            pairs[i] = _mm256_unpacklo_ps(r[i].v, r[i + 1].v);
            pairs[i + 1] = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
        }
        SAMLET_UNROLL
        for (size_t i = 0; i < 8; i += 4) {
            quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
            quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
            quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
            quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
        }
        SAMLET_UNROLL
        for (size_t i = 0; i < 4; ++i) {
            r[i].v = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
            r[i + 4].v = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
        }
    }

    friend Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
    friend Vec mul_add(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
    // sum + a b, for long rows of sums in registers. Spelled out, since gcc 12, free to choose among the
    // three forms of the instruction, overwrites factors instead of sums, runs out of registers and loses 10
    // % of the speed of attention.
    friend Vec add_product(Vec sum, Vec a, Vec b) {
        asm("vfmadd231ps %2, %1, %0" : "+x"(sum.v) : "x"(a.v), "x"(b.v));
        return sum;
    }
    friend Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
    friend Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
    friend Vec abs(Vec a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }

    friend Vec swap_pairs(Vec a) { return {_mm256_permute_ps(a.v, 0xb1)}; }
    friend Vec bits_shifted_left_23(Vec a) {
        return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.v), 23))};
    }
    friend Vec where_negative(Vec sign, Vec yes, Vec no) { return {_mm256_blendv_ps(no.v, yes.v, sign.v)}; }
    friend Vec first_lanes(size_t n, Vec yes, Vec no) {
        const __m256 mask = _mm256_loadu_ps(reinterpret_cast<const float*>(lane_masks + Vec::width - n));
        return {_mm256_blendv_ps(no.v, yes.v, mask)};
    }

  private:
    static __m256i mask(size_t n) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lane_masks + width - n));
    }
};

}  // namespace
}  // namespace samlet
