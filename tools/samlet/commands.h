// What each subcommand takes and does. main.cpp reads the options; commands throw Error.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "prompts.h"
#include "video_source.h"

namespace cli {

enum class Direction { forward, backward, both };

struct TrackOptions {
    std::string model, video, out, overlay, logits;
    PromptOptions prompts;
    Direction direction = Direction::forward;
    std::optional<int64_t> start;
    int64_t max_frames = 0;  // 0: all
    uint32_t image_size = 0, threads = 0, objects = 0, prompted_frames = 0;
    uint32_t fill_holes = 0, remove_sprinkles = 0;
    bool non_overlapping = false, spin = false;
    double fps = 0;
    CameraSize camera_size;
    bool json = false, quiet = false;
};

struct SegmentOptions {
    std::string model, image, out, logits, logits_in;
    PromptOptions prompts;
    bool multimask = false, spin = false;
    uint32_t image_size = 0, threads = 0;
    uint32_t fill_holes = 0, remove_sprinkles = 0;
    bool json = false, quiet = false;
};

struct InfoOptions {
    std::string model;
    uint32_t image_size = 0, objects = 0, prompted_frames = 0, threads = 0;
    bool tensors = false, json = false;
};

struct BenchOptions {
    std::string model, preset, preset_type = "f16";
    uint32_t image_size = 0, threads = 0, objects = 1;
    uint32_t frames = 10;
    std::optional<uint32_t> warm_up;
    bool yield = false, json = false, quiet = false;
};

// Each returns the exit code.
int run_track(const TrackOptions& options);
int run_segment(const SegmentOptions& options);
int run_info(const InfoOptions& options);
int run_bench(const BenchOptions& options);

}  // namespace cli
