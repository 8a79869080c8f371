// The tracker of a video and what it leaves behind. Both are opened by the first frame, whose size they need:
// until then nothing is written.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "everything.h"
#include "frame_tracker.h"
#include "track_input.h"
#include "track_output.h"

namespace cli {

class TrackSession {
  public:
    explicit TrackSession(TrackInput& input) : input_(input) {}

    // Of the search of --everything.
    void watch_search(const SearchWatch& watch) { watch_ = watch; }

    // The frame's prompts and the tracking; first, on the first frame, the search of --everything.
    void track(int64_t number, const Picture& picture);
    // Its results.
    void write(int64_t number, const Picture& picture) { output_->write(number, picture, *frames_); }
    void finish() {
        if (output_) output_->finish();
    }

    FrameTracker& frames() { return *frames_; }
    const FrameTracker& frames() const { return *frames_; }
    TrackOutput* output() { return output_.get(); }  // null before the first frame
    const TrackOutput* output() const { return output_.get(); }
    uint64_t arena_bytes() const { return arena_bytes_; }

  private:
    void begin(int64_t number, const Picture& first);

    TrackInput& input_;
    SearchWatch watch_;
    uint64_t arena_bytes_ = 0;
    std::unique_ptr<FrameTracker> frames_;
    std::unique_ptr<TrackOutput> output_;
};

}  // namespace cli
