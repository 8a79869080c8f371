// GGUF version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
//
// SPDX-License-Identifier: Apache-2.0
#include "core/model_file.h"

#include <cstring>

namespace samlet {
namespace {

// Limits far above any model of the family, so that hostile counts end early.
constexpr uint64_t kMaxTensors = 16384, kMaxMetadata = 4096, kMaxName = 256, kMaxElements = 1u << 31;

enum ValueType : uint32_t {
    kU8,
    kI8,
    kU16,
    kI16,
    kU32,
    kI32,
    kF32,
    kBool,
    kString,
    kArray,
    kU64,
    kI64,
    kF64,
    kValueTypes
};
constexpr uint8_t kValueBytes[kValueTypes] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

// Reads forward and never past the end; once it fails it stays failed and returns zeros.
struct Cursor {
    const uint8_t* data;
    size_t size;
    size_t at;
    bool ok = true;

    bool has(uint64_t n) {
        if (n > size - at) ok = false;
        return ok;
    }
    template <typename T>
    T read() {
        T value = 0;
        if (has(sizeof(T))) {
            memcpy(&value, data + at, sizeof(T));
            at += sizeof(T);
        }
        return value;
    }
    // Length and a pointer to bytes that are not 0-terminated.
    const char* string(uint64_t* length) {
        *length = read<uint64_t>();
        if (!has(*length)) {
            *length = 0;
            return "";
        }
        const char* text = reinterpret_cast<const char*>(data + at);
        at += *length;
        return text;
    }
    void skip(uint64_t n) {
        if (has(n)) at += n;
    }
    void skip_value(uint32_t type) {
        uint64_t count = 1;
        if (type == kArray) {
            type = read<uint32_t>();
            count = read<uint64_t>();
        }
        if (type >= kValueTypes || type == kArray) {  // no arrays of arrays in model files
            ok = false;
        } else if (type == kString) {
            for (uint64_t i = 0; i < count && ok; i++) {
                uint64_t length;
                string(&length);
            }
        } else if (count > size) {
            ok = false;
        } else {
            skip(count * kValueBytes[type]);
        }
    }
};

Status truncated(const Cursor& cursor) {
    return fail(SAMLET_ERROR_FORMAT,
                "the model file is damaged or truncated: its header does not fit into its %a bytes",
                static_cast<int64_t>(cursor.size));
}

}  // namespace

namespace {

uint64_t element_size(TensorType type) {
    return type == TensorType::f32 ? 4 : type == TensorType::f16 ? 2 : 1;
}

}  // namespace

struct ModelFile::Value {
    uint32_t type = 0, element = 0;
    uint64_t count = 0;
    const uint8_t* data = nullptr;  // the value, or the first element
};

const char* type_name(TensorType type) {
    return type == TensorType::int8 ? "int8" : type == TensorType::f16 ? "f16" : "f32";
}

Status ModelFile::open(const void* data, size_t size, Arena& arena, bool measuring) {
    data_ = static_cast<const uint8_t*>(data);
    size_ = size;
    if (size < 24 || memcmp(data_, "GGUF", 4) != 0)
        return fail(SAMLET_ERROR_FORMAT,
                    "this is no samlet model: it does not begin with \"GGUF\" (tools/convert_checkpoint.py "
                    "makes models from "
                    ".pt and .safetensors checkpoints)");
    Cursor cursor{data_, size_, 4};
    const uint32_t version = cursor.read<uint32_t>();
    if (version != 3)
        return fail(SAMLET_ERROR_FORMAT, "the model file is GGUF version %a; samlet reads version 3",
                    version);
    const uint64_t tensors = cursor.read<uint64_t>();
    metadata_count_ = cursor.read<uint64_t>();
    if (tensors == 0 || tensors > kMaxTensors || metadata_count_ > kMaxMetadata)
        return fail(SAMLET_ERROR_FORMAT,
                    "the model file is damaged: it claims %a tensors and %b metadata entries",
                    static_cast<int64_t>(tensors), static_cast<int64_t>(metadata_count_));
    metadata_offset_ = cursor.at;
    for (uint64_t i = 0; i < metadata_count_ && cursor.ok; i++) {
        uint64_t length;
        cursor.string(&length);
        cursor.skip_value(cursor.read<uint32_t>());
    }
    if (!cursor.ok) return truncated(cursor);
    uint32_t alignment = 32;
    get_u32("general.alignment", &alignment);
    if (alignment < 4 || (alignment & (alignment - 1)) != 0 || alignment > 65536)
        return fail(SAMLET_ERROR_FORMAT, "the model file asks for an alignment of %a bytes", alignment);

    tensor_count_ = static_cast<size_t>(tensors);
    tensors_ = arena.take<TensorEntry>(tensor_count_);
    if (!tensors_)
        return fail(SAMLET_ERROR_MEMORY, "the block is too small for the table of %a tensors", tensors);
    const size_t infos = cursor.at;
    // First to the end of the headers: data begins at the next multiple of the alignment.
    for (size_t i = 0; i < tensor_count_ && cursor.ok; i++) {
        uint64_t length;
        cursor.string(&length);
        const uint32_t rank = cursor.read<uint32_t>();
        if (rank > 4) cursor.ok = false;
        cursor.skip(8ull * rank + 4 + 8);
    }
    if (!cursor.ok) return truncated(cursor);
    const uint64_t data_start = (cursor.at + alignment - 1) / alignment * alignment;

    cursor.at = infos;
    parameters_ = 0;
    for (size_t i = 0; i < tensor_count_; i++) {
        TensorEntry entry;
        uint64_t length;
        const char* name = cursor.string(&length);
        if (length == 0 || length >= kMaxName || memchr(name, 0, length))
            return fail(SAMLET_ERROR_FORMAT, "the model file is damaged: the name of tensor %a has %b bytes",
                        static_cast<int64_t>(i), static_cast<int64_t>(length));
        char* copy = arena.take<char>(length + 1);
        if (!copy)
            return fail(SAMLET_ERROR_MEMORY, "the block is too small for the table of %a tensors", tensors);
        if (!measuring) {
            memcpy(copy, name, length);
            copy[length] = 0;
        }
        entry.name = copy;
        entry.rank = cursor.read<uint32_t>();
        entry.elements = 1;
        for (uint32_t d = 0; d < entry.rank; d++) {
            const uint64_t extent = cursor.read<uint64_t>();
            if (extent == 0 || extent > kMaxElements || entry.elements > kMaxElements / extent)
                return fail(SAMLET_ERROR_FORMAT,
                            "the model file is damaged: dimension %a of tensor %b has no sensible size", d,
                            static_cast<int64_t>(i));
            entry.shape[entry.rank - 1 - d] = extent;
            entry.elements *= extent;
        }
        const uint32_t type = cursor.read<uint32_t>();
        if (type != 0 && type != 1 && type != 24)
            return fail(SAMLET_ERROR_FORMAT,
                        "tensor %a of the model file has type %b; samlet reads F32 (0), F16 (1) and I8 (24)",
                        static_cast<int64_t>(i), type);
        entry.type = static_cast<TensorType>(type);
        entry.bytes = entry.elements * element_size(entry.type);
        const uint64_t offset = cursor.read<uint64_t>();
        if (offset % alignment != 0 || data_start > size_ || offset > size_ - data_start ||
            entry.bytes > size_ - data_start - offset)
            return fail(SAMLET_ERROR_FORMAT,
                        "the model file is damaged or truncated: the data of tensor %a does not lie within "
                        "its %b bytes",
                        static_cast<int64_t>(i), static_cast<int64_t>(size_));
        entry.data = data_ + data_start + offset;
        parameters_ += entry.elements;
        if (measuring) continue;
        tensors_[i] = entry;
        for (size_t j = 0; j < i; j++)
            if (strcmp(tensors_[j].name, entry.name) == 0)
                return fail(SAMLET_ERROR_FORMAT, "the model file has tensor %s twice", 0, 0, entry.name);
    }
    return {};
}

TensorType ModelFile::main_type() const {
    const TensorType types[] = {TensorType::f32, TensorType::f16, TensorType::int8};
    uint64_t most = 0;
    TensorType main = TensorType::f32;
    for (TensorType type : types) {
        uint64_t elements = 0;
        for (size_t i = 0; i < tensor_count_; i++)
            if (tensors_[i].type == type) elements += tensors_[i].elements;
        if (elements > most) {
            most = elements;
            main = type;
        }
    }
    return main;
}

bool ModelFile::find(const char* key, Value* value) const {
    Cursor cursor{data_, size_, metadata_offset_};
    const size_t wanted = strlen(key);
    for (uint64_t i = 0; i < metadata_count_ && cursor.ok; i++) {
        uint64_t length;
        const char* name = cursor.string(&length);
        value->type = value->element = cursor.read<uint32_t>();
        const size_t at = cursor.at;
        cursor.skip_value(value->type);
        if (!cursor.ok || length != wanted || memcmp(name, key, wanted) != 0) continue;
        value->count = 1;
        value->data = data_ + at;
        if (value->type == kArray) {
            memcpy(&value->element, data_ + at, 4);
            memcpy(&value->count, data_ + at + 4, 8);
            value->data += 12;
        }
        return true;
    }
    return false;
}

bool ModelFile::get_u32(const char* key, uint32_t* value) const {
    Value v;
    if (!find(key, &v) || (v.type != kU32 && v.type != kI32)) return false;
    memcpy(value, v.data, 4);
    return v.type == kU32 || static_cast<int32_t>(*value) >= 0;
}

bool ModelFile::get_f32(const char* key, float* value) const {
    Value v;
    if (!find(key, &v) || v.type != kF32) return false;
    memcpy(value, v.data, 4);
    return true;
}

bool ModelFile::get_bool(const char* key, bool* value) const {
    Value v;
    if (!find(key, &v) || v.type != kBool) return false;
    *value = *v.data != 0;
    return true;
}

bool ModelFile::get_string(const char* key, char* text, size_t capacity) const {
    Value v;
    if (!find(key, &v) || v.type != kString) return false;
    uint64_t length;
    memcpy(&length, v.data, 8);
    const size_t n = length < capacity - 1 ? static_cast<size_t>(length) : capacity - 1;
    memcpy(text, v.data + 8, n);
    text[n] = 0;
    return true;
}

bool ModelFile::get_u32_array(const char* key, uint32_t* values, size_t capacity, uint32_t* count) const {
    Value v;
    if (!find(key, &v) || v.type != kArray || (v.element != kU32 && v.element != kI32) || v.count > capacity)
        return false;
    memcpy(values, v.data, 4 * v.count);
    *count = static_cast<uint32_t>(v.count);
    return true;
}

bool ModelFile::get_f32_array(const char* key, float* values, size_t count) const {
    Value v;
    if (!find(key, &v) || v.type != kArray || v.element != kF32 || v.count != count) return false;
    memcpy(values, v.data, 4 * count);
    return true;
}

}  // namespace samlet
