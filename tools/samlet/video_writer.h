// A video file written frame by frame: H.264 where libav has it, else MPEG-4.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "picture.h"

namespace cli {

class VideoWriter {
  public:
    VideoWriter(const std::string& path, uint32_t width, uint32_t height, double frames_per_second);
    ~VideoWriter();  // finishes the file, so that it can be played after an error elsewhere
    // RGB, always the same size; shown from frame `time` of the video on, until the next one.
    void add(const Picture& rgb, int64_t time);
    void finish();

  private:
    struct Encoder;
    std::unique_ptr<Encoder> encoder_;
};

// Whether the name asks for a video: .mp4, .mkv, .mov, .m4v or .avi.
bool is_video_name(const std::string& path);

}  // namespace cli
