// Additions, the maximum of four and the rotary code.
//
// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

void additions(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t n : ragged_sizes) {
            const Input<float> x(n, 1), before(n, 2);
            Output<float> y(n), z(n);
            y.set(before.data());
            z.set(before.data());
            kernels.add(x.data(), n, y.data());
            kernels.add_scaled(x.data(), 0.7f, n, z.data());
            y.check_guards(kernels.name);
            z.check_guards(kernels.name);
            for (size_t i = 0; i < n; ++i) {
                assert_true(y[i] == before[i] + x[i]);
                const double want = double(before[i]) + double(0.7f) * double(x[i]);
                check_near(kernels.name, "add_scaled", i, double(z[i]), want, 2e-7);
            }
        }
    });
}

void adding_to_itself(void**) {
    each_level([](const Kernels& kernels) {
        const Input<float> before(37, 3);
        Output<float> y(37);
        y.set(before.data());
        kernels.add(y.data(), 37, y.data());
        for (size_t i = 0; i < 37; ++i) assert_true(y[i] == 2 * before[i]);
    });
}

void maximum_of_four(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t n : ragged_sizes) {
            const Input<float> a(n, 1), b(n, 2), c(n, 3), d(n, 4);
            Output<float> y(n), in_place(n);
            in_place.set(c.data());
            kernels.max4(a.data(), b.data(), c.data(), d.data(), n, y.data());
            kernels.max4(a.data(), b.data(), in_place.data(), d.data(), n, in_place.data());
            y.check_guards(kernels.name);
            in_place.check_guards(kernels.name);
            for (size_t i = 0; i < n; ++i) {
                const float want = std::fmax(std::fmax(a[i], b[i]), std::fmax(c[i], d[i]));
                assert_true(y[i] == want && in_place[i] == want);
            }
        }
    });
}

void maximum_of_extremes(void**) {
    const float values[] = {-INFINITY, -3e38f, -1, -1e-45f, 0, 1e-45f, 1, 3e38f, INFINITY};
    each_level([&](const Kernels& kernels) {
        for (float a : values) {
            for (float b : values) {
                float y[2];
                const float pa[2] = {a, b}, pb[2] = {b, a}, low[2] = {-INFINITY, -INFINITY};
                kernels.max4(pa, pb, low, low, 2, y);
                assert_true(y[0] == std::fmax(a, b) && y[1] == y[0]);
            }
        }
    });
}

void rotation(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t n : ragged_sizes) {
            if (n % 2 != 0) continue;
            const Input<float> before(n, 1), cosine(n), sine(n);
            Random random(7);
            for (size_t i = 0; i < n; i += 2) {
                const float angle = random.between(-7, 7);
                cosine[i] = cosine[i + 1] = std::cos(angle);
                sine[i + 1] = std::sin(angle);
                sine[i] = -sine[i + 1];
            }
            Output<float> x(n);
            x.set(before.data());
            kernels.rotate(x.data(), cosine.data(), sine.data(), n);
            x.check_guards(kernels.name);
            for (size_t i = 0; i < n; i += 2) {
                const double c = double(cosine[i]), s = double(sine[i + 1]);
                const double re = double(before[i]), im = double(before[i + 1]);
                check_near(kernels.name, "rotate", i, double(x[i]), re * c - im * s, 2e-7);
                check_near(kernels.name, "rotate", i + 1, double(x[i + 1]), im * c + re * s, 2e-7);
            }
        }
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(additions),       cmocka_unit_test(adding_to_itself),
        cmocka_unit_test(maximum_of_four), cmocka_unit_test(maximum_of_extremes),
        cmocka_unit_test(rotation),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
