// Pictures, packed masks, and how far two results are apart.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/samlet/picture.h"

namespace samlet::test {

// As Pillow decodes: exact integer DCT, smooth chroma. Throws std::runtime_error.
cli::Picture read_jpeg(const std::string& path);

// A mask of one byte a pixel, nonzero = set, against a mask as np.packbits packs it: most significant bit
// first, rows not padded. Throws if the sizes disagree.
struct MaskComparison {
    double equal;         // share of equal pixels
    double iou;           // intersection over union; 1 where both are empty
    size_t ours, theirs;  // pixels set
};
MaskComparison compare_masks(const std::vector<uint8_t>& mask, const uint8_t* bits, size_t bit_bytes);

// rms(a - b) / rms(b); where b is 0 throughout, rms(a). NaN if there is any, infinity if the sizes differ.
double relative_error(const float* a, size_t count, const std::vector<float>& b);
double largest_difference(const float* a, size_t count, const std::vector<float>& b);
bool all_finite(const float* values, size_t count);

}  // namespace samlet::test
