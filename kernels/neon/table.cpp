// SPDX-License-Identifier: Apache-2.0
#include "kernels/vector/table.h"

#include "kernels/levels.h"
#include "kernels/neon/simd.h"

namespace samlet {

constexpr Kernels neon_kernels = vector_table<Vec>("neon");

}  // namespace samlet
