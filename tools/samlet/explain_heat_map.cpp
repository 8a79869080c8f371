// SPDX-License-Identifier: Apache-2.0
#include "explain_heat_map.h"

#include <algorithm>
#include <cmath>

namespace cli {
namespace {

struct Stop {
    float red, green, blue, opacity;
};
// Lightness rises evenly, as in the maps of matplotlib and seaborn.
constexpr Stop kStops[] = {{40, 20, 90, 0},      {95, 25, 130, 0.45f},  {190, 45, 90, 0.7f},
                           {245, 125, 40, 0.8f}, {252, 215, 90, 0.88f}, {255, 255, 235, 0.92f}};
constexpr size_t kStopCount = sizeof(kStops) / sizeof(kStops[0]);

Stop colour_of(float heat) {
    const float place = std::clamp(heat, 0.0f, 1.0f) * static_cast<float>(kStopCount - 1);
    const size_t below = std::min(static_cast<size_t>(place), kStopCount - 2);
    const float t = place - static_cast<float>(below);
    const Stop &a = kStops[below], &b = kStops[below + 1];
    return {a.red + t * (b.red - a.red), a.green + t * (b.green - a.green), a.blue + t * (b.blue - a.blue),
            a.opacity + t * (b.opacity - a.opacity)};
}

// Neighbouring cells of a pixel along one axis.
struct Between {
    uint32_t low, high;
    float weight;  // of high
};

Between cells_of(uint32_t pixel, uint32_t pixels, uint32_t side) {
    const float place =
        (static_cast<float>(pixel) + 0.5f) * static_cast<float>(side) / static_cast<float>(pixels) - 0.5f;
    const float held = std::clamp(place, 0.0f, static_cast<float>(side - 1));
    const uint32_t low = static_cast<uint32_t>(held);
    return {low, std::min(low + 1, side - 1), held - static_cast<float>(low)};
}

uint8_t mixed(float under, float over, float opacity) {
    return static_cast<uint8_t>(std::lround(std::clamp(under + opacity * (over - under), 0.0f, 255.0f)));
}

}  // namespace

float heat_ceiling(const std::vector<std::vector<float>>& maps) {
    std::vector<float> values;
    for (const std::vector<float>& map : maps) values.insert(values.end(), map.begin(), map.end());
    if (values.empty()) return 0;
    const size_t above = values.size() / 1000;
    const auto place = values.end() - 1 - static_cast<std::ptrdiff_t>(above);
    std::nth_element(values.begin(), place, values.end());
    return *place;
}

void paint_heat(Picture& rgb, const std::vector<float>& map, uint32_t side, float ceiling) {
    for (uint32_t y = 0; y < rgb.height; y++) {
        const Between row = cells_of(y, rgb.height, side);
        const float *above = map.data() + row.low * side, *below = map.data() + row.high * side;
        uint8_t* pixel = rgb.row(y);
        for (uint32_t x = 0; x < rgb.width; x++, pixel += 3) {
            const Between column = cells_of(x, rgb.width, side);
            const float top = above[column.low] + column.weight * (above[column.high] - above[column.low]);
            const float bottom = below[column.low] + column.weight * (below[column.high] - below[column.low]);
            const float value = top + row.weight * (bottom - top);
            const Stop colour = colour_of(ceiling > 0 ? std::sqrt(std::max(value, 0.0f) / ceiling) : 0);
            const float grey = 0.299f * static_cast<float>(pixel[0]) + 0.587f * static_cast<float>(pixel[1]) +
                               0.114f * static_cast<float>(pixel[2]);
            pixel[0] = mixed(grey, colour.red, colour.opacity);
            pixel[1] = mixed(grey, colour.green, colour.opacity);
            pixel[2] = mixed(grey, colour.blue, colour.opacity);
        }
    }
}

}  // namespace cli
