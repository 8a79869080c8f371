// SPDX-License-Identifier: Apache-2.0
#include "kernels/vector/table.h"

#include "kernels/avx512/simd.h"
#include "kernels/levels.h"

namespace samlet {

constexpr Kernels avx512_kernels = vector_table<Vec>("avx512");

}  // namespace samlet
