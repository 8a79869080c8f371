// SPDX-License-Identifier: Apache-2.0
#include "kernels/generic/generic.h"

namespace samlet::generic {

void rotate(float* x, const float* cosine, const float* sine, size_t n) {
    for (size_t i = 0; i + 1 < n; i += 2) {
        const float even = x[i] * cosine[i] + x[i + 1] * sine[i];
        const float odd = x[i + 1] * cosine[i + 1] + x[i] * sine[i + 1];
        x[i] = even;
        x[i + 1] = odd;
    }
}

}  // namespace samlet::generic
