// samlet segment: one picture in, its masks out.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "commands.h"
#include "error.h"
#include "files.h"
#include "image_io.h"
#include "npy.h"
#include "output_check.h"
#include "overlay.h"
#include "results.h"
#include "session.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

struct MaskFacts {
    uint64_t area = 0;
    uint32_t x0 = UINT32_MAX, y0 = UINT32_MAX, x1 = 0, y1 = 0;  // x1 and y1 exclusive
};

MaskFacts facts_of(const std::vector<uint8_t>& mask, uint32_t width, uint32_t height) {
    MaskFacts facts;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            if (!mask[size_t{y} * width + x]) continue;
            facts.area++;
            facts.x0 = std::min(facts.x0, x);
            facts.y0 = std::min(facts.y0, y);
            facts.x1 = std::max(facts.x1, x + 1);
            facts.y1 = std::max(facts.y1, y + 1);
        }
    return facts;
}

class SegmentRun {
  public:
    explicit SegmentRun(const SegmentOptions& options)
        : options_(options), image_(read_image(options.image)), model_path_(find_model(options.model)) {
        read_prompt();
        model_ = open_model(model_config(model_path_, options.arithmetic.precision));
        samlet_segmenter_config config = segmenter_config(options, image_);
        config.max_points = std::max<uint32_t>(32, static_cast<uint32_t>(prompt_.points.size()) + 2);
        arena_bytes_ = plan_of(model_, config).bytes;
        segmenter_ = create_segmenter(model_, config);
    }

    int run() {
        const auto start = std::chrono::steady_clock::now();
        const samlet_frame frame = image_.frame();
        check(segmenter_, samlet_segmenter_set_image(segmenter_.get(), &frame), "'" + options_.image + "'");
        samlet_prediction prediction;
        samlet_prediction_init(&prediction);
        predict(prediction);
        const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
        write(prediction, time.count());
        return 0;
    }

  private:
    void read_prompt() {
        for (const std::string& point : options_.prompts.points) prompt_.points.push_back(parse_point(point));
        if (!options_.prompts.box.empty()) prompt_.box = parse_box(options_.prompts.box);
        if (!options_.logits_in.empty()) logits_in_ = read_npy(options_.logits_in);
        if (prompt_.empty() && logits_in_.values.empty())
            throw UsageError("nothing to segment: give --point, --box, --logits-in or --everything");
    }

    void predict(samlet_prediction& prediction) {
        samlet_prompt prompt = prompt_.prompt();
        prompt.flags = 0;
        if (!logits_in_.values.empty()) {
            check_logits();
            prompt.logits = logits_in_.values.data();
        }
        check(segmenter_,
              samlet_segmenter_predict(segmenter_.get(), &prompt, options_.multimask, &prediction));
    }

    // The library takes them by their size alone.
    void check_logits() const {
        const uint32_t image_size = options_.image_size ? options_.image_size : info_of(model_).image_size;
        const uint32_t needed = image_size / 4;
        if (logits_in_.width != needed || logits_in_.height != needed)
            throw Error("'" + options_.logits_in + "' is " + std::to_string(logits_in_.height) + "x" +
                        std::to_string(logits_in_.width) + "; logits of this model are " +
                        std::to_string(needed) + "x" + std::to_string(needed));
    }

    void write(const samlet_prediction& prediction, double milliseconds) {
        make_directory(options_.out);
        if (!options_.logits.empty()) make_directory(options_.logits);
        ordered_json masks = ordered_json::array();
        std::vector<uint8_t> best, mask(size_t{image_.width} * image_.height);
        for (uint32_t i = 0; i < prediction.mask_count; i++) {
            check(segmenter_, samlet_segmenter_mask(segmenter_.get(), i, mask.data(), image_.width));
            for (uint8_t& pixel : mask) pixel = pixel != 0;
            const std::string name = "mask_" + std::to_string(i);
            write_palette_png(join(options_.out, name + ".png"), image_.width, image_.height, mask.data());
            if (!options_.logits.empty())
                write_npy(join(options_.logits, name + ".npy"), prediction.logits[i], prediction.low_res_size,
                          prediction.low_res_size);
            masks.push_back(entry(name + ".png", prediction.iou[i], mask));
            if (i == prediction.best) best = mask;
        }
        Picture overlay = image_;
        paint_masks(overlay, best.data());
        write_rgb_png(join(options_.out, "overlay.png"), overlay);
        report({{"samlet", samlet_version()},
                {"model", {{"file", model_path_}, {"name", info_of(model_).name}}},
                {"image", {{"path", options_.image}, {"width", image_.width}, {"height", image_.height}}},
                {"prompt", prompt_json()},
                {"best", prediction.best},
                {"object_score", rounded(prediction.object_score)},
                {"masks", masks},
                {"time", rounded(milliseconds)},
                {"arena_bytes", arena_bytes_}});
    }

    ordered_json entry(const std::string& file, float iou, const std::vector<uint8_t>& mask) const {
        const MaskFacts facts = facts_of(mask, image_.width, image_.height);
        ordered_json box;
        if (facts.area) box = {facts.x0, facts.y0, facts.x1, facts.y1};
        return {{"file", file}, {"iou", rounded(iou)}, {"box", box}, {"area", facts.area}};
    }

    ordered_json prompt_json() const {
        ordered_json json = prompt_.json();
        json.erase("frame");
        json.erase("object");
        if (!options_.logits_in.empty()) json["logits"] = options_.logits_in;
        return json;
    }

    void report(const ordered_json& results) const {
        const std::string text = json_text(results, 1) + "\n";
        write_file(join(options_.out, "results.json"), text.data(), text.size());
        if (options_.json) {
            print_text(text);
        } else if (!options_.quiet) {
            for (const auto& mask : results["masks"])
                printf("%s  IoU %.3f  %llu pixels\n", mask["file"].get<std::string>().c_str(),
                       mask["iou"].get<double>(),
                       static_cast<unsigned long long>(mask["area"].get<uint64_t>()));
            printf("written to %s in %.0f ms\n", options_.out.c_str(), results["time"].get<double>());
        }
    }

    const SegmentOptions& options_;
    Picture image_;
    std::string model_path_;
    Prompt prompt_;
    FloatGrid logits_in_;
    Model model_;
    Segmenter segmenter_;
    uint64_t arena_bytes_ = 0;
};

}  // namespace

int run_segment(const SegmentOptions& options) {
    check_outputs(options);
    return options.everything ? run_segment_everything(options) : SegmentRun(options).run();
}

}  // namespace cli
