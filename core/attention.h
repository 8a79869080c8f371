// Multi-head attention between whole sets of tokens, on the fused kernels.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/exec.h"

namespace samlet {

// Heads lie side by side in the channels: head h of q, k and v begins at channel h * dk, h * dk, h * dv of a
// row.
struct Attention {
    const float* q;
    size_t q_stride, queries;
    const float* k;
    size_t k_stride, keys;
    const float* v;
    size_t v_stride;
    size_t heads, dk, dv;
    float* out;
    size_t out_stride;
    float* running = nullptr;  // [queries][2] with first/last, one head only: see AttendTask
    bool first = true, last = true;
};

// softmax(q k^T / sqrt(dk)) v per head. Takes packed keys from exec.scratch.
void run_attention(Exec& exec, const Attention& a);

}  // namespace samlet
