// The tables of all instruction sets. A build has generic and those of its own architecture.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/kernels.h"

namespace samlet {

extern const Kernels avx2_kernels;    // AVX2, FMA, F16C
extern const Kernels avx512_kernels;  // AVX-512 F, BW, DQ, VL
extern const Kernels neon_kernels;    // AArch64, plain fp32
extern const Kernels neon_fp16_kernels;  // Armv8.2 with fp16 arithmetic

}  // namespace samlet
