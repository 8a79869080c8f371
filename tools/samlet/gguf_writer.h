// A GGUF file of version 3, built in memory.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cli {

struct FreeMemory {
    void operator()(void* p) const { free(p); }
};

struct GgufImage {
    std::unique_ptr<uint8_t, FreeMemory> data;  // aligned to 64 bytes
    size_t size = 0;
};

enum class TensorType : uint32_t { f32 = 0, f16 = 1 };

class GgufWriter {
  public:
    void add(const std::string& key, const std::string& value);
    void add(const std::string& key, uint32_t value);
    void add(const std::string& key, float value);
    void add(const std::string& key, bool value);
    void add(const std::string& key, const std::vector<uint32_t>& values);
    void add(const std::string& key, const std::vector<float>& values);
    // Without this overload a literal would become a bool.
    void add(const std::string& key, const char* value) { add(key, std::string(value)); }

    // `shape` outermost first. `fill` writes the tensor's bytes when the image is built.
    using Fill = std::function<void(void* target)>;
    void add_tensor(const std::string& name, const std::vector<uint64_t>& shape, TensorType type, Fill fill);

    GgufImage build() const;

  private:
    struct Tensor {
        std::string name;
        std::vector<uint64_t> shape;
        TensorType type;
        Fill fill;
        size_t bytes;
    };
    void key_and_type(const std::string& key, uint32_t type);

    std::vector<uint8_t> metadata_;
    uint64_t metadata_count_ = 0;
    std::vector<Tensor> tensors_;
};

}  // namespace cli
