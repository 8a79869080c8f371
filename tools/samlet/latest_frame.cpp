// SPDX-License-Identifier: Apache-2.0
#include "latest_frame.h"

#include <chrono>
#include <utility>

#include "interrupt.h"

namespace cli {
namespace {

// A signal does not wake a condition variable.
constexpr std::chrono::milliseconds kLook(50);

}  // namespace

LatestFrame::LatestFrame(std::unique_ptr<VideoSource> camera)
    : camera_(std::move(camera)), thread_([this] { take_pictures(); }) {}

LatestFrame::~LatestFrame() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    thread_.join();
}

bool LatestFrame::read(int64_t number, Picture& picture) {
    for (; given_ < number; given_++)
        if (!take(picture)) return false;
    given_++;
    return take(picture);
}

bool LatestFrame::take(Picture& picture) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!fresh_ && !ended_ && !interrupted()) changed_.wait_for(lock, kLook);
    if (interrupted()) return false;
    if (fresh_) {
        std::swap(picture, latest_);
        fresh_ = false;
        return true;
    }
    if (error_) std::rethrow_exception(error_);
    return false;
}

void LatestFrame::take_pictures() {
    using Clock = std::chrono::steady_clock;
    Clock::time_point first;
    Picture picture;
    std::exception_ptr error;
    for (int64_t number = 0;; number++) {
        bool more = false;
        try {
            more = camera_->read(number, picture);
        } catch (...) {
            error = std::current_exception();
        }
        const Clock::time_point now = Clock::now();
        if (number == 0) first = now;
        picture.seconds = std::chrono::duration<double>(now - first).count();
        const std::lock_guard<std::mutex> lock(mutex_);
        if (more) {
            std::swap(picture, latest_);
            fresh_ = true;
        } else {
            ended_ = true;
            error_ = error;
        }
        changed_.notify_one();
        if (ended_ || stopping_) return;
    }
}

}  // namespace cli
