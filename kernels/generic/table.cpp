// SPDX-License-Identifier: Apache-2.0
#include "kernels/generic/generic.h"

namespace samlet {

const Kernels generic_kernels = {
    "generic",
    nullptr,  // half_gemm: the plain one is for tests
    1,   // key_panel: a packed key is the key itself
    64,  // attend_block
    generic::attend_scratch,
    generic::pack_keys,
    generic::attend,
    64,  // axial_block
    generic::axial_scratch,
    generic::attend_axial,
    generic::layer_norm,
    generic::gelu,
    generic::sigmoid,
    generic::add,
    generic::add_scaled,
    generic::max4,
    generic::rotate,
    generic::depthwise_row,
    generic::f32_to_bf16,
    generic::bf16_to_f32,
    generic::f32_to_f16,
    generic::f16_to_f32,
    generic::add_f16,
    generic::resize_row,
};

}  // namespace samlet
