// NumPy's .npy files, float32 only.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

struct FloatGrid {
    uint32_t height = 0, width = 0;
    std::vector<float> values;
};

// Shape (height, width).
void write_npy(const std::string& path, const float* values, uint32_t height, uint32_t width);
// A little-endian float32 array in C order of two dimensions, or more when the leading ones are 1.
FloatGrid read_npy(const std::string& path);

}  // namespace cli
