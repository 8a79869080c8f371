// What the kernel tests share: the levels of this CPU, random numbers, buffers that show reads and writes out
// of bounds.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <pthreadpool.h>

#include "kernels/kernels.h"

namespace samlet::test {

// Calls f(kernels) for every level that this CPU and build have, generic included.
template <class F>
void each_level(F f) {
    for (const char* name : {"generic", "avx2", "avx512", "neon", "neon_fp16"}) {
        const Kernels* kernels = find_kernels(name);
        if (kernels != nullptr) f(*kernels);
    }
}

// Unit roundoff of f16, and whether a level multiplies in it.
constexpr double half_roundoff = 0x1p-11;
inline bool multiplies_halves(const Kernels& kernels) {
    return std::strcmp(kernels.name, "neon_fp16") == 0;
}

// Calls f(), or, `flushing`, does so as sessions do: numbers too small to be normal count as zero.
template <class F>
void call_kernel(bool flushing, F f) {
    if (!flushing) return f();
    const auto call = [](void* context, size_t) { (*static_cast<F*>(context))(); };
    pthreadpool_parallelize_1d(nullptr, call, &f, 1, PTHREADPOOL_FLAG_DISABLE_DENORMALS);
}

// What becomes of one query's attention when its scores and values are a little off: errors of the keys are independent,
// so that their sum grows with the length of the vector of probabilities.
struct Sensitivity {
    double spread = 0;  // that length: 1 if one key has it all, n^-1/2 if n keys share
    double terms = 0;   // largest sum of the magnitudes that a score is the sum of
};

// Errors of results in f16. Per key: `score_roundings` of the terms of its score, and 8 of its own: probability (x 2^x <= 0.53
// for the argument, 1.1 for the power, 1 for storing it), value, and those of a sum of at most 32. What is common to all
// keys, 4, is in proportion to the result.
inline double half_tolerance(const Sensitivity& s, double score_roundings, double largest_v, double result) {
    return half_roundoff * (s.spread * largest_v * (8 + score_roundings * s.terms) + 4 * std::fabs(result)) + 1e-44;
}

// Deterministic random numbers (xorshift, Marsaglia 2003).
class Random {
  public:
    explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}
    uint32_t bits() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }
    float between(float low, float high) { return low + (high - low) * float(bits() >> 8) * 0x1p-24f; }
    size_t below(size_t n) { return bits() % n; }

  private:
    uint32_t state_;
};

inline float from_bits(uint32_t bits) {
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline uint32_t bits_of(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

// n elements that end where their allocation ends, for the address sanitizer to see every read beyond, and
// that are aligned to the size of one element only.
template <class T>
class Input {
  public:
    explicit Input(size_t n) : memory_(static_cast<T*>(std::malloc((n + 1) * sizeof(T)))), n_(n) {
        if (memory_ == nullptr) std::abort();
    }
    Input(size_t n, uint32_t seed, float low = -1, float high = 1) : Input(n) {
        Random random(seed);
        for (size_t i = 0; i < n; ++i) (*this)[i] = T(random.between(low, high));
    }
    ~Input() { std::free(memory_); }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    T* data() const { return memory_ + 1; }
    size_t size() const { return n_; }
    T& operator[](size_t i) const { return data()[i]; }

  private:
    T* memory_;
    size_t n_;
};

// rows x columns at a stride, between guards. All that lies outside of the rows must keep its pattern.
template <class T>
class Output {
  public:
    Output(size_t rows, size_t columns, size_t stride)
        : memory_(static_cast<T*>(std::malloc((2 * guard + rows * stride) * sizeof(T)))),
          rows_(rows),
          columns_(columns),
          stride_(stride) {
        if (memory_ == nullptr) std::abort();
        std::memset(memory_, pattern, (2 * guard + rows * stride) * sizeof(T));
    }
    explicit Output(size_t n) : Output(1, n, n) {}
    ~Output() { std::free(memory_); }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    T* data() const { return memory_ + guard; }
    size_t stride() const { return stride_; }
    T& operator[](size_t i) const { return data()[i]; }
    T& at(size_t row, size_t column) const { return data()[row * stride_ + column]; }
    void set(const T* from) { std::memcpy(data(), from, rows_ * stride_ * sizeof(T)); }

    // Fails the test if anything outside of the rows was written.
    void check_guards(const char* level) const {
        for (size_t i = 0; i < 2 * guard + rows_ * stride_; ++i) {
            const size_t at = i - guard;
            const bool inside = i >= guard && at < rows_ * stride_ && at % stride_ < columns_;
            if (inside) continue;
            unsigned char bytes[sizeof(T)];
            std::memcpy(bytes, memory_ + i, sizeof(T));
            for (unsigned char byte : bytes) {
                if (byte != pattern) fail_msg("%s wrote out of bounds, element %td", level, ptrdiff_t(at));
            }
        }
    }

  private:
    static constexpr size_t guard = 67;  // odd: the data is aligned to one element only
    static constexpr unsigned char pattern = 0xa5;
    T* memory_;
    size_t rows_, columns_, stride_;
};

// 64-byte aligned scratch of exactly n elements, between patterns that check() looks at.
class Scratch {
  public:
    explicit Scratch(size_t n) : memory_(nullptr), n_(n) {
        const size_t bytes = ((n + 2 * guard) * sizeof(float) + 63) / 64 * 64;
        memory_ = static_cast<float*>(std::aligned_alloc(64, bytes));
        if (memory_ == nullptr) std::abort();
        std::memset(memory_, 0xa5, bytes);
    }
    ~Scratch() { std::free(memory_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    float* data() const { return memory_ + guard; }
    void check(const char* level) const {
        for (size_t i = 0; i < guard; ++i) {
            if (bits_of(memory_[i]) != 0xa5a5a5a5 || bits_of(data()[n_ + i]) != 0xa5a5a5a5) {
                fail_msg("%s wrote out of its scratch", level);
            }
        }
    }

  private:
    static constexpr size_t guard = 16;  // 64 bytes
    float* memory_;
    size_t n_;
};

inline void check_near(const char* level, const char* what, size_t index, double got, double want,
                       double tolerance) {
    const bool near = std::fabs(got - want) <= tolerance;  // false for NaN
    if (!near) {
        fail_msg("%s, %s [%zu]: got %.9g, want %.9g, difference %.3g, tolerance %.3g", level, what, index,
                 got, want, got - want, tolerance);
    }
}

// Sizes around all vector and panel widths, and primes.
constexpr size_t ragged_sizes[] = {0,  1,  2,  3,  4,  5,  7,  8,  9,  11, 13, 15, 16, 17,
                                   23, 24, 31, 32, 33, 37, 47, 48, 49, 61, 64, 65, 97, 129};

}  // namespace samlet::test
