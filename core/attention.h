// Multi-head attention between whole sets of tokens, on the fused kernels.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/exec.h"

namespace samlet {

// Keys of all heads as the kernels want them. Packed once, they serve any number of queries.
struct PackedKeys {
    float* data;
    size_t keys, heads, dk;
    size_t head_floats;  // from one head to the next

    // Memory from exec.scratch.
    static PackedKeys take(Exec& exec, size_t keys, size_t heads, size_t dk);
    // Packs keys first .. first + count - 1; k [count][stride] begins with the first of them. `first` is a multiple of
    // kPackUnit.
    void pack(Exec& exec, const float* k, size_t stride, size_t first, size_t count) const;
    static constexpr size_t kPackUnit = 64;  // a multiple of every level's panel
};

// Heads lie side by side in the channels: head h of q, k and v begins at channel h * dk, h * dk, h * dv of a
// row.
struct Attention {
    const float* q;
    size_t q_stride, queries;
    const float* k = nullptr;  // or `packed`
    size_t k_stride = 0, keys;
    const float* v;
    size_t v_stride;
    size_t heads, dk, dv;
    float* out;
    size_t out_stride;
    const PackedKeys* packed = nullptr;
    float* running = nullptr;  // [queries][2] with first/last, one head only: see AttendTask
    bool first = true, last = true;
};

// softmax(q k^T / sqrt(dk)) v per head. Takes packed keys from exec.scratch, unless they are given.
void run_attention(Exec& exec, const Attention& a);

}  // namespace samlet
