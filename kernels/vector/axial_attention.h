// Attention to memories whose keys carry an axial rotary code, without ever forming a key. Contract:
// AxialTask in kernels.h.
//
// SPDX-License-Identifier: Apache-2.0
//
// The algebra. A key at (x, y) is R(x, y) (W m + b), where R turns the first half of the channels with x and
// the second with y. So q . key = (R(x)' q1) . (W1 m + b1) + (R(y)' q2) . (W2 m + b2) = (A[x] + B[y]) . m +
// a[x] + b[y] with A[x] = W1' R(x)' q1 and a[x] = b1 . R(x)' q1: `dim` instead of `channels` multiply-adds
// per query and key, and A and B have only `grid` rows each.
//
// Layout. Lanes are queries: a block of 64 is transposed once, and every product below is the same small one,
// R rows of factors, each broadcast to all lanes, times N vectors of queries: 4 x 2 sums for AVX2, 4 x 4 for
// AVX-512 and NEON. Scores load A[x] and B[y] per channel and use the sum for all memories of that place: 2 N
// loads and R broadcasts for R N multiply-adds and N additions. Probabilities times values: N loads and R
// broadcasts for R N.
//
// Cache. Keys and values come in tiles of 8 x 4 places with all their memories: 224 keys of 7 memories, whose
// scores are 56 KiB. The 8 rows of A (130 KiB at 64 channels) stay in the second-level cache while y runs; B
// (1 MiB at a grid of 64) streams through it 4 rows at a time, below 1 byte per cycle, as do keys and values.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "kernels/vector/attention.h"
#include "kernels/vector/exp2.h"
#include "kernels/vector/unroll.h"

namespace samlet {
namespace {

constexpr size_t axial_queries = 64;  // lanes of a block
constexpr size_t axial_rows = 4;
constexpr size_t tile_width = 8, tile_height = 4;  // places

// Where a block keeps things; every row is axial_queries floats, one for each query.
struct AxialScratch {
    float* queries;   // [channels]
    float* turned;    // [channels]: queries turned back by one coordinate
    float* along_x;   // [grid][dim + 1]: A and, last, a
    float* along_y;   // [grid][dim + 1]
    float* unturned;  // [dim + 1]: for keys without a place
    float* scores;    // [tile]
    float* sums;      // [dim]
    float* maximum;      // [1], in units of log 2
    float* old_maximum;  // [1]: before this tile
    float* total;     // [1]
    float* shrink;    // [1]

    static size_t tile(size_t frames) { return larger(frames * tile_width * tile_height, 64); }
    static size_t rows(size_t channels, size_t grid, size_t dim, size_t frames) {
        return 2 * channels + (2 * grid + 1) * (dim + 1) + tile(frames) + dim + 4;
    }
    static AxialScratch in(float* memory, const AxialTask& task) {
        AxialScratch s;
        const auto take = [&](size_t count) {
            float* p = memory;
            memory += count * axial_queries;
            return p;
        };
        s.queries = take(task.channels);
        s.turned = take(task.channels);
        s.along_x = take(task.grid * (task.dim + 1));
        s.along_y = take(task.grid * (task.dim + 1));
        s.unturned = take(task.dim + 1);
        s.scores = take(tile(task.frames));
        s.sums = take(task.dim);
        s.maximum = take(1);
        s.old_maximum = take(1);
        s.total = take(1);
        s.shrink = take(1);
        return s;
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

// out[r] = keep out[r] + sum over k of factors[k][r] right[k], for R neighbouring factors and all lanes; k goes
// through the runs. `keep` is a factor per lane; null: out holds nothing yet.
template <class V, size_t R>
void product_of_columns(const Run* runs, size_t run_count, size_t factor_stride, const float* right, const float* keep,
                        float* out) {
    constexpr size_t N = V::lane_vectors;
    for (size_t lane = 0; lane < axial_queries; lane += N * V::width) {
        V sums[R][N];
        SAMLET_UNROLL
        for (size_t r = 0; r < R; ++r) {
            SAMLET_UNROLL
            for (size_t n = 0; n < N; ++n) {
                const size_t at = lane + n * V::width;
                sums[r][n] = keep ? V::load(out + r * axial_queries + at) * V::load(keep + at) : V::zero();
            }
        }
        const float* from = right + lane;
        for (const Run* run = runs; run < runs + run_count; ++run) {
            const float* f = run->factors;
            for (size_t k = run->count; k > 0; --k, f += factor_stride, from += axial_queries) {
                V columns[N];
                SAMLET_UNROLL
                for (size_t n = 0; n < N; ++n) columns[n] = V::load(from + n * V::width);
                if constexpr (R == axial_rows) {
                    const auto four = V::load_four(f);
                    add_row(sums[0], columns, V::template pick<0>(four));
                    add_row(sums[1], columns, V::template pick<1>(four));
                    add_row(sums[2], columns, V::template pick<2>(four));
                    add_row(sums[3], columns, V::template pick<3>(four));
                } else {
                    static_assert(R == 1, "groups of four, or one");
                    add_row(sums[0], columns, V::template pick<0>(V::load_one(f)));
                }
            }
        }
        SAMLET_UNROLL
        for (size_t r = 0; r < R; ++r) {
            SAMLET_UNROLL
            for (size_t n = 0; n < N; ++n) sums[r][n].store(out + r * axial_queries + lane + n * V::width);
        }
    }
}

// One channel of N vectors of queries: of x, or of x + y.
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
    load_columns<both>(x + i * axial_queries, y + i * axial_queries, columns);
    SAMLET_UNROLL
    for (size_t r = 0; r < R; ++r) add_row(sums[r], columns, V::template pick<i>(factors[r]));
}

// Scores of R keys that follow each other: their dim channels times x_row (or x_row + y_row, if both), plus row dim
// of the same. Raises the maximum of every lane. Unless both, y_row is not read.
template <class V, size_t R, bool both>
void scores_of_keys(const float* keys, size_t dim, const float* x_row, const float* y_row, float* scores,
                    float* maximum) {
    constexpr size_t N = V::lane_vectors;
    for (size_t lane = 0; lane < axial_queries; lane += N * V::width) {
        const float* x = x_row + lane;
        const float* y = y_row + lane;
        V sums[R][N];
        load_columns<both>(x + dim * axial_queries, y + dim * axial_queries, sums[0]);
        SAMLET_UNROLL
        for (size_t r = 1; r < R; ++r) {
            SAMLET_UNROLL
            for (size_t n = 0; n < N; ++n) sums[r][n] = sums[0][n];
        }
        const float* key = keys;
        for (size_t k = dim; k > 0; k -= 4, key += 4, x += 4 * axial_queries, y += 4 * axial_queries) {
            typename V::Four factors[R];
            SAMLET_UNROLL
            for (size_t r = 0; r < R; ++r) factors[r] = V::load_four(key + r * dim);
            score_step<0, both>(factors, x, y, sums);
            score_step<1, both>(factors, x, y, sums);
            score_step<2, both>(factors, x, y, sums);
            score_step<3, both>(factors, x, y, sums);
        }
        SAMLET_UNROLL
        for (size_t n = 0; n < N; ++n) {
            V top = V::load(maximum + lane + n * V::width);
            SAMLET_UNROLL
            for (size_t r = 0; r < R; ++r) {
                sums[r][n].store(scores + r * axial_queries + lane + n * V::width);
                top = max(top, sums[r][n]);
            }
            top.store(maximum + lane + n * V::width);
        }
    }
}

// Neighbouring keys that see the same x_row and y_row, in groups as equal as possible.
template <class V, bool both>
void scores_of_place(const float* keys, size_t count, size_t dim, const float* x_row, const float* y_row, float* scores,
                     float* maximum) {
    for (size_t row = 0, rows; row < count; row += rows) {
        rows = group_rows(row, count, axial_rows);
        const float* group = keys + row * dim;
        float* to = scores + row * axial_queries;
        switch (rows) {
            case 4: scores_of_keys<V, 4, both>(group, dim, x_row, y_row, to, maximum); break;
            case 3: scores_of_keys<V, 3, both>(group, dim, x_row, y_row, to, maximum); break;
            case 2: scores_of_keys<V, 2, both>(group, dim, x_row, y_row, to, maximum); break;
            default: scores_of_keys<V, 1, both>(group, dim, x_row, y_row, to, maximum); break;
        }
    }
}

template <class V>
void begin_tile(const AxialScratch& s) {
    for (size_t lane = 0; lane < axial_queries; lane += V::width) V::load(s.maximum + lane).store(s.old_maximum + lane);
}

// Scores become probabilities relative to the maximum; totals and sums so far are to be multiplied by `shrink`.
template <class V>
void probabilities(const AxialScratch& s, size_t keys) {
    for (size_t lane = 0; lane < axial_queries; lane += V::width) {
        const V top = V::load(s.maximum + lane);
        const V shrink = exp2_nonpositive(V::load(s.old_maximum + lane) - top);
        shrink.store(s.shrink + lane);
        V total = V::load(s.total + lane) * shrink;
        float* score = s.scores + lane;
        for (size_t k = 0; k < keys; ++k, score += axial_queries) {
            const V p = exp2_nonpositive(V::load(score) - top);
            p.store(score);
            total = total + p;
        }
        total.store(s.total + lane);
    }
}

// A tile whose scores and new maximum are known: softmax, then values, which lie in runs.
template <class V>
void finish_tile(const AxialScratch& s, size_t dim, const Run* values, size_t run_count) {
    size_t keys = 0;
    for (size_t i = 0; i < run_count; ++i) keys += values[i].count;
    probabilities<V>(s, keys);
    Run runs[tile_height];
    for (size_t c = 0; c < dim; c += axial_rows) {
        for (size_t i = 0; i < run_count; ++i) runs[i] = {values[i].factors + c, values[i].count};
        product_of_columns<V, axial_rows>(runs, run_count, dim, s.scores, s.shrink, s.sums + c * axial_queries);
    }
}

// [queries][stride] -> [channels][axial_queries], scaled; lanes without a query become 0.
template <class V>
void transpose_queries(const AxialTask& task, float* out) {
    const V factor = V::broadcast(task.scale * log2_e);
    for (size_t first = 0; first < axial_queries; first += V::width) {
        const size_t there = first < task.queries ? smaller(task.queries - first, V::width) : 0;
        for (size_t c = 0; c < task.channels; c += V::width) {
            const size_t width = smaller(task.channels - c, V::width);
            V block[V::width];
            for (size_t i = 0; i < V::width; ++i) {
                block[i] = V::zero();
                if (i < there) block[i] = V::load_part(task.q + (first + i) * task.q_stride + c, width) * factor;
            }
            V::transpose(block);
            for (size_t i = 0; i < width; ++i) block[i].store(out + (c + i) * axial_queries + first);
        }
    }
}

// Turns `pairs` pairs of channels back by the angles of one coordinate: R' q.
template <class V>
void turn_back(const float* queries, const float* cosine, const float* sine, size_t pairs, float* out) {
    for (size_t pair = 0; pair < pairs; ++pair) {
        const V c = V::broadcast(cosine[2 * pair]), s = V::broadcast(sine[2 * pair + 1]);
        const float* even = queries + 2 * pair * axial_queries;
        float* to = out + 2 * pair * axial_queries;
        for (size_t lane = 0; lane < axial_queries; lane += V::width) {
            const V a = V::load(even + lane), b = V::load(even + axial_queries + lane);
            mul_add(a, c, b * s).store(to + lane);
            (b * c - a * s).store(to + axial_queries + lane);
        }
    }
}

// Rows 0 .. dim - 1: W' turned; row dim: b . turned.
template <class V>
void project_back(const float* weight, const float* bias, size_t channels, size_t dim, const float* turned,
                  float* out) {
    for (size_t c = 0; c < dim; c += axial_rows) {
        const Run run = {weight + c, channels};
        product_of_columns<V, axial_rows>(&run, 1, dim, turned, nullptr, out + c * axial_queries);
    }
    const Run run = {bias, channels};
    product_of_columns<V, 1>(&run, 1, 1, turned, nullptr, out + dim * axial_queries);
}

// A and B of the head comment, and what stands for them where a key has no place.
template <class V>
void prepare_axial(const AxialTask& task, const AxialScratch& s) {
    const size_t half = task.channels / 2, rows = task.dim + 1;
    transpose_queries<V>(task, s.queries);
    for (size_t p = 0; p < task.grid && task.frames > 0; ++p) {
        const float *cosine = task.cosine + p * half, *sine = task.sine + p * half;
        turn_back<V>(s.queries, cosine, sine, half / 2, s.turned);
        project_back<V>(task.weight, task.bias, half, task.dim, s.turned, s.along_x + p * rows * axial_queries);
        turn_back<V>(s.queries + half * axial_queries, cosine, sine, half / 2, s.turned);
        project_back<V>(task.weight + half * task.dim, task.bias + half, half, task.dim, s.turned,
                        s.along_y + p * rows * axial_queries);
    }
    if (task.free_count > 0) project_back<V>(task.weight, task.bias, task.channels, task.dim, s.queries, s.unturned);
}

template <class V>
void attend_to_places(const AxialTask& task, const AxialScratch& s) {
    const size_t rows = task.dim + 1, place = task.frames * task.dim;
    for (size_t x0 = 0; x0 < task.grid; x0 += tile_width) {
        const size_t width = smaller(tile_width, task.grid - x0);
        for (size_t y0 = 0; y0 < task.grid; y0 += tile_height) {
            const size_t height = smaller(tile_height, task.grid - y0);
            begin_tile<V>(s);
            Run values[tile_height];
            float* scores = s.scores;
            for (size_t y = y0; y < y0 + height; ++y) {
                const size_t first = (y * task.grid + x0) * place;
                values[y - y0] = {task.values + first, width * task.frames};
                for (size_t x = 0; x < width; ++x, scores += task.frames * axial_queries) {
                    scores_of_place<V, true>(task.keys + first + x * place, task.frames, task.dim,
                                             s.along_x + (x0 + x) * rows * axial_queries,
                                             s.along_y + y * rows * axial_queries, scores, s.maximum);
                }
            }
            finish_tile<V>(s, task.dim, values, height);
        }
    }
}

template <class V>
void attend_to_free(const AxialTask& task, const AxialScratch& s) {
    const size_t most = AxialScratch::tile(task.frames);
    for (size_t first = 0; first < task.free_count; first += most) {
        const size_t count = smaller(most, task.free_count - first);
        begin_tile<V>(s);
        scores_of_place<V, false>(task.free_keys + first * task.dim, count, task.dim, s.unturned, s.unturned, s.scores,
                                  s.maximum);
        const Run values = {task.free_values + first * task.dim, count};
        finish_tile<V>(s, task.dim, &values, 1);
    }
}

inline size_t axial_scratch(size_t channels, size_t grid, size_t dim, size_t frames) {
    return AxialScratch::rows(channels, grid, dim, frames) * axial_queries;
}

template <class V>
void attend_axial(const AxialTask& task) {
    const AxialScratch s = AxialScratch::in(task.scratch, task);
    for (size_t i = 0; i < axial_queries; ++i) {
        s.maximum[i] = -__builtin_inff();
        s.total[i] = 0;
    }
    for (size_t i = 0; i < task.dim * axial_queries; ++i) s.sums[i] = 0;
    prepare_axial<V>(task, s);
    if (task.frames > 0) attend_to_places<V>(task, s);
    attend_to_free<V>(task, s);
    for (size_t q = 0; q < task.queries; ++q) {
        const float factor = s.total[q] > 0 ? 1 / s.total[q] : 0;
        float* out = task.out + q * task.out_stride;
        for (size_t c = 0; c < task.dim; ++c) out[c] = s.sums[c * axial_queries + q] * factor;
    }
}

}  // namespace
}  // namespace samlet
