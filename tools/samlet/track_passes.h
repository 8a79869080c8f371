// Which ways a track goes through the video.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "commands.h"

namespace cli {

struct Pass {
    int64_t first;
    int64_t step;   // 1 or -1
    int64_t limit;  // frames at most; 0: no limit
};

// Throws UsageError where --start or --max-frames leaves out a prompt.
std::vector<Pass> plan_passes(const TrackOptions& options, const Prompts& prompts);
// Of all passes through a video of `frame_count` frames, 0 being unknown. 0: unknown.
int64_t expected_frames(const std::vector<Pass>& passes, int64_t frame_count);

}  // namespace cli
