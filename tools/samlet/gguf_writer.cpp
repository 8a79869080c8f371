// SPDX-License-Identifier: Apache-2.0
#include "gguf_writer.h"

#include <cstring>
#include <new>

namespace cli {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kTensorAlignment = 32;
constexpr size_t kImageAlignment = 64;

// Type codes of metadata values.
enum : uint32_t { kU32 = 4, kF32 = 6, kBool = 7, kString = 8, kArray = 9 };

size_t round_up(size_t size, size_t alignment) {
    return (size + alignment - 1) / alignment * alignment;
}

// GGUF is little endian, and so is every machine that samlet runs on.
template <typename T>
void put(Bytes& bytes, T value) {
    uint8_t raw[sizeof(T)];
    memcpy(raw, &value, sizeof(T));
    bytes.insert(bytes.end(), raw, raw + sizeof(T));
}

void put_string(Bytes& bytes, const std::string& text) {
    put<uint64_t>(bytes, text.size());
    bytes.insert(bytes.end(), text.begin(), text.end());
}

}  // namespace

void GgufWriter::key_and_type(const std::string& key, uint32_t type) {
    put_string(metadata_, key);
    put<uint32_t>(metadata_, type);
    metadata_count_++;
}

void GgufWriter::add(const std::string& key, const std::string& value) {
    key_and_type(key, kString);
    put_string(metadata_, value);
}

void GgufWriter::add(const std::string& key, uint32_t value) {
    key_and_type(key, kU32);
    put(metadata_, value);
}

void GgufWriter::add(const std::string& key, float value) {
    key_and_type(key, kF32);
    put(metadata_, value);
}

void GgufWriter::add(const std::string& key, bool value) {
    key_and_type(key, kBool);
    put<uint8_t>(metadata_, value);
}

void GgufWriter::add(const std::string& key, const std::vector<uint32_t>& values) {
    key_and_type(key, kArray);
    put<uint32_t>(metadata_, kU32);
    put<uint64_t>(metadata_, values.size());
    for (const uint32_t value : values) put(metadata_, value);
}

void GgufWriter::add(const std::string& key, const std::vector<float>& values) {
    key_and_type(key, kArray);
    put<uint32_t>(metadata_, kF32);
    put<uint64_t>(metadata_, values.size());
    for (const float value : values) put(metadata_, value);
}

void GgufWriter::add_tensor(const std::string& name, const std::vector<uint64_t>& shape, TensorType type,
                            Fill fill) {
    size_t bytes = type == TensorType::f16 ? 2 : 4;
    for (const uint64_t size : shape) bytes *= size;
    tensors_.push_back({name, shape, type, std::move(fill), bytes});
}

GgufImage GgufWriter::build() const {
    Bytes head = {'G', 'G', 'U', 'F'};
    put<uint32_t>(head, 3);
    put<uint64_t>(head, tensors_.size());
    put<uint64_t>(head, metadata_count_);
    head.insert(head.end(), metadata_.begin(), metadata_.end());
    size_t offset = 0;
    for (const Tensor& tensor : tensors_) {
        put_string(head, tensor.name);
        put(head, static_cast<uint32_t>(tensor.shape.size()));
        // GGUF lists dimensions innermost first.
        for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) put(head, *size);
        put(head, static_cast<uint32_t>(tensor.type));
        put<uint64_t>(head, offset);
        offset += round_up(tensor.bytes, kTensorAlignment);
    }

    GgufImage image;
    const size_t start = round_up(head.size(), kTensorAlignment);
    image.size = start + offset;
    image.data.reset(
        static_cast<uint8_t*>(aligned_alloc(kImageAlignment, round_up(image.size, kImageAlignment))));
    if (!image.data) throw std::bad_alloc();
    uint8_t* at = image.data.get();
    memset(at, 0, start);
    memcpy(at, head.data(), head.size());
    at += start;
    for (const Tensor& tensor : tensors_) {
        tensor.fill(at);
        memset(at + tensor.bytes, 0, round_up(tensor.bytes, kTensorAlignment) - tensor.bytes);
        at += round_up(tensor.bytes, kTensorAlignment);
    }
    return image;
}

}  // namespace cli
