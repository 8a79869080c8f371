// SPDX-License-Identifier: Apache-2.0
#include "everything_crops.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "error.h"

namespace cli {
namespace {

// Length of each of `count` pieces that cover `whole` and overlap by `overlap`.
uint32_t piece_length(uint32_t whole, uint32_t count, uint32_t overlap) {
    const double total = static_cast<double>(overlap) * (count - 1) + whole;
    return static_cast<uint32_t>(std::ceil(total / count));
}

}  // namespace

std::vector<Crop> plan_crops(uint32_t width, uint32_t height, uint32_t layers, double overlap) {
    std::vector<Crop> crops = {{0, 0, width, height, 0}};
    for (uint32_t layer = 1; layer <= layers; layer++) {
        const uint32_t count = 1u << layer;
        const uint32_t shared = static_cast<uint32_t>(overlap * std::min(width, height) * (2.0 / count));
        const uint32_t across = piece_length(width, count, shared),
                       down = piece_length(height, count, shared);
        const uint32_t step_x = across - shared, step_y = down - shared;
        if (step_x * (count - 1) >= width || step_y * (count - 1) >= height)
            throw Error("the picture of " + std::to_string(width) + "x" + std::to_string(height) +
                        " is too small for " + std::to_string(layers) + " layers of crops");
        for (uint32_t column = 0; column < count; column++)
            for (uint32_t row = 0; row < count; row++) {
                const uint32_t x0 = column * step_x, y0 = row * step_y;
                crops.push_back({x0, y0, std::min(x0 + across, width), std::min(y0 + down, height), layer});
            }
    }
    return crops;
}

std::vector<double> grid_line(uint32_t count) {
    std::vector<double> line(count);
    for (uint32_t i = 0; i < count; i++) line[i] = (i + 0.5) / count;
    return line;
}

uint32_t points_in_layer(uint32_t per_side, uint32_t downscale, uint32_t layer) {
    uint32_t count = per_side;
    for (uint32_t i = 0; i < layer; i++) count /= downscale;
    if (count == 0)
        throw UsageError(std::to_string(per_side) + " points per side, divided by " +
                         std::to_string(downscale) + " in each layer of crops, leave none for layer " +
                         std::to_string(layer));
    return count;
}

}  // namespace cli
