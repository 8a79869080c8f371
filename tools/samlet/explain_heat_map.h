// Heat maps over pictures.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "picture.h"

namespace cli {

// The value that gets the brightest colour in maps that are to be compared: few cells lie above it, so that
// one cell does not darken all others.
float heat_ceiling(const std::vector<std::vector<float>>& maps);

// Lays side x side values, which cover the whole picture, over it: colours by the square root of value /
// ceiling from nothing over violet, red and yellow to white, bilinear between cells; where there is nothing,
// the picture is grey.
void paint_heat(Picture& rgb, const std::vector<float>& map, uint32_t side, float ceiling);

}  // namespace cli
