// SPDX-License-Identifier: Apache-2.0
#include "npy.h"

#include <cstring>

#include "error.h"
#include "files.h"

namespace cli {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicSize = 6;
constexpr size_t kPrefix = 10;  // magic, version, 16-bit header length

// The header is a Python dictionary; `'key': ` is followed by the value.
std::string value_of(const std::string& header, const std::string& key, const std::string& path) {
    const size_t at = header.find("'" + key + "':");
    if (at == std::string::npos)
        throw Error("'" + path + "' is not a .npy file: no '" + key + "' in its header");
    const size_t value = header.find_first_not_of(' ', at + key.size() + 3);
    if (value == std::string::npos)
        throw Error("'" + path + "' is not a .npy file: nothing follows '" + key + "' in its header");
    return header.substr(value);
}

// "(1, 256, 256), ..." -> 1, 256, 256.
std::vector<uint64_t> read_shape(const std::string& text, const std::string& path) {
    std::vector<uint64_t> shape;
    uint64_t number = 0;
    bool digits = false;
    for (const char c : text) {
        if (c >= '0' && c <= '9') {
            number = number * 10 + static_cast<uint64_t>(c - '0');
            digits = true;
            if (number > 1u << 20) break;
        } else if (digits) {
            shape.push_back(number);
            number = 0;
            digits = false;
        }
        if (c == ')') return shape;
    }
    throw Error("'" + path + "' is not a .npy file: its shape is unreadable");
}

}  // namespace

void write_npy(const std::string& path, const float* values, uint32_t height, uint32_t width) {
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(height) +
                         ", " + std::to_string(width) + "), }";
    // Data begin at a multiple of 64, so that they can be mapped.
    while ((kPrefix + header.size() + 1) % 64 != 0) header += ' ';
    header += '\n';
    Bytes bytes(kMagic, kMagic + kMagicSize);
    bytes.insert(bytes.end(),
                 {1, 0, static_cast<uint8_t>(header.size() & 255), static_cast<uint8_t>(header.size() >> 8)});
    bytes.insert(bytes.end(), header.begin(), header.end());
    const uint8_t* data = reinterpret_cast<const uint8_t*>(values);
    bytes.insert(bytes.end(), data, data + size_t{height} * width * sizeof(float));
    write_file(path, bytes.data(), bytes.size());
}

FloatGrid read_npy(const std::string& path) {
    const Bytes bytes = read_file(path);
    if (bytes.size() < kPrefix || memcmp(bytes.data(), kMagic, kMagicSize) != 0 || bytes[6] != 1)
        throw Error("'" + path + "' is not a .npy file of version 1");
    const size_t start = kPrefix + bytes[8] + size_t{256} * bytes[9];
    if (start > bytes.size()) throw Error("'" + path + "' is truncated");
    const std::string header(bytes.begin() + kPrefix, bytes.begin() + static_cast<std::ptrdiff_t>(start));
    if (value_of(header, "descr", path).rfind("'<f4'", 0) != 0)
        throw Error("'" + path + "' does not hold float32 (its header: " + header.substr(0, 60) + "...)");
    if (value_of(header, "fortran_order", path).rfind("False", 0) != 0)
        throw Error("'" + path + "' is in Fortran order; C order is needed");
    std::vector<uint64_t> shape = read_shape(value_of(header, "shape", path), path);
    while (shape.size() > 2 && shape.front() == 1) shape.erase(shape.begin());
    if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0)
        throw Error("'" + path + "' does not hold a grid: two dimensions are needed");

    FloatGrid grid;
    grid.height = static_cast<uint32_t>(shape[0]);
    grid.width = static_cast<uint32_t>(shape[1]);
    if ((bytes.size() - start) / sizeof(float) < shape[0] * shape[1])
        throw Error("'" + path + "' is truncated");
    grid.values.resize(shape[0] * shape[1]);
    memcpy(grid.values.data(), bytes.data() + start, grid.values.size() * sizeof(float));
    return grid;
}

}  // namespace cli
