// SPDX-License-Identifier: Apache-2.0
#include "exif.h"

#include <cstring>

namespace cli {
namespace {

constexpr uint8_t kSignature[] = {'E', 'x', 'i', 'f', 0, 0};
constexpr uint32_t kOrientation = 0x0112, kShort = 3;
constexpr size_t kEntryBytes = 12;

// A TIFF file of either byte order; what lies outside reads as 0.
class Tiff {
  public:
    Tiff(const uint8_t* data, size_t size) : data_(data), size_(size) {
        big_ = size >= 2 && memcmp(data, "MM", 2) == 0;
        known_ = big_ || (size >= 2 && memcmp(data, "II", 2) == 0);
    }

    bool good() const { return known_ && number(2, 2) == 42; }
    size_t size() const { return size_; }
    // Of 2 or 4 bytes.
    uint32_t number(size_t at, size_t bytes) const {
        if (at > size_ || bytes > size_ - at) return 0;
        uint32_t value = 0;
        for (size_t i = 0; i < bytes; i++) value = value << 8 | data_[at + (big_ ? i : bytes - 1 - i)];
        return value;
    }

  private:
    const uint8_t* data_;
    size_t size_;
    bool big_ = false, known_ = false;
};

}  // namespace

int exif_orientation(const uint8_t* data, size_t size) {
    if (size < sizeof(kSignature) || memcmp(data, kSignature, sizeof(kSignature)) != 0) return 1;
    const Tiff tiff(data + sizeof(kSignature), size - sizeof(kSignature));
    if (!tiff.good()) return 1;
    const size_t directory = tiff.number(4, 4);
    const uint32_t entries = tiff.number(directory, 2);
    for (uint32_t i = 0; i < entries; i++) {
        const size_t entry = directory + 2 + i * kEntryBytes;
        if (entry > tiff.size()) break;
        if (tiff.number(entry, 2) != kOrientation) continue;
        const uint32_t value = tiff.number(entry + 8, 2);
        const bool shaped = tiff.number(entry + 2, 2) == kShort && tiff.number(entry + 4, 4) == 1;
        return shaped && value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
}

}  // namespace cli
