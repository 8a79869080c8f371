// SPDX-License-Identifier: Apache-2.0
#include "track_output.h"

#include <algorithm>
#include <cmath>

#include "files.h"
#include "image_io.h"
#include "npy.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

const char* name_of(Direction direction) {
    return direction == Direction::forward    ? "forward"
           : direction == Direction::backward ? "backward"
                                              : "both";
}

ordered_json entry(const samlet_result& result, double milliseconds, std::optional<double> seconds) {
    ordered_json box;
    if (!result.empty) box = {result.box.x0, result.box.y0, result.box.x1, result.box.y1};
    ordered_json entry = {{"frame", result.frame},
                          {"object", result.object},
                          {"iou", rounded(result.iou)},
                          {"object_score", rounded(result.object_score)},
                          {"visible", result.visible != 0},
                          {"box", box},
                          {"area", result.area},
                          {"time", rounded(milliseconds)}};
    // Six digits would be too few for long films.
    if (seconds) entry["time_s"] = std::round(*seconds * 1e4) / 1e4;
    return entry;
}

samlet_profile read_profile(const Tracker& tracker) {
    samlet_profile profile;
    samlet_profile_init(&profile);
    check(tracker, samlet_tracker_get_profile(tracker.get(), &profile));
    return profile;
}

}  // namespace

TrackOutput::TrackOutput(TrackInput& input, const samlet_tracker_config& config, const Picture& first)
    : input_(input), options_(input.options) {
    if (!options_.out.empty()) make_directory(options_.out);
    if (!options_.logits.empty()) make_directory(options_.logits);
    if (!options_.explain.empty())
        explainer_ = std::make_unique<Explainer>(options_.explain, input.prompts.frames(),
                                                 input.model_info.memory_frames);
    // The masks of an earlier run, perhaps a longer one, would pass for this one's. Without its results.json
    // nobody knows whose they are.
    if (!options_.out.empty() && file_exists(results())) remove_frames(options_.out, ".png");
    if (!options_.out.empty()) results_ = std::make_unique<ResultsFile>(results(), header(config, first));
    if (!options_.overlay.empty() && !overlay_later())
        overlay_ =
            std::make_unique<OverlayWriter>(options_.overlay, overlay_rate(), input_.source->live());
}

ordered_json TrackOutput::header(const samlet_tracker_config& config, const Picture& first) const {
    const samlet_model_info& model = input_.model_info;
    ordered_json facts = {{"samlet", samlet_version()},
                          {"model",
                           {{"file", input_.model_path},
                            {"name", model.name},
                            {"family", model.family},
                            {"weight_type", model.weight_type},
                            {"kernels", model.kernels}}},
                          {"video",
                           {{"path", options_.video},
                            {"width", first.width},
                            {"height", first.height},
                            {"frames", input_.source->frame_count()},
                            {"fps", rounded(input_.source->frames_per_second())}}},
                          {"image_size", config.image_size ? config.image_size : model.image_size},
                          {"direction", name_of(options_.direction)},
                          {"prompts", input_.prompts.listed()}};
    if (options_.everything) facts["everything"] = options_.everything_options.json();
    return facts;
}

void TrackOutput::write(int64_t number, const Picture& picture, const FrameTracker& frames) {
    const FoundFrame& found = frames.found();
    const uint8_t* const indices = found.indices.data();
    std::vector<ordered_json> entries;
    for (const samlet_result& result : found.results) {
        entries.push_back(entry(result, found.milliseconds, picture.seconds));
        if (!options_.logits.empty()) write_logits(result);
    }
    if (explainer_ && !found.idle) {
        const samlet_profile profile = read_profile(frames.tracker());
        std::vector<ExplainedObject> explained;
        for (size_t i = 0; i < entries.size(); i++) {
            const samlet_result& result = found.results[i];
            explained.push_back({result, read_attention(frames.tracker(), result.object)});
            entries[i]["attention"] = attention_json(explained.back().attention);
            entries[i]["stages"] = stages_json(profile);
        }
        explainer_->add({number, picture, indices, profile}, std::move(explained));
    }
    if (!options_.out.empty()) write_palette_png(mask_path(number), picture.width, picture.height, indices);
    if (overlay_) overlay_->add(number, picture, indices);
    if (results_) results_->add(entries);
    lowest_ = written_ ? std::min(lowest_, number) : number;
    highest_ = written_ ? std::max(highest_, number) : number;
    written_ = true;
}

void TrackOutput::write_logits(const samlet_result& result) const {
    const std::string name =
        "frame" + frame_digits(result.frame) + "_obj" + std::to_string(result.object) + ".npy";
    write_npy(join(options_.logits, name), result.logits, result.low_res_size, result.low_res_size);
}

void TrackOutput::finish() {
    if (overlay_) overlay_->finish();
    if (explainer_) write_report();
    if (!options_.overlay.empty() && overlay_later() && written_) draw_overlay();
}

void TrackOutput::close(bool complete, const std::string& error) {
    if (results_) results_->finish(complete, error);
}

void TrackOutput::write_report() {
    std::string pointed;
    for (const Prompt& prompt : input_.prompts.all())
        pointed += (pointed.empty() ? "" : "\n") + json_text(prompt.json());
    report_ = explainer_->finish(
        "What samlet looked at",
        {{"video", options_.video},
         {"model", std::string(input_.model_info.name) + ", " + input_.model_path},
         {"prompts", pointed},
         {"samlet", std::string(samlet_version()) + ", kernels " + input_.model_info.kernels}});
}

// A video runs forward, also when the tracking does not: then it is made in the end, from the masks.
bool TrackOutput::overlay_later() const {
    return is_video_name(options_.overlay) && options_.direction != Direction::forward;
}

double TrackOutput::overlay_rate() const {
    return options_.fps > 0 ? options_.fps : input_.playing_rate();
}

void TrackOutput::draw_overlay() {
    OverlayWriter overlay(options_.overlay, overlay_rate(), false);
    Picture picture;
    for (int64_t number = lowest_; number <= highest_ && input_.source->read(number, picture); number++) {
        const IndexMask mask = read_mask(mask_path(number));
        overlay.add(number, picture, mask.pixels.data());
    }
    overlay.finish();
}

std::string TrackOutput::results() const {
    return options_.out.empty() ? "" : join(options_.out, "results.json");
}

std::string TrackOutput::mask_path(int64_t number) const {
    return join(options_.out, frame_digits(number) + ".png");
}

}  // namespace cli
