// Matrix products in f16 with sums in f32, for kernels/half_gemm.h.
//
// SPDX-License-Identifier: Apache-2.0
//
// Register blocking is that of attention: 8 rows of x times two vectors of 8 channels, 16 sums. Rows are
// interleaved, 8 terms of each in turn; W lies in panels of 16 channels, a row of 16 for each term.
//
// Sums. `depth` products are summed in f16, one after the other: a chain. Four chains are added in pairs,
// still in f16, and the result goes to f32. Converting costs much (two pipe cycles for four numbers), adding
// pairs costs little, and errors grow with the square of the length of a chain, but only with the logarithm
// of the number of pairs: with terms of random signs the variance of the error of a sum of 64 is that of
// flushing every 20 terms.
//
// Cost. Of the multiply pipes of a Neoverse N1 (Cortex-A76), 64 terms of 16 sums take 1024 cycles for
// products, 48 for pairs, 128 for f32 and, as vectors are stored through these pipes, 80 for what does not
// stay in registers: 80 % of the 16 multiply-adds per cycle, and so it was by llvm-mca 19 (81 %) for the
// instructions of the whole loop in the order in which an emulator ran them. f32 would reach 50 % at the
// most.
//
// Accuracy. These roundings simulated on x86-64, where attention is f32, in all layers but the neck and the
// mask decoder: masks of SAM 2 tiny at 512 have a mean IoU of 0.9990 with those of f32 over 72 prompts on
// three photographs, the least 0.977. Chains of 8 would give 0.9993 and 0.993 at about 74 % of the limit;
// with sums in f32, rounding factors (and maps) alone costs 0.0004. An earlier bundled model on its clip:
// 0.9986 and 0.9985 (box "children" of golden/bundled_f16 and that of golden/precision); with sums in f32,
// all layers in f16, 0.9988 and 0.9984.
#pragma once

#include "kernels/half_gemm.h"
#include "kernels/neon/simd.h"
#include "kernels/neon_fp16/halves.h"
#include "kernels/vector/attention.h"

namespace samlet {
namespace {

struct HalfProduct {
    static constexpr size_t rows = 8;                // of a register block
    static constexpr size_t panel = 2 * half_lanes;  // channels of a register block
    static constexpr size_t depth = 16;              // of a chain of sums
    static constexpr size_t chains = 4;              // that are added before they become f32, in pairs
    static constexpr size_t row_tile = 32, column_tile = 64;
    static_assert(HalfGemm::row_limit * HalfGemm::weight_limit * depth * chains < 65504, "sums overflow");
};

// ---- Weights ---------------------------------------------------------------------------------------------
// Panels of [panel] inverses of scales, [panel] biases, [depth][panel] halves.

constexpr size_t panel_header = 2 * HalfProduct::panel;  // floats

constexpr size_t padded_depth(size_t in) {
    return round_up(in, 2 * HalfProduct::depth);
}
constexpr size_t panel_bytes(size_t in) {
    return panel_header * sizeof(float) + padded_depth(in) * HalfProduct::panel * sizeof(float16_t);
}
inline size_t half_weight_bytes(size_t in, size_t out) {
    return round_up(out, HalfProduct::panel) / HalfProduct::panel * panel_bytes(in);
}

inline void pack_half_weights(const float* weights, const float* bias, size_t in, size_t out, void* packed) {
    constexpr size_t panel = HalfProduct::panel;
    const size_t padded = padded_depth(in);
    uint8_t* to = static_cast<uint8_t*>(packed);
    for (size_t first = 0; first < out; first += panel, to += panel_bytes(in)) {
        float* header = reinterpret_cast<float*>(to);
        float16_t* halves = reinterpret_cast<float16_t*>(header + panel_header);
        for (size_t i = 0; i < panel; ++i) {
            const bool there = first + i < out;
            const float* row = weights + (first + i) * in;
            const float scale = there ? scale_below(HalfGemm::weight_limit, largest_of(row, in, 0)) : 1;
            header[i] = 1 / scale;
            header[panel + i] = there ? bias[first + i] : 0;
            for (size_t k = 0; k < padded; ++k)
                halves[k * panel + i] = float16_t(there && k < in ? row[k] * scale : 0);
        }
    }
}

// ---- Rows ------------------------------------------------------------------------------------------------
// [rows] inverses of scales, rows of halves interleaved by group.

inline float* row_sizes(const void* packed) {
    return static_cast<float*>(const_cast<void*>(packed));
}
inline float16_t* packed_row(const void* packed, size_t rows, size_t in, size_t row) {
    return reinterpret_cast<float16_t*>(row_sizes(packed) + round_up(rows, half_lanes)) +
           row * padded_depth(in);
}
inline size_t half_row_bytes(size_t rows, size_t in) {
    return round_up(rows, half_lanes) * sizeof(float) + rows * padded_depth(in) * sizeof(float16_t);
}

// 8 numbers of a row, or the n < 8 that are left of it and zeros.
SAMLET_INLINE float16x8_t scaled_eight(const float* x, float scale) {
    return narrow_eight(x, scale);
}
SAMLET_INLINE float16x8_t scaled_eight(const float16_t* x, float scale) {
    const float16x8_t h = vld1q_f16(x);
    return narrow(vmulq_n_f32(widen_low(h), scale), vmulq_n_f32(widen_high(h), scale));
}
template <class T>
SAMLET_INLINE float16x8_t scaled_part(const T* x, size_t n, float scale) {
    T part[half_lanes] = {};
    __builtin_memcpy(part, x, n * sizeof part[0]);
    return scaled_eight(part, scale);
}
inline float largest_of_row(const float* x, size_t n) {
    return largest_of(x, n, 0);
}
// By their bits: sessions flush subnormal halves to zero, and would take a row of such for zeros.
inline float largest_of_row(const float16_t* x, size_t n) {
    uint16x8_t largest = vdupq_n_u16(0);
    const uint16x8_t magnitude = vdupq_n_u16(0x7fff);
    size_t i = 0;
    for (; i + half_lanes <= n; i += half_lanes)
        largest = vmaxq_u16(largest, vandq_u16(vreinterpretq_u16_f16(vld1q_f16(x + i)), magnitude));
    if (i < n) {
        float16_t part[half_lanes] = {};
        __builtin_memcpy(part, x + i, (n - i) * sizeof part[0]);
        largest = vmaxq_u16(largest, vandq_u16(vreinterpretq_u16_f16(vld1q_f16(part)), magnitude));
    }
    return vgetq_lane_f32(widen_low(vreinterpretq_f16_u16(vdupq_n_u16(vmaxvq_u16(largest)))), 0);
}

template <class T>
void pack_row_tile(const T* x, size_t rows, size_t in, size_t first_row, void* packed) {
    const size_t end = smaller(rows, first_row + HalfProduct::row_tile);
    for (size_t row = first_row, group; row < end; row += group) {
        group = group_rows(row, end, HalfProduct::rows);
        float16_t* to = packed_row(packed, rows, in, row);
        for (size_t m = 0; m < group; ++m) {
            const T* from = x + (row + m) * in;
            const float scale = scale_below(HalfGemm::row_limit, largest_of_row(from, in));
            row_sizes(packed)[row + m] = 1 / scale;
            float16_t* y = to + m * half_lanes;
            size_t i = 0;
            for (; i + half_lanes <= in; i += half_lanes, y += group * half_lanes)
                vst1q_f16(y, scaled_eight(from + i, scale));
            for (; i < padded_depth(in); i += half_lanes, y += group * half_lanes)
                vst1q_f16(y, scaled_part(from + i, i < in ? in - i : 0, scale));
        }
    }
}

inline void pack_half_rows(const void* x, bool half, size_t rows, size_t in, size_t first_row, void* packed) {
    if (half)
        pack_row_tile(static_cast<const float16_t*>(x), rows, in, first_row, packed);
    else
        pack_row_tile(static_cast<const float*>(x), rows, in, first_row, packed);
}

// ---- Product ---------------------------------------------------------------------------------------------

// sums = a chain of products. In assembly, since factors must lie in the lower half of the registers to be
// taken lane by lane, and gcc 12 copies them there as soon as the code around is more than this loop. Weights
// are loaded a step ahead.
// clang-format off
#define SAMLET_ROW(op, row, lane, low, high)                                         \
    ".if %c[rows] > " #row "\n"                                                      \
    #op " %[a" #row "].8h, v" #low ".8h, v" #row ".h[" #lane "]\n"                   \
    #op " %[b" #row "].8h, v" #high ".8h, v" #row ".h[" #lane "]\n"                  \
    ".endif\n"
#define SAMLET_STEP(op, lane, low, high)                                             \
    SAMLET_ROW(op, 0, lane, low, high) SAMLET_ROW(op, 1, lane, low, high)            \
    SAMLET_ROW(op, 2, lane, low, high) SAMLET_ROW(op, 3, lane, low, high)            \
    SAMLET_ROW(op, 4, lane, low, high) SAMLET_ROW(op, 5, lane, low, high)            \
    SAMLET_ROW(op, 6, lane, low, high) SAMLET_ROW(op, 7, lane, low, high)
#define SAMLET_WEIGHTS(step, low, high) "ldp q" #low ", q" #high ", [%[w], #(32 * " #step ")]\n"
#define SAMLET_FACTOR(row, eight) \
    ".if %c[rows] > " #row "\n ldr q" #row ", [%[x], #(16 * (%c[rows] * " #eight " + " #row "))]\n .endif\n"
#define SAMLET_FACTORS(eight)                                                                    \
    SAMLET_FACTOR(0, eight) SAMLET_FACTOR(1, eight) SAMLET_FACTOR(2, eight) SAMLET_FACTOR(3, eight) \
    SAMLET_FACTOR(4, eight) SAMLET_FACTOR(5, eight) SAMLET_FACTOR(6, eight) SAMLET_FACTOR(7, eight)

template <size_t M>
SAMLET_INLINE void multiply_chain(const float16_t* x, const float16_t* w, float16x8_t (&sums)[HalfProduct::rows][2]) {
    static_assert(HalfProduct::depth == 16 && HalfProduct::rows == 8 && HalfProduct::panel == 16, "written out below");
    __asm__ volatile(
        SAMLET_WEIGHTS(0, 8, 9) SAMLET_FACTORS(0)
        SAMLET_WEIGHTS(1, 10, 11) SAMLET_STEP(fmul, 0, 8, 9)
        SAMLET_WEIGHTS(2, 8, 9) SAMLET_STEP(fmla, 1, 10, 11)
        SAMLET_WEIGHTS(3, 10, 11) SAMLET_STEP(fmla, 2, 8, 9)
        SAMLET_WEIGHTS(4, 8, 9) SAMLET_STEP(fmla, 3, 10, 11)
        SAMLET_WEIGHTS(5, 10, 11) SAMLET_STEP(fmla, 4, 8, 9)
        SAMLET_WEIGHTS(6, 8, 9) SAMLET_STEP(fmla, 5, 10, 11)
        SAMLET_WEIGHTS(7, 10, 11) SAMLET_STEP(fmla, 6, 8, 9)
        SAMLET_WEIGHTS(8, 8, 9) SAMLET_STEP(fmla, 7, 10, 11)
        SAMLET_FACTORS(1)
        SAMLET_WEIGHTS(9, 10, 11) SAMLET_STEP(fmla, 0, 8, 9)
        SAMLET_WEIGHTS(10, 8, 9) SAMLET_STEP(fmla, 1, 10, 11)
        SAMLET_WEIGHTS(11, 10, 11) SAMLET_STEP(fmla, 2, 8, 9)
        SAMLET_WEIGHTS(12, 8, 9) SAMLET_STEP(fmla, 3, 10, 11)
        SAMLET_WEIGHTS(13, 10, 11) SAMLET_STEP(fmla, 4, 8, 9)
        SAMLET_WEIGHTS(14, 8, 9) SAMLET_STEP(fmla, 5, 10, 11)
        SAMLET_WEIGHTS(15, 10, 11) SAMLET_STEP(fmla, 6, 8, 9)
        SAMLET_STEP(fmla, 7, 10, 11)
        : [a0] "=&w"(sums[0][0]), [b0] "=&w"(sums[0][1]), [a1] "=&w"(sums[1][0]), [b1] "=&w"(sums[1][1]),
          [a2] "=&w"(sums[2][0]), [b2] "=&w"(sums[2][1]), [a3] "=&w"(sums[3][0]), [b3] "=&w"(sums[3][1]),
          [a4] "=&w"(sums[4][0]), [b4] "=&w"(sums[4][1]), [a5] "=&w"(sums[5][0]), [b5] "=&w"(sums[5][1]),
          [a6] "=&w"(sums[6][0]), [b6] "=&w"(sums[6][1]), [a7] "=&w"(sums[7][0]), [b7] "=&w"(sums[7][1])
        : [x] "r"(x), [w] "r"(w), [rows] "i"(M)
        : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "memory");
}

// clang-format on
#undef SAMLET_ROW
#undef SAMLET_STEP
#undef SAMLET_WEIGHTS
#undef SAMLET_FACTOR
#undef SAMLET_FACTORS

using HalfSums = float16x8_t[HalfProduct::rows][2];  // of which M are in use

template <size_t M>
SAMLET_INLINE void store_sums(const HalfSums& sums, float16_t* to) {
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m, to += HalfProduct::panel) {
        vst1q_f16(to, sums[m][0]);
        vst1q_f16(to + half_lanes, sums[m][1]);
    }
}
template <size_t M>
SAMLET_INLINE void add_stored(HalfSums& sums, const float16_t* from) {
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m, from += HalfProduct::panel) {
        sums[m][0] = vaddq_f16(sums[m][0], vld1q_f16(from));
        sums[m][1] = vaddq_f16(sums[m][1], vld1q_f16(from + half_lanes));
    }
}
template <size_t M>
SAMLET_INLINE void flush_sums(const HalfSums& sums, float* to) {
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m) {
        SAMLET_UNROLL
        for (size_t v = 0; v < 2; ++v, to += half_lanes) {
            vst1q_f32(to, vaddq_f32(vld1q_f32(to), widen_low(sums[m][v])));
            vst1q_f32(to + 4, vaddq_f32(vld1q_f32(to + 4), widen_high(sums[m][v])));
        }
    }
}

// to[M][panel] = rows times a panel of weights, both as they are scaled: `pairs` pairs of chains.
template <size_t M>
SAMLET_APART void multiply_panel(const float16_t* x, const float16_t* w, size_t pairs, float* to) {
    constexpr size_t panel = HalfProduct::panel, depth = HalfProduct::depth;
    for (size_t i = 0; i < M * panel; i += 4) vst1q_f32(to + i, vdupq_n_f32(0));
    float16_t one[M * panel], two[M * panel] = {};  // sums of a chain, of a pair
    for (size_t pair = 0; pair < pairs; ++pair) {
        HalfSums sums;
        multiply_chain<M>(x, w, sums);
        store_sums<M>(sums, one);
        multiply_chain<M>(x + depth * M, w + depth * panel, sums);
        add_stored<M>(sums, one);
        x += 2 * depth * M;
        w += 2 * depth * panel;
        if (pair % 2 == 0 && pair + 1 < pairs) {
            store_sums<M>(sums, two);
            continue;
        }
        if (pair % 2 == 1) add_stored<M>(sums, two);
        flush_sums<M>(sums, to);
    }
}

// What becomes of sums: sizes, bias, activation, type. The first `there` go to y.
inline void finish_row(const float* sums, float size, const float* header, bool relu, size_t there, void* y,
                       bool half) {
    constexpr size_t panel = HalfProduct::panel;
    float32x4_t row[panel / 4];
    SAMLET_UNROLL
    for (size_t i = 0; i < panel / 4; ++i) {
        const float32x4_t sized = vmulq_f32(vld1q_f32(sums + 4 * i), vld1q_f32(header + 4 * i));
        row[i] = vfmaq_n_f32(vld1q_f32(header + panel + 4 * i), sized, size);
        if (relu) row[i] = vmaxq_f32(row[i], vdupq_n_f32(0));
    }
    if (half) {
        const float16x8_t halves[2] = {narrow(row[0], row[1]), narrow(row[2], row[3])};
        if (there == panel)
            __builtin_memcpy(y, halves, sizeof halves);
        else
            __builtin_memcpy(y, halves, there * sizeof(float16_t));
    } else {
        if (there == panel)
            __builtin_memcpy(y, row, sizeof row);
        else
            __builtin_memcpy(y, row, there * sizeof(float));
    }
}

template <size_t M = HalfProduct::rows>
void multiply_rows(const HalfGemmTask& task, size_t row, size_t rows, size_t column) {
    if constexpr (M > 1) {
        if (rows < M) return multiply_rows<M - 1>(task, row, rows, column);
    }
    constexpr size_t panel = HalfProduct::panel;
    const size_t there = smaller(panel, task.out - column);
    const uint8_t* packed = static_cast<const uint8_t*>(task.weights) + column / panel * panel_bytes(task.in);
    const float* header = reinterpret_cast<const float*>(packed);
    const float* sizes = row_sizes(task.rows) + row;
    float sums[M * panel];
    multiply_panel<M>(packed_row(task.rows, task.row_count, task.in, row),
                      reinterpret_cast<const float16_t*>(header + panel_header),
                      padded_depth(task.in) / (2 * HalfProduct::depth), sums);
    uint8_t* y = static_cast<uint8_t*>(task.y);
    const size_t element = task.half ? sizeof(float16_t) : sizeof(float);
    for (size_t m = 0; m < M; ++m)
        finish_row(sums + m * panel, sizes[m], header, task.relu, there,
                   y + ((row + m) * task.out + column) * element, task.half);
}

inline void multiply_halves_tile(const HalfGemmTask& task) {
    const size_t row_end = smaller(task.row_count, task.first_row + HalfProduct::row_tile);
    const size_t column_end = smaller(task.out, task.first_column + HalfProduct::column_tile);
    for (size_t column = task.first_column; column < column_end; column += HalfProduct::panel) {
        for (size_t row = task.first_row, rows; row < row_end; row += rows) {
            rows = group_rows(row, row_end, HalfProduct::rows);
            multiply_rows(task, row, rows, column);
        }
    }
}

constexpr HalfGemm half_gemm = {
    HalfProduct::row_tile, HalfProduct::column_tile, half_weight_bytes,    pack_half_weights,
    half_row_bytes,        pack_half_rows,           multiply_halves_tile,
};

}  // namespace
}  // namespace samlet
