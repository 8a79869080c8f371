// SPDX-License-Identifier: Apache-2.0
#include "core/patches.h"

#include <cstring>

namespace samlet {

void gather_patches(const float* map, size_t side, size_t channels, size_t size, size_t padding, size_t first,
                    size_t last, float* patches) {
    float* out = patches;
    for (size_t y = first; y < last; y++)
        for (size_t x = 0; x < side / 2; x++)
            for (size_t ky = 0; ky < size; ky++)
                for (size_t kx = 0; kx < size; kx++, out += channels) {
                    // Wraps around for positions before the map, which then compare as outside too.
                    const size_t py = 2 * y + ky - padding, px = 2 * x + kx - padding;
                    if (py < side && px < side)
                        memcpy(out, map + (py * side + px) * channels, channels * sizeof(float));
                    else
                        memset(out, 0, channels * sizeof(float));
                }
}

}  // namespace samlet
