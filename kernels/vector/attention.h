// softmax(scale q k^T) v, a tile of keys at a time.
//
// SPDX-License-Identifier: Apache-2.0
//
// Register blocking. Both products, scores and values, are the same small product: M rows of factors, each
// broadcast to all lanes, times N = 2 vectors of a right-hand side. Each step makes M N multiply-adds of
// whole vectors from M broadcasts and N loads: 12 from 8 for AVX2 (6 x 2, 15 of 16 registers), 24 from 14 for
// AVX-512 (12 x 2), and on NEON, which multiplies by a lane of a register, 16 from 4 (8 x 2; 8 loads of
// factors last four steps). With two multiply-adds and two loads per cycle, or one and one, the multipliers
// stay the limit, and at least 12 independent sums cover their latency of 4 or 5 cycles. By llvm-mca 19
// NEON's loop reaches 97 % of the multipliers' limit on a Neoverse N1 (Cortex-A76), 98 % on a Cortex-A57
// (A72), 95 % and 97 % with what surrounds it: tools/bench/static_cost.py.
//
// Cache blocking. A tile of keys and its values, V::tile_floats together, stays in the second-level cache
// while all the queries of a block, V::block_queries, pass it in groups of M rows. The first-level cache
// holds the queries of a group (M dk floats) and its scores (M times at most 256 floats); keys and values
// stream through it, each float used for M multiply-adds. Outer memory sees every key once per block: with
// 128 queries and 16 multiply-adds per cycle that is half a byte per cycle.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "kernels/vector/exp2.h"
#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

template <class V>
constexpr size_t key_panel = 2 * V::width;

// Keys per tile. More would only make the scores of a group outgrow the first-level cache.
constexpr size_t longest_tile = 256;

constexpr size_t round_up(size_t n, size_t unit) {
    return (n + unit - 1) / unit * unit;
}
constexpr size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}
constexpr size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

template <class V>
size_t tile_keys(size_t dk, size_t dv) {
    const size_t fitting = V::tile_floats / larger(dk + dv, 1) / key_panel<V> * key_panel<V>;
    return larger(key_panel<V>, smaller(fitting, longest_tile));
}

// What scratch holds. "Interleaved" rows, here and below, are cut into vectors, and each vector of all M rows
// of a group lies together, [ceil(n / width)][M][width], so that the product reaches every row with a
// constant offset.
template <class V>
struct Scratch {
    float* queries;  // block_queries rows, scaled, interleaved by group
    float* scores;   // one group of rows by one tile of keys, interleaved; then the probabilities
    float* running;  // maximum and sum of each query

    static constexpr size_t running_floats = 2 * V::block_queries;
    static constexpr size_t score_floats = V::rows * longest_tile;

    static Scratch in(float* memory) {
        return {memory + running_floats + score_floats, memory + running_floats, memory};
    }
    static size_t floats(size_t dk) {
        return running_floats + score_floats + V::block_queries * round_up(dk, V::width);
    }
};

// A group of queries against one tile of keys.
struct GroupTask {
    const float* queries;  // interleaved
    const float* packed_keys;
    const float* v;
    size_t keys, dk, dv, v_stride, out_stride;
    float* out;
    float* running;
    float* scores;
    bool first, last;
};

// One step of the product: rows of `right` times lane i of the factors.
template <int i, bool ragged, class V, size_t M, size_t N>
SAMLET_INLINE void multiply_step(const typename V::Four (&factors)[M], const float* right, size_t last_lanes,
                                 V (&sums)[M][N]) {
    V columns[N];
    SAMLET_UNROLL
    for (size_t n = 0; n < N; ++n) {
        columns[n] = ragged && n + 1 == N ? V::load_part(right + n * V::width, last_lanes)
                                          : V::load(right + n * V::width);
    }
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m) {
        const auto factor = V::template pick<i>(factors[m]);
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) sums[m][n] = add_product(sums[m][n], columns[n], factor);
    }
}

// sums += left right: `left` is M interleaved rows of `depth` floats, `right` has `depth` rows of N vectors,
// the last of which, if ragged, has only last_lanes lanes.
template <bool ragged, class V, size_t M, size_t N>
SAMLET_INLINE void multiply(const float* left, const float* right, size_t right_stride, size_t depth,
                            size_t last_lanes, V (&sums)[M][N]) {
    while (depth > 0) {
        const size_t steps = smaller(depth, V::width);
        const float* lane = left;
        typename V::Four factors[M];
        for (size_t fours = steps / 4; fours > 0; --fours, lane += 4) {
            SAMLET_HOT_LOOP("attention", M * N * V::width * 4);
            SAMLET_UNROLL
            for (size_t m = 0; m < M; ++m) factors[m] = V::load_four(lane + m * V::width);
            multiply_step<0, ragged>(factors, right, last_lanes, sums);
            multiply_step<1, ragged>(factors, right + right_stride, last_lanes, sums);
            multiply_step<2, ragged>(factors, right + 2 * right_stride, last_lanes, sums);
            multiply_step<3, ragged>(factors, right + 3 * right_stride, last_lanes, sums);
            right += 4 * right_stride;
        }
        for (size_t ones = steps % 4; ones > 0; --ones, ++lane, right += right_stride) {
            SAMLET_UNROLL
            for (size_t m = 0; m < M; ++m) factors[m] = V::load_one(lane + m * V::width);
            multiply_step<0, ragged>(factors, right, last_lanes, sums);
        }
        left += M * V::width;
        depth -= steps;
    }
}

template <class V, size_t M, size_t N>
SAMLET_APART void score_panel(const GroupTask& task, const float* panel, float* scores) {
    V sums[M][N];
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m) {
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) sums[m][n] = V::zero();
    }
    multiply<false>(task.queries, panel, key_panel<V>, task.dk, 0, sums);
    SAMLET_UNROLL
    for (size_t n = 0; n < N; ++n) {
        SAMLET_UNROLL
        for (size_t m = 0; m < M; ++m) sums[m][n].store(scores + (n * M + m) * V::width);
    }
}

template <class V, size_t M>
void scores_of_tile(const GroupTask& task) {
    const float* panel = task.packed_keys;
    float* scores = task.scores;
    for (size_t left = task.keys; left > 0; left -= smaller(left, key_panel<V>)) {
        if (left > V::width) {
            score_panel<V, M, 2>(task, panel, scores);
        } else {
            score_panel<V, M, 1>(task, panel, scores);
        }
        panel += key_panel<V> * task.dk;
        scores += key_panel<V> * M;
    }
}

// Scores (in units of log 2) of one row become probabilities relative to the largest score so far. Returns
// what the sums so far have to be multiplied by, because the maximum has grown.
template <class V>
float softmax_row(float* scores, size_t pitch, size_t keys, float* running) {
    const size_t vectors = keys / V::width;
    const size_t rest = keys % V::width;
    V top = V::broadcast(running[0]);
    for (size_t i = 0; i < vectors; ++i) top = max(top, V::load(scores + i * pitch));
    const V no_key = V::broadcast(-__builtin_inff());
    V tail = no_key;
    if (rest != 0) tail = first_lanes(rest, V::load(scores + vectors * pitch), no_key);
    const float maximum = max(top, tail).maximum();
    const V shift = V::broadcast(maximum);
    V sum = V::zero();
    for (size_t i = 0; i < vectors; ++i) {
        const V probability = exp2_nonpositive(V::load(scores + i * pitch) - shift);
        probability.store(scores + i * pitch);
        sum = sum + probability;
    }
    if (rest != 0) {
        const V probability = exp2_nonpositive(tail - shift);
        probability.store(scores + vectors * pitch);
        sum = sum + probability;
    }
    float shrink = 1;
    if (maximum > running[0] && running[1] != 0) {
        shrink = exp2_nonpositive(V::broadcast(running[0] - maximum)).first();
    }
    running[0] = maximum;
    running[1] = running[1] * shrink + sum.sum();
    return shrink;
}

// out = (out before + probabilities v) after, for N vectors of columns; before and after are factors per row.
template <class V, size_t M, size_t N, bool ragged>
SAMLET_APART void add_values(const GroupTask& task, size_t column, const float* before, const float* after) {
    float* out = task.out + column;
    const size_t last_lanes = ragged ? task.dv % V::width : V::width;
    V sums[M][N];
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m) {
        const V factor = V::broadcast(before[m]);
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) {
            const float* old = out + m * task.out_stride + n * V::width;
            if (task.first) {
                sums[m][n] = V::zero();
            } else {
                sums[m][n] = (ragged && n + 1 == N ? V::load_part(old, last_lanes) : V::load(old)) * factor;
            }
        }
    }
    multiply<ragged>(task.scores, task.v + column, task.v_stride, task.keys, last_lanes, sums);
    SAMLET_UNROLL
    for (size_t m = 0; m < M; ++m) {
        const V factor = V::broadcast(after[m]);
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) {
            float* to = out + m * task.out_stride + n * V::width;
            if (ragged && n + 1 == N) {
                (sums[m][n] * factor).store_part(to, last_lanes);
            } else {
                (sums[m][n] * factor).store(to);
            }
        }
    }
}

template <class V, size_t M>
void attend_group(const GroupTask& task) {
    float before[M], after[M];
    scores_of_tile<V, M>(task);
    for (size_t m = 0; m < M; ++m) {
        float* running = task.running + 2 * m;
        before[m] = softmax_row<V>(task.scores + m * V::width, M * V::width, task.keys, running);
        after[m] = 1;
        if (task.last) after[m] = running[1] > 0 ? 1 / running[1] : 0;
    }
    size_t column = 0;
    for (; column + 2 * V::width <= task.dv; column += 2 * V::width) {
        add_values<V, M, 2, false>(task, column, before, after);
    }
    for (; column + V::width <= task.dv; column += V::width) {
        add_values<V, M, 1, false>(task, column, before, after);
    }
    if (column < task.dv) add_values<V, M, 1, true>(task, column, before, after);
}

// Calls the version for the number of rows of the group.
template <class V, size_t M = V::rows>
void attend_rows(const GroupTask& task, size_t rows) {
    if (rows == M) return attend_group<V, M>(task);
    if constexpr (M > 1) attend_rows<V, M - 1>(task, rows);
}

// Rows of the group that starts at `row`: as equal as possible, since a short last group would use the
// multipliers badly.
inline size_t group_rows(size_t row, size_t rows, size_t most) {
    const size_t left = rows - row;
    const size_t groups = (left + most - 1) / most;
    return (left + groups - 1) / groups;
}

template <class V>
void interleave_queries(const float* q, size_t stride, size_t rows, size_t dk, float scale, float* to) {
    const V factor = V::broadcast(scale);
    for (size_t m = 0; m < rows; ++m) {
        const float* from = q + m * stride;
        float* row = to + m * V::width;
        size_t c = 0;
        for (; c + V::width <= dk; c += V::width, row += rows * V::width) {
            (V::load(from + c) * factor).store(row);
        }
        if (c < dk) (V::load_part(from + c, dk - c) * factor).store(row);
    }
}

template <class V>
size_t attend_scratch(size_t dk, size_t) {
    return Scratch<V>::floats(dk);
}

// At most block_queries queries against all keys of the task.
template <class V>
void attend_queries(const AttendTask& task, size_t begin, size_t queries) {
    const Scratch<V> scratch = Scratch<V>::in(task.scratch);
    const size_t query_floats = round_up(task.dk, V::width);
    const size_t tile = tile_keys<V>(task.dk, task.dv);
    float* running = task.running == nullptr ? scratch.running : task.running + 2 * begin;
    for (size_t row = 0, rows; row < queries; row += rows) {
        rows = group_rows(row, queries, V::rows);
        interleave_queries<V>(task.q + (begin + row) * task.q_stride, task.q_stride, rows, task.dk,
                              task.scale * log2_e, scratch.queries + row * query_floats);
    }
    if (task.first) {
        for (size_t i = 0; i < queries; ++i) {
            running[2 * i] = -__builtin_inff();
            running[2 * i + 1] = 0;
        }
    }
    size_t key = 0;
    do {
        GroupTask group;
        group.packed_keys = task.packed_keys + key * task.dk;
        group.v = task.v + key * task.v_stride;
        group.keys = smaller(tile, task.key_count - key);
        group.dk = task.dk;
        group.dv = task.dv;
        group.v_stride = task.v_stride;
        group.out_stride = task.out_stride;
        group.scores = scratch.scores;
        group.first = task.first && key == 0;
        group.last = task.last && key + group.keys == task.key_count;
        for (size_t row = 0, rows; row < queries; row += rows) {
            rows = group_rows(row, queries, V::rows);
            group.queries = scratch.queries + row * query_floats;
            group.out = task.out + (begin + row) * task.out_stride;
            group.running = running + 2 * row;
            attend_rows<V>(group, rows);
        }
        key += group.keys;
    } while (key < task.key_count);
}

template <class V>
void attend(const AttendTask& task) {
    for (size_t begin = 0; begin < task.queries; begin += V::block_queries) {
        attend_queries<V>(task, begin, smaller(V::block_queries, task.queries - begin));
    }
}

}  // namespace
}  // namespace samlet
