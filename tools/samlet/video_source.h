// Where frames come from: a directory of pictures, one picture, a video file or a camera.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "picture.h"

namespace cli {

class VideoSource {
  public:
    virtual ~VideoSource() = default;
    // 0 when unknown.
    virtual int64_t frame_count() const = 0;
    // 0 when unknown.
    virtual double frames_per_second() const = 0;
    // Goes on for ever and has no past: frames can only be read upwards, and numbers count the pictures that
    // were read or dropped.
    virtual bool live() const { return false; }
    // Comes through a pipe: can be read once, upwards.
    virtual bool piped() const { return false; }
    // Reads frame `number` (0 is the first); false behind the last frame, or when an interrupt ends a live
    // source.
    virtual bool read(int64_t number, Picture& picture) = 0;
};

struct CameraSize {
    uint32_t width = 640, height = 480;
};

// "camera", "camera:2" and "/dev/video2" are cameras; a directory is read in name order; JPEG and PNG files
// are videos of one frame; "-" is standard input; anything else goes to libav.
std::unique_ptr<VideoSource> open_source(const std::string& path, const CameraSize& camera_size);

std::unique_ptr<VideoSource> open_directory(const std::string& path);
std::unique_ptr<VideoSource> open_picture(const std::string& path);
std::unique_ptr<VideoSource> open_video_file(const std::string& path);
std::unique_ptr<VideoSource> open_camera(const std::string& device, const CameraSize& size);

}  // namespace cli
