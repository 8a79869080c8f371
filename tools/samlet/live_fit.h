// Where a picture lies on a screen: as large as fits, in the middle, its shape kept.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace cli {

struct Fit {
    int left = 0, top = 0, width = 1, height = 1;  // dots of the screen
    float columns = 1, rows = 1;                   // pixels of the picture to one dot

    static Fit of(uint32_t picture_width, uint32_t picture_height, int screen_width, int screen_height) {
        const float scale = std::min(static_cast<float>(screen_width) / static_cast<float>(picture_width),
                                     static_cast<float>(screen_height) / static_cast<float>(picture_height));
        const auto dots = [&](uint32_t pixels) {
            return std::max(1, static_cast<int>(std::lround(static_cast<float>(pixels) * scale)));
        };
        Fit fit;
        fit.width = dots(picture_width);
        fit.height = dots(picture_height);
        fit.left = (screen_width - fit.width) / 2;
        fit.top = (screen_height - fit.height) / 2;
        fit.columns = static_cast<float>(picture_width) / static_cast<float>(fit.width);
        fit.rows = static_cast<float>(picture_height) / static_cast<float>(fit.height);
        return fit;
    }

    // Both ways between a place on the screen, in dots, and one in the picture, in pixels. Outside of the
    // picture too.
    float picture_x(float x) const { return (x - static_cast<float>(left)) * columns; }
    float picture_y(float y) const { return (y - static_cast<float>(top)) * rows; }
    float screen_x(float x) const { return static_cast<float>(left) + x / columns; }
    float screen_y(float y) const { return static_cast<float>(top) + y / rows; }
};

}  // namespace cli
