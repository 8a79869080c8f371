// SPDX-License-Identifier: Apache-2.0
#include "track_passes.h"

#include <algorithm>

#include "error.h"

namespace cli {

std::vector<Pass> plan_passes(const TrackOptions& options, const Prompts& prompts) {
    if (prompts.all().empty()) return {{options.start.value_or(0), 1, options.max_frames}};
    const int64_t earliest = prompts.frames().front(), latest = prompts.frames().back();
    const auto check_start = [&](bool good, const std::string& rule) {
        if (!good) throw UsageError("--start " + std::to_string(*options.start) + ": " + rule);
    };
    switch (options.direction) {
        case Direction::forward: {
            const int64_t first = options.start.value_or(earliest);
            check_start(first <= earliest,
                        "frame " + std::to_string(earliest) + " has a prompt and would be left out");
            return {{first, 1, options.max_frames}};
        }
        case Direction::backward: {
            const int64_t first = options.start.value_or(latest);
            check_start(first >= latest,
                        "frame " + std::to_string(latest) + " has a prompt and would be left out");
            return {{first, -1, options.max_frames}};
        }
        case Direction::both:
            break;
    }
    const int64_t first = options.start.value_or(earliest);
    check_start(first == earliest, "with --direction both the first frame is that of the earliest prompt, " +
                                       std::to_string(earliest));
    return {{earliest, 1, options.max_frames}, {earliest - 1, -1, options.max_frames}};
}

int64_t expected_frames(const std::vector<Pass>& passes, int64_t frame_count) {
    int64_t total = 0;
    for (const Pass& pass : passes) {
        if (pass.step > 0 && frame_count == 0 && pass.limit == 0) return 0;
        int64_t frames = pass.step > 0 ? frame_count - pass.first : pass.first + 1;
        if (pass.step > 0 && frame_count == 0) frames = pass.limit;
        if (pass.limit > 0) frames = std::min(frames, pass.limit);
        total += std::max<int64_t>(frames, 0);
    }
    return total;
}

}  // namespace cli
