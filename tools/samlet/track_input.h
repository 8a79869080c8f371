// What a track works on: prompts, the way through the video, the video, the model.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "session.h"
#include "track_passes.h"

namespace cli {

struct TrackInput {
    // Throws what is wrong with the options, then with what they name.
    explicit TrackInput(const TrackOptions& options);

    // False behind the last frame. Throws an Error if there is no frame at all, or a prompt is for one that
    // never came.
    bool read(int64_t number, Picture& picture);
    double playing_rate() const;  // frames a second; a guess where the video does not tell

    const TrackOptions& options;
    Prompts prompts;
    std::vector<Pass> passes;
    std::unique_ptr<VideoSource> source;
    std::string model_path;
    Model model;
    samlet_model_info model_info = {};

  private:
    void check_exists(const std::string& origin, int64_t frame) const;

    bool begun_ = false;
};

// For a video that begins with picture `first`.
samlet_tracker_config tracker_config(const TrackInput& input, const Picture& first);

}  // namespace cli
