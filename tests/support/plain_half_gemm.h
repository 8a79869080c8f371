// What a product of kernels/half_gemm.h means, summed in double: the yardstick of its tests. No part of the
// library, where a CPU without f16 arithmetic computes in f32.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/half_gemm.h"

namespace samlet {

extern const HalfGemm plain_half_gemm;

}  // namespace samlet
