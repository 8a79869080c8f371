// Products in f16 of every level that has them against the plain ones, and those against sums in double.
//
// SPDX-License-Identifier: Apache-2.0
#include <pthreadpool.h>

#include <vector>

#include "tests/kernels/support.h"
#include "plain_half_gemm.h"

using namespace samlet;
using namespace samlet::test;

namespace {

struct Shape {
    size_t rows, in, out;
};
constexpr Shape kShapes[] = {{1, 1, 1},     {2, 3, 5},    {3, 8, 16},  {4, 15, 17},   {5, 16, 15},
                             {6, 17, 31},   {7, 31, 33},  {8, 32, 32}, {9, 33, 63},   {1, 256, 256},
                             {8, 256, 20},  {33, 64, 65}, {31, 65, 9}, {65, 147, 32}, {70, 96, 66},
                             {3, 1153, 40}, {2, 3072, 7}};

// Calls f(name, gemm) for the plain products and those of every level.
template <class F>
void each_gemm(F f) {
    f("plain", plain_half_gemm);
    each_level([&](const Kernels& kernels) {
        if (kernels.half_gemm != nullptr) f(kernels.name, *kernels.half_gemm);
    });
}

uint16_t to_half(float x) {
    uint16_t h;
    generic_kernels.f32_to_f16(&x, 1, &h);
    return h;
}
float from_half(uint16_t h) {
    float x;
    generic_kernels.f16_to_f32(&h, 1, &x);
    return x;
}

// Sizes of rows and channels vary by these powers of two.
struct Problem {
    Shape shape;
    std::vector<float> x, w, bias;

    Problem(const Shape& s, uint32_t seed, int row_spread = 2, int channel_spread = 2, float low = -1)
        : shape(s), x(s.rows * s.in), w(s.out * s.in), bias(s.out) {
        Random random(seed);
        for (size_t r = 0; r < s.rows; ++r) {
            const float size = std::ldexp(1.0f, int(r * 7 % 5) * row_spread - 2 * row_spread);
            for (size_t i = 0; i < s.in; ++i) x[r * s.in + i] = size * random.between(low, 1);
        }
        for (size_t o = 0; o < s.out; ++o) {
            const float size = std::ldexp(1.0f, int(o * 5 % 7) * channel_spread - 4 * channel_spread);
            for (size_t i = 0; i < s.in; ++i) w[o * s.in + i] = size * random.between(low, 1);
            bias[o] = size * random.between(-1, 1);
        }
    }
    void round_x() {
        for (float& value : x) value = from_half(to_half(value));
    }
    void round_w() {
        for (float& value : w) value = from_half(to_half(value));
    }
};

// A result and what bounds its error: the sum of its terms' magnitudes, the length of their vector, and rows
// and channels times the largest of the other side.
struct Want {
    double y, terms, length, underflow;
};
Want want_of(const Problem& p, size_t r, size_t o) {
    const float *x = p.x.data() + r * p.shape.in, *w = p.w.data() + o * p.shape.in;
    Want want = {double(p.bias[o]), 0, 0, 0};
    double sum_x = 0, sum_w = 0, largest_x = 0, largest_w = 0;
    for (size_t i = 0; i < p.shape.in; ++i) {
        const double term = double(x[i]) * double(w[i]);
        want.y += term;
        want.terms += std::fabs(term);
        want.length += term * term;
        sum_x += std::fabs(double(x[i]));
        sum_w += std::fabs(double(w[i]));
        largest_x = std::fmax(largest_x, std::fabs(double(x[i])));
        largest_w = std::fmax(largest_w, std::fabs(double(w[i])));
    }
    want.length = std::sqrt(want.length);
    want.underflow = 0x1p-17 * (sum_x * largest_w + sum_w * largest_x);
    return want;
}

// Runs a product over `threads` and leaves the result in y, as f32.
std::vector<float> multiply(const char* name, const HalfGemm& gemm, const Problem& p, bool half_x,
                            bool half_y, bool relu, size_t threads = 1) {
    const Shape& s = p.shape;
    const Input<float> x(p.x.size()), w(p.w.size()), bias(p.bias.size());
    const Input<uint16_t> halves(p.x.size());
    for (size_t i = 0; i < p.x.size(); ++i) {
        x[i] = p.x[i];
        halves[i] = to_half(p.x[i]);
    }
    std::memcpy(w.data(), p.w.data(), p.w.size() * sizeof(float));
    std::memcpy(bias.data(), p.bias.data(), p.bias.size() * sizeof(float));
    const Scratch weights((gemm.weight_bytes(s.in, s.out) + 3) / 4),
        rows((gemm.row_bytes(s.rows, s.in) + 3) / 4);
    gemm.pack_weights(w.data(), bias.data(), s.in, s.out, weights.data());
    Output<float> y(s.rows * s.out);
    Output<uint16_t> y_halves(s.rows * s.out);
    struct Context {
        const HalfGemm& gemm;
        HalfGemmTask task;
        const void* x;
        bool half_x;
    } context = {gemm,
                 {rows.data(), weights.data(), s.rows, s.in, s.out, 0, 0,
                  half_y ? static_cast<void*>(y_halves.data()) : y.data(), half_y, relu},
                 half_x ? static_cast<const void*>(halves.data()) : x.data(),
                 half_x};
    const pthreadpool_t pool = threads > 1 ? pthreadpool_create(threads) : nullptr;
    pthreadpool_parallelize_1d(
        pool,
        [](void* context, size_t tile) {
            const Context& c = *static_cast<const Context*>(context);
            c.gemm.pack_rows(c.x, c.half_x, c.task.row_count, c.task.in, tile * c.gemm.row_tile,
                             const_cast<void*>(c.task.rows));
        },
        &context, (s.rows + gemm.row_tile - 1) / gemm.row_tile, PTHREADPOOL_FLAG_DISABLE_DENORMALS);
    pthreadpool_parallelize_2d(
        pool,
        [](void* context, size_t row, size_t column) {
            const Context& c = *static_cast<const Context*>(context);
            HalfGemmTask task = c.task;
            task.first_row = row * c.gemm.row_tile;
            task.first_column = column * c.gemm.column_tile;
            c.gemm.multiply(task);
        },
        &context, (s.rows + gemm.row_tile - 1) / gemm.row_tile,
        (s.out + gemm.column_tile - 1) / gemm.column_tile, PTHREADPOOL_FLAG_DISABLE_DENORMALS);
    if (pool != nullptr) pthreadpool_destroy(pool);
    weights.check(name);
    rows.check(name);
    y.check_guards(name);
    y_halves.check_guards(name);
    std::vector<float> result(s.rows * s.out);
    if (half_y)
        generic_kernels.f16_to_f32(y_halves.data(), result.size(), result.data());
    else
        std::memcpy(result.data(), y.data(), result.size() * sizeof(float));
    return result;
}

// The plain products round factors, once each, and the result: errors add up like random ones, eight standard
// deviations are allowed.
void plain_products_are_products(void**) {
    for (const Shape& shape : kShapes) {
        Problem p(shape, 1);
        for (int halves = 0; halves < 4; ++halves) {
            const bool half_x = halves & 1, half_y = halves & 2;
            const std::vector<float> y = multiply("plain", plain_half_gemm, p, half_x, half_y, false);
            for (size_t r = 0; r < shape.rows; ++r) {
                for (size_t o = 0; o < shape.out; ++o) {
                    const Want want = want_of(p, r, o);
                    const double rounded = (half_x ? 8 : 0) * 0x1p-25 * shape.in +
                                           (half_y ? half_roundoff : 0x1p-24) * std::fabs(want.y);
                    check_near("plain", "product", r * shape.out + o, double(y[r * shape.out + o]), want.y,
                               half_roundoff * std::fmin(8 * want.length, 2.01 * want.terms) +
                                   want.underflow + rounded + 0x1p-24);
                }
            }
        }
    }
}

// What sums add to that: chains of 16 terms, whose 16 roundings have a variance of 16 u^2 / 6 of that of the
// sums (half of them on average, u^2 / 3), four of them added in two steps, and then f32. That is less than 2
// u of the length of the vector of terms: eight standard deviations are allowed. Terms of one sign are worse,
// see below.
double sum_tolerance(const Want& want, const Shape& shape) {
    const double random = 8 * 2 * want.length, all = 18 * want.terms;
    return half_roundoff * std::fmin(random, all) + want.underflow +
           0x1p-24 * double(shape.in) * want.terms / 64 + 0x1p-23 * std::fabs(want.y) + 1e-37;
}

void levels_agree_with_plain_products(void**) {
    each_level([](const Kernels& kernels) {
        if (kernels.half_gemm == nullptr) return;
        double worst = 0, squares = 0, count = 0;
        for (const Shape& shape : kShapes) {
            const Problem p(shape, 2);
            for (int options = 0; options < 8; ++options) {
                const bool half_x = options & 1, half_y = options & 2, relu = options & 4;
                const std::vector<float> got = multiply(kernels.name, *kernels.half_gemm, p, half_x, half_y,
                                                        relu),
                                         plain =
                                             multiply("plain", plain_half_gemm, p, half_x, half_y, relu);
                for (size_t r = 0; r < shape.rows; ++r) {
                    for (size_t o = 0; o < shape.out; ++o) {
                        const size_t at = r * shape.out + o;
                        const Want want = want_of(p, r, o);
                        double allowed = sum_tolerance(want, shape);
                        if (half_y) allowed += half_roundoff * std::fabs(want.y) * 2.01 + 0x1p-14;
                        check_near(kernels.name, "product", at, double(got[at]), double(plain[at]), allowed);
                        if (half_y || relu || want.length == 0) continue;
                        const double error =
                            (double(got[at]) - double(plain[at])) / (want.length * half_roundoff);
                        worst = std::fmax(worst, std::fabs(error));
                        squares += error * error;
                        count += 1;
                    }
                }
            }
        }
        print_message(
            "%s: errors of sums, in units of 2^-11 of the length of the vector of terms: deviation %.2f, "
            "most "
            "%.2f\n",
            kernels.name, std::sqrt(squares / count), worst);
    });
}

// Sums that grow all the way: then roundings are of the whole sum.
void terms_of_one_sign_stay_exact(void**) {
    each_level([](const Kernels& kernels) {
        if (kernels.half_gemm == nullptr) return;
        for (const size_t in : {16, 64, 100, 768, 3072}) {
            const Problem p({9, in, 33}, 3, 2, 2, 0.25f);
            const std::vector<float> got = multiply(kernels.name, *kernels.half_gemm, p, false, false, false),
                                     plain = multiply("plain", plain_half_gemm, p, false, false, false);
            double worst = 0;
            for (size_t r = 0; r < 9; ++r) {
                for (size_t o = 0; o < 33; ++o) {
                    const size_t at = r * 33 + o;
                    const Want want = want_of(p, r, o);
                    // 16 roundings of a sum that grows evenly and two of pairs: 16 / 2 + 2 at the most.
                    check_near(kernels.name, "sum", at, double(got[at]), double(plain[at]),
                               11 * half_roundoff * want.terms);
                    worst = std::fmax(
                        worst, std::fabs(double(got[at]) - double(plain[at])) / want.terms / half_roundoff);
                }
            }
            print_message("%s: %zu terms of one sign: %.2f units of 2^-11 of the sum at most\n", kernels.name,
                          in, worst);
        }
    });
}

// Rows and channels of sizes that halves do not reach; products that f32 does.
void sizes_do_not_matter(void**) {
    each_gemm([](const char* name, const HalfGemm& gemm) {
        const Shape shape = {9, 70, 33};
        const Problem ordinary(shape, 4, 0, 0);
        const std::vector<float> want = multiply(name, gemm, ordinary, false, false, false);
        for (const int exponent : {-60, -30, 17, 60, 100, 120}) {
            Problem p = ordinary;
            for (float& value : p.x) value = std::ldexp(value, exponent);
            for (float& value : p.bias) value = std::ldexp(value, exponent);
            const std::vector<float> got = multiply(name, gemm, p, false, false, false);
            for (size_t i = 0; i < want.size(); ++i) assert_true(got[i] == std::ldexp(want[i], exponent));
        }
        for (const int exponent : {-60, -15, 17, 60}) {
            Problem p = ordinary;
            for (float& value : p.w) value = std::ldexp(value, exponent);
            for (float& value : p.bias) value = std::ldexp(value, exponent);
            const std::vector<float> got = multiply(name, gemm, p, false, false, false);
            for (size_t i = 0; i < want.size(); ++i) assert_true(got[i] == std::ldexp(want[i], exponent));
        }
    });
}

// The largest factors there are, all of one sign, at every length of a chain: nothing overflows inside.
void the_largest_sums_fit(void**) {
    each_gemm([](const char* name, const HalfGemm& gemm) {
        for (const size_t in : {1, 16, 63, 64, 65, 1000}) {
            Problem p({2, in, 3}, 5);
            for (float& value : p.x) value = std::nextafter(64.0f, 0.0f);
            for (float& value : p.w) value = -65504;
            for (float& value : p.bias) value = 0;
            const std::vector<float> got = multiply(name, gemm, p, false, false, false);
            for (const float y : got)
                check_near(name, "sum", in, double(y), -64.0 * 65504 * double(in),
                           64.0 * 65504 * double(in) * 0.006);
        }
    });
}

void zeros_give_the_bias(void**) {
    each_gemm([](const char* name, const HalfGemm& gemm) {
        Problem p({5, 40, 19}, 6);
        for (float& value : p.x) value = 0;
        for (int half_x = 0; half_x < 2; ++half_x) {
            const std::vector<float> got = multiply(name, gemm, p, half_x != 0, false, false);
            for (size_t i = 0; i < got.size(); ++i) assert_true(got[i] == p.bias[i % 19]);
        }
        Problem q({5, 40, 19}, 7);
        for (float& value : q.w) value = 0;
        const std::vector<float> got = multiply(name, gemm, q, false, false, false);
        for (size_t i = 0; i < got.size(); ++i) assert_true(got[i] == q.bias[i % 19]);
    });
}

// Halves that have no f16 any more give infinities where the caller wants halves; what is no number stays in
// its row.
void infinities_stay_where_they_are(void**) {
    each_gemm([](const char* name, const HalfGemm& gemm) {
        const Shape shape = {9, 40, 19};
        Problem p(shape, 8);
        const std::vector<float> want = multiply(name, gemm, p, false, false, false);
        const float bad[] = {INFINITY, -INFINITY, NAN};
        for (size_t i = 0; i < 3; ++i) p.x[(2 * i + 1) * shape.in + 13 * i] = bad[i];
        const std::vector<float> got = multiply(name, gemm, p, false, false, false);
        for (size_t r = 0; r < shape.rows; ++r) {
            for (size_t o = 0; o < shape.out; ++o) {
                const size_t at = r * shape.out + o;
                if (r == 1 || r == 3 || r == 5)
                    assert_false(std::isfinite(got[at]));
                else
                    assert_true(got[at] == want[at]);
            }
        }
        for (float& value : p.x) value = 60000;
        for (float& value : p.w) value = 1;
        for (const float y : multiply(name, gemm, p, true, true, false)) assert_true(std::isinf(y));
        for (const float y : multiply(name, gemm, p, true, false, false))
            assert_true(y > 2.39e6f && y < 2.41e6f);
    });
}

// Also rows of halves that have no leading one: in sessions arithmetic takes those for zero.
void small_halves_count(void**) {
    each_gemm([](const char* name, const HalfGemm& gemm) {
        for (const int exponent : {-24, -18, -15, -10}) {
            Problem p({3, 20, 5}, 11);
            for (size_t i = 0; i < p.x.size(); ++i) p.x[i] = std::ldexp(float(1 + i % 7), exponent);
            for (float& value : p.bias) value = 0;
            const std::vector<float> got = multiply(name, gemm, p, true, false, false);
            for (size_t r = 0; r < 3; ++r) {
                for (size_t o = 0; o < 5; ++o) {
                    const Want want = want_of(p, r, o);
                    check_near(name, "sum", r * 5 + o, double(got[r * 5 + o]), want.y,
                               20 * half_roundoff * want.length);
                }
            }
        }
    });
}

void threads_change_nothing(void**) {
    each_gemm([](const char* name, const HalfGemm& gemm) {
        for (const Shape& shape : {Shape{1, 64, 300}, Shape{7, 96, 190}, Shape{150, 130, 131}}) {
            const Problem p(shape, 9);
            const std::vector<float> want = multiply(name, gemm, p, false, false, true);
            for (const size_t threads : {2, 4}) {
                const std::vector<float> got = multiply(name, gemm, p, false, false, true, threads);
                assert_memory_equal(got.data(), want.data(), want.size() * sizeof(float));
            }
        }
    });
}

// A row's results are the same in any company, as frames of other sizes and batches of other lengths have it.
void rows_do_not_see_each_other(void**) {
    each_gemm([](const char* name, const HalfGemm& gemm) {
        const Shape shape = {37, 80, 40};
        const Problem p(shape, 10);
        const std::vector<float> want = multiply(name, gemm, p, false, false, false);
        for (size_t rows = 1; rows < shape.rows; ++rows) {
            Problem part = p;
            part.shape.rows = rows;
            part.x.resize(rows * shape.in);
            const std::vector<float> got = multiply(name, gemm, part, false, false, false);
            assert_memory_equal(got.data(), want.data(), got.size() * sizeof(float));
        }
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(plain_products_are_products),    cmocka_unit_test(levels_agree_with_plain_products),
        cmocka_unit_test(terms_of_one_sign_stay_exact),   cmocka_unit_test(sizes_do_not_matter),
        cmocka_unit_test(the_largest_sums_fit),           cmocka_unit_test(zeros_give_the_bias),
        cmocka_unit_test(infinities_stay_where_they_are), cmocka_unit_test(small_halves_count),
        cmocka_unit_test(threads_change_nothing),         cmocka_unit_test(rows_do_not_see_each_other),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
