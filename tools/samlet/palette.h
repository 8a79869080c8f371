// The colour map of VOC, which DAVIS annotations and most viewers use.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

namespace cli {

struct Colour {
    uint8_t red, green, blue;
};

// Neighbouring indices get distant colours: bit k of a channel, from the top, is bit 3k + channel of the
// index.
inline Colour palette_colour(uint8_t index) {
    Colour colour = {0, 0, 0};
    for (int bit = 7, rest = index; rest != 0; bit--, rest >>= 3) {
        colour.red = static_cast<uint8_t>(colour.red | (rest & 1) << bit);
        colour.green = static_cast<uint8_t>(colour.green | (rest >> 1 & 1) << bit);
        colour.blue = static_cast<uint8_t>(colour.blue | (rest >> 2 & 1) << bit);
    }
    return colour;
}

// The palette begins with dark colours, which thin lines and letters do not show: same hue, full brightness.
inline Colour bright(Colour colour) {
    const int highest = std::max({colour.red, colour.green, colour.blue, uint8_t{1}});
    return {static_cast<uint8_t>(colour.red * 255 / highest),
            static_cast<uint8_t>(colour.green * 255 / highest),
            static_cast<uint8_t>(colour.blue * 255 / highest)};
}

// Half way to white: readable on black.
inline Colour pale(Colour colour) {
    const auto half = [](uint8_t channel) { return static_cast<uint8_t>(128 + channel / 2); };
    return {half(colour.red), half(colour.green), half(colour.blue)};
}

}  // namespace cli
