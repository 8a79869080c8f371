// What the tests of preprocessing and postprocessing share. Include it after the headers under test: cmocka
// defines fail().
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdlib>
#include <vector>

// clang-format off
extern "C" {
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
}
// clang-format on

// The generator of tests/data/make_reference_vectors.py.
struct Lcg {
    uint32_t state;
    uint8_t byte() {
        state = state * 1664525u + 1013904223u;
        return static_cast<uint8_t>(state >> 24);
    }
    uint32_t below(uint32_t limit) {
        uint32_t number = 0;
        for (int i = 0; i < 3; i++) number = number << 8 | byte();
        return number % limit;
    }
};

// A block of exactly the promised size, so that the address sanitizer sees every step outside.
struct Block {
    explicit Block(size_t bytes) : p(aligned_alloc(64, bytes ? bytes : 64)) {}
    ~Block() { free(p); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    void* p;
};

// The antialiased triangle filter of one output sample, in double, straight from its definition.
inline std::vector<double> triangle_weights(uint32_t in, uint32_t out, uint32_t i) {
    const double scale = static_cast<double>(in) / out, stretch = std::fmax(1.0, scale);
    const double centre = (i + 0.5) * scale;
    std::vector<double> weights(in);
    double sum = 0;
    for (uint32_t k = 0; k < in; k++) {
        weights[k] = std::fmax(0.0, 1.0 - std::fabs(k + 0.5 - centre) / stretch);
        sum += weights[k];
    }
    for (double& w : weights) w /= sum;
    return weights;
}
