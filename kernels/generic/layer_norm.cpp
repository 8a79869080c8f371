// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/generic/generic.h"

namespace samlet::generic {

void layer_norm(const float* x, size_t x_stride, size_t rows, size_t channels, const float* gamma,
                const float* beta, float eps, float* y, size_t y_stride) {
    for (size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
        double sum = 0;
        for (size_t c = 0; c < channels; ++c) sum += double(x[c]);
        const double mean = sum / double(channels);
        double squares = 0;
        for (size_t c = 0; c < channels; ++c) squares += (double(x[c]) - mean) * (double(x[c]) - mean);
        const double scale = 1 / std::sqrt(squares / double(channels) + double(eps));
        for (size_t c = 0; c < channels; ++c)
            y[c] = float((double(x[c]) - mean) * scale) * gamma[c] + beta[c];
    }
}

}  // namespace samlet::generic
