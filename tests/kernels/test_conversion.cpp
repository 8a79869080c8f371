// bfloat16 and half precision, bit by bit.
//
// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

// Of the two bfloat16 around x the nearer, by distance; of two equally near the even one. Written differently
// from the kernels on purpose. Beyond the largest finite one, the next step counts as infinity.
uint16_t nearest_bf16(float x) {
    const uint32_t bits = bits_of(x);
    if (std::isnan(x)) return 0x7fc0;
    const uint32_t down = bits >> 16;  // towards zero
    if ((bits & 0xffff) == 0) return uint16_t(down);
    const uint32_t rest = bits & 0xffff;
    if (rest != 0x8000) return uint16_t(rest < 0x8000 ? down : down + 1);
    return uint16_t(down % 2 == 0 ? down : down + 1);
}

void check_rounding(const Kernels& kernels, const std::vector<float>& x) {
    std::vector<uint16_t> y(x.size());
    kernels.f32_to_bf16(x.data(), x.size(), y.data());
    for (size_t i = 0; i < x.size(); ++i) {
        if (y[i] != nearest_bf16(x[i])) {
            fail_msg("%s: %08x became %04x, want %04x", kernels.name, bits_of(x[i]), y[i],
                     nearest_bf16(x[i]));
        }
    }
}

void rounds_random_bits(void**) {
    each_level([](const Kernels& kernels) {
        Random random(11);
        std::vector<float> x(4001);
        for (int round = 0; round < 250; ++round) {
            for (float& value : x) value = from_bits(random.bits());
            check_rounding(kernels, x);
        }
    });
}

// Each bfloat16 there is, with every interesting rest below it.
void rounds_around_every_value(void**) {
    each_level([](const Kernels& kernels) {
        std::vector<float> x;
        for (uint32_t high = 0; high < 65536; ++high) {
            for (uint32_t rest : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
                x.push_back(from_bits(high << 16 | rest));
        }
        check_rounding(kernels, x);
    });
}

// The same for half precision: of the values there are, the nearest; of two equally near the even one.
uint16_t nearest_f16(float x) {
    const uint16_t sign = uint16_t(bits_of(x) >> 16 & 0x8000);
    const double magnitude = std::fabs(double(x));
    if (std::isnan(x)) return uint16_t(sign | 0x7e00 | (bits_of(x) >> 13 & 0x1ff));
    const auto value = [](uint32_t h) {  // 0x7c00 counts as 2^16
        const int exponent = int(h >> 10), mantissa = int(h & 1023);
        return exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    };
    uint32_t low = 0, high = 0x7c00;  // value(low) <= magnitude
    if (magnitude >= value(high)) return uint16_t(sign | high);
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        (value(middle) <= magnitude ? low : high) = middle;
    }
    const double below = magnitude - value(low), above = value(high) - magnitude;
    return uint16_t(sign | (below < above ? low : above < below ? high : low % 2 == 0 ? low : high));
}

void check_half_rounding(const Kernels& kernels, const std::vector<float>& x) {
    std::vector<uint16_t> y(x.size());
    kernels.f32_to_f16(x.data(), x.size(), y.data());
    for (size_t i = 0; i < x.size(); ++i) {
        if (y[i] != nearest_f16(x[i])) {
            fail_msg("%s: %08x became %04x, want %04x", kernels.name, bits_of(x[i]), y[i], nearest_f16(x[i]));
        }
    }
}

// Random bits, and for each half there is the floats around it and around the middle to the next.
void rounds_to_halves(void**) {
    each_level([](const Kernels& kernels) {
        Random random(12);
        std::vector<float> x(100003);
        for (float& value : x) value = from_bits(random.bits());
        check_half_rounding(kernels, x);
        x.clear();
        for (uint32_t half = 0; half < 0x7c00; ++half) {
            const uint16_t h = uint16_t(half);
            float exact;
            generic_kernels.f16_to_f32(&h, 1, &exact);
            for (uint32_t rest : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu}) {
                x.push_back(from_bits(bits_of(exact) + rest));
                x.push_back(-from_bits(bits_of(exact) + rest));
            }
            x.push_back(exact + 0x1p-25f);
        }
        check_half_rounding(kernels, x);
    });
}

void adds_to_halves(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t n : ragged_sizes) {
            const Input<float> x(n, 1);
            Output<uint16_t> y(n);
            std::vector<uint16_t> want(n);
            for (size_t i = 0; i < n; ++i) {
                y[i] = uint16_t(0xb000 + 97 * i);
                float wide;
                generic_kernels.f16_to_f32(&y[i], 1, &wide);
                want[i] = nearest_f16(wide + x[i]);
            }
            kernels.add_f16(x.data(), n, y.data());
            y.check_guards(kernels.name);
            for (size_t i = 0; i < n; ++i) assert_int_equal(y[i], want[i]);
        }
    });
}

void widens_every_bf16(void**) {
    each_level([](const Kernels& kernels) {
        std::vector<uint16_t> x(65536);
        for (size_t i = 0; i < x.size(); ++i) x[i] = uint16_t(i);
        std::vector<float> y(x.size());
        kernels.bf16_to_f32(x.data(), x.size(), y.data());
        for (size_t i = 0; i < y.size(); ++i) assert_true(bits_of(y[i]) == uint32_t(i) << 16);
    });
}

void widens_every_half(void**) {
    each_level([](const Kernels& kernels) {
        std::vector<uint16_t> x(65536);
        for (size_t i = 0; i < x.size(); ++i) x[i] = uint16_t(i);
        std::vector<float> y(x.size());
        kernels.f16_to_f32(x.data(), x.size(), y.data());
        for (size_t i = 0; i < y.size(); ++i) {
            const int exponent = int(i >> 10 & 31);
            const int mantissa = int(i & 1023);
            if (exponent == 31 && mantissa != 0) {
                assert_true(std::isnan(y[i]));
                continue;
            }
            double want =
                exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
            if (exponent == 31) want = INFINITY;
            if (i >= 32768) want = -want;
            assert_true(bits_of(y[i]) == bits_of(float(want)));
        }
    });
}

void levels_agree_on_nan_bits(void**) {
    std::vector<uint16_t> x;
    for (uint32_t i = 0; i < 65536; ++i) x.push_back(uint16_t(i));
    std::vector<float> want(x.size()), got(x.size());
    generic_kernels.f16_to_f32(x.data(), x.size(), want.data());
    each_level([&](const Kernels& kernels) {
        kernels.f16_to_f32(x.data(), x.size(), got.data());
        assert_memory_equal(got.data(), want.data(), want.size() * sizeof(float));
    });
}

void ragged_sizes_and_guards(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t n : ragged_sizes) {
            const Input<float> x(n, 1);
            Output<uint16_t> narrow(n);
            kernels.f32_to_bf16(x.data(), n, narrow.data());
            narrow.check_guards(kernels.name);
            for (size_t i = 0; i < n; ++i) assert_int_equal(narrow[i], nearest_bf16(x[i]));

            Output<uint16_t> half(n);
            kernels.f32_to_f16(x.data(), n, half.data());
            half.check_guards(kernels.name);
            for (size_t i = 0; i < n; ++i) assert_int_equal(half[i], nearest_f16(x[i]));

            const Input<uint16_t> halves(n);
            for (size_t i = 0; i < n; ++i) halves[i] = uint16_t(0x3c00 + i);
            Output<float> wide(n), wide_bf16(n);
            kernels.f16_to_f32(halves.data(), n, wide.data());
            kernels.bf16_to_f32(halves.data(), n, wide_bf16.data());
            wide.check_guards(kernels.name);
            wide_bf16.check_guards(kernels.name);
            for (size_t i = 0; i < n; ++i) {
                assert_true(wide[i] == 1 + float(i) / 1024);
                assert_true(bits_of(wide_bf16[i]) == uint32_t(halves[i]) << 16);
            }
        }
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(rounds_random_bits),       cmocka_unit_test(rounds_around_every_value),
        cmocka_unit_test(widens_every_bf16),        cmocka_unit_test(widens_every_half),
        cmocka_unit_test(levels_agree_on_nan_bits), cmocka_unit_test(rounds_to_halves),
        cmocka_unit_test(adds_to_halves),           cmocka_unit_test(ragged_sizes_and_guards),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
