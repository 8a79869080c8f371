// Thin owner of XNNPACK's fully connected operator, the only one that samlet needs: 1x1 convolutions are
// linear layers, strided convolutions become one after gathering patches, stride-2 deconvolutions one before
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

  private:
    Take previous_take_;
    void* previous_context_;
};

enum class Activation : uint8_t { none, relu };

// y = activation(x W^T + b): packed weights, immutable after pack().
class LinearWeights {
  public:
    // Bytes that pack() will need.
    static size_t packed_bytes(size_t in, size_t out);
    // `weights` [out][in], `bias` [out] or null. `memory`: packed_bytes(), 64-byte aligned. False: XNNPACK
    // refuses.
    bool pack(size_t in, size_t out, Activation activation, const float* weights, const float* bias,
              void* memory);

    size_t in() const { return in_; }
    size_t out() const { return out_; }

  private:
    friend class Linear;
    static size_t look_up(void* context, const xnn_weights_cache_look_up_key* key);
    static void* reserve(void* context, size_t bytes);
    static size_t insert(void* context, const xnn_weights_cache_look_up_key* key, void* data, size_t bytes);
    static bool finalized(void* context);
    static void* address(void* context, size_t offset);
    static xnn_status drop(void* context);
    xnn_status create(const float* weights, const float* bias, uint32_t flags, xnn_operator_t* op) const;
    void connect();

    mutable xnn_weights_cache_provider provider_ = {};
    size_t in_ = 0, out_ = 0;
    Activation activation_ = Activation::none;
    void* packed_ = nullptr;
    size_t wanted_ = 0;  // what XNNPACK asked for while packing
    bool is_packed_ = false;
};

// One session's operator on shared weights.
class Linear {
  public:
    // `flags`: XNN_FLAG_YIELD_WORKERS or 0. False when there is no memory.
    bool create(const LinearWeights& weights, uint32_t flags);
    void destroy();
    // x [rows][in], y [rows][out], both dense; must not overlap. Allocates nothing. False is a defect.
    bool run(const float* x, size_t rows, float* y, pthreadpool_t threads);

  private:
    xnn_operator_t op_ = nullptr;
};

}  // namespace samlet
