// SPDX-License-Identifier: Apache-2.0
#include "everything.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "error.h"
#include "interrupt.h"
#include "progress.h"
#include "results.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

constexpr double kMostShared = 0.1;

samlet_frame frame_of(const Picture& picture, const Crop& crop) {
    samlet_frame frame = picture.frame();
    frame.plane[0] = picture.row(crop.y0) + size_t{3} * crop.x0;
    frame.width = crop.width();
    frame.height = crop.height();
    return frame;
}

// One mask of the segmenter's last prediction.
struct Candidate {
    uint32_t index;
    float iou;
};

class Generator {
  public:
    Generator(const Segmenter& segmenter, const Picture& picture, const EverythingOptions& options,
              const SearchWatch& watch)
        : segmenter_(segmenter), picture_(picture), options_(options), watch_(watch) {}

    std::vector<FoundMask> run(bool silent) {
        const std::vector<Crop> crops =
            plan_crops(picture_.width, picture_.height, options_.crop_n_layers, options_.crop_overlap_ratio);
        points_ = 0;
        for (const Crop& crop : crops) points_ += int64_t{side_of(crop)} * side_of(crop);
        Progress progress(points_, silent, "point");
        std::vector<FoundMask> found;
        for (const Crop& crop : crops)
            for (FoundMask& mask : search(crop, progress)) found.push_back(std::move(mask));
        progress.finish();
        if (crops.size() > 1) found = without_repeats_between_crops(std::move(found));
        if (options_.min_mask_region_area > 0) found = without_small_regions(std::move(found));
        return found;
    }

  private:
    uint32_t side_of(const Crop& crop) const {
        return points_in_layer(options_.points_per_side, options_.crop_n_points_downscale_factor, crop.layer);
    }

    std::vector<FoundMask> search(const Crop& crop, Progress& progress) {
        const samlet_frame frame = frame_of(picture_, crop);
        check(segmenter_, samlet_segmenter_set_image(segmenter_.get(), &frame));
        const std::vector<double> line = grid_line(side_of(crop));
        std::vector<FoundMask> found;
        for (const double y : line)
            for (const double x : line) {
                if (interrupted() || unwanted(progress.done())) throw Interrupted();
                const samlet_point point = {static_cast<float>(x * crop.width()),
                                            static_cast<float>(y * crop.height()), SAMLET_POINT_POSITIVE};
                click(crop, point, found);
                progress.step();
            }
        return selected(std::move(found), options_.box_nms_thresh, &FoundMask::predicted_iou);
    }

    bool unwanted(int64_t done) const {
        return watch_ && !watch_(static_cast<double>(done) / static_cast<double>(points_));
    }

    void click(const Crop& crop, const samlet_point& point, std::vector<FoundMask>& found) {
        samlet_prediction prediction = predict(point, nullptr, !options_.single_mask);
        if (!options_.use_m2m) {
            for (uint32_t i = 0; i < prediction.mask_count; i++)
                take({i, prediction.iou[i]}, crop, point, found);
            return;
        }
        const size_t cells = size_t{prediction.low_res_size} * prediction.low_res_size;
        std::vector<std::vector<float>> first;
        for (uint32_t i = 0; i < prediction.mask_count; i++)
            first.emplace_back(prediction.logits[i], prediction.logits[i] + cells);
        for (const std::vector<float>& logits : first) {
            prediction = predict(point, logits.data(), false);
            take({0, prediction.iou[0]}, crop, point, found);
        }
    }

    samlet_prediction predict(const samlet_point& point, const float* logits, bool multimask) const {
        samlet_prompt prompt;
        samlet_prompt_init(&prompt);
        prompt.points = &point;
        prompt.point_count = 1;
        prompt.logits = logits;
        samlet_prediction prediction;
        samlet_prediction_init(&prediction);
        check(segmenter_, samlet_segmenter_predict(segmenter_.get(), &prompt, multimask, &prediction));
        return prediction;
    }

    // Keeps the candidate if it passes. The cheap tests come first.
    void take(const Candidate& candidate, const Crop& crop, const samlet_point& point,
              std::vector<FoundMask>& found) {
        if (options_.pred_iou_thresh > 0 && !(candidate.iou > static_cast<float>(options_.pred_iou_thresh)))
            return;
        samlet_mask_measure measure;
        samlet_mask_measure_init(&measure);
        check(segmenter_, samlet_segmenter_measure(
                              segmenter_.get(), candidate.index, static_cast<float>(options_.mask_threshold),
                              static_cast<float>(options_.stability_score_offset), &measure));
        if (measure.empty) return;
        if (options_.stability_score_thresh > 0 &&
            measure.stability < static_cast<float>(options_.stability_score_thresh))
            return;
        const PixelBox box = {crop.x0 + static_cast<int64_t>(measure.box.x0),
                              crop.y0 + static_cast<int64_t>(measure.box.y0),
                              crop.x0 + static_cast<int64_t>(measure.box.x1) - 1,
                              crop.y0 + static_cast<int64_t>(measure.box.y1) - 1};
        if (near_crop_edge(box, crop, picture_.width, picture_.height)) return;
        found.push_back({runs_of(candidate.index, crop), box, candidate.iou, measure.stability,
                         point.x + static_cast<float>(crop.x0), point.y + static_cast<float>(crop.y0), crop});
    }

    // A mask of the crop in the whole picture.
    MaskRuns runs_of(uint32_t index, const Crop& crop) {
        const size_t width = crop.width();
        logits_.resize(width * crop.height());
        check(segmenter_,
              samlet_segmenter_logits(segmenter_.get(), index, logits_.data(), width * sizeof(float)));
        mask_.assign(size_t{picture_.width} * picture_.height, 0);
        const float threshold = static_cast<float>(options_.mask_threshold);
        for (size_t y = 0; y < crop.height(); y++) {
            uint8_t* row = mask_.data() + (crop.y0 + y) * picture_.width + crop.x0;
            for (size_t x = 0; x < width; x++) row[x] = logits_[y * width + x] > threshold;
        }
        return MaskRuns(picture_.width, picture_.height, mask_.data());
    }

    std::vector<FoundMask> without_repeats_between_crops(std::vector<FoundMask> masks) const {
        std::vector<float> scores;
        for (const FoundMask& mask : masks)  // small crops show more
            scores.push_back(
                1.0f / (static_cast<float>(mask.crop.width()) * static_cast<float>(mask.crop.height())));
        return selected(std::move(masks), options_.crop_nms_thresh, scores);
    }

    // What had no small regions is preferred to what became the same without them.
    std::vector<FoundMask> without_small_regions(std::vector<FoundMask> masks) const {
        std::vector<float> scores;
        for (FoundMask& mask : masks) {
            std::vector<uint8_t> pixels = mask.runs.pixels();
            const bool changed =
                remove_small_regions(pixels, picture_.width, picture_.height, options_.min_mask_region_area);
            scores.push_back(changed ? 0.0f : 1.0f);
            if (!changed) continue;
            mask.runs = MaskRuns(picture_.width, picture_.height, pixels.data());
            mask.box = box_of(pixels);
        }
        return selected(std::move(masks), std::max(options_.box_nms_thresh, options_.crop_nms_thresh),
                        scores);
    }

    PixelBox box_of(const std::vector<uint8_t>& mask) const {
        PixelBox box = {picture_.width, picture_.height, -1, -1};
        for (int64_t y = 0; y < picture_.height; y++)
            for (int64_t x = 0; x < picture_.width; x++) {
                if (!mask[static_cast<size_t>(y * picture_.width + x)]) continue;
                box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x), y};
            }
        return box;
    }

    static std::vector<FoundMask> selected(std::vector<FoundMask> masks, double most_overlap,
                                           float FoundMask::*score) {
        std::vector<float> scores;
        for (const FoundMask& mask : masks) scores.push_back(mask.*score);
        return selected(std::move(masks), most_overlap, scores);
    }
    static std::vector<FoundMask> selected(std::vector<FoundMask> masks, double most_overlap,
                                           const std::vector<float>& scores) {
        std::vector<PixelBox> boxes;
        for (const FoundMask& mask : masks) boxes.push_back(mask.box);
        std::vector<FoundMask> kept;
        for (const size_t i : suppress(boxes, scores, most_overlap)) kept.push_back(std::move(masks[i]));
        return kept;
    }

    const Segmenter& segmenter_;
    const Picture& picture_;
    const EverythingOptions& options_;
    const SearchWatch& watch_;
    int64_t points_ = 0;  // of the grids of all crops
    std::vector<float> logits_;
    std::vector<uint8_t> mask_;
};

// Indices of the masks, the largest first.
std::vector<size_t> by_area(const std::vector<FoundMask>& masks) {
    std::vector<uint64_t> areas;
    for (const FoundMask& mask : masks) areas.push_back(mask.runs.area());
    std::vector<size_t> order(masks.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return areas[a] > areas[b]; });
    return order;
}

}  // namespace

ordered_json EverythingOptions::json() const {
    return {{"points_per_side", points_per_side},
            {"pred_iou_thresh", rounded(pred_iou_thresh)},
            {"stability_score_thresh", rounded(stability_score_thresh)},
            {"stability_score_offset", rounded(stability_score_offset)},
            {"mask_threshold", rounded(mask_threshold)},
            {"box_nms_thresh", rounded(box_nms_thresh)},
            {"crop_n_layers", crop_n_layers},
            {"crop_nms_thresh", rounded(crop_nms_thresh)},
            {"crop_overlap_ratio", rounded(crop_overlap_ratio)},
            {"crop_n_points_downscale_factor", crop_n_points_downscale_factor},
            {"min_mask_region_area", min_mask_region_area},
            {"use_m2m", use_m2m},
            {"multimask_output", !single_mask}};
}

ordered_json FoundMask::json() const {
    return {{"segmentation", {{"size", {runs.height(), runs.width()}}, {"counts", runs.counts()}}},
            {"area", runs.area()},
            {"bbox", {box.x0, box.y0, box.x1 - box.x0 + 1, box.y1 - box.y0 + 1}},
            {"predicted_iou", rounded(predicted_iou)},
            {"point_coords", ordered_json::array({ordered_json::array({rounded(x), rounded(y)})})},
            {"stability_score", rounded(stability)},
            {"crop_box", {crop.x0, crop.y0, crop.width(), crop.height()}}};
}

std::vector<FoundMask> find_everything(const Segmenter& segmenter, const Picture& picture,
                                       const EverythingOptions& options, bool silent,
                                       const SearchWatch& watch) {
    return Generator(segmenter, picture, options, watch).run(silent);
}

std::vector<uint16_t> label_map(const std::vector<FoundMask>& masks, uint32_t width, uint32_t height) {
    std::vector<uint16_t> labels(size_t{width} * height, 0);
    for (const size_t i : by_area(masks))
        masks[i].runs.visit([&](size_t at) { labels[at] = static_cast<uint16_t>(i + 1); });
    return labels;
}

IndexMask largest_masks(const std::vector<FoundMask>& masks, uint32_t count, uint32_t width,
                        uint32_t height) {
    IndexMask chosen = {width, height, true, std::vector<uint8_t>(size_t{width} * height, 0)};
    uint8_t index = 0;
    for (const size_t i : by_area(masks)) {
        if (index == count) break;
        uint64_t shared = 0;
        masks[i].runs.visit([&](size_t at) { shared += chosen.pixels[at] != 0; });
        if (static_cast<double>(shared) > kMostShared * static_cast<double>(masks[i].runs.area())) continue;
        index++;
        masks[i].runs.visit([&](size_t at) { chosen.pixels[at] = index; });
    }
    return chosen;
}

}  // namespace cli
