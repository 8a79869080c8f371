// SPDX-License-Identifier: Apache-2.0
#include "core/attention.h"

#include <cmath>

namespace samlet {

PackedKeys PackedKeys::take(Exec& exec, size_t keys, size_t heads, size_t dk) {
    const size_t panel = exec.kernels->key_panel, head_floats = (keys + panel - 1) / panel * panel * dk;
    return {exec.floats(heads * head_floats), keys, heads, dk, head_floats};
}

void PackedKeys::pack(Exec& exec, const float* k, size_t stride, size_t first, size_t count) const {
    constexpr size_t kItem = 256;  // keys per work item
    static_assert(kItem % kPackUnit == 0, "items begin where panels do");
    const size_t items = (count + kItem - 1) / kItem;
    exec.parallel(heads * items, [&](size_t item, size_t) {
        const size_t head = item / items, at = item % items * kItem;
        exec.kernels->pack_keys(k + at * stride + head * dk, stride, count - at < kItem ? count - at : kItem, dk,
                                data + head * head_floats + (first + at) * dk);
    });
}

void run_attention(Exec& exec, const Attention& a) {
    Arena::Scope scope(exec.scratch);
    const Kernels& kernels = *exec.kernels;
    PackedKeys packed;
    if (a.packed) {
        packed = *a.packed;
    } else {
        packed = PackedKeys::take(exec, a.keys, a.heads, a.dk);
        packed.pack(exec, a.k, a.k_stride, 0, a.keys);
    }
    const size_t scratch_size =
        Arena::rounded(kernels.attend_scratch(a.dk, a.dv) * sizeof(float)) / sizeof(float);
    float* scratch = exec.floats(scratch_size * exec.threads);
    const float scale = 1.0f / std::sqrt(static_cast<float>(a.dk));

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
        task.packed_keys = packed.data + head * packed.head_floats;
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
