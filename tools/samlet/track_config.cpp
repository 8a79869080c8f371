// From options to the tracker's plan.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "track_input.h"

namespace cli {
namespace {

constexpr uint32_t kMostPromptedFrames = 8;
// What is planned for where hands decide later.
constexpr uint32_t kLiveObjects = 8, kLivePromptedFrames = 4;

// Points that one object can collect on one frame; a box counts as two.
uint32_t most_points(const Prompts& prompts) {
    std::map<std::pair<int64_t, int32_t>, size_t> counts;
    size_t most = 0;
    for (const Prompt& prompt : prompts.all()) {
        size_t& count = counts[{prompt.frame, prompt.object}];
        count += prompt.points.size() + (prompt.box ? 2 : 0);
        most = std::max(most, count);
    }
    return static_cast<uint32_t>(most);
}

uint32_t flags_of(const TrackOptions& options) {
    return (options.non_overlapping ? SAMLET_TRACKER_NON_OVERLAPPING : 0) |
           options.arithmetic.flags() | (options.spin ? 0 : SAMLET_TRACKER_YIELD) |
           (options.explain.empty() ? 0 : SAMLET_TRACKER_EXPLAIN);
}

uint32_t most_objects(const TrackOptions& options, const Prompts& prompts) {
    if (options.objects) return options.objects;
    const uint32_t prompted = static_cast<uint32_t>(prompts.objects().size());
    // A live view counts on this number before --everything has found its objects.
    return options.live ? std::max({prompted, options.everything, kLiveObjects}) : prompted;
}

uint32_t prompted_frames(const TrackOptions& options, const Prompts& prompts) {
    if (options.prompted_frames) return options.prompted_frames;
    const uint32_t known = std::min(static_cast<uint32_t>(prompts.frames().size()), kMostPromptedFrames);
    return options.live ? std::max(known, kLivePromptedFrames) : known;
}

}  // namespace

samlet_tracker_config tracker_config(const TrackInput& input, const Picture& first) {
    const TrackOptions& options = input.options;
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.flags |= flags_of(options);
    config.image_size = options.image_size;
    config.max_objects = most_objects(options, input.prompts);
    config.prompted_frames = prompted_frames(options, input.prompts);
    config.max_points = std::max(most_points(input.prompts), 32u);
    config.clip_length = static_cast<uint32_t>(input.source->frame_count());
    config.threads = options.threads;
    config.max_frame_width = first.width;
    config.max_frame_height = first.height;
    // A mask may be larger than the frames.
    for (const Prompt& prompt : input.prompts.all()) {
        if (!prompt.mask) continue;
        config.max_frame_width = std::max(config.max_frame_width, prompt.mask->width);
        config.max_frame_height = std::max(config.max_frame_height, prompt.mask->height);
    }
    config.fill_hole_area = options.fill_holes;
    config.remove_sprinkle_area = options.remove_sprinkles;
    return config;
}

}  // namespace cli
