// samlet segment --everything: one picture in, all its objects out.
//
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>

#include "commands.h"
#include "error.h"
#include "everything.h"
#include "files.h"
#include "interrupt.h"
#include "overlay.h"
#include "results.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMostLabels = 65535;
constexpr uint16_t kMostColours = 255;

// Neighbours in the list of masks get different colours, further ones may share one.
std::vector<uint8_t> colours_of(const std::vector<uint16_t>& labels) {
    std::vector<uint8_t> colours(labels.size());
    for (size_t i = 0; i < labels.size(); i++)
        colours[i] = static_cast<uint8_t>(labels[i] ? (labels[i] - 1) % kMostColours + 1 : 0);
    return colours;
}

void write_pictures(const std::string& directory, const Picture& image, const std::vector<FoundMask>& masks) {
    const std::vector<uint16_t> labels = label_map(masks, image.width, image.height);
    const std::vector<uint8_t> colours = colours_of(labels);
    const std::string path = join(directory, "labels.png");
    if (masks.size() <= kMostColours)
        write_palette_png(path, image.width, image.height, colours.data());
    else
        write_grey16_png(path, image.width, image.height, labels.data());
    Picture overlay = image;
    paint_masks(overlay, colours.data());
    write_rgb_png(join(directory, "overlay.png"), overlay);
}

}  // namespace

int run_segment_everything(const SegmentOptions& options) {
    const PromptOptions& prompts = options.prompts;
    if (prompts.any() || !options.logits_in.empty() || options.multimask || !options.logits.empty())
        throw UsageError(
            "--everything cannot be combined with --point, --box, --logits-in, --multimask and --logits");
    catch_interrupts();
    const Picture image = read_image(options.image);
    const std::string model_path = find_model(options.model);
    const Model model = open_model(model_config(model_path, options.arithmetic.precision));
    const samlet_segmenter_config config = segmenter_config(options, image);
    const Segmenter segmenter = create_segmenter(model, config);
    const auto start = std::chrono::steady_clock::now();
    const std::vector<FoundMask> masks =
        find_everything(segmenter, image, options.everything_options, options.quiet || options.json);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    if (masks.size() > kMostLabels)
        throw Error(std::to_string(masks.size()) + " masks are too many for the label map, which holds " +
                    std::to_string(kMostLabels) + ": make the thresholds stricter");

    make_directory(options.out);
    write_pictures(options.out, image, masks);
    ordered_json entries = ordered_json::array();
    for (const FoundMask& mask : masks) {
        ordered_json entry = {{"label", entries.size() + 1}};
        entry.update(mask.json());
        entries.push_back(entry);
    }
    const ordered_json results = {
        {"samlet", samlet_version()},
        {"model", {{"file", model_path}, {"name", info_of(model).name}}},
        {"image", {{"path", options.image}, {"width", image.width}, {"height", image.height}}},
        {"everything", options.everything_options.json()},
        {"masks", entries},
        {"time", rounded(time.count())},
        {"arena_bytes", plan_of(model, config).bytes}};
    const std::string text = json_text(results, 1) + "\n";
    write_file(join(options.out, "results.json"), text.data(), text.size());
    if (masks.empty() && !options.quiet)
        fprintf(stderr, "samlet: warning: no masks: looser --pred-iou-thresh and --stability-score-thresh may help%s\n",
                bundled_model_hint(model_path).c_str());
    if (options.json)
        print_text(text);
    else if (!options.quiet)
        printf("%zu masks in %.1f s; results.json, labels.png and overlay.png in %s\n", masks.size(),
               time.count() / 1000, options.out.c_str());
    return 0;
}

}  // namespace cli
