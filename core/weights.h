// Binds tensors of a model file to the stages: checks shapes, converts small tensors, packs linear layers.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/arena.h"
#include "core/model_file.h"
#include "core/status.h"
#include "kernels/xnnpack.h"

namespace samlet {

// Which sessions need a layer: an operator is created only where it can run.
enum class LayerGroup : uint8_t { image, memory };

using LinearId = uint16_t;  // index into the model's table of linear layers

// What a layer is called and who needs it.
struct LayerLabel {
    const TensorEntry* weights;  // in the model file; of a product of two layers the first
    LayerGroup group;
};

// In what layers compute, by the type in which the file stores their weights.
struct Precisions {
    Precision of_f32 = Precision::f32, of_f16 = Precision::f32, of_int8 = Precision::f32;
    const HalfGemm* half_gemm = nullptr;  // of the kernels: what multiplies in f16; null: XNNPACK
    bool half_maps = false;               // of every session, see Map
    bool f16_unasked = false;             // of_f16 is our choice, which a file may refuse
    // `sensitive`: see WeightReader::set_sensitive(). XNNPACK's f16 is for tests, which want all of it.
    Precision of(TensorType stored, bool sensitive) const {
        if (stored == TensorType::int8) return of_int8;
        if (sensitive && half_gemm) return Precision::f32;
        return stored == TensorType::f16 ? of_f16 : of_f32;
    }
    // What is left of it for a file that may carry "samlet.f32_products", the reason why its layers lose too much by f16.
    Precisions heeding(const ModelFile& file) const;
};

// A tensor name put together without stdio: each %u of the pattern takes the next number, %s the text.
class TensorName {
  public:
    TensorName(const char* pattern, uint32_t a = 0, uint32_t b = 0);
    TensorName(const TensorName& prefix, const char* suffix);
    const char* text() const { return text_; }

  private:
    void append(const char* text);
    void append(uint32_t number);
    char text_[160];
    size_t length_ = 0;
};

// Reads weights in two passes over the same code: measuring (nothing is written, bytes are counted) and
// binding. The first failure sticks; after it every call returns null or 0 and does nothing.
class WeightReader {
  public:
    static constexpr size_t kMaxLinears = 2048;

    // `used`: one flag per tensor of the file, cleared by the constructor. `linears` is null while measuring.
    WeightReader(const ModelFile& file, const Precisions& precisions, Arena& arena, bool* used,
                 LinearWeights* linears, LayerLabel* labels);

    // The file is a mapping of ours: what has been packed may leave memory.
    void set_mapped(bool mapped) { mapped_ = mapped; }
    bool measuring() const { return linears_ == nullptr; }
    const Status& status() const { return status_; }
    size_t linear_count() const { return linear_count_; }
    size_t packed_bytes() const { return packed_bytes_; }
    void set_group(LayerGroup group) { group_ = group; }
    // The layers that follow lose more by f16 than they are worth: few products, close to the result.
    void set_sensitive(bool sensitive) { sensitive_ = sensitive; }

    bool has(const TensorName& name) const { return find(name.text()) != nullptr; }
    // Extent of dimension `dim`, counted from the outermost; 0 if the tensor is missing (which is then an
    // error).
    uint32_t extent(const TensorName& name, uint32_t dim);
    // Marks a tensor that inference does not read as known.
    void ignore(const TensorName& name);
    // For what a stage finds wrong itself.
    void reject(const Status& status) { fail_with(status); }
    // Fails for tensors that nothing has asked for.
    void finish();

    // A tensor as f32 in the published order, in place if it is stored so.
    const float* values(const TensorName& name, size_t d0, size_t d1 = 0, size_t d2 = 0, size_t d3 = 0);
    // An array in the arena, 64-byte aligned. Null if out of memory (status set). Write only if not
    // measuring().
    float* array(size_t count);
    template <typename T>
    T* objects(size_t count) {
        T* p = arena_.take<T>(count);
        if (!p) out_of_memory();
        return p;
    }
    // Depthwise [channels][1][size][size] -> [size][size][channels].
    const float* depthwise(const TensorName& name, size_t channels, size_t size);

    // prefix + ".weight" [out][in] or [out][in][1][1], prefix + ".bias" [out].
    LinearId linear(const TensorName& prefix, size_t in, size_t out,
                    Activation activation = Activation::none);
    // Rows first .. first + out - 1 of a larger linear layer of `total` outputs: a part of a fused
    // projection.
    LinearId linear_rows(const TensorName& prefix, size_t in, size_t total, size_t first, size_t out);
    // [out][in][size][size] -> linear over patches [size][size][in].
    LinearId convolution(const TensorName& prefix, size_t in, size_t out, size_t size);
    // Stride-2 deconvolution [in][out][2][2] -> linear to [2][2][out].
    LinearId deconvolution(const TensorName& prefix, size_t in, size_t out);
    // second(first(x)) with nothing in between, multiplied out once.
    LinearId folded(const TensorName& first, size_t in, size_t middle, const TensorName& second, size_t out);

  private:
    struct Temporary;
    Precision precision_of(const TensorEntry& stored) const { return precisions_.of(stored.type, sensitive_); }
    size_t packed(Precision precision, size_t in, size_t out) const;
    const TensorEntry* find(const char* name) const;
    const TensorEntry* require(const TensorName& name, size_t d0, size_t d1, size_t d2, size_t d3);
    const float* scales_of(const TensorEntry& entry);
    const float* as_f32(const TensorEntry& entry, Temporary& temporary);
    void release(const TensorEntry& entry) const;
    // A layer whose weights come from `stored`; `weights` [out][in], null while measuring.
    LinearId add(const TensorEntry& stored, size_t in, size_t out, Activation activation, const float* weights,
                 const float* bias);
    void out_of_memory();
    void fail_with(const Status& status);

    const ModelFile& file_;
    const Precisions precisions_;
    Arena& arena_;
    bool* used_;
    LinearWeights* linears_;
    LayerLabel* labels_;
    LayerGroup group_ = LayerGroup::image;
    bool mapped_ = false, sensitive_ = false;
    size_t linear_count_ = 0, packed_bytes_ = 0;
    Status status_;
};

}  // namespace samlet
