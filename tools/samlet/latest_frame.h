// A camera that is always up to date, however slow its reader: a thread takes every picture as it comes and
// keeps the newest one. The driver alone does not do that: once its buffers are full of old pictures it drops
// the new ones.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "video_source.h"

namespace cli {

class LatestFrame : public VideoSource {
  public:
    explicit LatestFrame(std::unique_ptr<VideoSource> camera);
    ~LatestFrame() override;
    LatestFrame(const LatestFrame&) = delete;
    LatestFrame& operator=(const LatestFrame&) = delete;

    int64_t frame_count() const override { return camera_->frame_count(); }
    double frames_per_second() const override { return camera_->frames_per_second(); }
    bool live() const override { return true; }
    // The newest picture that was not read yet; waits for one. Numbers count the pictures given out here:
    // those before `number` are waited for and dropped. What the camera throws is thrown here.
    bool read(int64_t number, Picture& picture) override;

  private:
    bool take(Picture& picture);
    void take_pictures();

    std::unique_ptr<VideoSource> camera_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Picture latest_;
    bool fresh_ = false, ended_ = false, stopping_ = false;
    std::exception_ptr error_;
    int64_t given_ = 0;
    std::thread thread_;
};

}  // namespace cli
