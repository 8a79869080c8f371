// SPDX-License-Identifier: Apache-2.0
#include <cfloat>
#include <vector>

#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

double exact_gelu(double x) {
    return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5)));
}

// [-10, 10] finely, then powers of two of either sign up to the largest float, zeros and denormals.
std::vector<float> interesting_values() {
    std::vector<float> values;
    for (int i = -200000; i <= 200000; ++i) values.push_back(float(i) * 5e-5f);
    for (float size = FLT_TRUE_MIN; size < INFINITY; size *= 2) {
        for (float factor : {1.0f, -1.0f, 1.37f, -1.37f}) {
            if (std::fabs(size * factor) <= FLT_MAX) values.push_back(size * factor);
        }
    }
    for (float x : {0.0f, -0.0f, FLT_MAX, -FLT_MAX, 12.0f, -12.0f, -13.2f, 88.0f, -88.0f, -103.0f})
        values.push_back(x);
    return values;
}

void gelu_is_accurate(void**) {
    const std::vector<float> values = interesting_values();
    each_level([&](const Kernels& kernels) {
        std::vector<float> y = values;
        kernels.gelu(y.data(), y.size());
        for (size_t i = 0; i < values.size(); ++i) {
            const double x = double(values[i]);
            check_near(kernels.name, "gelu", i, double(y[i]), exact_gelu(x), 2e-7 * (1 + std::fabs(x)));
        }
    });
}

void sigmoid_is_accurate(void**) {
    const std::vector<float> values = interesting_values();
    each_level([&](const Kernels& kernels) {
        std::vector<float> y(values.size());
        for (float scale : {1.0f, 20.0f}) {
            const float bias = scale == 1 ? 0.0f : -10.0f;
            kernels.sigmoid(values.data(), y.size(), scale, bias, y.data());
            for (size_t i = 0; i < values.size(); ++i) {
                const double want = double(scale) / (1 + std::exp(-double(values[i]))) + double(bias);
                check_near(kernels.name, "sigmoid", i, double(y[i]), want, 2e-7 * double(scale));
            }
        }
    });
}

// Far left of zero the sigmoid is the exponential function: its relative accuracy shows.
void sigmoid_keeps_relative_accuracy(void**) {
    each_level([](const Kernels& kernels) {
        for (float x = -20; x > -86; x -= 0.0137f) {
            float y;
            kernels.sigmoid(&x, 1, 1, 0, &y);
            const double want = std::exp(double(x)) / (1 + std::exp(double(x)));
            check_near(kernels.name, "sigmoid", 0, double(y) / want, 1, 3e-7 + 8e-8 * std::fabs(double(x)));
        }
    });
}

void infinities(void**) {
    each_level([](const Kernels& kernels) {
        std::vector<float> x(40, INFINITY), y(40);
        for (size_t i = 1; i < x.size(); i += 2) x[i] = -INFINITY;
        kernels.sigmoid(x.data(), x.size(), 1, 0, y.data());
        for (size_t i = 0; i < y.size(); ++i) assert_true(y[i] == (i % 2 == 0 ? 1.0f : 0.0f));
        for (float& value : x) value = INFINITY;
        kernels.gelu(x.data(), x.size());
        for (float value : x) assert_true(value == INFINITY);
        for (float& value : x) value = -INFINITY;
        kernels.gelu(x.data(), x.size());
        for (float value : x) assert_true(value == 0);  // the limit, where the formula has no value
    });
}

void nan_stays_nan(void**) {
    each_level([](const Kernels& kernels) {
        std::vector<float> x(37, NAN), y(37);
        kernels.sigmoid(x.data(), x.size(), 1, 0, y.data());
        kernels.gelu(x.data(), x.size());
        for (size_t i = 0; i < x.size(); ++i) assert_true(std::isnan(x[i]) && std::isnan(y[i]));
    });
}

void ragged_sizes_and_guards(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t n : ragged_sizes) {
            const Input<float> x(n, uint32_t(n), -5, 5);
            Output<float> y(n), z(n);
            y.set(x.data());
            kernels.gelu(y.data(), n);
            y.check_guards(kernels.name);
            kernels.sigmoid(x.data(), n, 2, -1, z.data());
            z.check_guards(kernels.name);
            for (size_t i = 0; i < n; ++i) {
                check_near(kernels.name, "gelu", i, double(y[i]), exact_gelu(double(x[i])), 1e-6);
                check_near(kernels.name, "sigmoid", i, double(z[i]), 2 / (1 + std::exp(-double(x[i]))) - 1,
                           1e-6);
            }
        }
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(gelu_is_accurate),
        cmocka_unit_test(sigmoid_is_accurate),
        cmocka_unit_test(sigmoid_keeps_relative_accuracy),
        cmocka_unit_test(infinities),
        cmocka_unit_test(nan_stays_nan),
        cmocka_unit_test(ragged_sizes_and_guards),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
