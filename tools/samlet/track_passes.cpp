// SPDX-License-Identifier: Apache-2.0
#include "track_passes.h"

#include <algorithm>
#include <cstdlib>

#include "error.h"

namespace cli {

std::vector<Pass> plan_passes(const TrackOptions& options, const Prompts& prompts) {
    if (prompts.all().empty()) return {{options.start.value_or(0), 1, options.max_frames}};
    const int64_t earliest = prompts.frames().front(), latest = prompts.frames().back();
    const auto check_start = [&](bool good, const std::string& rule) {
        if (!good) throw UsageError("--start " + std::to_string(*options.start) + ": " + rule);
    };
    const auto left_out = [](int64_t frame) {
        return "frame " + std::to_string(frame) + " has a prompt and would be left out";
    };
    // --realtime counts only the frames that it does not skip, so nobody knows how far it comes.
    const auto check_reached = [&](int64_t first, int64_t frame) {
        if (options.max_frames > 0 && std::abs(frame - first) >= options.max_frames && !options.realtime)
            throw UsageError("--max-frames " + std::to_string(options.max_frames) + ": " + left_out(frame));
    };
    switch (options.direction) {
        case Direction::forward: {
            const int64_t first = options.start.value_or(earliest);
            check_start(first <= earliest, left_out(earliest));
            check_reached(first, latest);
            return {{first, 1, options.max_frames}};
        }
        case Direction::backward: {
            const int64_t first = options.start.value_or(latest);
            check_start(first >= latest, left_out(latest));
            check_reached(first, earliest);
            return {{first, -1, options.max_frames}};
        }
        case Direction::both:
            break;
    }
    const int64_t first = options.start.value_or(earliest);
    check_start(first == earliest, "with --direction both the first frame is that of the earliest prompt, " +
                                       std::to_string(earliest));
    check_reached(earliest, latest);
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
