// Where to look for objects: crops of the picture, and the points to click on in each.
//
// SPDX-License-Identifier: Apache-2.0
//
// The geometry of the reference's automatic mask generator (generate_crop_boxes and build_point_grid in
// sam2/utils/amg.py).
#pragma once

#include <cstdint>
#include <vector>

namespace cli {

// Pixels x0 .. x1 - 1 of rows y0 .. y1 - 1.
struct Crop {
    uint32_t x0, y0, x1, y1;
    uint32_t layer;  // 0: the whole picture; n: one of 4^n

    uint32_t width() const { return x1 - x0; }
    uint32_t height() const { return y1 - y0; }
};

// The whole picture, then the crops of layers 1 .. `layers`, column by column. Crops of layer 1 overlap by
// `overlap` of the picture's shorter side, those of each further layer by half as much as the one before.
// Throws Error where a layer's crops would be empty.
std::vector<Crop> plan_crops(uint32_t width, uint32_t height, uint32_t layers, double overlap);

// Centres of `count` equal parts of 0 .. 1: the points of a grid along either axis.
std::vector<double> grid_line(uint32_t count);

// Points along a side in crops of `layer`: `per_side`, divided by `downscale` once a layer. Throws
// UsageError where none is left.
uint32_t points_in_layer(uint32_t per_side, uint32_t downscale, uint32_t layer);

}  // namespace cli
