// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/generic/generic.h"

namespace samlet::generic {

void gelu(float* x, size_t n) {
    const float inverse_sqrt2 = 0.70710678118654752f;
    for (size_t i = 0; i < n; ++i) {
        const float twice = 1 + std::erf(x[i] * inverse_sqrt2);
        x[i] = twice == 0 ? 0 : 0.5f * x[i] * twice;  // of -infinity, too
    }
}

void sigmoid(const float* x, size_t n, float scale, float bias, float* y) {
    for (size_t i = 0; i < n; ++i) y[i] = scale / (1 + std::exp(-x[i])) + bias;
}

}  // namespace samlet::generic
