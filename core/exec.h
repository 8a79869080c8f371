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

    // Rows that are converted at a time for layers that do not compute in f32: the copies stay in the cache.
    static constexpr size_t kConvertedRows = 1024;

    // y [rows][out] = layer(x [rows][in]).
    void linear(LinearId id, const float* x, size_t rows, float* y) {
        const LinearWeights& layer = weights[id];
        if (layer.precision() == Precision::f32) {
            if (!rehearsing && rows && !linears[id].run_f32(x, rows, y, pool)) defect = true;
            return;
        }
        Arena::Scope scope(scratch);
        const size_t in = layer.in(), out = layer.out(), most = rows < kConvertedRows ? rows : kConvertedRows;
        const bool int8 = layer.precision() == Precision::int8;
        uint8_t* work = scratch.take<uint8_t>(int8 ? Linear::work_bytes(most, in) : 0);
        uint16_t* half_x = scratch.take<uint16_t>(int8 ? 0 : most * in + Linear::kExtraBytes / 2);
        uint16_t* half_y = scratch.take<uint16_t>(int8 ? 0 : most * out);
        for (size_t first = 0; !rehearsing && first < rows; first += most) {
            const size_t n = rows - first < most ? rows - first : most;
            const float* from = x + first * in;
            float* to = y + first * out;
            if (int8) {
                if (!linears[id].run_int8(quantiser, from, n, to, work, pool)) defect = true;
                continue;
            }
            parallel_chunks(n * in, 16384, [&](size_t begin, size_t end, size_t) {
                kernels->f32_to_f16(from + begin, end - begin, half_x + begin);
            });
            if (!linears[id].run_f16(half_x, n, half_y, pool)) defect = true;
            parallel_chunks(n * out, 16384, [&](size_t begin, size_t end, size_t) {
                kernels->f16_to_f32(half_y + begin, end - begin, to + begin);
            });
        }
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
        parallel_chunks(rows, 64, [&](size_t first, size_t last, size_t) {
            kernels->layer_norm(x + first * channels, channels, last - first, channels, gamma, beta, eps,
                                y + first * channels, channels);
        });
    }
    void gelu(float* x, size_t count) {
        parallel_chunks(count, 16384,
                        [&](size_t first, size_t last, size_t) { kernels->gelu(x + first, last - first); });
    }
    // y += x
    void add(const float* x, size_t count, float* y) {
        parallel_chunks(count, 16384, [&](size_t first, size_t last, size_t) {
            kernels->add(x + first, last - first, y + first);
        });
    }
};

}  // namespace samlet
