// The fast kernels, written once over a vector type and compiled once per instruction set by that folder's table.cpp.
//
// SPDX-License-Identifier: Apache-2.0
//
// Everything in kernels/vector and every simd.h lies in an unnamed namespace, and none of it calls an inline function of
// the standard library: a function of external linkage compiled here, with AVX-512 allowed, could be the copy that the
// linker keeps for the whole program.
//
// The vector type V (simd.h), beside what its signatures say:
//   width                floats per vector, a multiple of 4
//   rows                 rows of a register block of attention
//   tile_floats          size of a tile of keys and values
//   load_part, store_part   the first n < width lanes only, touching no memory beyond; lanes not loaded are 0
//   Four, load_four, load_one, pick<i>   factors that multiply all lanes; pick gives what mul_add takes as second argument
//   transpose            of a block of width vectors, in place
//   max(a, b), min(a, b)   NaN if b is
//   first_lanes(n, yes, no)   lanes below n from yes
//   where_negative(sign, yes, no)   by the sign bit
//   bits_shifted_left_23 the bit pattern, as an integer
//   load_bf16, load_f16, store_bf16   of width halves; store_bf16 rounds to nearest even, NaN becomes 0x7fc0
#pragma once

#include "kernels/kernels.h"
#include "kernels/vector/activation.h"
#include "kernels/vector/attention.h"
#include "kernels/vector/depthwise.h"
#include "kernels/vector/elementwise.h"
#include "kernels/vector/layer_norm.h"
#include "kernels/vector/pack_keys.h"
#include "kernels/vector/resize.h"
#include "kernels/vector/rotary.h"

namespace samlet {
namespace {

template <class V>
constexpr Kernels vector_table(const char* name) {
    return {
        name,           key_panel<V>, attend_block<V>, attend_scratch<V>, pack_keys<V>,   attend<V>,
        layer_norm<V>,  gelu<V>,      sigmoid<V>,      add<V>,            add_scaled<V>,  max4<V>,
        rotate<V>,      depthwise_row<V>, f32_to_bf16<V>, bf16_to_f32<V>, f16_to_f32<V>, resize_row,
    };
}

}  // namespace
}  // namespace samlet
