// SPDX-License-Identifier: Apache-2.0
#include "overlay.h"

#include <algorithm>
#include <vector>

#include "files.h"
#include "image_io.h"
#include "palette.h"

namespace cli {
namespace {

// Whether a pixel of another object lies within `reach`, along the axes: the contour lies inside the object.
bool on_contour(const uint8_t* indices, int64_t width, int64_t height, int64_t x, int64_t y, int64_t reach) {
    const uint8_t own = indices[y * width + x];
    for (int64_t step = 1; step <= reach; step++) {
        if (x >= step && indices[y * width + x - step] != own) return true;
        if (x + step < width && indices[y * width + x + step] != own) return true;
        if (y >= step && indices[(y - step) * width + x] != own) return true;
        if (y + step < height && indices[(y + step) * width + x] != own) return true;
    }
    return false;
}

uint8_t half_way(uint8_t a, uint8_t b) {
    return static_cast<uint8_t>((a + b + 1) / 2);
}

}  // namespace

void paint_masks(Picture& rgb, const uint8_t* indices) {
    const int64_t width = rgb.width, height = rgb.height;
    const int64_t reach = std::max<int64_t>(1, std::min(width, height) / 300);
    for (int64_t y = 0; y < height; y++) {
        uint8_t* pixel = rgb.row(static_cast<uint32_t>(y));
        for (int64_t x = 0; x < width; x++, pixel += 3) {
            const uint8_t index = indices[y * width + x];
            if (index == 0) continue;
            const Colour colour = palette_colour(index);
            if (on_contour(indices, width, height, x, y, reach)) {
                const Colour line = bright(colour);
                pixel[0] = line.red;
                pixel[1] = line.green;
                pixel[2] = line.blue;
            } else {
                pixel[0] = half_way(pixel[0], colour.red);
                pixel[1] = half_way(pixel[1], colour.green);
                pixel[2] = half_way(pixel[2], colour.blue);
            }
        }
    }
}

OverlayWriter::OverlayWriter(const std::string& path, double frames_per_second, bool live)
    : path_(path), frames_per_second_(frames_per_second), live_(live), time_(frames_per_second) {
    if (!is_video_name(path)) make_directory(path);
}

void OverlayWriter::add(int64_t frame, const Picture& picture, const uint8_t* indices) {
    Picture rgb = to_rgb(picture);
    paint_masks(rgb, indices);
    if (!is_video_name(path_)) {
        write_jpeg(join(path_, frame_digits(frame) + ".jpg"), rgb, 92);
        return;
    }
    if (!video_) video_ = std::make_unique<VideoWriter>(path_, rgb.width, rgb.height, frames_per_second_);
    video_->add(rgb, live_ ? time_.next(frame, picture.seconds) : time_.next(frame));
}

void OverlayWriter::finish() {
    if (video_) video_->finish();
}

}  // namespace cli
