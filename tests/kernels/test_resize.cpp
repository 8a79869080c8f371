// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

void compare(const Kernels& kernels, size_t width, size_t n) {
    const Input<float> top(width, 1), bottom(width, 2), weight(n, 3, 0, 1);
    const Input<uint32_t> left(n), right(n);
    Random random(uint32_t(n + 4));
    for (size_t i = 0; i < n; ++i) {
        left[i] = uint32_t(random.below(width));
        right[i] = uint32_t(left[i] + 1 < width ? left[i] + 1 : left[i]);
    }
    if (n > 0) left[n - 1] = right[n - 1] = uint32_t(width - 1);
    for (float mix : {0.0f, 0.3f, 1.0f}) {
        Output<float> y(n);
        kernels.resize_row(top.data(), bottom.data(), mix, left.data(), right.data(), weight.data(), n,
                           y.data());
        y.check_guards(kernels.name);
        for (size_t i = 0; i < n; ++i) {
            const auto row = [&](uint32_t at) {
                return double(top[at]) + double(mix) * (double(bottom[at]) - double(top[at]));
            };
            const double want = row(left[i]) + double(weight[i]) * (row(right[i]) - row(left[i]));
            check_near(kernels.name, "resize", i, double(y[i]), want, 1e-6);
        }
    }
}

void ragged_shapes(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t n : ragged_sizes) compare(kernels, 29, n);
        compare(kernels, 1, 40);
        compare(kernels, 256, 1024);
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(ragged_shapes)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
