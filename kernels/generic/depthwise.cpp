// SPDX-License-Identifier: Apache-2.0
#include "kernels/generic/generic.h"

namespace samlet::generic {

void depthwise_row(const DepthwiseRowTask& task) {
    const size_t half = task.size / 2;
    for (size_t x = 0; x < task.width; ++x) {
        for (size_t c = 0; c < task.channels; ++c) {
            float sum = task.bias[c];
            for (size_t dy = 0; dy < task.size; ++dy) {
                if (task.rows[dy] == nullptr) continue;
                for (size_t dx = 0; dx < task.size; ++dx) {
                    const size_t at = x + dx - half;  // wraps to a huge number left of the map
                    if (at >= task.width) continue;
                    sum += task.rows[dy][at * task.channels + c] *
                           task.weights[(dy * task.size + dx) * task.channels + c];
                }
            }
            task.out[x * task.channels + c] = sum;
        }
    }
}

}  // namespace samlet::generic
