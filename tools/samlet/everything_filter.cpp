// SPDX-License-Identifier: Apache-2.0
#include "everything_filter.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace cli {
namespace {

constexpr int64_t kEdgeTolerance = 20;  // pixels

bool side_is_cut(int64_t side, int64_t crop_side, int64_t picture_side) {
    return std::abs(side - crop_side) <= kEdgeTolerance && std::abs(side - picture_side) > kEdgeTolerance;
}

float box_area(const PixelBox& box) {
    return static_cast<float>(box.x1 - box.x0) * static_cast<float>(box.y1 - box.y0);
}

// Boxes one pixel wide have no area here and overlap with nothing.
float box_iou(const PixelBox& a, const PixelBox& b) {
    const PixelBox shared = {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1),
                             std::min(a.y1, b.y1)};
    if (shared.x1 <= shared.x0 || shared.y1 <= shared.y0) return 0;
    const float both = box_area(shared);
    return both / (box_area(a) + box_area(b) - both);
}

// The regions of pixels of one value, each a list of pixels, in raster order of their first one.
class Regions {
  public:
    Regions(const std::vector<uint8_t>& mask, uint32_t width, uint32_t height)
        : mask_(mask), width_(width), height_(height), seen_(mask.size(), false) {}

    std::vector<std::vector<size_t>> of_value(uint8_t value) {
        std::vector<std::vector<size_t>> regions;
        for (size_t first = 0; first < mask_.size(); first++)
            if (mask_[first] == value && !seen_[first]) regions.push_back(flood(first));
        return regions;
    }

  private:
    std::vector<size_t> flood(size_t first) {
        std::vector<size_t> region = {first};
        seen_[first] = true;
        for (size_t done = 0; done < region.size(); done++) {
            const size_t x = region[done] % width_, y = region[done] / width_;
            for (size_t v = y ? y - 1 : 0; v <= std::min<size_t>(y + 1, height_ - 1); v++)
                for (size_t u = x ? x - 1 : 0; u <= std::min<size_t>(x + 1, width_ - 1); u++) {
                    const size_t at = v * width_ + u;
                    if (seen_[at] || mask_[at] != mask_[first]) continue;
                    seen_[at] = true;
                    region.push_back(at);
                }
        }
        return region;
    }

    const std::vector<uint8_t>& mask_;
    size_t width_, height_;
    std::vector<bool> seen_;
};

bool fill_small_holes(std::vector<uint8_t>& mask, uint32_t width, uint32_t height, uint64_t area) {
    bool found = false;
    for (const std::vector<size_t>& hole : Regions(mask, width, height).of_value(0)) {
        if (hole.size() >= area) continue;
        for (const size_t at : hole) mask[at] = 1;
        found = true;
    }
    return found;
}

bool remove_small_islands(std::vector<uint8_t>& mask, uint32_t width, uint32_t height, uint64_t area) {
    const std::vector<std::vector<size_t>> islands = Regions(mask, width, height).of_value(1);
    size_t largest = 0;
    for (size_t i = 1; i < islands.size(); i++)
        if (islands[i].size() > islands[largest].size()) largest = i;
    bool found = false;
    for (size_t i = 0; i < islands.size(); i++) {
        if (islands[i].size() >= area) continue;
        found = true;
        if (i == largest) continue;  // the last resort
        for (const size_t at : islands[i]) mask[at] = 0;
    }
    return found;
}

}  // namespace

bool near_crop_edge(const PixelBox& box, const Crop& crop, uint32_t picture_width, uint32_t picture_height) {
    return side_is_cut(box.x0, crop.x0, 0) || side_is_cut(box.y0, crop.y0, 0) ||
           side_is_cut(box.x1, crop.x1, picture_width) || side_is_cut(box.y1, crop.y1, picture_height);
}

std::vector<size_t> suppress(const std::vector<PixelBox>& boxes, const std::vector<float>& scores,
                             double most_overlap) {
    std::vector<size_t> order(boxes.size()), kept;
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    for (const size_t i : order) {
        const bool covered = std::any_of(kept.begin(), kept.end(), [&](size_t k) {
            return static_cast<double>(box_iou(boxes[k], boxes[i])) > most_overlap;
        });
        if (!covered) kept.push_back(i);
    }
    return kept;
}

bool remove_small_regions(std::vector<uint8_t>& mask, uint32_t width, uint32_t height, uint64_t area) {
    const bool holes = fill_small_holes(mask, width, height, area);
    const bool islands = remove_small_islands(mask, width, height, area);
    return holes || islands;
}

}  // namespace cli
