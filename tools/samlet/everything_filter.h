// Which of many masks to keep.
//
// SPDX-License-Identifier: Apache-2.0
//
// As the reference's automatic mask generator decides it (is_box_near_crop_edge and remove_small_regions in
// sam2/utils/amg.py, non-maximum suppression as in torchvision).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "everything_crops.h"

namespace cli {

// The outermost pixels of a mask: unlike elsewhere, x1 and y1 are the last ones inside. The reference's
// thresholds are meant for boxes of this kind.
struct PixelBox {
    int64_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

// Whether a side of the box (in pixels of the picture) lies within 20 pixels of the same side of the crop,
// but not of the picture: then the crop probably cut the object.
bool near_crop_edge(const PixelBox& box, const Crop& crop, uint32_t picture_width, uint32_t picture_height);

// Non-maximum suppression: goes through the boxes from the highest score to the lowest, equal ones in their
// order, and keeps those whose IoU with every kept one is at most `most_overlap`. Returns indices in that
// order.
std::vector<size_t> suppress(const std::vector<PixelBox>& boxes, const std::vector<float>& scores,
                             double most_overlap);

// Fills holes and then removes islands of fewer than `area` pixels, connected by sides or corners; where
// every island is that small, the largest stays. `mask`: row-major, 1 inside and 0 outside. Returns whether
// any was found.
bool remove_small_regions(std::vector<uint8_t>& mask, uint32_t width, uint32_t height, uint64_t area);

}  // namespace cli
