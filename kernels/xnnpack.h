// Linear layers: a thin owner of XNNPACK's fully connected operator, the only one that samlet needs beside the
// conversion of int8 layers' inputs, or weights for kernels/half_gemm.h where the CPU has that. 1x1 convolutions
// are linear layers, strided convolutions become one after gathering patches, stride-2 deconvolutions one before
// scattering them.
//
// SPDX-License-Identifier: Apache-2.0
//
// Weights are packed once, into the model's block, and shared by every session through XNNPACK's weights
// cache interface. An operator itself carries the state of a call, so each session owns its own, in its own
// block.
#pragma once

#include <pthreadpool.h>
#include <xnnpack.h>

#include <cstddef>
#include <cstdint>

#include "kernels/half_gemm.h"

namespace samlet {

// Starts XNNPACK, once per process, with an allocator that follows AllocationScope. False: unsupported CPU or
// no memory.
bool start_xnnpack();

// While one exists on a thread, what XNNPACK allocates on that thread comes from `take` (64-byte aligned
// blocks, null when exhausted) and is never given back. The first caller of xnn_initialize in a process sets
// the allocator: if that was not samlet, operators come from that caller's allocator instead, still at
// creation only.
class AllocationScope {
  public:
    using Take = void* (*)(void* context, size_t bytes);
    AllocationScope(Take take, void* context);
    ~AllocationScope();
    AllocationScope(const AllocationScope&) = delete;
    AllocationScope& operator=(const AllocationScope&) = delete;

    void* take(size_t bytes) const { return take_(context_, bytes); }

  private:
    Take take_;
    void* context_;
    void* outer_;  // the scope around this one
};

// Memory for one operator that does not outlive a block of code: while one exists on a thread, XNNPACK
// allocates in it.
class OperatorRoom {
  public:
    OperatorRoom() : scope_(take, this) {}
    size_t used() const { return used_; }

  private:
    static void* take(void* context, size_t bytes);
    // XNNPACK's operator has about 1 KiB. Where it grows beyond this, no model can be opened: tests will
    // tell.
    alignas(64) uint8_t bytes_[4096];
    size_t used_ = 0;
    AllocationScope scope_;
};

enum class Activation : uint8_t { none, relu };

// In what a layer computes. Activations come and go as f32 in all of them.
enum class Precision : uint8_t {
    f32,
    f16,   // weights and activations rounded to half precision; sums in f32, save with XNNPACK on ARM, which has halves
    int8,  // weights in 8 bits with a scale per output channel; activations quantised row by row as they come
};

// Whether XNNPACK has operators for it on this CPU. start_xnnpack() first.
bool can_compute(Precision precision);

// Where the numbers of a layer come from.
struct LinearSource {
    const void* weights = nullptr;  // [out][in]: int8 for Precision::int8, else f32
    const float* scales = nullptr;  // [out], Precision::int8 only: weight = scale * number; normal numbers > 0
    const float* bias = nullptr;    // [out]
};

// y = activation(x W^T + b): packed weights, immutable after pack().
class LinearWeights {
  public:
    // Bytes that pack() will need. `half_gemm`: what is to compute Precision::f16; null: XNNPACK.
    static size_t packed_bytes(Precision precision, size_t in, size_t out, const HalfGemm* half_gemm = nullptr);
    // `memory`: packed_bytes(), 64-byte aligned. The source is not needed afterwards. False: XNNPACK refuses.
    bool pack(Precision precision, size_t in, size_t out, Activation activation, const LinearSource& source,
              void* memory, const HalfGemm* half_gemm = nullptr);

    size_t in() const { return in_; }
    size_t out() const { return out_; }
    Precision precision() const { return precision_; }
    size_t packed_bytes() const { return wanted_; }
    // What multiplies; null: XNNPACK, with a Linear.
    const HalfGemm* half_gemm() const { return half_gemm_; }
    Activation activation() const { return activation_; }
    const void* packed() const { return packed_; }

  private:
    friend class Linear;
    static size_t look_up(void* context, const xnn_weights_cache_look_up_key* key);
    static void* reserve(void* context, size_t bytes);
    static size_t insert(void* context, const xnn_weights_cache_look_up_key* key, void* data, size_t bytes);
    static bool finalized(void* context);
    static void* address(void* context, size_t offset);
    static xnn_status drop(void* context);
    xnn_status create(const LinearSource& source, uint32_t flags, xnn_operator_t* op) const;
    void connect();

    mutable xnn_weights_cache_provider provider_ = {};
    size_t in_ = 0, out_ = 0;
    Precision precision_ = Precision::f32;
    Activation activation_ = Activation::none;
    void* packed_ = nullptr;
    size_t wanted_ = 0;  // of bytes, in packed_
    const HalfGemm* half_gemm_ = nullptr;
    bool is_packed_ = false;
};

// Turns rows of floats into 8-bit numbers with a scale and a zero point per row. One per session.
class Quantiser {
  public:
    // False when there is no memory.
    bool create(uint32_t flags);
    void destroy();

  private:
    friend class Linear;
    xnn_operator_t op_ = nullptr;
};

// One session's operator on shared weights; none where half_gemm() multiplies. Run functions allocate nothing;
// x [rows][in], y [rows][out], dense, must not overlap. False is a defect.
class Linear {
  public:
    // `flags`: XNN_FLAG_YIELD_WORKERS or 0. False when there is no memory.
    bool create(const LinearWeights& weights, uint32_t flags);
    void destroy();

    bool run_f32(const float* x, size_t rows, float* y, pthreadpool_t threads);
    bool run_f16(const uint16_t* x, size_t rows, uint16_t* y, pthreadpool_t threads);
    // `work`: work_bytes(rows, in), 64-byte aligned.
    bool run_int8(const Quantiser& quantiser, const float* x, size_t rows, float* y, void* work,
                  pthreadpool_t threads);
    static size_t work_bytes(size_t rows, size_t in);
    // XNNPACK reads this much beyond the end of an input.
    static constexpr size_t kExtraBytes = XNN_EXTRA_BYTES;

    void count(size_t rows) { rows_ += rows; }  // that did not come by here
    uint64_t rows() const { return rows_; }     // of all calls so far

  private:
    xnn_operator_t op_ = nullptr;
    const LinearWeights* weights_ = nullptr;
    uint64_t rows_ = 0;
};

}  // namespace samlet
