// samlet track --live: what the live view shows and changes is a track.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

#include "live.h"
#include "track_session.h"

namespace cli {

class TrackLive : private LiveSession {
  public:
    TrackLive(TrackInput& input, TrackSession& track);

    // The number of frames shown.
    int64_t run();

  private:
    int64_t next(int64_t after, int64_t wanted) const override;
    bool read(int64_t number, Picture& picture) override;
    void track(int64_t number, const Picture& picture) override;
    std::string change(int64_t number, const Picture& picture, const LiveChange& change) override;
    void leave(int64_t number, const Picture& picture) override { track_.write(number, picture); }
    std::string work() const override;
    void quit() override { quitting_ = true; }

    std::vector<int32_t> objects() const override { return track_.frames().objects(); }
    const std::vector<samlet_result>& results() const override { return track_.frames().found().results; }
    const std::vector<uint8_t>& indices() const override { return track_.frames().found().indices; }
    Picture paint(const Picture& picture, const std::vector<uint8_t>& indices) const override;

    LivePlan plan_for(const Picture& first) const;
    void prompt(int64_t number, const Picture& picture, const LiveChange& change);
    void write_prompts() const;

    TrackInput& input_;
    TrackSession& track_;
    Picture first_;  // read before there was a view
    // Of the search of --everything, which has a thread of its own.
    std::atomic<int> searched_{-1};  // per cent; -1: no search
    std::atomic<bool> quitting_{false};
};

}  // namespace cli
