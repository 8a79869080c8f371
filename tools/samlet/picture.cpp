// SPDX-License-Identifier: Apache-2.0
#include "picture.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace cli {
namespace {

uint8_t to_byte(float value) {
    return static_cast<uint8_t>(std::clamp(std::lround(value), 0l, 255l));
}

// BT.601, studio range: Y 16..235, U and V 16..240.
void yuv_to_rgb(uint8_t luma, uint8_t blue, uint8_t red, uint8_t* rgb) {
    const float y = 1.164383f * (static_cast<float>(luma) - 16.0f);
    const float u = static_cast<float>(blue) - 128.0f;
    const float v = static_cast<float>(red) - 128.0f;
    rgb[0] = to_byte(y + 1.596027f * v);
    rgb[1] = to_byte(y - 0.391762f * u - 0.812968f * v);
    rgb[2] = to_byte(y + 2.017232f * u);
}

void nv12_row(const Picture& picture, uint32_t y, uint8_t* rgb) {
    const uint8_t* luma = picture.row(y);
    const uint8_t* chroma = picture.bytes.data() + picture.second_plane + y / 2 * picture.stride[1];
    for (uint32_t x = 0; x < picture.width; x++)
        yuv_to_rgb(luma[x], chroma[x / 2 * 2], chroma[x / 2 * 2 + 1], rgb + 3 * x);
}

void yuyv_row(const Picture& picture, uint32_t y, uint8_t* rgb) {
    const uint8_t* pixels = picture.row(y);
    for (uint32_t x = 0; x < picture.width; x++)
        yuv_to_rgb(pixels[2 * x], pixels[x / 2 * 4 + 1], pixels[x / 2 * 4 + 3], rgb + 3 * x);
}

}  // namespace

samlet_frame Picture::frame() const {
    samlet_frame frame;
    samlet_frame_init(&frame);
    frame.format = format;
    frame.width = width;
    frame.height = height;
    frame.plane[0] = bytes.data();
    frame.stride[0] = stride[0];
    if (format == SAMLET_PIXEL_NV12) {
        frame.plane[1] = bytes.data() + second_plane;
        frame.stride[1] = stride[1];
    }
    return frame;
}

void shape_rgb(Picture& picture, uint32_t width, uint32_t height, uint64_t row_alignment, size_t spare) {
    const uint64_t row = uint64_t{3} * width;
    picture.format = SAMLET_PIXEL_RGB;
    picture.width = width;
    picture.height = height;
    picture.stride[0] = (row + row_alignment - 1) / row_alignment * row_alignment;
    picture.bytes.resize(picture.stride[0] * height + spare);
}

Picture to_rgb(const Picture& picture) {
    if (picture.format == SAMLET_PIXEL_RGB) return picture;
    Picture rgb;
    shape_rgb(rgb, picture.width, picture.height);
    for (uint32_t y = 0; y < picture.height; y++) {
        switch (picture.format) {
            case SAMLET_PIXEL_NV12:
                nv12_row(picture, y, rgb.row(y));
                break;
            case SAMLET_PIXEL_YUYV:
                yuyv_row(picture, y, rgb.row(y));
                break;
            default:
                throw Error("this pixel format cannot be shown");
        }
    }
    return rgb;
}

Picture turn(const Picture& picture, int quarters) {
    const uint32_t width = picture.width, height = picture.height;
    const bool across = quarters % 2 == 1;
    Picture turned;
    shape_rgb(turned, across ? height : width, across ? width : height);
    for (uint32_t y = 0; y < turned.height; y++)
        for (uint32_t x = 0; x < turned.width; x++) {
            const uint32_t from_x = quarters == 1 ? y : quarters == 2 ? width - 1 - x : width - 1 - y;
            const uint32_t from_y = quarters == 1 ? height - 1 - x : quarters == 2 ? height - 1 - y : x;
            std::copy_n(picture.row(from_y) + 3 * from_x, 3, turned.row(y) + 3 * x);
        }
    return turned;
}

void mirror(Picture& rgb) {
    for (uint32_t y = 0; y < rgb.height; y++)
        for (uint32_t x = 0; x < rgb.width / 2; x++)
            std::swap_ranges(rgb.row(y) + 3 * x, rgb.row(y) + 3 * x + 3, rgb.row(y) + 3 * (rgb.width - 1 - x));
}

}  // namespace cli
