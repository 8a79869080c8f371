// How fast the kernels of every level of this CPU are, in multiply-accumulates or elements per second, beside
// XNNPACK's f32 product in the same process: only ratios within one run mean anything on a shared machine.
//
// SPDX-License-Identifier: Apache-2.0
//
// cmake -DSAMLET_BUILD_BENCH=ON ..., then samlet_bench --benchmark_filter=axial
#include "kernels/kernels.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/xnnpack.h"
#include "ports/port.h"

namespace {

using samlet::Kernels;

// Aligned, filled with numbers between -1 and 1.
class Floats {
  public:
    explicit Floats(size_t n)
        : data_(static_cast<float*>(samlet::port::allocate((n + 16) * sizeof(float), 64))) {
        uint32_t state = 1;
        for (size_t i = 0; i < n; i++) {
            state = state * 1664525u + 1013904223u;
            data_[i] = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
        }
    }
    ~Floats() { samlet::port::release(data_); }
    Floats(const Floats&) = delete;
    Floats& operator=(const Floats&) = delete;
    operator float*() const { return data_; }

  private:
    float* data_;
};

void report(benchmark::State& state, const char* what, double per_iteration) {
    state.counters[what] = benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}

void xnnpack_product(benchmark::State& state) {
    constexpr size_t rows = 4096, in = 256, out = 2048;
    samlet::start_xnnpack();
    Floats x(rows * in), w(in * out), bias(out), y(rows * out),
        packed(samlet::LinearWeights::packed_bytes(samlet::Precision::f32, in, out) / 4);
    samlet::LinearWeights weights;
    samlet::Linear linear;
    weights.pack(samlet::Precision::f32, in, out, samlet::Activation::none, {static_cast<float*>(w), nullptr, bias},
                 static_cast<float*>(packed));
    linear.create(weights, 0);
    for (auto _ : state) linear.run_f32(x, rows, y, nullptr);
    linear.destroy();
    report(state, "MAC/s", double(rows) * in * out);
}
BENCHMARK(xnnpack_product)->Unit(benchmark::kMillisecond);

// queries, keys, dk, dv; packing included
void attend(benchmark::State& state, const Kernels* k) {
    const size_t queries = state.range(0), keys = state.range(1), dk = state.range(2), dv = state.range(3);
    const size_t padded = (keys + k->key_panel - 1) / k->key_panel * k->key_panel;
    Floats q(queries * dk), key(keys * dk), v(keys * dv), out(queries * dv), packed(padded * dk);
    Floats scratch(k->attend_scratch(dk, dv));
    samlet::AttendTask task = {q,   dk, queries, packed, keys, dk,     v, dv, dv, 1.0f / std::sqrt(float(dk)),
                               out, dv, nullptr, true,   true, scratch};
    for (auto _ : state) {
        k->pack_keys(key, dk, keys, dk, packed);
        k->attend(task);
    }
    report(state, "MAC/s", double(queries) * keys * (dk + dv));
}

// channels, grid, dim, memories; one block of queries
void attend_axial(benchmark::State& state, const Kernels* k) {
    const size_t channels = state.range(0), grid = state.range(1), dim = state.range(2),
                 frames = state.range(3);
    const size_t queries = k->axial_block, tokens = grid * grid * frames * dim;
    Floats q(queries * channels), cosine(grid * channels / 2), sine(grid * channels / 2),
        weight(channels * dim);
    Floats bias(channels), keys(tokens), values(tokens), out(queries * dim);
    Floats scratch(k->axial_scratch(channels, grid, dim, frames, k->axial_block));
    samlet::AxialTask task = {q,       channels, queries, channels, grid, cosine, sine,
                              weight,  bias,     dim,     frames,   keys, values, 0,
                              nullptr, nullptr,  0.0625f, out,      dim,  scratch};
    for (auto _ : state) k->attend_axial(task);
    // What is computed: scores and values in memory space, and the rows of A and B.
    report(state, "MAC/s", double(queries) * (2.0 * double(tokens) + double(grid) * channels * dim));
    // What the reference would compute: keys and values of all channels.
    report(state, "nominal MAC/s", double(queries) * double(grid * grid * frames) * 2.0 * channels);
}

void layer_norm(benchmark::State& state, const Kernels* k) {
    const size_t rows = 1024, channels = state.range(0);
    Floats x(rows * channels), gamma(channels), beta(channels), y(rows * channels);
    for (auto _ : state) k->layer_norm(x, channels, rows, channels, gamma, beta, 1e-6f, y, channels);
    report(state, "elements/s", double(rows) * channels);
}

void gelu(benchmark::State& state, const Kernels* k) {
    const size_t n = 1 << 16;
    Floats x(n), y(n);
    for (auto _ : state) {
        for (size_t i = 0; i < n; i++) y[i] = x[i];  // in place, it would run into zeros
        k->gelu(y, n);
    }
    report(state, "elements/s", double(n));
}

void depthwise(benchmark::State& state, const Kernels* k) {
    const size_t width = 64, channels = 256, size = 7;
    Floats map(size * width * channels), weights(size * size * channels), bias(channels),
        out(width * channels);
    const float* rows[size];
    for (size_t i = 0; i < size; i++) rows[i] = map + i * width * channels;
    const samlet::DepthwiseRowTask task = {rows, width, channels, size, weights, bias, out};
    for (auto _ : state) k->depthwise_row(task);
    report(state, "MAC/s", double(width) * channels * size * size);
}

void register_level(const Kernels* k) {
    const std::string level = std::string("/") + k->name;
    benchmark::RegisterBenchmark(("attend" + level).c_str(), [k](auto& s) { attend(s, k); })
        ->Args({1024, 4096, 256, 256})
        ->Args({1024, 4096, 96, 96})
        ->Args({196, 196, 96, 96})
        ->Args({64, 64, 96, 96})
        ->Args({8, 4096, 16, 16})
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("attend_axial" + level).c_str(), [k](auto& s) { attend_axial(s, k); })
        ->Args({256, 64, 64, 7})
        ->Args({256, 32, 64, 7})
        ->Args({128, 16, 32, 7})
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark(("layer_norm" + level).c_str(), [k](auto& s) { layer_norm(s, k); })
        ->Arg(96)
        ->Arg(256);
    benchmark::RegisterBenchmark(("gelu" + level).c_str(), [k](auto& s) { gelu(s, k); });
    benchmark::RegisterBenchmark(("depthwise" + level).c_str(), [k](auto& s) { depthwise(s, k); });
}

// Google Benchmark's own main() follows; levels are known at run time only.
const bool registered = [] {
    for (const char* name : {"avx512", "avx2", "neon_fp16", "neon"})
        if (const Kernels* k = samlet::find_kernels(name)) register_level(k);
    return true;
}();

}  // namespace
