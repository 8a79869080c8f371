// SPDX-License-Identifier: Apache-2.0
#include "kernels/vector/table.h"

#include "kernels/avx2/simd.h"
#include "kernels/levels.h"

namespace samlet {

constexpr Kernels avx2_kernels = vector_table<Vec>("avx2");

}  // namespace samlet
