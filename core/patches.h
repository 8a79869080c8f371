// Gathers the patches of a strided convolution, so that it becomes a linear layer.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace samlet {

// Rows first .. last - 1 of the output map of a size x size convolution with stride 2 and zero padding over a
// side x side x channels map: [rows][side / 2][size][size][channels].
void gather_patches(const float* map, size_t side, size_t channels, size_t size, size_t padding, size_t first,
                    size_t last, float* patches);

}  // namespace samlet
