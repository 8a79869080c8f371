// SPDX-License-Identifier: Apache-2.0
#include "kernels/generic/generic.h"

namespace samlet::generic {

// At every level: four loads from anywhere against three multiply-adds; gathering them into a vector costs more than it
// saves.
void resize_row(const float* top, const float* bottom, float mix, const uint32_t* left, const uint32_t* right,
                const float* weight, size_t n, float* y) {
    for (size_t i = 0; i < n; ++i) {
        const float a = top[left[i]] + mix * (bottom[left[i]] - top[left[i]]);
        const float b = top[right[i]] + mix * (bottom[right[i]] - top[right[i]]);
        y[i] = a + weight[i] * (b - a);
    }
}

}  // namespace samlet::generic
