// Reads the arrays of a NumPy .npz file: little-endian float32, float16, int32 and uint8 in C order.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace samlet::test {

struct Array {
    enum class Type { f32, f16, i32, u8 };
    Type type = Type::u8;
    std::vector<size_t> shape;
    std::vector<uint8_t> bytes;

    size_t count() const;
    // f32 and f16 as float, in the order of the file. Throws for other types.
    std::vector<float> floats() const;
    // The only element of an array of one float.
    float scalar() const;
};

// [1][channels][height][width] -> [height][width][channels], the library's order.
std::vector<float> channels_last(const Array& array);

// Members are read when asked for. Everything throws std::runtime_error with the file and what is wrong with
// it.
class Npz {
  public:
    explicit Npz(const std::string& path);
    Array get(const std::string& name) const;
    std::vector<float> floats(const std::string& name) const { return get(name).floats(); }

  private:
    struct Member {
        uint32_t method, crc, packed, size, offset;
    };
    [[noreturn]] void reject(const std::string& what) const;
    uint32_t read(size_t offset, size_t bytes) const;
    std::vector<uint8_t> extract(const std::string& name) const;

    std::string path_;
    std::vector<uint8_t> file_;
    std::map<std::string, Member> members_;
};

}  // namespace samlet::test
