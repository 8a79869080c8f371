// What the user points at: from options of the command line or from a prompts file.
//
// SPDX-License-Identifier: Apache-2.0
//
// The file: {"prompts": [{"frame": 0, "object": 1, "points": [[x, y, label], ...], "box": [x0, y0, x1, y1],
// "mask": "file.png", "clear": true}, ...]} in pixels of the video, applied in order. Labels: 1 inside the
// object (the default), 0 outside. A mask stands alone. Mask files lie relative to the prompts file.
#pragma once

#include <samlet/samlet.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "image_io.h"

namespace cli {

struct Prompt {
    std::string origin;  // for messages: "--box" or "prompts[3]"
    int64_t frame = 0;
    int32_t object = 1;
    bool clear = false;  // take back the object's prompts on this frame first
    std::vector<samlet_point> points;
    std::optional<samlet_box> box;
    std::string mask_file;
    std::shared_ptr<const IndexMask> mask;  // pixels are 0 or 1

    bool empty() const { return points.empty() && !box && !mask; }
    // As the library takes it; valid while this lives.
    samlet_prompt prompt() const;
    nlohmann::ordered_json json() const;
};

// Of the command line, all texts as typed.
struct PromptOptions {
    std::vector<std::string> points;
    std::string box;
    std::string mask;
    std::optional<int32_t> object;
    std::string file;

    bool any() const { return !points.empty() || !box.empty() || !mask.empty() || !file.empty(); }
};

class Prompts {
  public:
    // Options apply to `frame`. Throws UsageError for options that cannot be read or do not go together.
    static Prompts from_options(const PromptOptions& options, int64_t frame);
    static Prompts from_file(const std::string& path);
    // Each index of the mask starts the object of that number. `name` is its file.
    static Prompts from_mask(const IndexMask& mask, const std::string& name, int64_t frame);
    // Stands for prompts on `frame` that are known when its picture is.
    static Prompts awaited(const std::string& origin, int64_t frame);

    void add(const Prompt& prompt) { prompts_.push_back(prompt); }
    const std::vector<Prompt>& all() const { return prompts_; }
    std::vector<const Prompt*> on_frame(int64_t frame) const;
    std::vector<int32_t> objects() const;  // distinct, ascending
    std::vector<int64_t> frames() const;   // distinct, ascending
    // As in a file. Mask files are named relative to `folder`, or as they are if it is "".
    nlohmann::ordered_json listed(const std::string& folder = "") const;

  private:
    void add_mask(Prompt prompt, const IndexMask& mask, const std::string& path, bool object_given);
    std::vector<Prompt> prompts_;
};

// "x,y" or "x,y,label"; "x0,y0,x1,y1".
samlet_point parse_point(const std::string& text);
samlet_box parse_box(const std::string& text);

}  // namespace cli
