// What a stage runs with: kernels, linear layers, threads and scratch.
//
// SPDX-License-Identifier: Apache-2.0
//
// Rehearsal: a stage can be run with a measuring scratch arena and `rehearsing` set; then linear() and
// parallel() do nothing, and the arena's peak is what the stage needs. A stage must therefore touch data only
// inside these two.
#pragma once

#include <pthreadpool.h>

#include <cstddef>
#include <cstdint>

#include "core/arena.h"
#include "core/map.h"
#include "core/weights.h"
#include "kernels/kernels.h"
#include "kernels/xnnpack.h"

namespace samlet {

struct Exec {
    const Kernels* kernels = nullptr;
    const LinearWeights* weights = nullptr;  // of the model, by LinearId
    Linear* linears = nullptr;               // of the session, by LinearId
    Quantiser quantiser;
    pthreadpool_t pool = nullptr;            // null: the calling thread alone
    size_t threads = 1;
    uint32_t pool_flags = 0;
    Arena scratch;
    bool rehearsing = false;
    bool defect = false;  // an operator refused to run: the session reports it

    float* floats(size_t count) { return scratch.take<float>(count); }
    // How this session stores maps; where it is in halves, stages also prefer less scratch to a little more speed.
    bool half_maps = false;
    Map map(size_t count) { return {scratch.take_bytes(count * (half_maps ? 2 : 4)), half_maps}; }

    // Rows that are converted at a time where a layer computes in another type than its input or output is stored in:
    // the copies stay in the cache.
    static constexpr size_t kConvertedRows = 1024;
    // Rows for half_linear() that are packed at a time: bytes of them. Less would read weights more often, for nothing
    // where they come from memory.
    static constexpr size_t kPackedBytes = 1 << 20;

    // y [rows][out] = layer(x [rows][in]).
    void linear(LinearId id, const float* x, size_t rows, float* y) {
        linear(id, Map{const_cast<float*>(x), false}, rows, Map{y, false});
    }
    void linear(LinearId id, const Map& x, size_t rows, float* y) { linear(id, x, rows, Map{y, false}); }
    void linear(LinearId id, const Map& x, size_t rows, const Map& y) {
        const LinearWeights& layer = weights[id];
        if (layer.half_gemm()) return half_linear(layer, linears + id, x, rows, y);
        const size_t in = layer.in(), out = layer.out();
        const Precision precision = layer.precision();
        const bool f16 = precision == Precision::f16, int8 = precision == Precision::int8;
        const bool convert_x = x.half != f16, convert_y = y.half != f16;
        const size_t most = (convert_x || convert_y || int8) && rows > kConvertedRows ? kConvertedRows : rows;
        Arena::Scope scope(scratch);
        const Map own_x = {convert_x ? scratch.take_bytes(most * in * (f16 ? 2 : 4) + Linear::kExtraBytes) : nullptr,
                           f16};
        const Map own_y = {convert_y ? scratch.take_bytes(most * out * (f16 ? 2 : 4)) : nullptr, f16};
        void* work = int8 ? scratch.take_bytes(Linear::work_bytes(most, in)) : nullptr;
        for (size_t first = 0; !rehearsing && first < rows; first += most) {
            Linear& op = linears[id];
            const size_t n = rows - first < most ? rows - first : most;
            const Map from = convert_x ? own_x : x.from(first * in), to = convert_y ? own_y : y.from(first * out);
            if (convert_x) convert(x.from(first * in), n * in, own_x);
            const bool ran = f16    ? op.run_f16(from.f16(), n, to.f16(), pool)
                             : int8 ? op.run_int8(quantiser, from.f32(), n, to.f32(), work, pool)
                                    : op.run_f32(from.f32(), n, to.f32(), pool);
            if (!ran) defect = true;
            if (convert_y) convert(own_y, n * out, y.from(first * out));
        }
    }
    // The same where samlet multiplies itself, in tiles: those of one thread have weights in common.
    void half_linear(const LinearWeights& layer, Linear* counter, const Map& x, size_t rows, const Map& y) {
        const HalfGemm& gemm = *layer.half_gemm();
        const size_t in = layer.in(), out = layer.out();
        const size_t fitting = kPackedBytes / gemm.row_bytes(gemm.row_tile, in) * gemm.row_tile;
        const size_t most = rows < fitting ? rows : fitting > gemm.row_tile ? fitting : gemm.row_tile;
        Arena::Scope scope(scratch);
        void* const packed = scratch.take_bytes(gemm.row_bytes(most, in));
        for (size_t first = 0; !rehearsing && first < rows; first += most) {
            const size_t n = rows - first < most ? rows - first : most;
            const size_t row_tiles = (n + gemm.row_tile - 1) / gemm.row_tile;
            const size_t column_tiles = (out + gemm.column_tile - 1) / gemm.column_tile;
            const Map from = x.from(first * in), to = y.from(first * out);
            parallel(row_tiles, [&](size_t tile, size_t) {
                gemm.pack_rows(from.data, from.half, n, in, tile * gemm.row_tile, packed);
            });
            parallel(row_tiles * column_tiles, [&](size_t tile, size_t) {
                gemm.multiply({packed, layer.packed(), n, in, out, tile % row_tiles * gemm.row_tile,
                               tile / row_tiles * gemm.column_tile, to.data, to.half,
                               layer.activation() == Activation::relu});
            });
            counter->count(n);
        }
    }
    // From one type to the other.
    void convert(const Map& x, size_t count, const Map& y) {
        parallel_chunks(count, 16384, [&](size_t first, size_t last, size_t) {
            if (x.half)
                x.from(first).load(*kernels, last - first, y.f32() + first);
            else
                y.from(first).store(*kernels, x.f32() + first, last - first);
        });
    }

    // body(item, thread) for every item of 0 .. count - 1, in any order, on thread 0 .. threads - 1.
    template <typename Body>
    void parallel(size_t count, const Body& body) {
        if (rehearsing || count == 0) return;
        pthreadpool_parallelize_1d_with_thread(
            pool,
            [](void* context, size_t thread, size_t item) {
                (*static_cast<const Body*>(context))(item, thread);
            },
            const_cast<Body*>(&body), count, pool_flags);
    }

    // The same in chunks: body(first, last, thread).
    template <typename Body>
    void parallel_chunks(size_t count, size_t chunk, const Body& body) {
        parallel((count + chunk - 1) / chunk, [&](size_t item, size_t thread) {
            const size_t first = item * chunk, last = first + chunk;
            body(first, last < count ? last : count, thread);
        });
    }

    void layer_norm(const float* x, size_t rows, size_t channels, const float* gamma, const float* beta,
                    float eps, float* y) {
        layer_norm(Map{const_cast<float*>(x), false}, rows, channels, gamma, beta, eps, y);
    }
    void layer_norm(const Map& x, size_t rows, size_t channels, const float* gamma, const float* beta, float eps,
                    float* y) {
        parallel_chunks(rows, 64, [&](size_t first, size_t last, size_t) {
            norm_rows(x.from(first * channels), last - first, channels, gamma, beta, eps, y + first * channels);
        });
    }
    // The same on the calling thread.
    void norm_rows(const Map& x, size_t rows, size_t channels, const float* gamma, const float* beta, float eps,
                   float* y) const {
        if (x.half) x.load(*kernels, rows * channels, y);
        kernels->layer_norm(x.half ? y : x.f32(), channels, rows, channels, gamma, beta, eps, y, channels);
    }
    void gelu(float* x, size_t count) {
        parallel_chunks(count, 16384,
                        [&](size_t first, size_t last, size_t) { kernels->gelu(x + first, last - first); });
    }
    // y += x
    void add(const float* x, size_t count, float* y) { add(x, count, Map{y, false}); }
    void add(const float* x, size_t count, const Map& y) {
        parallel_chunks(count, 16384, [&](size_t first, size_t last, size_t) {
            y.from(first).add(*kernels, x + first, last - first);
        });
    }
};

}  // namespace samlet
