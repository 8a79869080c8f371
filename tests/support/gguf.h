// GGUF files taken apart, changed and put together again, for tests of what reads them.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace samlet::test {

// Bytes aligned to 64 that end where their allocation ends, for the address sanitizer to see every read
// beyond.
class FileBytes {
  public:
    FileBytes(const void* data, size_t size) : size_(size) {
        void* memory = nullptr;
        if (posix_memalign(&memory, 64, size ? size : 1) != 0) std::abort();
        data_ = static_cast<uint8_t*>(memory);
        if (size) std::memcpy(data_, data, size);
    }
    explicit FileBytes(const std::string& bytes) : FileBytes(bytes.data(), bytes.size()) {}
    FileBytes(const FileBytes& other) : FileBytes(other.data_, other.size_) {}
    FileBytes& operator=(const FileBytes&) = delete;
    ~FileBytes() { std::free(data_); }
    uint8_t* data() const { return data_; }
    size_t size() const { return size_; }

  private:
    uint8_t* data_;
    size_t size_;
};

struct GgufTensor {
    std::string name;
    std::vector<uint64_t> dims;  // innermost first, as in the file
    uint32_t type = 0;           // 0 F32, 1 F16, 24 I8
    std::string data;

    uint64_t elements() const;
    void set_element(uint64_t index, uint32_t f32_bits, uint16_t f16_bits);
};

struct GgufEntry {
    std::string key;
    uint32_t type;
    std::string value;  // as in the file
};

enum GgufType : uint32_t {
    kGgufU8,
    kGgufI8,
    kGgufU16,
    kGgufI16,
    kGgufU32,
    kGgufI32,
    kGgufF32,
    kGgufBool,
    kGgufString,
    kGgufArray,
    kGgufU64,
    kGgufI64,
    kGgufF64
};

struct Gguf {
    uint32_t version = 3;
    uint32_t alignment = 32;
    std::vector<GgufEntry> metadata;
    std::vector<GgufTensor> tensors;

    // The file must be sound.
    static Gguf parse(const uint8_t* data, size_t size);
    static Gguf bundled();  // the bundled model
    FileBytes write() const;
    // Bytes before the first tensor's data, padding included, in what write() makes.
    size_t header_bytes() const;

    GgufTensor& tensor(const std::string& name);
    void drop_tensor(const std::string& name);
    GgufEntry& entry(const std::string& key);
    void drop_entry(const std::string& key);
    // Adds or replaces.
    void set(const std::string& key, GgufType type, const std::string& value);
    void set_u32(const std::string& key, uint32_t value);
    void set_f32(const std::string& key, float value);
    void set_bool(const std::string& key, bool value);
    void set_string(const std::string& key, const std::string& value);
    void set_u32s(const std::string& key, const std::vector<uint32_t>& values);
    void set_f32s(const std::string& key, const std::vector<float>& values);

  private:
    std::string header() const;
};

// The bytes of a number as they lie in a file.
template <typename T>
std::string raw(T value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}
// Length and text.
inline std::string raw_string(const std::string& text) {
    return raw(static_cast<uint64_t>(text.size())) + text;
}

}  // namespace samlet::test
