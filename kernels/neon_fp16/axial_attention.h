// Attention to memories with products in f16. The algebra and the order of the work are those of
// kernels/vector/axial_attention.h; kernels/neon_fp16/halves.h tells how ranges are kept.
//
// SPDX-License-Identifier: Apache-2.0
//
// Register blocking. Lanes are queries, 16 to a chunk; products have up to 8 rows of factors times two
// vectors of queries. With 7 memories a step of scores makes 14 multiply-adds, 2 additions and 4 loads (and 7
// loads of factors for 8 steps), one of values 16 multiply-adds and 3 loads. By llvm-mca 19 the inner loops
// reach 87 % and 100 % of the 16 multiply-adds per cycle of a Neoverse N1 (Cortex-A76). With what surrounds
// them, mostly adding the sums to f32, scores reach 52 %, values 75 % and A and B, whose sums are the
// shortest, 43 %, where f32 has 36 %, 50 % and 49 %: the price of the accuracy, see
// kernels/neon_fp16/attention.h, tools/bench/static_cost.py.
//
// What is f16: W, tokens (a scale per tile), queries (one each), A and B (one per query), probabilities, and
// sums of at most `score_depth`, `table_depth` and `value_depth` products. What is f32: queries before and
// while they are turned, a and b, scores, maxima, totals, output. Keys and values are made f16 once per block
// of 128 queries.
//
// Keys have much in common: a code of their place, a mean of their features. Roundings are in proportion to
// sizes, so products are made with keys less a common centre z: W m + b = W (m - z) + (b + W z), of which the
// second part goes into a and b, which are f32. That is exact whatever z is: a sample's mean will do.
#pragma once

#include "kernels/kernels.h"
#include "kernels/neon/simd.h"
#include "kernels/neon_fp16/halves.h"
#include "kernels/vector/axial_attention.h"

namespace samlet {
namespace {

struct HalfAxial {
    static constexpr size_t row = 2 * half_lanes;  // queries of a chunk
    static constexpr size_t rows = 8;              // of a register block
    // Longest sums in f16: of a score, of W times queries, of probabilities times values.
    static constexpr size_t score_depth = 16, table_depth = 8, value_depth = 32;
    static constexpr float weight_limit = 16, query_limit = 16, key_limit = 16,
                           value_limit = 4;        // see halves.h
    static constexpr float score_limit = 0x1p15f;  // of a whole score: what A and B leave of it to keys
    // Turning a pair of channels can bring sqrt(2) of the larger into one.
    static_assert(weight_limit * query_limit * 1.5f * table_depth < 65504, "tables overflow");
    static_assert(256 * value_limit * value_depth < 65504, "sums of values overflow");
};

// Where a chunk keeps things; unless said otherwise, every row has one number for each of its queries. `dim`
// is rounded up to whole vectors, channels that are not there count as zeros.
struct HalfChunk {
    float* queries;            // [channels], scaled
    float* along_x;            // [grid]: a
    float* along_y;            // [grid]: b
    float* unplaced;           // [1]: a + b for keys without a place
    float* scores;             // [tile]
    float* sums;               // [dim]
    float* maximum;            // [1], in units of log 2
    float* old_maximum;        // [1]: before this tile
    float* total;              // [1]
    float* shrink;             // [1]
    float* query_size;         // [1]: what `queries` are to be multiplied by
    float* table_size;         // [1]: what A and B are to be multiplied by
    float16_t* halves_x;       // [grid][dim]: A
    float16_t* halves_y;       // [grid][dim]: B
    float16_t* halves_free;    // [dim]: A + B for keys without a place
    float16_t* probabilities;  // [tile]
};

// What all chunks of a block share.
struct HalfBlock {
    explicit HalfBlock(const AxialTask& t) : task(t) {}

    const AxialTask& task;
    size_t dim;          // rounded up
    float16_t* weight;   // [channels][dim]
    float weight_size;   // what products with it are to be multiplied by
    float norm1, norm2;  // largest length of a column of W: upper and lower half of the channels
    float* centre;       // [task.dim]: of keys
    float* bias;         // [channels]: b + W centre
    float* token;        // [task.dim]: a key less the centre
    float16_t* keys;     // of a tile
    float16_t* values;
    float key_size, value_size;
    float16_t* turned;  // [channels / 2][row]
    float* product;     // [dim][row]
    HalfChunk chunks[axial_queries / HalfAxial::row];
};

inline size_t axial_tile(size_t frames) {
    return larger(frames * tile_width * tile_height, 64);
}

// Cuts scratch into parts, or, without memory, adds them up.
class HalfRoom {
  public:
    explicit HalfRoom(float* memory) : memory_(memory) {}
    float* floats(size_t n) {
        float* p = memory_ == nullptr ? nullptr : memory_ + used_;
        used_ += round_up(n, 16);
        return p;
    }
    float16_t* halves(size_t n) { return reinterpret_cast<float16_t*>(floats((n + 1) / 2)); }
    size_t used() const { return used_; }

  private:
    float* memory_;
    size_t used_ = 0;
};

inline size_t axial_chunks(size_t queries) {
    return (queries + HalfAxial::row - 1) / HalfAxial::row;
}

inline void lay_out(HalfRoom& room, size_t channels, size_t grid, size_t dim, size_t frames, size_t queries,
                    HalfBlock& b) {
    constexpr size_t row = HalfAxial::row;
    const size_t tile = axial_tile(frames);
    b.weight = room.halves(channels * dim);
    b.keys = room.halves(tile * dim);
    b.values = room.halves(tile * dim);
    b.turned = room.halves(channels / 2 * row);
    b.product = room.floats(dim * row);
    b.bias = room.floats(channels);
    b.centre = room.floats(dim);
    b.token = room.floats(dim);
    for (size_t i = 0; i < axial_chunks(queries); ++i) {
        HalfChunk& c = b.chunks[i];
        c.queries = room.floats(channels * row);
        c.along_x = room.floats(grid * row);
        c.along_y = room.floats(grid * row);
        c.scores = room.floats(tile * row);
        c.sums = room.floats(dim * row);
        float** const ones[] = {&c.unplaced, &c.maximum,    &c.old_maximum, &c.total,
                                &c.shrink,   &c.query_size, &c.table_size};
        for (float** one : ones) *one = room.floats(row);
        c.halves_x = room.halves(grid * dim * row);
        c.halves_y = room.halves(grid * dim * row);
        c.halves_free = room.halves(dim * row);
        c.probabilities = room.halves(tile * row);
    }
}

// ---- Products ---------------------------------------------------------------------------------------------

// out[r] += factor (sum over k < count of factors[k][r] right[k]), r = 0 .. 7.
SAMLET_APART inline void add_product_of_columns(const float16_t* factors, size_t stride,
                                                const float16_t* right, size_t count, float factor,
                                                float* out) {
    float16x8_t sums[HalfAxial::rows][2];
    clear(sums);
    for (size_t k = count; k > 0; --k, factors += stride, right += HalfAxial::row) {
        SAMLET_HOT_LOOP("axial values", HalfAxial::rows * HalfAxial::row);
        const float16x8_t low = vld1q_f16(right), high = vld1q_f16(right + half_lanes),
                          eight = vld1q_f16(factors);
        for_eight([&](auto i) {
            sums[i.value][0] = add_product<i.value>(sums[i.value][0], low, eight);
            sums[i.value][1] = add_product<i.value>(sums[i.value][1], high, eight);
        });
    }
    SAMLET_UNROLL
    for (size_t r = 0; r < HalfAxial::rows; ++r) flush(sums[r], factor, true, out + r * HalfAxial::row);
}

// The same for `dim` rows, in sums of at most `depth` products, as equal as possible.
inline void add_product_of_rows(const float16_t* factors, size_t dim, const float16_t* right, size_t count,
                                size_t depth, float factor, float* out) {
    for (size_t k = 0, run; k < count; k += run) {
        run = group_rows(k, count, depth);
        for (size_t r = 0; r < dim; r += HalfAxial::rows)
            add_product_of_columns(factors + k * dim + r, dim, right + k * HalfAxial::row, run, factor,
                                   out + r * HalfAxial::row);
    }
}

// What the scores of a place are made of.
struct HalfPlace {
    const float16_t *x, *y;   // [dim][row]: rows of A and B; y is not read for tokens without a place
    const float *a, *b;       // [row]
    const float* table_size;  // [row]
    float key_size;
};

// Scores of R keys that follow each other. Raises the maximum of every query.
template <size_t R, bool both>
SAMLET_APART void scores_of_half_keys(const HalfPlace& place, const float16_t* keys, size_t dim,
                                      float* scores, float* maximum) {
    constexpr size_t row = HalfAxial::row;
    const float16_t *x = place.x, *y = place.y;
    float32x4_t factor[4];
    SAMLET_UNROLL
    for (size_t n = 0; n < 4; ++n) {
        factor[n] = vmulq_n_f32(vld1q_f32(place.table_size + 4 * n), place.key_size);
        float32x4_t shift = vld1q_f32(place.a + 4 * n);
        if (both) shift = vaddq_f32(shift, vld1q_f32(place.b + 4 * n));
        SAMLET_UNROLL
        for (size_t r = 0; r < R; ++r) vst1q_f32(scores + r * row + 4 * n, shift);
    }
    for (size_t left = dim; left > 0; left -= smaller(left, HalfAxial::score_depth)) {
        float16x8_t sums[R][2];
        clear(sums);
        for (size_t k = smaller(left, HalfAxial::score_depth); k > 0; k -= half_lanes, keys += half_lanes) {
            SAMLET_HOT_LOOP("axial scores", both ? R * row * half_lanes : 0);
            float16x8_t factors[R];
            SAMLET_UNROLL
            for (size_t r = 0; r < R; ++r) factors[r] = vld1q_f16(keys + r * dim);
            for_eight([&](auto i) {
                float16x8_t low = vld1q_f16(x), high = vld1q_f16(x + half_lanes);
                if constexpr (both) {
                    low = vaddq_f16(low, vld1q_f16(y));
                    high = vaddq_f16(high, vld1q_f16(y + half_lanes));
                }
                multiply_halves<i.value>(factors, low, high, sums);
                x += row;
                if constexpr (both) y += row;
            });
        }
        leave_in_memory(scores);
        SAMLET_UNROLL
        for (size_t r = 0; r < R; ++r) {
            const float32x4_t parts[4] = {widen_low(sums[r][0]), widen_high(sums[r][0]),
                                          widen_low(sums[r][1]), widen_high(sums[r][1])};
            SAMLET_UNROLL
            for (size_t n = 0; n < 4; ++n) {
                float* score = scores + r * row + 4 * n;
                vst1q_f32(score, vfmaq_f32(vld1q_f32(score), parts[n], factor[n]));
            }
        }
    }
    SAMLET_UNROLL
    for (size_t n = 0; n < 4; ++n) {
        float32x4_t top = vld1q_f32(maximum + 4 * n);
        SAMLET_UNROLL
        for (size_t r = 0; r < R; ++r) top = vmaxq_f32(top, vld1q_f32(scores + r * row + 4 * n));
        vst1q_f32(maximum + 4 * n, top);
    }
}

// Calls the version for the number of keys.
template <bool both, size_t R = HalfAxial::rows>
void scores_of_half_rows(size_t rows, const HalfPlace& place, const float16_t* keys, size_t dim,
                         float* scores, float* maximum) {
    if (rows == R) return scores_of_half_keys<R, both>(place, keys, dim, scores, maximum);
    if constexpr (R > 1) scores_of_half_rows<both, R - 1>(rows, place, keys, dim, scores, maximum);
}

template <bool both>
void scores_of_half_place(const HalfPlace& place, const float16_t* keys, size_t count, size_t dim,
                          float* scores, float* maximum) {
    for (size_t key = 0, rows; key < count; key += rows) {
        rows = group_rows(key, count, HalfAxial::rows);
        scores_of_half_rows<both>(rows, place, keys + key * dim, dim, scores + key * HalfAxial::row, maximum);
    }
}

// ---- Preparation ------------------------------------------------------------------------------------------

// Largest length of a column of rows x dim numbers, all smaller than 1 / scale.
inline float longest_column(const float* rows, size_t count, size_t dim, float scale) {
    float longest = 0;
    for (size_t i = 0; i < dim; ++i) {
        float squares = 0;
        for (size_t c = 0; c < count; ++c) squares += rows[c * dim + i] * scale * (rows[c * dim + i] * scale);
        longest = squares > longest ? squares : longest;
    }
    return __builtin_sqrtf(longest) / scale;
}

inline void prepare_weight(HalfBlock& b) {
    const AxialTask& task = b.task;
    const size_t half = task.channels / 2;
    const float scale =
        scale_below(HalfAxial::weight_limit, largest_of(task.weight, task.channels * task.dim, 0));
    b.weight_size = 1 / scale;
    b.norm1 = longest_column(task.weight, half, task.dim, scale);
    b.norm2 = longest_column(task.weight + half * task.dim, half, task.dim, scale);
    for (size_t c = 0; c < task.channels; ++c)
        narrow_row(task.weight + c * task.dim, task.dim, scale, b.weight + c * b.dim, b.dim);
}

// What keys have in common: the mean of those of some places, all frames of each. Without such keys, 0.
inline void prepare_centre(HalfBlock& b) {
    const AxialTask& task = b.task;
    const size_t places = task.grid * task.grid, step = places / 64 | 1;
    const float share = 1 / (float((places + step - 1) / step) * float(task.frames));
    for (size_t i = 0; i < task.dim; i += 4) {
        float32x4_t sum = vdupq_n_f32(0);
        for (size_t place = 0; place < places; place += step) {
            const float* key = task.keys + place * task.frames * task.dim + i;
            for (size_t f = 0; f < task.frames; ++f, key += task.dim)
                sum = vfmaq_n_f32(sum, vld1q_f32(key), share);
        }
        vst1q_f32(b.centre + i, sum);
    }
    for (size_t c = 0; c < task.channels; ++c) {
        float32x4_t sum = vdupq_n_f32(0);
        for (size_t i = 0; i < task.dim; i += 4)
            sum = vfmaq_f32(sum, vld1q_f32(task.weight + c * task.dim + i), vld1q_f32(b.centre + i));
        b.bias[c] = task.bias[c] + vaddvq_f32(sum);
    }
}

// Length of query i over `count` channels, as scaled.
inline float query_length(const float* queries, size_t i, size_t count) {
    float squares = 0;
    for (size_t c = 0; c < count; ++c)
        squares += queries[c * HalfAxial::row + i] * queries[c * HalfAxial::row + i];
    return __builtin_sqrtf(squares);
}

// Queries first .. of the task -> [channels][row], each scaled, those that are not there 0; and the scale of
// A and B: rotation keeps lengths, so none of their sums of `dim` products with keys can reach score_limit.
inline void prepare_queries(const HalfBlock& b, size_t first, const HalfChunk& c) {
    const AxialTask& task = b.task;
    const size_t half = task.channels / 2;
    for (size_t i = 0; i < HalfAxial::row; ++i) {
        const bool there = first + i < task.queries;
        const float* q = there ? task.q + (first + i) * task.q_stride : nullptr;
        const float scale = scale_below(HalfAxial::query_limit, there ? largest_of(q, task.channels, 0) : 0);
        for (size_t k = 0; k < task.channels; ++k)
            c.queries[k * HalfAxial::row + i] = there ? q[k] * scale : 0;
        c.query_size[i] = task.scale * log2_e / scale;
        const float bound = (query_length(c.queries, i, half) * b.norm1 +
                             query_length(c.queries + half * HalfAxial::row, i, half) * b.norm2) *
                            __builtin_fabsf(c.query_size[i]) * float(b.dim);
        c.table_size[i] = 1 / scale_below(HalfAxial::score_limit / HalfAxial::key_limit,
                                          bound > 0x1p-100f ? bound : 0x1p-100f);
        c.maximum[i] = -__builtin_inff();
        c.total[i] = 0;
    }
    for (size_t i = 0; i < b.dim * HalfAxial::row; ++i) c.sums[i] = 0;
}

// Turns `pairs` pairs of channels back by the angles of one coordinate, R' q, into halves; null angles leave
// them as they are. Returns bias . R' q in `shift`, added to what is there if `add`.
inline void turn_halves(const float* queries, const float* cosine, const float* sine, const float* bias,
                        size_t pairs, const float* query_size, bool add, float16_t* out, float* shift) {
    constexpr size_t row = HalfAxial::row;
    float32x4_t sums[4] = {};
    for (size_t pair = 0; pair < pairs; ++pair, queries += 2 * row, out += 2 * row) {
        const float32x4_t c = vdupq_n_f32(cosine ? cosine[2 * pair] : 1),
                          s = vdupq_n_f32(sine ? sine[2 * pair + 1] : 0);
        float32x4_t even[4], odd[4];
        SAMLET_UNROLL
        for (size_t n = 0; n < 4; ++n) {
            const float32x4_t x = vld1q_f32(queries + 4 * n), y = vld1q_f32(queries + row + 4 * n);
            even[n] = vfmaq_f32(vmulq_f32(y, s), x, c);
            odd[n] = vfmsq_f32(vmulq_f32(y, c), x, s);
            sums[n] = vfmaq_n_f32(vfmaq_n_f32(sums[n], even[n], bias[2 * pair]), odd[n], bias[2 * pair + 1]);
        }
        vst1q_f16(out, narrow(even[0], even[1]));
        vst1q_f16(out + half_lanes, narrow(even[2], even[3]));
        vst1q_f16(out + row, narrow(odd[0], odd[1]));
        vst1q_f16(out + row + half_lanes, narrow(odd[2], odd[3]));
    }
    SAMLET_UNROLL
    for (size_t n = 0; n < 4; ++n) {
        const float32x4_t old = add ? vld1q_f32(shift + 4 * n) : vdupq_n_f32(0);
        vst1q_f32(shift + 4 * n, vfmaq_f32(old, sums[n], vld1q_f32(query_size + 4 * n)));
    }
}

// product += W' turned, for half of the channels.
inline void project_halves(const HalfBlock& b, size_t channel, float* product) {
    add_product_of_rows(b.weight + channel * b.dim, b.dim, b.turned, b.task.channels / 2,
                        HalfAxial::table_depth, b.weight_size, product);
}

inline void write_table(const HalfBlock& b, const HalfChunk& c, float16_t* table) {
    float32x4_t factor[4];
    for (size_t n = 0; n < 4; ++n)
        factor[n] = vdivq_f32(vld1q_f32(c.query_size + 4 * n), vld1q_f32(c.table_size + 4 * n));
    for (size_t k = 0; k < b.dim * HalfAxial::row; k += HalfAxial::row) {
        for (size_t n = 0; n < 4; n += 2) {
            const float* from = b.product + k + 4 * n;
            vst1q_f16(table + k + 4 * n, narrow(vmulq_f32(vld1q_f32(from), factor[n]),
                                                vmulq_f32(vld1q_f32(from + 4), factor[n + 1])));
        }
    }
}

inline void clear_product(const HalfBlock& b) {
    __builtin_memset(b.product, 0, b.dim * HalfAxial::row * sizeof *b.product);
}

inline void prepare_half_chunk(const HalfBlock& b, size_t first, const HalfChunk& c) {
    constexpr size_t row = HalfAxial::row;
    const AxialTask& task = b.task;
    const size_t half = task.channels / 2, pairs = half / 2;
    const float* lower = c.queries + half * row;
    prepare_queries(b, first, c);
    for (size_t p = 0; p < task.grid && task.frames > 0; ++p) {
        const float *cosine = task.cosine + p * half, *sine = task.sine + p * half;
        clear_product(b);
        turn_halves(c.queries, cosine, sine, b.bias, pairs, c.query_size, false, b.turned,
                    c.along_x + p * row);
        project_halves(b, 0, b.product);
        write_table(b, c, c.halves_x + p * b.dim * row);
        clear_product(b);
        turn_halves(lower, cosine, sine, b.bias + half, pairs, c.query_size, false, b.turned,
                    c.along_y + p * row);
        project_halves(b, half, b.product);
        write_table(b, c, c.halves_y + p * b.dim * row);
    }
    if (task.free_count == 0) return;
    clear_product(b);
    turn_halves(c.queries, nullptr, nullptr, b.bias, pairs, c.query_size, false, b.turned, c.unplaced);
    project_halves(b, 0, b.product);
    turn_halves(lower, nullptr, nullptr, b.bias + half, pairs, c.query_size, true, b.turned, c.unplaced);
    project_halves(b, half, b.product);
    write_table(b, c, c.halves_free);
}

// ---- Tiles ------------------------------------------------------------------------------------------------

// A token less the centre, if there is one.
inline const float* centred(const HalfBlock& b, const float* token, const float* centre) {
    if (centre == nullptr) return token;
    for (size_t i = 0; i < b.task.dim; i += 4)
        vst1q_f32(b.token + i, vsubq_f32(vld1q_f32(token + i), vld1q_f32(centre + i)));
    return b.token;
}

// Tokens that lie in runs -> halves below `limit`, one after the other. Returns what products with them are
// to be multiplied by.
inline float narrow_tokens(const HalfBlock& b, const Run* runs, size_t run_count, const float* centre,
                           float limit, float16_t* to) {
    const size_t dim = b.task.dim;
    float largest = 0;
    for (size_t i = 0; i < run_count; ++i) {
        for (size_t k = 0; k < runs[i].count; ++k)
            largest = largest_of(centred(b, runs[i].factors + k * dim, centre), dim, largest);
    }
    const float scale = scale_below(limit, largest);
    for (size_t i = 0; i < run_count; ++i) {
        for (size_t k = 0; k < runs[i].count; ++k, to += b.dim)
            narrow_row(centred(b, runs[i].factors + k * dim, centre), dim, scale, to, b.dim);
    }
    return 1 / scale;
}
inline void narrow_tile(HalfBlock& b, const Run* keys, const Run* values, size_t runs) {
    b.key_size = narrow_tokens(b, keys, runs, b.centre, HalfAxial::key_limit, b.keys);
    b.value_size = narrow_tokens(b, values, runs, nullptr, HalfAxial::value_limit, b.values);
}

// Scores become probabilities, 256 times as large, relative to the maximum; the total and the sums so far
// shrink with it.
inline void half_probabilities(const HalfChunk& c, size_t keys, size_t dim) {
    constexpr size_t row = HalfAxial::row;
    for (size_t i = 0; i < row; i += half_lanes) {
        const float32x4_t low_top = vld1q_f32(c.maximum + i), high_top = vld1q_f32(c.maximum + i + 4);
        const Vec low_shrink = exp2_nonpositive(Vec{vsubq_f32(vld1q_f32(c.old_maximum + i), low_top)});
        const Vec high_shrink = exp2_nonpositive(Vec{vsubq_f32(vld1q_f32(c.old_maximum + i + 4), high_top)});
        low_shrink.store(c.shrink + i);
        high_shrink.store(c.shrink + i + 4);
        float32x4_t low = vmulq_f32(vld1q_f32(c.total + i), low_shrink.v);
        float32x4_t high = vmulq_f32(vld1q_f32(c.total + i + 4), high_shrink.v);
        for (size_t k = i; k < keys * row; k += row) {
            const float16x8_t p = exp2_times_256(narrow(vsubq_f32(vld1q_f32(c.scores + k), low_top),
                                                        vsubq_f32(vld1q_f32(c.scores + k + 4), high_top)));
            vst1q_f16(c.probabilities + k, p);
            low = vaddq_f32(low, widen_low(p));
            high = vaddq_f32(high, widen_high(p));
        }
        vst1q_f32(c.total + i, low);
        vst1q_f32(c.total + i + 4, high);
    }
    for (size_t k = 0; k < dim * row; k += row) {
        SAMLET_UNROLL
        for (size_t n = 0; n < row; n += 4)
            (Vec::load(c.sums + k + n) * Vec::load(c.shrink + n)).store(c.sums + k + n);
    }
}

inline void begin_half_tile(const HalfChunk& c) {
    __builtin_memcpy(c.old_maximum, c.maximum, HalfAxial::row * sizeof *c.maximum);
}
inline void finish_half_tile(const HalfBlock& b, const HalfChunk& c, size_t keys) {
    half_probabilities(c, keys, b.dim);
    add_product_of_rows(b.values, b.dim, c.probabilities, keys, HalfAxial::value_depth, b.value_size, c.sums);
}

// The places x0 .. x0 + width - 1, y0 .. y0 + height - 1.
inline void attend_to_half_tile(HalfBlock& b, size_t chunks, size_t x0, size_t width, size_t y0,
                                size_t height) {
    constexpr size_t row = HalfAxial::row;
    const AxialTask& task = b.task;
    const size_t place = task.frames * task.dim, keys = width * height * task.frames;
    Run key_runs[tile_height], value_runs[tile_height];
    for (size_t y = 0; y < height; ++y) {
        const size_t first = ((y0 + y) * task.grid + x0) * place;
        key_runs[y] = {task.keys + first, width * task.frames};
        value_runs[y] = {task.values + first, width * task.frames};
    }
    narrow_tile(b, key_runs, value_runs, height);
    for (size_t i = 0; i < chunks; ++i) {
        const HalfChunk& c = b.chunks[i];
        const float16_t* key = b.keys;
        float* scores = c.scores;
        begin_half_tile(c);
        for (size_t y = y0; y < y0 + height; ++y) {
            for (size_t x = x0; x < x0 + width;
                 ++x, key += task.frames * b.dim, scores += task.frames * row) {
                const HalfPlace at = {c.halves_x + x * b.dim * row,
                                      c.halves_y + y * b.dim * row,
                                      c.along_x + x * row,
                                      c.along_y + y * row,
                                      c.table_size,
                                      b.key_size};
                scores_of_half_place<true>(at, key, task.frames, b.dim, scores, c.maximum);
            }
        }
        finish_half_tile(b, c, keys);
    }
}

inline void attend_to_half_free(HalfBlock& b, size_t chunks) {
    const AxialTask& task = b.task;
    const size_t most = axial_tile(task.frames);
    for (size_t first = 0; first < task.free_count; first += most) {
        const size_t count = smaller(most, task.free_count - first);
        const Run keys = {task.free_keys + first * task.dim, count},
                  values = {task.free_values + first * task.dim, count};
        narrow_tile(b, &keys, &values, 1);
        for (size_t i = 0; i < chunks; ++i) {
            const HalfChunk& c = b.chunks[i];
            begin_half_tile(c);
            const HalfPlace at = {c.halves_free, nullptr, c.unplaced, nullptr, c.table_size, b.key_size};
            scores_of_half_place<false>(at, b.keys, count, b.dim, c.scores, c.maximum);
            finish_half_tile(b, c, count);
        }
    }
}

inline void write_half_chunk(const AxialTask& task, size_t first, const HalfChunk& c) {
    for (size_t i = 0; i < HalfAxial::row && first + i < task.queries; ++i) {
        const float factor = c.total[i] > 0 ? 1 / c.total[i] : 0;
        float* out = task.out + (first + i) * task.out_stride;
        for (size_t k = 0; k < task.dim; ++k) out[k] = c.sums[k * HalfAxial::row + i] * factor;
    }
}

inline size_t axial_scratch_halves(size_t channels, size_t grid, size_t dim, size_t frames, size_t queries) {
    HalfRoom room(nullptr);
    const AxialTask task = {};
    HalfBlock block(task);
    lay_out(room, channels, grid, round_up(dim, half_lanes), frames, queries, block);
    return room.used();
}

inline void attend_axial_halves(const AxialTask& task) {
    HalfRoom room(task.scratch);
    HalfBlock block(task);
    block.dim = round_up(task.dim, half_lanes);
    lay_out(room, task.channels, task.grid, block.dim, task.frames, task.queries, block);
    prepare_weight(block);
    prepare_centre(block);
    const size_t chunks = axial_chunks(task.queries);
    for (size_t i = 0; i < chunks; ++i) prepare_half_chunk(block, i * HalfAxial::row, block.chunks[i]);
    for (size_t x = 0; x < task.grid && task.frames > 0; x += tile_width) {
        for (size_t y = 0; y < task.grid; y += tile_height)
            attend_to_half_tile(block, chunks, x, smaller(tile_width, task.grid - x), y,
                                smaller(tile_height, task.grid - y));
    }
    attend_to_half_free(block, chunks);
    for (size_t i = 0; i < chunks; ++i) write_half_chunk(task, i * HalfAxial::row, block.chunks[i]);
}

}  // namespace
}  // namespace samlet
