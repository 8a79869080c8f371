// A mask as run lengths: small enough to keep hundreds of them, and the form that COCO files want.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

class MaskRuns {
  public:
    // `mask`: row-major, nonzero is inside.
    MaskRuns(uint32_t width, uint32_t height, const uint8_t* mask);

    uint32_t width() const { return width_; }
    uint32_t height() const { return height_; }
    uint64_t area() const;
    // Row-major, 1 inside and 0 outside.
    std::vector<uint8_t> pixels() const;
    // Calls visit(index of the pixel, row-major) for every pixel inside.
    template <typename Visit>
    void visit(Visit visit) const;
    // What pycocotools calls compressed counts.
    std::string counts() const;

  private:
    uint32_t width_, height_;
    std::vector<uint32_t> runs_;  // column by column; outside, inside, outside, ...
};

template <typename Visit>
void MaskRuns::visit(Visit visit) const {
    uint64_t at = 0;
    for (size_t i = 0; i < runs_.size(); i++) {
        const uint64_t end = at + runs_[i];
        for (; i % 2 == 1 && at < end; at++) visit(static_cast<size_t>(at % height_ * width_ + at / height_));
        at = end;
    }
}

}  // namespace cli
