// Attention and matrix products in f16, everything else as neon/ has it.
//
// There is no level with int8 scores. SDOT makes twice as many multiply-adds per cycle (32 on a Neoverse N1),
// but A + B of axial attention does not fit eight bits: its two products would have to be made apart, which
// takes the time of f16. In plain attention scores are half of the work, so a quarter of it could be saved at
// best, for seven bits instead of eleven.
//
// SPDX-License-Identifier: Apache-2.0
#include "kernels/vector/table.h"

#include "kernels/levels.h"
#include "kernels/neon/simd.h"
#include "kernels/neon_fp16/attention.h"
#include "kernels/neon_fp16/axial_attention.h"
#include "kernels/neon_fp16/gemm.h"

namespace samlet {
namespace {

constexpr Kernels with_halves(Kernels kernels) {
    kernels.half_gemm = &half_gemm;
    kernels.key_panel = HalfAttention::panel;
    kernels.attend_block = HalfAttention::block_queries;
    kernels.attend_scratch = attend_scratch_halves;
    kernels.pack_keys = pack_key_halves;
    kernels.attend = attend_halves;
    kernels.axial_block = axial_queries;
    kernels.axial_scratch = axial_scratch_halves;
    kernels.attend_axial = attend_axial_halves;
    return kernels;
}

}  // namespace

constexpr Kernels neon_fp16_kernels = with_halves(vector_table<Vec>("neon_fp16"));

}  // namespace samlet
