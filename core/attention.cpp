// SPDX-License-Identifier: Apache-2.0
#include "core/attention.h"

#include <cmath>

namespace samlet {

void run_attention(Exec& exec, const Attention& a) {
    Arena::Scope scope(exec.scratch);
    const Kernels& kernels = *exec.kernels;
    const size_t panel = kernels.key_panel;
    const size_t padded = (a.keys + panel - 1) / panel * panel;
    float* packed = exec.floats(a.heads * padded * a.dk);
    const size_t scratch_size =
        Arena::rounded(kernels.attend_scratch(a.dk, a.dv) * sizeof(float)) / sizeof(float);
    float* scratch = exec.floats(scratch_size * exec.threads);
    const float scale = 1.0f / std::sqrt(static_cast<float>(a.dk));

    const size_t pack_keys = panel * ((256 + panel - 1) / panel);  // keys per work item
    const size_t pack_items = (a.keys + pack_keys - 1) / pack_keys;
    exec.parallel(a.heads * pack_items, [&](size_t item, size_t) {
        const size_t head = item / pack_items, first = item % pack_items * pack_keys;
        const size_t count = a.keys - first < pack_keys ? a.keys - first : pack_keys;
        kernels.pack_keys(a.k + first * a.k_stride + head * a.dk, a.k_stride, count, a.dk,
                          packed + (head * padded + first) * a.dk);
    });

    // Few queries leave threads without work if a block takes all of them.
    size_t block = kernels.attend_block;
    const size_t share = (a.queries * a.heads + exec.threads - 1) / exec.threads;
    if (block > share) block = share ? share : 1;
    const size_t blocks = (a.queries + block - 1) / block;
    exec.parallel(a.heads * blocks, [&](size_t item, size_t thread) {
        const size_t head = item / blocks, first = item % blocks * block;
        AttendTask task;
        task.q = a.q + first * a.q_stride + head * a.dk;
        task.q_stride = a.q_stride;
        task.queries = a.queries - first < block ? a.queries - first : block;
        task.packed_keys = packed + head * padded * a.dk;
        task.key_count = a.keys;
        task.dk = a.dk;
        task.v = a.v + head * a.dv;
        task.v_stride = a.v_stride;
        task.dv = a.dv;
        task.scale = scale;
        task.out = a.out + first * a.out_stride + head * a.dv;
        task.out_stride = a.out_stride;
        task.running = a.running ? a.running + 2 * first : nullptr;
        task.first = a.first;
        task.last = a.last;
        task.scratch = scratch + thread * scratch_size;
        kernels.attend(task);
    });
}

}  // namespace samlet
