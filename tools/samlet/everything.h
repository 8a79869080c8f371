// All objects of a picture: a click on every point of a grid, then the best of what came out.
//
// SPDX-License-Identifier: Apache-2.0
//
// The reference's automatic mask generator (SAM2AutomaticMaskGenerator in sam2/automatic_mask_generator.py)
// on top of the public interface. Differences: empty masks are never kept, and regions smaller than
// min_mask_region_area are removed as that option's description says, which the reference's code has stopped
// doing.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "everything_crops.h"
#include "everything_filter.h"
#include "image_io.h"
#include "mask_runs.h"
#include "session.h"

namespace cli {

// Names and defaults are the reference's.
struct EverythingOptions {
    uint32_t points_per_side = 32;
    double pred_iou_thresh = 0.8;          // predicted IoU must be higher; 0: any
    double stability_score_thresh = 0.95;  // stability must be as high; 0: any
    double stability_score_offset = 1;
    double mask_threshold = 0;
    double box_nms_thresh = 0.7;  // IoU of boxes within a crop
    uint32_t crop_n_layers = 0;
    double crop_nms_thresh = 0.7;  // IoU of boxes from different crops
    double crop_overlap_ratio = 512.0 / 1500;
    uint32_t crop_n_points_downscale_factor = 1;
    uint32_t min_mask_region_area = 0;  // pixels of the picture; 0: off
    bool use_m2m = false;               // refine each mask once, with itself as prompt
    bool single_mask = false;           // the reference's multimask_output=False

    nlohmann::ordered_json json() const;
};

struct FoundMask {
    MaskRuns runs;
    PixelBox box;
    float predicted_iou, stability;
    float x, y;  // where the click was, in pixels of the picture
    Crop crop;

    // An entry of the reference's list, with a run-length code that pycocotools reads. Boxes are x, y, width,
    // height, as COCO counts them: the reference's are a pixel less wide and high.
    nlohmann::ordered_json json() const;
};

// Told before each click which part of the search is done, 0..1; false ends the search as Ctrl-C does.
using SearchWatch = std::function<bool(double part)>;

// In the reference's order: smaller crops first, within a crop by predicted IoU. The segmenter must take
// pictures of this size; `picture` is RGB. Shows its progress unless `silent`. Throws Error and
// Interrupted.
std::vector<FoundMask> find_everything(const Segmenter& segmenter, const Picture& picture,
                                       const EverythingOptions& options, bool silent,
                                       const SearchWatch& watch = {});

// Paints mask k of `masks` with value k + 1, large ones first, so that parts lie on what they belong to.
std::vector<uint16_t> label_map(const std::vector<FoundMask>& masks, uint32_t width, uint32_t height);

// The `count` largest masks, or as many as there are, without those that mostly repeat a larger one: at most
// a tenth of a mask may lie on those chosen before it. As a palette mask, the largest with index 1.
IndexMask largest_masks(const std::vector<FoundMask>& masks, uint32_t count, uint32_t width, uint32_t height);

}  // namespace cli
