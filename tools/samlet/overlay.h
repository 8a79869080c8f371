// Pictures with coloured masks, for people.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "picture.h"
#include "play_time.h"
#include "video_writer.h"

namespace cli {

// Paints the objects of `indices` (width * height, 0 is background) over an RGB picture: half transparent,
// with a contour.
void paint_masks(Picture& rgb, const uint8_t* indices);

// Writes overlays to a video file, or, where the name is none, as JPEGs to a directory.
class OverlayWriter {
  public:
    // A `live` source's pictures are shown when they were taken, a file's by their numbers.
    OverlayWriter(const std::string& path, double frames_per_second, bool live);
    void add(int64_t frame, const Picture& picture, const uint8_t* indices);
    void finish();

  private:
    std::string path_;
    double frames_per_second_;
    bool live_;
    PlayTime time_;
    std::unique_ptr<VideoWriter> video_;  // opened by the first picture, whose size it needs
};

}  // namespace cli
