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
    Linear* linears = nullptr;               // of the session, by LinearId
    pthreadpool_t pool = nullptr;            // null: the calling thread alone
    size_t threads = 1;
    uint32_t pool_flags = 0;
    Arena scratch;
    bool rehearsing = false;
    bool defect = false;  // an operator refused to run: the session reports it

    float* floats(size_t count) { return scratch.take<float>(count); }

    // y [rows][out] = layer(x [rows][in]).
    void linear(LinearId id, const float* x, size_t rows, float* y) {
        if (!rehearsing && rows && !linears[id].run(x, rows, y, pool)) defect = true;
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
