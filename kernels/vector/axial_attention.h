// Attention to memories whose keys carry an axial rotary code, without ever forming a key. Contract: AxialTask in kernels.h.
//
// SPDX-License-Identifier: Apache-2.0
//
// The algebra. A key at (x, y) is R(x, y) (W m + b), where R turns the first half of the channels with x and the second
// with y. So q . key = (R(x)' q1) . (W1 m + b1) + (R(y)' q2) . (W2 m + b2) = (A[x] + B[y]) . m + a[x] + b[y] with
// A[x] = W1' R(x)' q1 and a[x] = b1 . R(x)' q1: `dim` instead of `channels` multiply-adds per query and key, and A and B
// have only `grid` rows each.
//
// Register blocking. Lanes are queries. Every product below is the same small one: R rows of factors, each broadcast to all
// lanes, times N vectors of queries. Up to 8 x 2 sums for AVX-512 and NEON, 4 x 2 for AVX2. Scores load A[x] and B[y]
// per channel and use the sum for all memories of that place: 2 N loads and R broadcasts for R N multiply-adds and N
// additions. Probabilities times values: N loads and R broadcasts for R N. By llvm-mca 19 NEON's loops reach, with
// 7 memories, 76 % and 100 % of the multipliers' limit on a Neoverse N1 (Cortex-A76), 81 % and 100 % on a Cortex-A57 (A72),
// 72 % and 99 %, 79 % and 100 % with what surrounds them: tools/bench/static_cost.py. Scores cannot exceed 87 %, since one
// instruction in eight is an addition.
//
// Cache blocking. A block of 128 queries is cut into chunks of N vectors, and everything that belongs to a chunk lies
// together: a row of A and one of B (8 KiB each at 64 channels, AVX-512) stay in the first-level cache for all memories of a
// place. Keys and values come in tiles of 8 x 4 places: 224 keys of 7 memories, 56 KiB each, which all chunks of the block
// read before the next tile; 8 rows of A stay in the second-level cache while y runs. Outer memory sees every key once per
// 128 queries, below 1 byte per cycle, and is asked early: while the first chunk compares the keys of a place, it fetches
// their values and the keys of the tile after (measured: 10 % of the whole, and 5 % more than with blocks of 64).
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "kernels/vector/attention.h"
#include "kernels/vector/exp2.h"
#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

constexpr size_t axial_queries = 128;              // of a block
constexpr size_t tile_width = 8, tile_height = 4;  // places

template <class V>
constexpr size_t chunk_queries = V::lane_vectors * V::width;

// Where a chunk keeps things; every row has one float for each of its queries.
template <class V>
struct AxialChunk {
    float* queries;      // [channels]
    float* turned;       // [channels / 2]: queries turned back by one coordinate
    float* along_x;      // [grid][dim + 1]: A and, last, a
    float* along_y;      // [grid][dim + 1]: B, b
    float* unturned;     // [dim + 1]: for keys without a place
    float* scores;       // [tile]
    float* sums;         // [dim]
    float* maximum;      // [1], in units of log 2
    float* old_maximum;  // [1]: before this tile
    float* total;        // [1]
    float* shrink;       // [1]

    static constexpr size_t row = chunk_queries<V>;

    static size_t tile(size_t frames) { return larger(frames * tile_width * tile_height, 64); }
    static size_t rows(size_t channels, size_t grid, size_t dim, size_t frames) {
        return channels + channels / 2 + (2 * grid + 1) * (dim + 1) + tile(frames) + dim + 4;
    }
    static AxialChunk in(const AxialTask& task, size_t index) {
        float* memory = task.scratch + index * row * rows(task.channels, task.grid, task.dim, task.frames);
        const auto take = [&](size_t count) {
            float* p = memory;
            memory += count * row;
            return p;
        };
        AxialChunk c;
        c.queries = take(task.channels);
        c.turned = take(task.channels / 2);
        c.along_x = take(task.grid * (task.dim + 1));
        c.along_y = take(task.grid * (task.dim + 1));
        c.unturned = take(task.dim + 1);
        c.scores = take(tile(task.frames));
        c.sums = take(task.dim);
        c.maximum = take(1);
        c.old_maximum = take(1);
        c.total = take(1);
        c.shrink = take(1);
        return c;
    }
};

template <class V, size_t N, class Factor>
SAMLET_INLINE void add_row(V (&sums)[N], const V (&columns)[N], Factor factor) {
    SAMLET_UNROLL
    for (size_t n = 0; n < N; ++n) sums[n] = add_product(sums[n], columns[n], factor);
}

// Rows of factors that follow each other in memory.
struct Run {
    const float* factors;
    size_t count;
};

// out[r] = keep out[r] + sum over k of factors[k][first + r] right[k], for R neighbouring factors; k goes through the runs.
// `keep` is a factor per query; null: out holds nothing yet.
template <class V, size_t R>
SAMLET_APART void product_of_columns(const Run* runs, size_t run_count, size_t first, size_t factor_stride,
                                     const float* right, const float* keep, float* out) {
    constexpr size_t N = V::lane_vectors, row = chunk_queries<V>;
    static_assert(R == 1 || R % 4 == 0, "one row, or groups of four");
    V sums[R][N];
    SAMLET_UNROLL
    for (size_t r = 0; r < R; ++r) {
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) {
            const size_t at = n * V::width;
            sums[r][n] = keep ? V::load(out + r * row + at) * V::load(keep + at) : V::zero();
        }
    }
    for (const Run* run = runs; run < runs + run_count; ++run) {
        const float* factors = run->factors + first;
        for (size_t k = run->count; k > 0; --k, factors += factor_stride, right += row) {
            SAMLET_HOT_LOOP("axial values", R * N * V::width);
            V columns[N];
            SAMLET_UNROLL
            for (size_t n = 0; n < N; ++n) columns[n] = V::load(right + n * V::width);
            if constexpr (R == 1) {
                add_row(sums[0], columns, V::template pick<0>(V::load_one(factors)));
            } else {
                SAMLET_UNROLL
                for (size_t r = 0; r < R; r += 4) {
                    const auto four = V::load_four(factors + r);
                    add_row(sums[r], columns, V::template pick<0>(four));
                    add_row(sums[r + 1], columns, V::template pick<1>(four));
                    add_row(sums[r + 2], columns, V::template pick<2>(four));
                    add_row(sums[r + 3], columns, V::template pick<3>(four));
                }
            }
        }
    }
    SAMLET_UNROLL
    for (size_t r = 0; r < R; ++r) {
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) sums[r][n].store(out + r * row + n * V::width);
    }
}

// The same for `count` (a multiple of 4) rows.
template <class V>
void product_of_rows(const Run* runs, size_t run_count, size_t count, size_t factor_stride, const float* right,
                     const float* keep, float* out) {
    size_t r = 0;
    for (; r + V::axial_rows <= count; r += V::axial_rows) {
        product_of_columns<V, V::axial_rows>(runs, run_count, r, factor_stride, right, keep, out + r * chunk_queries<V>);
    }
    for (; r < count; r += 4) {
        product_of_columns<V, 4>(runs, run_count, r, factor_stride, right, keep, out + r * chunk_queries<V>);
    }
}

// One channel of all queries: of x, or of x + y.
template <bool both, class V, size_t N>
SAMLET_INLINE void load_columns(const float* x, const float* y, V (&columns)[N]) {
    SAMLET_UNROLL
    for (size_t n = 0; n < N; ++n) {
        columns[n] = V::load(x + n * V::width);
        if constexpr (both) columns[n] = columns[n] + V::load(y + n * V::width);
    }
}

template <int i, bool both, class V, size_t R, size_t N>
SAMLET_INLINE void score_step(const typename V::Four (&factors)[R], const float* x, const float* y, V (&sums)[R][N]) {
    V columns[N];
    load_columns<both>(x + i * chunk_queries<V>, y + i * chunk_queries<V>, columns);
    SAMLET_UNROLL
    for (size_t r = 0; r < R; ++r) add_row(sums[r], columns, V::template pick<i>(factors[r]));
}

// Scores of R keys that follow each other: their dim channels times x_row (or x_row + y_row, if both), plus row dim of the
// same. Raises the maximum of every query. Unless both, y_row is not read.
template <class V, size_t R, bool both>
SAMLET_APART void scores_of_keys(const float* keys, size_t dim, const float* x, const float* y, float* scores,
                                 float* maximum) {
    constexpr size_t N = V::lane_vectors, row = chunk_queries<V>;
    V sums[R][N];
    load_columns<both>(x + dim * row, y + dim * row, sums[0]);
    SAMLET_UNROLL
    for (size_t r = 1; r < R; ++r) {
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) sums[r][n] = sums[0][n];
    }
    for (size_t k = dim; k > 0; k -= 4, keys += 4, x += 4 * row, y += 4 * row) {
        SAMLET_HOT_LOOP("axial scores", both ? R * N * V::width * 4 : 0);
        typename V::Four factors[R];
        SAMLET_UNROLL
        for (size_t r = 0; r < R; ++r) factors[r] = V::load_four(keys + r * dim);
        score_step<0, both>(factors, x, y, sums);
        score_step<1, both>(factors, x, y, sums);
        score_step<2, both>(factors, x, y, sums);
        score_step<3, both>(factors, x, y, sums);
    }
    SAMLET_UNROLL
    for (size_t n = 0; n < N; ++n) {
        V top = V::load(maximum + n * V::width);
        SAMLET_UNROLL
        for (size_t r = 0; r < R; ++r) {
            sums[r][n].store(scores + r * row + n * V::width);
            top = max(top, sums[r][n]);
        }
        top.store(maximum + n * V::width);
    }
}

// Calls the version for the number of keys.
template <class V, bool both, size_t R = V::axial_rows>
void scores_of_rows(size_t rows, const float* keys, size_t dim, const float* x, const float* y, float* scores,
                    float* maximum) {
    if (rows == R) return scores_of_keys<V, R, both>(keys, dim, x, y, scores, maximum);
    if constexpr (R > 1) scores_of_rows<V, both, R - 1>(rows, keys, dim, x, y, scores, maximum);
}

// Neighbouring keys that see the same x and y rows, in groups as equal as possible.
template <class V, bool both>
void scores_of_place(const float* keys, size_t count, size_t dim, const float* x, const float* y, float* scores,
                     float* maximum) {
    for (size_t row = 0, rows; row < count; row += rows) {
        rows = group_rows(row, count, V::axial_rows);
        scores_of_rows<V, both>(rows, keys + row * dim, dim, x, y, scores + row * chunk_queries<V>, maximum);
    }
}

template <class V>
void begin_tile(const AxialChunk<V>& c) {
    for (size_t i = 0; i < c.row; i += V::width) V::load(c.maximum + i).store(c.old_maximum + i);
}

// Scores become probabilities relative to the maximum; totals and sums so far are to be multiplied by `shrink`.
template <class V>
void probabilities(const AxialChunk<V>& c, size_t keys) {
    for (size_t i = 0; i < c.row; i += V::width) {
        const V top = V::load(c.maximum + i);
        const V shrink = exp2_nonpositive(V::load(c.old_maximum + i) - top);
        shrink.store(c.shrink + i);
        V total = V::load(c.total + i) * shrink;
        float* score = c.scores + i;
        for (size_t k = 0; k < keys; ++k, score += c.row) {
            const V p = exp2_nonpositive(V::load(score) - top);
            p.store(score);
            total = total + p;
        }
        total.store(c.total + i);
    }
}

// A tile whose scores and new maximum are known: softmax, then values, which lie in runs.
template <class V>
void finish_tile(const AxialChunk<V>& c, size_t dim, const Run* values, size_t run_count) {
    size_t keys = 0;
    for (size_t i = 0; i < run_count; ++i) keys += values[i].count;
    probabilities<V>(c, keys);
    product_of_rows<V>(values, run_count, dim, dim, c.scores, c.shrink, c.sums);
}

// Queries first .. of the task -> [channels][chunk], scaled; lanes without a query become 0.
template <class V>
void transpose_queries(const AxialTask& task, size_t first, float* out) {
    const V factor = V::broadcast(task.scale * log2_e);
    for (size_t lane = 0; lane < chunk_queries<V>; lane += V::width) {
        const size_t begin = first + lane;
        const size_t there = begin < task.queries ? smaller(task.queries - begin, V::width) : 0;
        for (size_t c = 0; c < task.channels; c += V::width) {
            const size_t width = smaller(task.channels - c, V::width);
            V block[V::width];
            for (size_t i = 0; i < V::width; ++i) {
                block[i] = V::zero();
                if (i >= there) continue;
                const float* from = task.q + (begin + i) * task.q_stride + c;
                block[i] = (width == V::width ? V::load(from) : V::load_part(from, width)) * factor;
            }
            V::transpose(block);
            for (size_t i = 0; i < width; ++i) block[i].store(out + (c + i) * chunk_queries<V> + lane);
        }
    }
}

// Turns `pairs` pairs of channels back by the angles of one coordinate: R' q.
template <class V>
void turn_back(const float* queries, const float* cosine, const float* sine, size_t pairs, float* out) {
    constexpr size_t row = chunk_queries<V>;
    for (size_t pair = 0; pair < pairs; ++pair, queries += 2 * row, out += 2 * row) {
        const V c = V::broadcast(cosine[2 * pair]), s = V::broadcast(sine[2 * pair + 1]);
        for (size_t i = 0; i < row; i += V::width) {
            const V even = V::load(queries + i), odd = V::load(queries + row + i);
            mul_add(even, c, odd * s).store(out + i);
            (odd * c - even * s).store(out + row + i);
        }
    }
}

// Rows 0 .. dim - 1: W' turned; row dim: b . turned.
template <class V>
void project_back(const float* weight, const float* bias, size_t channels, size_t dim, const float* turned, float* out) {
    const Run weights = {weight, channels}, biases = {bias, channels};
    product_of_rows<V>(&weights, 1, dim, dim, turned, nullptr, out);
    product_of_columns<V, 1>(&biases, 1, 0, 1, turned, nullptr, out + dim * chunk_queries<V>);
}

// A and B of the head comment, and what stands for them where a key has no place.
template <class V>
void prepare_chunk(const AxialTask& task, size_t first, const AxialChunk<V>& c) {
    const size_t half = task.channels / 2, rows = (task.dim + 1) * c.row;
    transpose_queries<V>(task, first, c.queries);
    for (size_t p = 0; p < task.grid && task.frames > 0; ++p) {
        const float *cosine = task.cosine + p * half, *sine = task.sine + p * half;
        turn_back<V>(c.queries, cosine, sine, half / 2, c.turned);
        project_back<V>(task.weight, task.bias, half, task.dim, c.turned, c.along_x + p * rows);
        turn_back<V>(c.queries + half * c.row, cosine, sine, half / 2, c.turned);
        project_back<V>(task.weight + half * task.dim, task.bias + half, half, task.dim, c.turned, c.along_y + p * rows);
    }
    if (task.free_count > 0) project_back<V>(task.weight, task.bias, task.channels, task.dim, c.queries, c.unturned);
    for (size_t i = 0; i < c.row; ++i) {
        c.maximum[i] = -__builtin_inff();
        c.total[i] = 0;
    }
    for (size_t i = 0; i < task.dim * c.row; ++i) c.sums[i] = 0;
}

inline void fetch(const float* p, size_t floats) {
    for (size_t i = 0; i < floats; i += 16) __builtin_prefetch(p + i, 0, 2);
}

// The places x0 .. x0 + width - 1, y0 .. y0 + height - 1. `first_chunk`: nobody has touched this tile yet.
template <class V>
void attend_to_tile(const AxialTask& task, const AxialChunk<V>& c, size_t x0, size_t width, size_t y0, size_t height,
                    bool first_chunk) {
    const size_t rows = (task.dim + 1) * c.row, place = task.frames * task.dim;
    Run values[tile_height];
    float* scores = c.scores;
    begin_tile<V>(c);
    for (size_t y = y0; y < y0 + height; ++y) {
        const size_t first = (y * task.grid + x0) * place;
        values[y - y0] = {task.values + first, width * task.frames};
        const bool fetches_keys = first_chunk && y + tile_height < task.grid;
        for (size_t x = 0; x < width; ++x, scores += task.frames * c.row) {
            if (first_chunk) fetch(task.values + first + x * place, place);
            if (fetches_keys) fetch(task.keys + first + x * place + tile_height * task.grid * place, place);
            scores_of_place<V, true>(task.keys + first + x * place, task.frames, task.dim, c.along_x + (x0 + x) * rows,
                                     c.along_y + y * rows, scores, c.maximum);
        }
    }
    finish_tile<V>(c, task.dim, values, height);
}

template <class V>
void attend_to_free(const AxialTask& task, const AxialChunk<V>& c) {
    const size_t most = AxialChunk<V>::tile(task.frames);
    for (size_t first = 0; first < task.free_count; first += most) {
        const size_t count = smaller(most, task.free_count - first);
        begin_tile<V>(c);
        scores_of_place<V, false>(task.free_keys + first * task.dim, count, task.dim, c.unturned, c.unturned, c.scores,
                                  c.maximum);
        const Run values = {task.free_values + first * task.dim, count};
        finish_tile<V>(c, task.dim, &values, 1);
    }
}

template <class V>
void write_chunk(const AxialTask& task, size_t first, const AxialChunk<V>& c) {
    for (size_t i = 0; i < c.row && first + i < task.queries; ++i) {
        const float factor = c.total[i] > 0 ? 1 / c.total[i] : 0;
        float* out = task.out + (first + i) * task.out_stride;
        for (size_t k = 0; k < task.dim; ++k) out[k] = c.sums[k * c.row + i] * factor;
    }
}

template <class V>
size_t axial_scratch(size_t channels, size_t grid, size_t dim, size_t frames, size_t queries) {
    return AxialChunk<V>::rows(channels, grid, dim, frames) * round_up(queries, chunk_queries<V>);
}

template <class V>
void attend_axial(const AxialTask& task) {
    constexpr size_t row = chunk_queries<V>;
    AxialChunk<V> chunks[axial_queries / row];
    const size_t count = (task.queries + row - 1) / row;
    for (size_t i = 0; i < count; ++i) {
        chunks[i] = AxialChunk<V>::in(task, i);
        prepare_chunk<V>(task, i * row, chunks[i]);
    }
    for (size_t x = 0; x < task.grid && task.frames > 0; x += tile_width) {
        for (size_t y = 0; y < task.grid; y += tile_height) {
            for (size_t i = 0; i < count; ++i) {
                attend_to_tile<V>(task, chunks[i], x, smaller(tile_width, task.grid - x), y,
                                  smaller(tile_height, task.grid - y), i == 0);
            }
        }
    }
    for (size_t i = 0; i < count; ++i) {
        attend_to_free<V>(task, chunks[i]);
        write_chunk<V>(task, i * row, chunks[i]);
    }
}

}  // namespace
}  // namespace samlet
