// softmax(scale q k^T) v with products in f16, a tile of keys at a time. Blocking is that of
// kernels/vector/attention.h, with vectors of eight halves; kernels/neon_fp16/halves.h tells how ranges are
// kept.
//
// SPDX-License-Identifier: Apache-2.0
//
// What is f16: queries, keys, values (each query, panel of keys and tile of values with a scale of its own),
// probabilities (one rounding, in the sum as in the product, so that equal scores still give the mean), and
// sums of at most `score_depth` products of scores and `value_depth` of values. What is f32: scores, maxima,
// sums of probabilities, output.
//
// Error. A score is off by (2 + sqrt(score_depth)) u of the sum of its terms' magnitudes at most, if
// roundings are independent, u = 2^-11, which counts as a relative error of its probability; results by as
// much of the values again. On the bundled clip (golden/bundled_f16), with an earlier model, sums of 32 and
// 64 gave masks of IoU 0.9977 to those of f32, these gave 0.9986.
//
// Cost. By llvm-mca 19 the inner loop of both products reaches the 16 multiply-adds per cycle of a Neoverse
// N1 (Cortex-A76); with what surrounds it, mostly adding the sums to f32, scores reach 54 % and values 76 %:
// tools/bench/static_cost.py. On top of their 256 (scores) or 512 (values) pipe cycles, 16 sums take at least
// 144: 64 for 32 conversions, and one for each multiply-add, store and zero, since stores go through these
// pipes, too. So 64 % and 78 % are the most that these lengths allow. That buys the accuracy; f32 kernels
// reach 48 %.
#pragma once

#include "kernels/kernels.h"
#include "kernels/neon/simd.h"
#include "kernels/neon_fp16/halves.h"
#include "kernels/vector/attention.h"

namespace samlet {
namespace {

struct HalfAttention {
    static constexpr size_t rows = 8;  // of a register block: 8 x 2 sums, 8 vectors of factors, 2 of columns
    static constexpr size_t panel = 16;  // keys side by side
    static constexpr size_t block_queries = 64;
    static constexpr size_t tile_halves = 64 * 1024;  // keys and values: 128 KiB of the second-level cache
    static constexpr size_t score_depth = 16, value_depth = 32;
    static constexpr float query_limit = 32, key_limit = 16, value_limit = 4;  // see halves.h
    static_assert(query_limit * key_limit * score_depth < 65504, "scores overflow");
    static_assert(256 * value_limit * value_depth < 65504, "sums of values overflow");
};

// What scratch holds; "interleaved" is said in kernels/vector/attention.h.
struct HalfScratch {
    float* running;            // maximum and sum of each query
    float* factors;            // of each query: what its products are to be multiplied by
    float* scores;             // [rows][longest_tile]
    float16_t* probabilities;  // interleaved
    float16_t* queries;        // block_queries rows, interleaved by group
    float16_t* values;         // [tile][dv, rounded up]

    static HalfScratch in(float* memory, size_t dk) {
        HalfScratch s;
        s.running = memory;
        s.factors = s.running + 2 * HalfAttention::block_queries;
        s.scores = s.factors + HalfAttention::block_queries;
        s.probabilities = reinterpret_cast<float16_t*>(s.scores + HalfAttention::rows * longest_tile);
        s.queries = s.probabilities + HalfAttention::rows * longest_tile;
        s.values = s.queries + HalfAttention::block_queries * round_up(dk, half_lanes);
        return s;
    }
};

constexpr size_t value_pitch(size_t dv) {
    return round_up(dv, 2 * half_lanes);
}

inline size_t half_tile_keys(size_t dk, size_t dv) {
    const size_t fitting =
        HalfAttention::tile_halves / larger(dk + dv, 1) / HalfAttention::panel * HalfAttention::panel;
    return larger(HalfAttention::panel, smaller(fitting, longest_tile));
}

inline size_t attend_scratch_halves(size_t dk, size_t dv) {
    const size_t floats = 3 * HalfAttention::block_queries + HalfAttention::rows * longest_tile;
    const size_t halves = HalfAttention::rows * longest_tile +
                          HalfAttention::block_queries * round_up(dk, half_lanes) +
                          half_tile_keys(dk, dv) * value_pitch(dv);
    return floats + round_up(halves, 2) / 2;
}

// A panel of keys: [dk][panel] halves, then the inverse of their scale as a float. It takes the room of
// [dk][panel] floats.
inline void pack_panel(const float* k, size_t stride, size_t keys, size_t dk, float* packed) {
    float largest = 0;
    for (size_t i = 0; i < keys; ++i) largest = largest_of(k + i * stride, dk, largest);
    const float scale = scale_below(HalfAttention::key_limit, largest);
    float16_t* halves = reinterpret_cast<float16_t*>(packed);
    for (size_t lane = 0; lane < HalfAttention::panel; lane += half_lanes) {
        const size_t there = smaller(half_lanes, keys - smaller(keys, lane));
        for (size_t c = 0; c < dk; c += half_lanes) {
            const size_t channels = smaller(half_lanes, dk - c);
            float16x8_t block[half_lanes];
            for (size_t i = 0; i < half_lanes; ++i) {
                block[i] = vdupq_n_f16(0);
                if (i >= there) continue;
                const float* from = k + (lane + i) * stride + c;
                block[i] =
                    channels == half_lanes ? narrow_eight(from, scale) : narrow_part(from, channels, scale);
            }
            transpose_halves(block);
            for (size_t i = 0; i < channels; ++i)
                vst1q_f16(halves + (c + i) * HalfAttention::panel + lane, block[i]);
        }
    }
    packed[dk * HalfAttention::panel / 2] = 1 / scale;
}

inline void pack_key_halves(const float* k, size_t stride, size_t keys, size_t dk, float* packed) {
    if (dk == 0) return;
    for (size_t i = 0; i < keys; i += HalfAttention::panel, packed += HalfAttention::panel * dk)
        pack_panel(k + i * stride, stride, smaller(HalfAttention::panel, keys - i), dk, packed);
}

// sums += left right: `left` is M interleaved rows of `depth` halves, `right` has `depth` rows of two
// vectors.
template <size_t M>
SAMLET_INLINE void multiply(const float16_t* left, const float16_t* right, size_t right_stride, size_t depth,
                            float16x8_t (&sums)[M][2]) {
    for (; depth >= half_lanes; depth -= half_lanes, left += M * half_lanes) {
        SAMLET_HOT_LOOP("attention", M * 2 * half_lanes * half_lanes);
        float16x8_t factors[M];
        SAMLET_UNROLL
        for (size_t m = 0; m < M; ++m) factors[m] = vld1q_f16(left + m * half_lanes);
        const auto step = [&](auto i) {
            multiply_halves<i.value>(factors, vld1q_f16(right), vld1q_f16(right + half_lanes), sums);
            right += right_stride;
        };
        for_eight(step);
    }
    for (; depth > 0; --depth, ++left, right += right_stride) {
        const float16x8_t low = vld1q_f16(right), high = vld1q_f16(right + half_lanes);
        SAMLET_UNROLL
        for (size_t m = 0; m < M; ++m) {
            const float16x8_t factor = vld1q_dup_f16(left + m * half_lanes);
            sums[m][0] = vfmaq_f16(sums[m][0], low, factor);
            sums[m][1] = vfmaq_f16(sums[m][1], high, factor);
        }
    }
}

// to[0 .. 15] = (add ? to : 0) + factor sum.
SAMLET_INLINE void flush(const float16x8_t (&sum)[2], float factor, bool add, float* to) {
    const float32x4_t parts[4] = {widen_low(sum[0]), widen_high(sum[0]), widen_low(sum[1]),
                                  widen_high(sum[1])};
    SAMLET_UNROLL
    for (size_t i = 0; i < 4; ++i) {
        const float32x4_t old = add ? vld1q_f32(to + 4 * i) : vdupq_n_f32(0);
        vst1q_f32(to + 4 * i, vfmaq_n_f32(old, parts[i], factor));
    }
}

// A group of queries against one tile of keys.
struct HalfGroup {
    const float16_t* queries;  // interleaved
    const float* factors;
    const float* packed_keys;
    const float16_t* values;
    float value_factor;
    size_t keys, dk, dv, out_stride;
    float* out;
    float* running;
    float* scores;
    float16_t* probabilities;
    bool first, last;
};

template <size_t M>
SAMLET_APART void score_panel(const HalfGroup& group, const float* panel, float* scores) {
    const float16_t* keys = reinterpret_cast<const float16_t*>(panel);
    const float scale = panel[group.dk * HalfAttention::panel / 2];
    for (size_t c = 0; c < group.dk; c += HalfAttention::score_depth) {
        float16x8_t sums[M][2];
        clear(sums);
        multiply(group.queries + c * M, keys + c * HalfAttention::panel, HalfAttention::panel,
                 smaller(HalfAttention::score_depth, group.dk - c), sums);
        SAMLET_UNROLL
        for (size_t m = 0; m < M; ++m)
            flush(sums[m], group.factors[m] * scale, c > 0, scores + m * longest_tile);
    }
}

template <size_t M>
void scores_of_tile(const HalfGroup& group) {
    const float* panel = group.packed_keys;
    for (size_t key = 0; key < group.keys;
         key += HalfAttention::panel, panel += HalfAttention::panel * group.dk) {
        if (group.dk > 0) {
            score_panel<M>(group, panel, group.scores + key);
        } else {
            for (size_t i = 0; i < M * HalfAttention::panel; ++i)
                group.scores[i / HalfAttention::panel * longest_tile + key + i % HalfAttention::panel] = 0;
        }
    }
}

// See softmax_row() of kernels/vector/attention.h. Probabilities are 256 times as large, and so is their sum.
inline float softmax_row(float* scores, size_t keys, float* running, float16_t* probabilities, size_t pitch) {
    const size_t padded = round_up(keys, half_lanes);
    for (size_t i = keys; i < padded; ++i) scores[i] = -__builtin_inff();
    float32x4_t top = vdupq_n_f32(running[0]);
    for (size_t i = 0; i < padded; i += 4) top = vmaxq_f32(top, vld1q_f32(scores + i));
    const float maximum = vmaxvq_f32(top);
    const float32x4_t shift = vdupq_n_f32(maximum);
    float32x4_t low = vdupq_n_f32(0), high = low;
    for (size_t i = 0; i < padded; i += half_lanes, probabilities += pitch) {
        const float16x8_t p = exp2_times_256(
            narrow(vsubq_f32(vld1q_f32(scores + i), shift), vsubq_f32(vld1q_f32(scores + i + 4), shift)));
        vst1q_f16(probabilities, p);
        low = vaddq_f32(low, widen_low(p));
        high = vaddq_f32(high, widen_high(p));
    }
    float shrink = 1;
    if (maximum > running[0] && running[1] != 0)
        shrink = exp2_nonpositive(Vec::broadcast(running[0] - maximum)).first();
    running[0] = maximum;
    running[1] = running[1] * shrink + vaddvq_f32(vaddq_f32(low, high));
    return shrink;
}

// out = (out before + probabilities v) after, for two vectors of columns; before and after are factors per
// row.
template <size_t M>
SAMLET_APART void add_values(const HalfGroup& group, size_t column, const float* before, const float* after) {
    constexpr size_t columns = 2 * half_lanes;
    const size_t there = smaller(columns, group.dv - column), pitch = value_pitch(group.dv);
    float* out = group.out + column;
    float sums[M][columns];
    for (size_t m = 0; m < M; ++m) {
        for (size_t i = 0; i < columns; ++i)
            sums[m][i] = group.first || i >= there ? 0 : out[m * group.out_stride + i] * before[m];
    }
    for (size_t key = 0; key < group.keys; key += HalfAttention::value_depth) {
        float16x8_t part[M][2];
        clear(part);
        multiply(group.probabilities + key * M, group.values + key * pitch + column, pitch,
                 smaller(HalfAttention::value_depth, group.keys - key), part);
        leave_in_memory(sums[0]);
        SAMLET_UNROLL
        for (size_t m = 0; m < M; ++m) flush(part[m], group.value_factor, true, sums[m]);
    }
    for (size_t m = 0; m < M; ++m) {
        for (size_t i = 0; i < there; ++i) out[m * group.out_stride + i] = sums[m][i] * after[m];
    }
}

template <size_t M>
void attend_group(const HalfGroup& group) {
    float before[M], after[M];
    scores_of_tile<M>(group);
    for (size_t m = 0; m < M; ++m) {
        float* running = group.running + 2 * m;
        before[m] = softmax_row(group.scores + m * longest_tile, group.keys, running,
                                group.probabilities + m * half_lanes, M * half_lanes);
        after[m] = 1;
        if (group.last) after[m] = running[1] > 0 ? 1 / running[1] : 0;
    }
    for (size_t column = 0; column < group.dv; column += 2 * half_lanes)
        add_values<M>(group, column, before, after);
}

template <size_t M = HalfAttention::rows>
void attend_rows(const HalfGroup& group, size_t rows) {
    if (rows == M) return attend_group<M>(group);
    if constexpr (M > 1) attend_rows<M - 1>(group, rows);
}

// The values of a tile. Returns what products with them are to be multiplied by.
inline float narrow_values(const AttendTask& task, size_t key, size_t count, float16_t* to) {
    const float* from = task.v + key * task.v_stride;
    float largest = 0;
    for (size_t i = 0; i < count; ++i) largest = largest_of(from + i * task.v_stride, task.dv, largest);
    const float scale = scale_below(HalfAttention::value_limit, largest);
    for (size_t i = 0; i < count; ++i)
        narrow_row(from + i * task.v_stride, task.dv, scale, to + i * value_pitch(task.dv),
                   value_pitch(task.dv));
    return 1 / scale;
}

// At most block_queries queries against all keys of the task.
inline void attend_queries_halves(const AttendTask& task, size_t begin, size_t queries) {
    const HalfScratch scratch = HalfScratch::in(task.scratch, task.dk);
    const size_t row_halves = round_up(task.dk, half_lanes), tile = half_tile_keys(task.dk, task.dv);
    float* running = task.running == nullptr ? scratch.running : task.running + 2 * begin;
    for (size_t row = 0, rows; row < queries; row += rows) {
        rows = group_rows(row, queries, HalfAttention::rows);
        for (size_t m = 0; m < rows; ++m) {
            const float* q = task.q + (begin + row + m) * task.q_stride;
            const float scale = scale_below(HalfAttention::query_limit, largest_of(q, task.dk, 0));
            scratch.factors[row + m] = task.scale * log2_e / scale;
            narrow_row(q, task.dk, scale, scratch.queries + row * row_halves + m * half_lanes, row_halves,
                       rows * half_lanes);
        }
    }
    for (size_t i = 0; i < queries && task.first; ++i) {
        running[2 * i] = -__builtin_inff();
        running[2 * i + 1] = 0;
    }
    HalfGroup group;
    group.dk = task.dk;
    group.dv = task.dv;
    group.out_stride = task.out_stride;
    group.scores = scratch.scores;
    group.probabilities = scratch.probabilities;
    group.values = scratch.values;
    size_t key = 0;
    do {
        group.keys = smaller(tile, task.key_count - key);
        group.packed_keys = task.packed_keys + key * task.dk;
        group.value_factor = narrow_values(task, key, group.keys, scratch.values);
        group.first = task.first && key == 0;
        group.last = task.last && key + group.keys == task.key_count;
        for (size_t row = 0, rows; row < queries; row += rows) {
            rows = group_rows(row, queries, HalfAttention::rows);
            group.queries = scratch.queries + row * row_halves;
            group.factors = scratch.factors + row;
            group.out = task.out + (begin + row) * task.out_stride;
            group.running = running + 2 * row;
            attend_rows(group, rows);
        }
        key += group.keys;
    } while (key < task.key_count);
}

inline void attend_halves(const AttendTask& task) {
    for (size_t begin = 0; begin < task.queries; begin += HalfAttention::block_queries)
        attend_queries_halves(task, begin, smaller(HalfAttention::block_queries, task.queries - begin));
}

}  // namespace
}  // namespace samlet
