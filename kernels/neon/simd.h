// Four floats: the vector type of AArch64, plain fp32 (Cortex-A53, A72 and up). See kernels/vector/table.h
// for what each member means.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

// Lane i of four factors: what the by-element multiply-add takes, without a broadcast.
template <int i>
struct Lane {
    float32x4_t v;
};

struct Vec {
    static constexpr size_t width = 4;
    // Attention: 8 x 2 sums, 8 vectors of four factors each and 2 of the right-hand side fill 26 of the 32
    // registers. The second-level cache is 512 KiB or 1 MiB, often shared by four cores: a tile of keys and
    // values takes 128 KiB, a block of queries, at 256 channels, 64 KiB.
    static constexpr size_t rows = 8;
    static constexpr size_t tile_floats = 32 * 1024;
    static constexpr size_t block_queries = 64;
    static constexpr size_t lane_vectors = 2;
    static constexpr size_t axial_rows = 8;

    float32x4_t v;

    static Vec zero() { return {vdupq_n_f32(0)}; }
    static Vec broadcast(float x) { return {vdupq_n_f32(x)}; }
    static Vec load(const float* p) { return {vld1q_f32(p)}; }
    static Vec load_part(const float* p, size_t n) {
        SAMLET_ASSUME(n < width);
        Vec x = zero();
        if (n > 0) x.v = vld1q_lane_f32(p, x.v, 0);
        if (n > 1) x.v = vld1q_lane_f32(p + 1, x.v, 1);
        if (n > 2) x.v = vld1q_lane_f32(p + 2, x.v, 2);
        return x;
    }
    void store(float* p) const { vst1q_f32(p, v); }
    void store_part(float* p, size_t n) const {
        SAMLET_ASSUME(n < width);
        if (n > 0) vst1q_lane_f32(p, v, 0);
        if (n > 1) vst1q_lane_f32(p + 1, v, 1);
        if (n > 2) vst1q_lane_f32(p + 2, v, 2);
    }

    static Vec load_bf16(const uint16_t* p) {
        return {vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(vld1_u16(p)), 16))};
    }
    static Vec load_f16(const uint16_t* p) { return {vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)))}; }
    void store_f16(uint16_t* p) const { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
    void store_bf16(uint16_t* p) const {
        const uint32x4_t bits = vreinterpretq_u32_f32(v);
        const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
        const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
        const uint32x4_t is_number = vceqq_f32(v, v);
        vst1_u16(p, vshrn_n_u32(vbslq_u32(is_number, rounded, vdupq_n_u32(0x7fc00000)), 16));
    }

    struct Four {
        float32x4_t v;
    };
    static Four load_four(const float* p) { return {vld1q_f32(p)}; }
    static Four load_one(const float* p) { return {vld1q_dup_f32(p)}; }
    template <int i>
    static Lane<i> pick(Four four) {
        return {four.v};
    }

    float first() const { return vgetq_lane_f32(v, 0); }
    float sum() const { return vaddvq_f32(v); }
    float maximum() const { return vmaxvq_f32(v); }

    SAMLET_INLINE static void transpose(Vec (&r)[width]) {
        const float32x4_t low01 = vzip1q_f32(r[0].v, r[2].v), high01 = vzip2q_f32(r[0].v, r[2].v);
        const float32x4_t low23 = vzip1q_f32(r[1].v, r[3].v), high23 = vzip2q_f32(r[1].v, r[3].v);
        r[0].v = vzip1q_f32(low01, low23);
        r[1].v = vzip2q_f32(low01, low23);
        r[2].v = vzip1q_f32(high01, high23);
        r[3].v = vzip2q_f32(high01, high23);
    }

    friend Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
    friend Vec mul_add(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
    friend Vec add_product(Vec sum, Vec a, Vec b) { return {vfmaq_f32(sum.v, a.v, b.v)}; }
    template <int i>
    friend Vec add_product(Vec sum, Vec a, Lane<i> b) {
        return {vfmaq_laneq_f32(sum.v, a.v, b.v, i)};
    }
    friend Vec max(Vec a, Vec b) { return {vmaxq_f32(a.v, b.v)}; }
    friend Vec min(Vec a, Vec b) { return {vminq_f32(a.v, b.v)}; }
    friend Vec abs(Vec a) { return {vabsq_f32(a.v)}; }

    friend Vec swap_pairs(Vec a) { return {vrev64q_f32(a.v)}; }
    friend Vec bits_shifted_left_23(Vec a) {
        return {vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a.v), 23))};
    }
    friend Vec where_negative(Vec sign, Vec yes, Vec no) {
        const uint32x4_t negative = vcltzq_s32(vreinterpretq_s32_f32(sign.v));
        return {vbslq_f32(negative, yes.v, no.v)};
    }
    friend Vec first_lanes(size_t n, Vec yes, Vec no) {
        const uint32_t numbers[4] = {0, 1, 2, 3};
        return {vbslq_f32(vcltq_u32(vld1q_u32(numbers), vdupq_n_u32(uint32_t(n))), yes.v, no.v)};
    }
};

}  // namespace
}  // namespace samlet
