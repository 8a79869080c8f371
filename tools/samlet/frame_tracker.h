// One frame after the other: its prompts, the tracking, and what was found.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "picture.h"
#include "prompts.h"
#include "session.h"

namespace cli {

struct FoundFrame {
    bool idle = true;  // nothing to find, so the tracker was not given the frame
    double milliseconds = 0;
    std::vector<samlet_result> results;  // of the objects that have one
    std::vector<uint8_t> indices;        // the object that each pixel shows; later objects lie on top
};

class FrameTracker {
  public:
    // For frames no larger than `first`.
    FrameTracker(Tracker tracker, const Picture& first)
        : tracker_(std::move(tracker)), width_(first.width), height_(first.height) {}

    const Tracker& tracker() const { return tracker_; }
    std::vector<int32_t> objects() const;

    // Prompts and tracking in the order that makes a prompt correct what was tracked.
    void track(int64_t number, const Picture& picture, const std::vector<const Prompt*>& prompts);

    // Changes of the frame given to track(); collect() when they are done, also when one was refused. The
    // next frame stores a prompt's result into memory.
    void prompt(const Picture& picture, const Prompt& prompt);
    void remove(int32_t object);
    void collect(const Picture& picture);

    const FoundFrame& found() const { return found_; }

  private:
    void set_frame(const Picture& picture, int64_t number);
    void apply(const Prompt& prompt);
    void track_all(int64_t number);
    void follow(const Picture& picture, int64_t number, const std::vector<const Prompt*>& prompts);
    void mark(int32_t object, const Picture& picture);

    Tracker tracker_;
    uint32_t width_, height_;
    FoundFrame found_;
    std::vector<uint8_t> mask_;
};

}  // namespace cli
