// What each subcommand takes and does. main.cpp reads the options; commands throw Error.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "everything.h"
#include "live_view.h"
#include "prompts.h"
#include "video_source.h"

namespace cli {

// What several commands let choose about the arithmetic.
struct Arithmetic {
    samlet_precision precision = SAMLET_PRECISION_AUTO;
    bool f16_maps = false;

    uint32_t flags() const { return f16_maps ? SAMLET_TRACKER_F16_MAPS : 0; }
};

enum class Direction { forward, backward, both };

struct TrackOptions {
    Arithmetic arithmetic;
    std::string model, video, out, overlay, logits, explain;
    PromptOptions prompts;
    uint32_t everything = 0;  // objects to find on the first frame; 0: those of `prompts`
    EverythingOptions everything_options;
    Direction direction = Direction::forward;
    std::optional<int64_t> start;
    int64_t max_frames = 0;  // 0: all
    uint32_t image_size = 0, threads = 0, objects = 0, prompted_frames = 0;
    uint32_t fill_holes = 0, remove_sprinkles = 0;
    bool non_overlapping = false, spin = false;
    double fps = 0;
    CameraSize camera_size;
    std::optional<ViewKind> live;
    bool realtime = false;
    bool json = false, quiet = false;
};

struct SegmentOptions {
    Arithmetic arithmetic;
    std::string model, image, out, logits, logits_in;
    PromptOptions prompts;
    bool everything = false;
    EverythingOptions everything_options;
    bool multimask = false, spin = false;
    uint32_t image_size = 0, threads = 0;
    uint32_t fill_holes = 0, remove_sprinkles = 0;
    bool json = false, quiet = false;
};

struct InfoOptions {
    Arithmetic arithmetic;
    std::string model;
    uint32_t image_size = 0, objects = 0, prompted_frames = 0, threads = 0;
    bool tensors = false, run = false, json = false;
};

struct BenchOptions {
    Arithmetic arithmetic;
    std::string model, preset, preset_type = "f16";
    uint32_t image_size = 0, threads = 0, objects = 1;
    uint32_t frames = 10;
    std::optional<uint32_t> warm_up;
    bool yield = false, json = false, quiet = false;
};

// For pictures of this size; TrackOptions or SegmentOptions.
template <typename Options>
samlet_segmenter_config segmenter_config(const Options& options, const Picture& picture) {
    samlet_segmenter_config config;
    samlet_segmenter_config_init(&config);
    config.flags = options.arithmetic.flags() | (options.spin ? 0 : SAMLET_TRACKER_YIELD);
    config.image_size = options.image_size;
    config.threads = options.threads;
    config.max_frame_width = picture.width;
    config.max_frame_height = picture.height;
    config.fill_hole_area = options.fill_holes;
    config.remove_sprinkle_area = options.remove_sprinkles;
    return config;
}

// Each returns the exit code.
int run_track(const TrackOptions& options);
int run_segment(const SegmentOptions& options);
int run_segment_everything(const SegmentOptions& options);
int run_info(const InfoOptions& options);
int run_bench(const BenchOptions& options);

}  // namespace cli
