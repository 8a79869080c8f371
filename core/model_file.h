// Reads a GGUF file that is mapped or lies in ROM; every offset, count and size is checked before it is
// followed.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/arena.h"
#include "core/status.h"

namespace samlet {

enum class TensorType : uint32_t { f32 = 0, f16 = 1, int8 = 24 };  // the numbers that GGUF gives them

// "f32", "f16", "int8"
const char* type_name(TensorType type);

struct TensorEntry {
    const char* name = nullptr;  // 0-terminated copy
    TensorType type = TensorType::f32;
    uint32_t rank = 0;
    uint64_t shape[4] = {1, 1, 1, 1};  // outermost first, as published
    uint64_t elements = 0;
    uint64_t bytes = 0;
    const void* data = nullptr;
};

class ModelFile {
  public:
    // Parses headers. The table is taken from `arena`; measuring arenas are not written to.
    Status open(const void* data, size_t size, Arena& arena, bool measuring);

    size_t tensor_count() const { return tensor_count_; }
    const TensorEntry& tensor(size_t i) const { return tensors_[i]; }
    uint64_t parameter_count() const { return parameters_; }
    TensorType main_type() const;  // of most parameters
    size_t size() const { return size_; }

    // Metadata. Missing keys and other types give `fallback` or false.
    bool get_u32(const char* key, uint32_t* value) const;
    bool get_f32(const char* key, float* value) const;
    bool get_bool(const char* key, bool* value) const;
    // Copies at most capacity - 1 bytes and a 0.
    bool get_string(const char* key, char* text, size_t capacity) const;
    // False if absent, of another element type, or longer than capacity.
    bool get_u32_array(const char* key, uint32_t* values, size_t capacity, uint32_t* count) const;
    bool get_f32_array(const char* key, float* values, size_t count) const;

  private:
    struct Value;
    bool find(const char* key, Value* value) const;

    const uint8_t* data_ = nullptr;
    size_t size_ = 0;
    size_t metadata_offset_ = 0;
    uint64_t metadata_count_ = 0;
    TensorEntry* tensors_ = nullptr;
    size_t tensor_count_ = 0;
    uint64_t parameters_ = 0;
};

}  // namespace samlet
