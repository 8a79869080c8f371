// SPDX-License-Identifier: Apache-2.0
#include "mask_runs.h"

namespace cli {

MaskRuns::MaskRuns(uint32_t width, uint32_t height, const uint8_t* mask) : width_(width), height_(height) {
    bool inside = false;
    uint32_t run = 0;
    for (size_t x = 0; x < width; x++)
        for (size_t y = 0; y < height; y++) {
            if ((mask[y * width + x] != 0) != inside) {
                runs_.push_back(run);
                run = 0;
                inside = !inside;
            }
            run++;
        }
    runs_.push_back(run);
}

uint64_t MaskRuns::area() const {
    uint64_t area = 0;
    for (size_t i = 1; i < runs_.size(); i += 2) area += runs_[i];
    return area;
}

std::vector<uint8_t> MaskRuns::pixels() const {
    std::vector<uint8_t> pixels(size_t{width_} * height_, 0);
    visit([&](size_t at) { pixels[at] = 1; });
    return pixels;
}

// From the fourth run on, the difference to the run two before; in groups of 5 bits, low ones first, bit 5
// set when more follow, plus 48.
std::string MaskRuns::counts() const {
    std::string text;
    for (size_t i = 0; i < runs_.size(); i++) {
        int64_t value = runs_[i];
        if (i > 2) value -= runs_[i - 2];
        for (bool more = true; more;) {
            const int64_t low = value & 31;
            value >>= 5;
            more = low & 16 ? value != -1 : value != 0;
            text += static_cast<char>(48 + low + (more ? 32 : 0));
        }
    }
    return text;
}

}  // namespace cli
