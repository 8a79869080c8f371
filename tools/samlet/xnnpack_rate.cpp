// SPDX-License-Identifier: Apache-2.0
#include "xnnpack_rate.h"

#include <pthreadpool.h>
#include <xnnpack.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "error.h"
#include "statistics.h"

namespace cli {
namespace {

constexpr size_t kRows = 4096, kInputs = 256, kOutputs = 2048;
constexpr int kSamplesPerCall = 3;

void check(xnn_status status) {
    if (status != xnn_status_success)
        throw Error("XNNPACK refuses the reference product, status " + std::to_string(status));
}

}  // namespace

struct XnnpackRate::Operator {
    pthreadpool_t threads = nullptr;
    xnn_operator_t product = nullptr;
    std::vector<float> input, output;

    explicit Operator(uint32_t count)
        : input(kRows * kInputs + XNN_EXTRA_BYTES / sizeof(float)), output(kRows * kOutputs) {
        check(xnn_initialize(nullptr));
        threads = pthreadpool_create(count);
        std::vector<float> weights(kInputs * kOutputs);
        for (size_t i = 0; i < input.size(); i++) input[i] = static_cast<float>(i % 17) / 17 - 0.5f;
        for (size_t i = 0; i < weights.size(); i++) weights[i] = static_cast<float>(i % 13) / 13 - 0.5f;
        try {
            check(xnn_create_fully_connected_nc_f32(kInputs, kOutputs, kInputs, kOutputs, weights.data(),
                                                    nullptr, -INFINITY, INFINITY, 0, nullptr, nullptr,
                                                    &product));
            check(xnn_reshape_fully_connected_nc_f32(product, kRows, threads));
            check(xnn_setup_fully_connected_nc_f32(product, input.data(), output.data()));
        } catch (...) {
            release();
            throw;
        }
    }
    ~Operator() { release(); }
    Operator(const Operator&) = delete;
    Operator& operator=(const Operator&) = delete;

    void release() {
        if (product) xnn_delete_operator(product);
        if (threads) pthreadpool_destroy(threads);
        product = nullptr;
        threads = nullptr;
    }
    void run() { check(xnn_run_operator(product, threads)); }
};

XnnpackRate::XnnpackRate(uint32_t threads) : operator_(std::make_unique<Operator>(threads)) {
    operator_->run();
}

XnnpackRate::~XnnpackRate() = default;

void XnnpackRate::measure() {
    using Clock = std::chrono::steady_clock;
    // The tracker's threads still spin for a moment after their last task, and would take our processors.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    operator_->run();  // wakes our threads
    for (int i = 0; i < kSamplesPerCall; i++) {
        const Clock::time_point start = Clock::now();
        operator_->run();
        const std::chrono::duration<double> time = Clock::now() - start;
        samples_.push_back(static_cast<double>(kRows * kInputs * kOutputs) * 1e-9 / time.count());
    }
}

double XnnpackRate::gmac_per_second() const {
    return median(samples_);
}

}  // namespace cli
