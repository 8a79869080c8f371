// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

// Rows of `channels` values around `offset`, normalised by the level and in double precision.
void compare(const Kernels& kernels, size_t rows, size_t channels, size_t gap, float offset,
             double tolerance) {
    const size_t stride = channels + gap;
    const size_t floats = rows == 0 || channels == 0 ? 0 : rows * stride - gap;
    const Input<float> x(floats, uint32_t(channels + 1), offset - 2, offset + 3);
    const Input<float> gamma(channels, 5, 0.5f, 2), beta(channels, 6);
    const float eps = 1e-6f;
    Output<float> y(rows, channels, channels + 2 * gap);
    kernels.layer_norm(x.data(), stride, rows, channels, gamma.data(), beta.data(), eps, y.data(),
                       y.stride());
    y.check_guards(kernels.name);
    for (size_t r = 0; r < rows; ++r) {
        double mean = 0, variance = 0;
        for (size_t c = 0; c < channels; ++c) mean += double(x[r * stride + c]);
        mean /= double(channels);
        for (size_t c = 0; c < channels; ++c) variance += std::pow(double(x[r * stride + c]) - mean, 2);
        variance /= double(channels);
        for (size_t c = 0; c < channels; ++c) {
            const double normal = (double(x[r * stride + c]) - mean) / std::sqrt(variance + double(eps));
            const double want = normal * double(gamma[c]) + double(beta[c]);
            check_near(kernels.name, "layer_norm", r * channels + c, double(y.at(r, c)), want, tolerance);
        }
    }
}

void ragged_shapes(void**) {
    each_level([](const Kernels& kernels) {
        // With few channels the variance may be tiny against the values, and one channel is its own mean.
        for (size_t channels : ragged_sizes) compare(kernels, 3, channels, 0, 0, channels < 4 ? 1e-3 : 2e-5);
        for (size_t channels : {1, 16, 37, 96, 256, 768}) compare(kernels, 5, channels, 5, 0, 2e-5);
        for (size_t rows : {0, 1, 2}) compare(kernels, rows, 96, 1, 0, 1e-5);
    });
}

// A mean a thousand times the deviation must not eat the variance: what one-pass statistics would do.
void large_mean(void**) {
    each_level([](const Kernels& kernels) { compare(kernels, 2, 256, 0, 1500, 2e-3); });
}

void constant_row_gives_beta(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t channels : {1, 16, 33, 96}) {
            const Input<float> x(channels), gamma(channels, 1), beta(channels, 2);
            for (size_t c = 0; c < channels; ++c) x[c] = 2;
            Output<float> y(channels);
            kernels.layer_norm(x.data(), channels, 1, channels, gamma.data(), beta.data(), 1e-5f, y.data(),
                               channels);
            for (size_t c = 0; c < channels; ++c) assert_true(y[c] == beta[c]);
        }
    });
}

void in_place(void**) {
    each_level([](const Kernels& kernels) {
        const size_t channels = 61;
        const Input<float> x(2 * channels, 3), gamma(channels, 4), beta(channels, 5);
        Output<float> apart(2, channels, channels), same(2, channels, channels);
        same.set(x.data());
        kernels.layer_norm(x.data(), channels, 2, channels, gamma.data(), beta.data(), 1e-6f, apart.data(),
                           channels);
        kernels.layer_norm(same.data(), channels, 2, channels, gamma.data(), beta.data(), 1e-6f, same.data(),
                           channels);
        same.check_guards(kernels.name);
        assert_memory_equal(same.data(), apart.data(), 2 * channels * sizeof(float));
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ragged_shapes),
        cmocka_unit_test(large_mean),
        cmocka_unit_test(constant_row_gives_beta),
        cmocka_unit_test(in_place),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
