// Sixteen floats: the vector type of AVX-512 F, BW, DQ, VL. See kernels/vector/table.h for what each member
// means.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

// gcc 12 takes the deliberately undefined operands inside of its own AVX-512 intrinsics for a mistake (GCC
// bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

#include <cstddef>
#include <cstdint>

#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

struct Vec {
    static constexpr size_t width = 16;
    // Attention: 12 x 2 sums, 2 vectors of the right-hand side; the broadcasts take what is left of the 32
    // registers. A tile of keys and values takes 256 KiB of the second-level cache, a block of queries, at
    // 256 channels, 128 KiB.
    static constexpr size_t rows = 12;
    static constexpr size_t tile_floats = 64 * 1024;
    static constexpr size_t block_queries = 128;
    static constexpr size_t lane_vectors = 2;
    static constexpr size_t axial_rows = 8;

    __m512 v;

    static Vec zero() { return {_mm512_setzero_ps()}; }
    static Vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
    static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static Vec load_part(const float* p, size_t n) {
        SAMLET_ASSUME(n < width);
        return {_mm512_maskz_loadu_ps(mask(n), p)};
    }
    void store(float* p) const { _mm512_storeu_ps(p, v); }
    void store_part(float* p, size_t n) const {
        SAMLET_ASSUME(n < width);
        _mm512_mask_storeu_ps(p, mask(n), v);
    }

    static Vec load_bf16(const uint16_t* p) {
        const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
        return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
    }
    static Vec load_f16(const uint16_t* p) {
        return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
    }
    void store_f16(uint16_t* p) const {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                            _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
    void store_bf16(uint16_t* p) const {
        const __m512i bits = _mm512_castps_si512(v);
        const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
        const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
        const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
        const __m512i chosen = _mm512_mask_mov_epi32(rounded, is_nan, _mm512_set1_epi32(0x7fc00000));
        const __m256i packed = _mm512_cvtepi32_epi16(_mm512_srli_epi32(chosen, 16));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), packed);
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
        return broadcast(four.p[i]);
    }

    float first() const { return _mm512_cvtss_f32(v); }
    float sum() const { return _mm512_reduce_add_ps(v); }
    float maximum() const { return _mm512_reduce_max_ps(v); }

    SAMLET_INLINE static void transpose(Vec (&r)[width]) {
        __m512 pairs[16], quads[16], halves[16];
        SAMLET_UNROLL
        for (size_t i = 0; i < 16; i += 2) {
            pairs[i] = _mm512_unpacklo_ps(r[i].v, r[i + 1].v);
            pairs[i + 1] = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
        }
        SAMLET_UNROLL
        for (size_t i = 0; i < 16; i += 4) {
            quads[i] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
            quads[i + 1] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
            quads[i + 2] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
            quads[i + 3] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
        }
        // quads[4 a + b] holds, in its 128-bit part p, column 4 p + b of rows 4 a .. 4 a + 3. Pick parts 0
        // and 2 (0x88) or 1 and 3 (0xdd) of two vectors, twice: halves hold them for rows 0-7 and rows 8-15.
        SAMLET_UNROLL
        for (size_t i = 0; i < 4; ++i) {
            halves[i] = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0x88);
            halves[i + 4] = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0xdd);
            halves[i + 8] = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0x88);
            halves[i + 12] = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0xdd);
        }
        SAMLET_UNROLL
        for (size_t i = 0; i < 4; ++i) {
            r[i].v = _mm512_shuffle_f32x4(halves[i], halves[i + 8], 0x88);
            r[i + 4].v = _mm512_shuffle_f32x4(halves[i + 4], halves[i + 12], 0x88);
            r[i + 8].v = _mm512_shuffle_f32x4(halves[i], halves[i + 8], 0xdd);
            r[i + 12].v = _mm512_shuffle_f32x4(halves[i + 4], halves[i + 12], 0xdd);
        }
    }

    static __mmask16 mask(size_t n) { return __mmask16((1u << n) - 1); }

    friend Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
    friend Vec mul_add(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
    friend Vec add_product(Vec sum, Vec a, Vec b) { return mul_add(a, b, sum); }
    friend Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
    friend Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
    friend Vec abs(Vec a) { return {_mm512_abs_ps(a.v)}; }

    friend Vec swap_pairs(Vec a) { return {_mm512_permute_ps(a.v, 0xb1)}; }
    friend Vec bits_shifted_left_23(Vec a) {
        return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.v), 23))};
    }
    friend Vec where_negative(Vec sign, Vec yes, Vec no) {
        return {_mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(sign.v)), no.v, yes.v)};
    }
    friend Vec first_lanes(size_t n, Vec yes, Vec no) {
        return {_mm512_mask_blend_ps(Vec::mask(n), no.v, yes.v)};
    }
};

}  // namespace
}  // namespace samlet
