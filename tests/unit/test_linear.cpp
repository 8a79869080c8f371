// Linear layers in all precisions, from and to maps of both types, against plain sums in double.
//
// SPDX-License-Identifier: Apache-2.0
//
// The tolerance of each result follows from the arithmetic: half a step for each rounding that the precision makes,
// and for sums in half precision (XNNPACK's on ARM) half a step of the partial sums for each term. samlet's own f16
// products sum in f32, save for a few terms: see tests/kernels/test_half_gemm.cpp.
#include "core/exec.h"

#include <vector>

#include "ports/port.h"
#include "tests/kernels/support.h"
#include "plain_half_gemm.h"

using namespace samlet;
using namespace samlet::test;

namespace {

struct Shape {
    size_t in, out, rows;
};
// Ragged, single rows, and more rows than are converted at a time.
constexpr Shape kShapes[] = {{1, 1, 1},    {3, 5, 2},     {7, 9, 13},    {16, 16, 16},  {33, 65, 5},
                             {96, 288, 1}, {147, 32, 70}, {256, 64, 49}, {31, 3, 2065}, {768, 20, 7}, {2047, 3, 300}};

const char* name_of(Precision precision) {
    return precision == Precision::int8 ? "int8" : precision == Precision::f16 ? "f16" : "f32";
}

// Memory that goes with the object.
struct Block {
    explicit Block(size_t bytes) : p(port::allocate(bytes + 64, 64)) {}
    ~Block() { port::release(p); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    void* p;
};

float rounded_to_half(float x) {
    uint16_t h;
    generic_kernels.f32_to_f16(&x, 1, &h);
    generic_kernels.f16_to_f32(&h, 1, &x);
    return x;
}

struct Layer {
    Shape shape;
    Precision precision;
    const HalfGemm* half_gemm;
    std::vector<float> weights, bias, scales;  // weights as the layer has them: rounded
    std::vector<int8_t> numbers;

    Layer(const Shape& s, Precision p, const HalfGemm* gemm = nullptr) : shape(s), precision(p), half_gemm(gemm) {
        Random random(static_cast<uint32_t>(s.in * 31 + s.out));
        weights.resize(s.in * s.out);
        numbers.resize(s.in * s.out);
        for (size_t o = 0; o < s.out; o++) {
            bias.push_back(random.between(-1, 1));
            scales.push_back(random.between(0.001f, 0.02f));
            for (size_t i = 0; i < s.in; i++) {
                const size_t at = o * s.in + i;
                numbers[at] = static_cast<int8_t>(static_cast<int>(random.below(255)) - 127);
                const float w = p == Precision::int8 ? static_cast<float>(numbers[at]) * scales[o]
                                                     : random.between(-1, 1);
                weights[at] = p == Precision::f16 ? rounded_to_half(w) : w;
            }
        }
    }
    LinearSource source() const {
        if (precision == Precision::int8) return {numbers.data(), scales.data(), bias.data()};
        return {weights.data(), nullptr, bias.data()};
    }
};

// The largest error that is allowed for result `o` of the row x.
double tolerance(const Layer& layer, const float* x, size_t o, bool half_in, bool half_out, double want) {
    const size_t n = layer.shape.in;
    const float* w = layer.weights.data() + o * n;
    double terms = std::fabs(static_cast<double>(layer.bias[o])), weights = 0;
    float low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        terms += std::fabs(static_cast<double>(w[i]) * static_cast<double>(x[i]));
        weights += std::fabs(static_cast<double>(w[i]));
        low = std::fmin(low, x[i]);
        high = std::fmax(high, x[i]);
    }
    const double half = 0x1p-11;
    double error = 1e-6 * terms + 1e-6;
    if (half_in) error += half * terms;
    if (half_out) error += half * std::fabs(want);
    if (layer.precision == Precision::f16)
        error += half * (layer.half_gemm ? 3 : 3 + std::sqrt(static_cast<double>(n))) * terms;
    if (layer.precision == Precision::int8)
        error += 0.51 * static_cast<double>(high - low) / 255 * weights * 1.02;
    return error;
}

void check_layer(const Shape& shape, Precision precision, const HalfGemm* half_gemm, Activation activation,
                 bool half_in, bool half_out) {
    const Layer layer(shape, precision, half_gemm);
    LinearWeights weights;
    const Block packed(LinearWeights::packed_bytes(precision, shape.in, shape.out, half_gemm));
    assert_true(weights.pack(precision, shape.in, shape.out, activation, layer.source(), packed.p, half_gemm));

    // Rehearsed, then run in exactly what the rehearsal counted.
    Linear linear;
    Exec exec;
    exec.kernels = find_kernels(nullptr);
    exec.weights = &weights;
    exec.linears = &linear;
    assert_true(linear.create(weights, 0));
    assert_true(exec.quantiser.create(0));
    exec.scratch = Arena::measuring();
    exec.rehearsing = true;
    exec.linear(0, Map{nullptr, half_in}, shape.rows, Map{nullptr, half_out});
    const size_t scratch = exec.scratch.peak();
    const Block work(scratch + 64);
    memset(work.p, 0xa5, scratch + 64);
    exec.scratch = Arena(work.p, scratch);
    exec.rehearsing = false;

    const size_t in_count = shape.rows * shape.in, out_count = shape.rows * shape.out;
    std::vector<float> x(in_count + 16), y(out_count);
    std::vector<uint16_t> half_x(in_count + 16);
    Random random(7);
    for (size_t i = 0; i < in_count; i++) x[i] = random.between(-2, 3);
    Output<float> full(out_count);
    Output<uint16_t> halves(out_count);
    generic_kernels.f32_to_f16(x.data(), in_count, half_x.data());
    exec.linear(0, half_in ? Map{half_x.data(), true} : Map{x.data(), false}, shape.rows,
                half_out ? Map{halves.data(), true} : Map{full.data(), false});
    assert_false(exec.defect);
    full.check_guards(name_of(precision));
    halves.check_guards(name_of(precision));
    for (size_t i = 0; i < 64; i++) assert_int_equal(static_cast<uint8_t*>(work.p)[scratch + i], 0xa5);
    if (half_out)
        generic_kernels.f16_to_f32(halves.data(), out_count, y.data());
    else
        memcpy(y.data(), full.data(), out_count * sizeof(float));
    assert_int_equal(linear.rows(), shape.rows);

    for (size_t r = 0; r < shape.rows; r++)
        for (size_t o = 0; o < shape.out; o++) {
            const float* row = x.data() + r * shape.in;
            double want = static_cast<double>(layer.bias[o]);
            for (size_t i = 0; i < shape.in; i++)
                want += static_cast<double>(layer.weights[o * shape.in + i]) * static_cast<double>(row[i]);
            const double allowed = tolerance(layer, row, o, half_in, half_out, want);
            if (activation == Activation::relu && want < 0) want = 0;
            check_near(name_of(precision), "result", r * shape.out + o,
                       static_cast<double>(y[r * shape.out + o]), want, allowed);
        }
    exec.quantiser.destroy();
    linear.destroy();
}

void check_precision(Precision precision, const HalfGemm* half_gemm = nullptr) {
    if (!half_gemm && !can_compute(precision)) {
        print_message("XNNPACK has no %s on this CPU\n", name_of(precision));
        skip();
    }
    for (const Shape& shape : kShapes)
        for (const Activation activation : {Activation::none, Activation::relu})
            for (int halves = 0; halves < 4; halves++)
                check_layer(shape, precision, half_gemm, activation, (halves & 1) != 0, (halves & 2) != 0);
}

void in_f32(void**) { check_precision(Precision::f32); }
void in_f16_by_xnnpack(void**) { check_precision(Precision::f16); }
void in_f16(void**) {
    const HalfGemm* half_gemm = find_kernels(nullptr)->half_gemm;
    if (!half_gemm) {
        print_message("this CPU has no f16 arithmetic\n");
        skip();
    }
    check_precision(Precision::f16, half_gemm);
}
void in_plain_f16(void**) { check_precision(Precision::f16, &plain_half_gemm); }
void in_int8(void**) { check_precision(Precision::int8); }

// A row that is all the same number has no range of its own: its scale must not become zero or infinite.
void int8_takes_flat_rows(void**) {
    const Layer layer({8, 3, 3}, Precision::int8);
    LinearWeights weights;
    const Block packed(LinearWeights::packed_bytes(Precision::int8, 8, 3));
    assert_true(weights.pack(Precision::int8, 8, 3, Activation::none, layer.source(), packed.p));
    Linear linear;
    Quantiser quantiser;
    assert_true(linear.create(weights, 0));
    assert_true(quantiser.create(0));
    const Block work(Linear::work_bytes(3, 8));
    float x[3 * 8 + 16] = {}, y[9];
    for (int i = 0; i < 8; i++) {
        x[8 + i] = 5;
        x[16 + i] = -1e-30f;
    }
    assert_true(linear.run_int8(quantiser, x, 3, y, work.p, nullptr));
    for (size_t r = 0; r < 3; r++)
        for (size_t o = 0; o < 3; o++) {
            double want = static_cast<double>(layer.bias[o]);
            for (size_t i = 0; i < 8; i++)
                want += static_cast<double>(layer.weights[o * 8 + i]) * static_cast<double>(x[8 * r + i]);
            check_near("int8", "flat row", 3 * r + o, static_cast<double>(y[3 * r + o]), want,
                       tolerance(layer, x + 8 * r, o, false, false, want));
        }
    quantiser.destroy();
    linear.destroy();
}

}  // namespace

int main() {
    if (!start_xnnpack()) return 1;
    const CMUnitTest tests[] = {
        cmocka_unit_test(in_f32),
        cmocka_unit_test(in_f16_by_xnnpack),
        cmocka_unit_test(in_f16),
        cmocka_unit_test(in_plain_f16),
        cmocka_unit_test(in_int8),
        cmocka_unit_test(int8_takes_flat_rows),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
