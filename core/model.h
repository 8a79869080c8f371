// A model: one file, bound and packed. Immutable after opening; any number of sessions and threads read it at
// once.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/image_encoder.h"
#include "core/mask_decoder.h"
#include "core/memory_attention.h"
#include "core/memory_encoder.h"
#include "core/object_pointer.h"
#include "core/prompt_encoder.h"
#include "ports/port.h"

namespace samlet {

struct Model {
    ModelFile file;
    Config config;
    const Kernels* kernels;
    Precisions precisions;

    // In the order in which a frame passes through.
    ImageEncoder image_encoder;
    const float* no_memory;  // added to the top features of a frame that reads no memory; [d_model]
    MemoryAttention memory_attention;
    const float* memory_time;  // time codes of memories, [memory_frames][memory_dim]; the last is that of
                               // prompted frames
    PromptEncoder prompt_encoder;
    const float* mask_downsample;       // [4][4]: a mask prompt on its way to low resolution
    const float* mask_downsample_bias;  // [1]
    MaskDecoder mask_decoder;
    ObjectPointer object_pointer;
    MemoryEncoder memory_encoder;

    const LinearWeights* linears;
    const LayerLabel* labels;
    size_t linear_count;
    size_t operator_bytes;  // that XNNPACK asks for per operator of a session
    bool quantises;         // a session has one operator more, for activations of int8 layers

    uint64_t packed_bytes, block_bytes;
    FileMapping mapping;  // of a file that this model mapped itself
    void* owned_block;    // of a model that brought its own memory
    samlet_log_fn log;
    void* log_context;

    // The bytes of the block that `file` needs: packed weights, what bind() needs beyond all that stays (0
    // where the system lends it), everything.
    struct Plan {
        uint64_t tables, packed, loading, total;
    };
    // `spare` is used, and what it holds lost, where the system has no memory for the table of tensors.
    static Status plan(const void* data, size_t size, const Kernels* kernels, const Precisions& precisions,
                       Arena spare, Plan* plan);
    // Binds into the rest of `arena`; the model itself already lies in the block.
    // `kernels`, `precisions` and `mapping` must be set before: pages of a file that samlet mapped are given back as
    // weights are packed.
    Status bind(const void* data, size_t size, Arena& arena);

  private:
    void read(WeightReader& reader);
};

}  // namespace samlet
