// SPDX-License-Identifier: Apache-2.0
#include "pictures.h"

#include <cmath>
#include <limits>
#include <stdexcept>

#include "tools/samlet/files.h"
#include "tools/samlet/image_io.h"

namespace samlet::test {

cli::Picture read_jpeg(const std::string& path) {
    const cli::Bytes bytes = cli::read_file(path);
    cli::Picture picture;
    cli::decode_jpeg(bytes.data(), bytes.size(), path, picture);
    return picture;
}

MaskComparison compare_masks(const std::vector<uint8_t>& mask, const uint8_t* bits, size_t bit_bytes) {
    if (mask.empty() || bit_bytes != (mask.size() + 7) / 8)
        throw std::runtime_error("a mask of " + std::to_string(mask.size()) + " pixels has not " +
                                 std::to_string(bit_bytes) + " packed bytes");
    size_t equal = 0, both = 0, ours = 0, theirs = 0;
    for (size_t i = 0; i < mask.size(); i++) {
        const bool a = mask[i] != 0, b = (bits[i / 8] >> (7 - i % 8) & 1) != 0;
        equal += a == b;
        both += a && b;
        ours += a;
        theirs += b;
    }
    const size_t either = ours + theirs - both;
    return {static_cast<double>(equal) / static_cast<double>(mask.size()),
            either ? static_cast<double>(both) / static_cast<double>(either) : 1.0, ours, theirs};
}

double relative_error(const float* a, size_t count, const std::vector<float>& b) {
    if (count != b.size()) return std::numeric_limits<double>::infinity();
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = double{a[i]} - double{b[i]};
        difference += d * d;
        size += double{b[i]} * double{b[i]};
    }
    return size > 0 ? std::sqrt(difference / size)
                    : std::sqrt(difference / static_cast<double>(count ? count : 1));
}

double largest_difference(const float* a, size_t count, const std::vector<float>& b) {
    if (count != b.size()) return std::numeric_limits<double>::infinity();
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = std::fabs(double{a[i]} - double{b[i]});
        if (!(d <= largest)) largest = d;
        if (std::isnan(d)) return d;
    }
    return largest;
}

bool all_finite(const float* values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!std::isfinite(values[i])) return false;
    return true;
}

}  // namespace samlet::test
