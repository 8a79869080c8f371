// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include "options.h"

namespace cli {

CLI::Validator at_least(int64_t lowest) {
    return CLI::Validator(
        [lowest](std::string& text) {
            int64_t number = 0;
            const bool good = CLI::detail::lexical_cast(text, number) && number >= lowest;
            return good ? "" : "a whole number from " + std::to_string(lowest) + " on is needed, got '" + text + "'";
        },
        "");
}

// Spaces within "x, y" would be two arguments; one argument per --point keeps what follows apart.
void add_point_and_box(CLI::App* command, PromptOptions& prompts) {
    command->add_option("--point", prompts.points, "Point x,y (inside) or x,y,0 (outside); repeatable")
        ->allow_extra_args(false)
        ->type_name("X,Y[,LABEL]");
    command->add_option("--box", prompts.box, "Box around the object")->type_name("X0,Y0,X1,Y1");
}

void add_arithmetic(CLI::App* command, Arithmetic& arithmetic) {
    const auto set_precision = [&arithmetic](const std::string& text) {
        if (text == "auto")
            arithmetic.precision = SAMLET_PRECISION_AUTO;
        else if (text == "f32")
            arithmetic.precision = SAMLET_PRECISION_F32;
        else if (text == "f16")
            arithmetic.precision = SAMLET_PRECISION_F16;
        else
            throw CLI::ValidationError("--precision", "auto, f32 or f16 is needed, got '" + text + "'");
    };
    command
        ->add_option_function<std::string>(
            "--precision", set_precision,
            "What products are computed in: f32; f16, where the CPU can; or auto, as the model's weights are stored "
            "where the CPU is fast at that, f32 elsewhere (default: $SAMLET_PRECISION, else auto)")
        ->type_name("auto|f32|f16");
    command->add_flag("--f16-maps", arithmetic.f16_maps,
                      "Keep the maps of the image encoder in half precision: less memory, nearly as exact");
}

void add_cleaning(CLI::App* command, uint32_t& holes, uint32_t& sprinkles) {
    command->add_option("--fill-holes", holes, "Fill holes up to this area, in low-res pixels")
        ->type_name("AREA");
    command->add_option("--remove-sprinkles", sprinkles, "Remove islands up to this area, in low-res pixels")
        ->type_name("AREA");
}

// Names and defaults are those of the reference's automatic mask generator.
void add_everything(CLI::App* command, const CLI::Option* everything, EverythingOptions& options) {
    constexpr char kGroup[] = "Options of --everything";
    const auto number = [&](const char* name, auto& value, const std::string& help, const auto& range) {
        std::ostringstream usual;
        usual << value;
        command->add_option(name, value, help + " (default: " + usual.str() + ")")
            ->check(range)
            ->group(kGroup)
            ->type_name("N");
    };
    const auto flag = [&](const char* name, bool& value, const char* help) {
        command->add_flag(name, value, help)->group(kGroup);
    };
    const CLI::Range part(0.0, 1.0);
    number("--points-per-side", options.points_per_side, "Points of the grid along each side of the picture",
           CLI::Range(1, 256));
    number("--pred-iou-thresh", options.pred_iou_thresh, "Predicted IoU that a mask must exceed; 0: any",
           part);
    number("--stability-score-thresh", options.stability_score_thresh,
           "Stability that a mask must reach, the IoU of two masks cut from the same logits; 0: any", part);
    number("--stability-score-offset", options.stability_score_offset,
           "How far these cuts lie above and below --mask-threshold", CLI::Range(0.0, 100.0));
    number("--mask-threshold", options.mask_threshold, "Logit above which a pixel is inside",
           CLI::Range(-100.0, 100.0));
    number("--box-nms-thresh", options.box_nms_thresh,
           "IoU of boxes above which the mask of lower predicted IoU is dropped", part);
    number("--crop-n-layers", options.crop_n_layers,
           "Look again in 4 parts of the picture, with 2 in 16 more, and so on: finds smaller objects",
           CLI::Range(0, 4));
    number("--crop-nms-thresh", options.crop_nms_thresh,
           "IoU of boxes above which the mask from the larger part is dropped", part);
    number("--crop-overlap-ratio", options.crop_overlap_ratio,
           "How much the 4 parts overlap, in shorter sides of the picture; further ones overlap less",
           CLI::Range(0.0, 0.9));
    number("--crop-n-points-downscale-factor", options.crop_n_points_downscale_factor,
           "Divide --points-per-side by this once for each layer of parts", CLI::Range(1, 256));
    number("--min-mask-region-area", options.min_mask_region_area,
           "Fill holes and remove islands of fewer pixels of the picture; 0: none",
           CLI::Range(uint32_t{0}, UINT32_MAX));
    flag("--use-m2m", options.use_m2m, "Refine each mask once, with itself as prompt (four times the work)");
    flag("--single-mask", options.single_mask,
         "One mask a point instead of three candidates (the reference's multimask_output=False)");
    command->final_callback([command, everything, kGroup] {
        for (const CLI::Option* option : command->get_options())
            if (option->get_group() == kGroup && option->count() && !everything->count())
                throw CLI::RequiresError(option->get_name(), everything->get_name());
    });
}

}  // namespace cli
