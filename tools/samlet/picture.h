// A picture in memory, in one of the library's pixel formats.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <samlet/samlet.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace cli {

struct Picture {
    samlet_pixel_format format = SAMLET_PIXEL_RGB;
    uint32_t width = 0, height = 0;
    uint64_t stride[2] = {0, 0};
    uint64_t second_plane = 0;  // where plane 1 begins in `bytes`: NV12 only
    std::vector<uint8_t> bytes;
    std::optional<double> seconds;  // since the first picture of its source, where that is known

    const uint8_t* row(uint32_t y) const { return bytes.data() + y * stride[0]; }
    uint8_t* row(uint32_t y) { return bytes.data() + y * stride[0]; }
    // As the library takes it; valid while this picture lives and keeps its size.
    samlet_frame frame() const;
};

// Makes room for an RGB picture. `spare` bytes at the end are for writers that store whole vectors.
void shape_rgb(Picture& picture, uint32_t width, uint32_t height, uint64_t row_alignment = 1,
               size_t spare = 0);

// The same picture in RGB; NV12 and YUYV are BT.601 in studio range, as the library reads them.
Picture to_rgb(const Picture& picture);

// An RGB picture turned clockwise by 1, 2 or 3 quarters.
Picture turn(const Picture& picture, int quarters);
// Swaps the left and the right of an RGB picture.
void mirror(Picture& rgb);

}  // namespace cli
