// The fast kernels, written once over a vector type and compiled once per instruction set by that folder's
// table.cpp.
//
// SPDX-License-Identifier: Apache-2.0
//
// Everything in kernels/vector and every simd.h lies in an unnamed namespace, and none of it calls an inline
// function of the standard library: a function of external linkage compiled here, with AVX-512 allowed, could
// be the copy that the linker keeps for the whole program.
//
// The vector type V (simd.h), where signatures do not say it all:
//
//   width            floats per vector, a multiple of 4
//   rows             rows of a register block of attention
//   tile_floats      size of a tile of keys and values
//   axial_rows, lane_vectors   of a register block of axial attention: rows of factors, vectors of queries
//   block_queries    queries that pass a tile of keys together
//   *_part           the first n < width lanes only, touching no memory beyond; lanes not loaded are 0
//   Four, pick<i>    four neighbouring scalars, and one of them as the factor b of add_product
//   load_one         as load_four, but reads, and allows to pick, the first only
//   load_bf16, ...   width halves; store_* round to nearest even, NaN becomes 0x7fc0 in bfloat16
//   first_lanes      `yes` in the first n lanes
//   where_negative   `yes` in lanes whose sign bit is set
//   max, min         NaN if b is
#pragma once

#include "kernels/generic/generic.h"
#include "kernels/kernels.h"
#include "kernels/vector/activation.h"
#include "kernels/vector/attention.h"
#include "kernels/vector/axial_attention.h"
#include "kernels/vector/depthwise.h"
#include "kernels/vector/elementwise.h"
#include "kernels/vector/layer_norm.h"
#include "kernels/vector/pack_keys.h"
#include "kernels/vector/rotary.h"

namespace samlet {
namespace {

template <class V>
constexpr Kernels vector_table(const char* name) {
    return {
        name,           nullptr,       key_panel<V>,  V::block_queries, attend_scratch<V>, pack_keys<V>,     attend<V>,
        axial_queries,  axial_scratch<V>, attend_axial<V>, layer_norm<V>,   gelu<V>,          sigmoid<V>,
        add<V>,         add_scaled<V>, max4<V>,          rotate<V>,         depthwise_row<V>, f32_to_bf16<V>,
        bf16_to_f32<V>, f32_to_f16<V>, f16_to_f32<V>,    add_f16<V>,        generic::resize_row,
    };
}

}  // namespace
}  // namespace samlet
