// The command line of samlet: reads the options, runs the command, turns errors into one sentence and an exit
// code.
//
// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <new>
#include <sstream>

#include "commands.h"
#include "error.h"
#include "manual.h"
#include "preset.h"

namespace cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;

constexpr char kModelHelp[] = "Model file (default: $SAMLET_MODEL, else the bundled model)";
constexpr char kImageSizeHelp[] = "Side of the model's square, a multiple of 32 (default: as trained)";
constexpr char kThreadsHelp[] = "Threads (default: one a processor, at most 4)";

constexpr char kSpinHelp[] =
    "Spin while waiting for work: a little faster where nobody else needs the processors, far slower where "
    "they do";
constexpr char kYieldHelp[] = "Yield while waiting for work: where other programs need the same processors";

constexpr char kTrackExamples[] = R"(Examples:
  samlet track --video frames/ --point 480,270 --out out/
  samlet track --video clip.mp4 --box 200,100,520,430 --out out/ --overlay out/overlay.mp4
  samlet track --video clip.mp4 --mask first.png --out out/ --logits out/logits
  samlet track --video clip.mp4 --prompts prompts.json --direction both --out out/
  samlet track --video clip.mp4 --box 200,100,520,430 --out out/ --explain out/why
  samlet track --video camera:0 --point 320,240 --out out/ --max-frames 300
  samlet track --video clip.mp4 --everything 5 --out out/ --overlay out/overlay.mp4

The prompts file, in pixels of the video, applied in order; labels are 1 inside and 0 outside the object:
  {"prompts": [{"frame": 0, "object": 1, "points": [[480, 270, 1], [700, 300, 0]]},
               {"frame": 0, "object": 2, "box": [200, 100, 520, 430]},
               {"frame": 9, "object": 2, "clear": true, "mask": "mask.png"}]}
On a frame where its object is tracked already, a prompt corrects what tracking found.

--out receives 00000.png, ... (palette PNGs: the object's number is the index, later objects on top) and results.json;
with --everything also seeds.png, the masks that it found, which --mask takes to track the same objects again.)";

constexpr char kSegmentExamples[] = R"(Examples:
  samlet segment --image photo.jpg --point 500,375 --multimask --out out/
  samlet segment --image photo.jpg --box 425,600,700,875 --point 575,750,0 --out out/ --logits out/
  samlet segment --image photo.jpg --point 500,375 --logits-in out/mask_0.npy --out out2/
  samlet segment --image photo.jpg --everything --out out/
  samlet segment --image photo.jpg --everything --points-per-side 16 --crop-n-layers 1 --out out/

--out receives mask_0.png, ..., overlay.png (the best mask) and results.json.
With --everything it receives results.json (for each mask its COCO run-length code, area, box as x, y, width, height,
predicted IoU, stability, point and crop), labels.png (mask k has index k; 16-bit grey for more than 255 masks) and
overlay.png. Options and defaults are those of SAM 2's automatic mask generator; to clean logits as it does, give
--fill-holes and --remove-sprinkles, too.)";

constexpr char kInfoExamples[] = R"(Examples:
  samlet info model.gguf
  samlet info model.gguf --image-size 512 --objects 4 --json
  samlet info model.gguf --tensors)";

constexpr char kBenchExamples[] = R"(Examples:
  samlet bench --preset sam2.1-tiny --threads 2
  samlet bench --model model.gguf --image-size 512 --objects 3 --frames 50 --json

A preset is a published architecture with random weights: as fast as the trained model, and as useless as it sounds.)";

// Spaces within "x, y" would be two arguments; one argument per --point keeps what follows apart.
void add_point_and_box(CLI::App* command, PromptOptions& prompts) {
    command->add_option("--point", prompts.points, "Point x,y (inside) or x,y,0 (outside); repeatable")
        ->allow_extra_args(false)
        ->type_name("X,Y[,LABEL]");
    command->add_option("--box", prompts.box, "Box around the object")->type_name("X0,Y0,X1,Y1");
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

CameraSize parse_camera_size(const std::string& text) {
    unsigned width = 0, height = 0;
    char rest = 0;
    if (sscanf(text.c_str(), "%ux%u%c", &width, &height, &rest) != 2 || width == 0 || height == 0)
        throw UsageError("--camera-size: WIDTHxHEIGHT is needed, got '" + text + "'");
    return {width, height};
}

CLI::App* add_track(CLI::App& app, TrackOptions& options, std::string& camera_size) {
    CLI::App* command = app.add_subcommand("track", "Track objects through a video");
    command->footer(kTrackExamples);
    command->add_option("--model", options.model, kModelHelp)->type_name("FILE");
    command
        ->add_option("--video", options.video, "Video file, directory of JPEG or PNG frames, or camera[:N]")
        ->required()
        ->type_name("PATH");
    command->add_option("--out", options.out, "Directory for masks and results.json")
        ->required()
        ->type_name("DIR");
    add_point_and_box(command, options.prompts);
    command
        ->add_option("--mask", options.prompts.mask,
                     "Mask of the object; a palette of several indices: of each object")
        ->type_name("PNG");
    command->add_option("--object", options.prompts.object, "Number of the object pointed at (default: 1)")
        ->check(CLI::Range(1, 255))
        ->type_name("N");
    command->add_option("--prompts", options.prompts.file, "Prompts for any frames and objects, see below")
        ->type_name("JSON");
    command
        ->add_option("--overlay", options.overlay,
                     "Also draw the masks: a video (.mp4, .mkv, .mov, .avi) or a directory")
        ->type_name("PATH");
    command->add_option("--logits", options.logits, "Also write low-res logits, float32: frameNNNNN_objM.npy")
        ->type_name("DIR");
    command
        ->add_option(
            "--explain", options.explain,
            "Also show what the objects looked at in their memories: report.html and heat maps. Takes "
            "several times as long")
        ->type_name("DIR");
    const std::map<std::string, Direction> directions = {
        {"forward", Direction::forward}, {"backward", Direction::backward}, {"both", Direction::both}};
    command
        ->add_option("--direction", options.direction,
                     "forward; backward, from the latest prompt; or both, from the earliest prompt to the "
                     "end, then to "
                     "the start")
        ->transform(CLI::CheckedTransformer(directions).description(""))
        ->type_name("forward|backward|both");
    command
        ->add_option("--start", options.start,
                     "First frame (default: that of the prompts; --point etc. are on it)")
        ->check(CLI::NonNegativeNumber)
        ->type_name("N");
    command->add_option("--max-frames", options.max_frames, "Frames at most, in each direction")
        ->check(CLI::PositiveNumber)
        ->type_name("N");
    command->add_option("--image-size", options.image_size, kImageSizeHelp)->type_name("N");
    command->add_option("--threads", options.threads, kThreadsHelp)->type_name("N");
    command->add_flag("--spin", options.spin, kSpinHelp);
    command->add_option("--objects", options.objects, "Objects at most (default: as many as are prompted)")
        ->type_name("N");
    command
        ->add_option("--prompted-frames", options.prompted_frames,
                     "Prompted frames to remember per object (default: as many as there are, at most 8)")
        ->type_name("N");
    command->add_flag("--non-overlapping", options.non_overlapping,
                      "Give each pixel to the most certain object only");
    add_cleaning(command, options.fill_holes, options.remove_sprinkles);
    const CLI::Option* everything =
        command
            ->add_option("--everything", options.everything,
                         "Track the N largest objects of the first frame (see segment --everything)")
            ->check(CLI::Range(1, 255))
            ->type_name("N");
    add_everything(command, everything, options.everything_options);
    command->add_option("--fps", options.fps, "Frame rate of the overlay (default: the video's, else 25)")
        ->check(CLI::Range(0.1, 1000.0))
        ->type_name("F");
    command->add_option("--camera-size", camera_size, "Frame size to ask a camera for (default: 640x480)")
        ->type_name("WxH");
    command->add_flag("--json", options.json, "Print a summary as JSON, and no progress");
    command->add_flag("--quiet", options.quiet, "Print nothing but errors");
    return command;
}

CLI::App* add_segment(CLI::App& app, SegmentOptions& options) {
    CLI::App* command = app.add_subcommand("segment", "Cut an object out of a picture");
    command->footer(kSegmentExamples);
    command->add_option("--model", options.model, kModelHelp)->type_name("FILE");
    command->add_option("--image", options.image, "JPEG or PNG")->required()->type_name("FILE");
    command->add_option("--out", options.out, "Directory for masks, overlay and results.json")
        ->required()
        ->type_name("DIR");
    add_point_and_box(command, options.prompts);
    command
        ->add_option("--logits-in", options.logits_in, "Low-res logits of an earlier prediction, to refine")
        ->type_name("NPY");
    command->add_flag("--multimask", options.multimask, "Three candidates: good for a single click");
    command->add_option("--logits", options.logits, "Also write low-res logits, float32: mask_N.npy")
        ->type_name("DIR");
    command->add_option("--image-size", options.image_size, kImageSizeHelp)->type_name("N");
    command->add_option("--threads", options.threads, kThreadsHelp)->type_name("N");
    command->add_flag("--spin", options.spin, kSpinHelp);
    add_cleaning(command, options.fill_holes, options.remove_sprinkles);
    const CLI::Option* everything =
        command->add_flag("--everything", options.everything,
                          "Find all objects: click on a grid of points, keep the good and different masks");
    add_everything(command, everything, options.everything_options);
    command->add_flag("--json", options.json, "Print results.json, too");
    command->add_flag("--quiet", options.quiet, "Print nothing but errors");
    return command;
}

CLI::App* add_info(CLI::App& app, InfoOptions& options) {
    CLI::App* command = app.add_subcommand("info", "Show a model's sizes and its memory plan");
    command->footer(kInfoExamples);
    command->add_option("model,--model", options.model, kModelHelp)->type_name("FILE");
    command->add_option("--image-size", options.image_size, kImageSizeHelp)->type_name("N");
    command->add_option("--objects", options.objects, "Objects to plan for (default: 1)")->type_name("N");
    command
        ->add_option("--prompted-frames", options.prompted_frames, "Prompted frames to remember (default: 1)")
        ->type_name("N");
    command->add_option("--threads", options.threads, kThreadsHelp)->type_name("N");
    command->add_flag("--tensors", options.tensors, "List all tensors");
    command->add_flag("--json", options.json, "Print JSON");
    return command;
}

CLI::App* add_bench(CLI::App& app, BenchOptions& options) {
    CLI::App* command = app.add_subcommand("bench", "Measure the speed of tracking in the steady state");
    command->footer(kBenchExamples);
    CLI::Option* model = command->add_option("--model", options.model, kModelHelp)->type_name("FILE");
    command->add_option("--preset", options.preset, "A published architecture instead of a file")
        ->check(CLI::IsMember(preset_names()).description(""))
        ->excludes(model)
        ->type_name("sam2.1-tiny|sam2.1-small|sam2.1-base+|sam2.1-large|sam2-tiny|micro");
    command->add_option("--preset-type", options.preset_type, "Type of a preset's weights (default: f16)")
        ->check(CLI::IsMember({"f32", "f16"}).description(""))
        ->type_name("f32|f16");
    command->add_option("--image-size", options.image_size, kImageSizeHelp)->type_name("N");
    command->add_option("--threads", options.threads, kThreadsHelp)->type_name("N");
    command->add_flag("--yield", options.yield, kYieldHelp);
    command->add_option("--objects", options.objects, "Objects to track (default: 1)")
        ->check(CLI::Range(1, 255))
        ->type_name("N");
    command->add_option("--frames", options.frames, "Frames to measure (default: 10)")
        ->check(CLI::Range(1, 1000000))
        ->type_name("N");
    command
        ->add_option("--warm-up", options.warm_up,
                     "Frames before that (default: until memories and pointers are full)")
        ->check(CLI::Range(1, 1000000))
        ->type_name("N");
    command->add_flag("--json", options.json, "Print JSON, and no progress");
    command->add_flag("--quiet", options.quiet, "Print no progress");
    return command;
}

int run(int argc, char** argv) {
    CLI::App app("samlet finds and tracks objects in videos (SAM 2 and SAM 2.1).", "samlet");
    app.footer("samlet COMMAND --help explains a command, with examples.");
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string("samlet ") + samlet_version());
    TrackOptions track_options;
    SegmentOptions segment_options;
    InfoOptions info_options;
    BenchOptions bench_options;
    std::string camera_size;
    const CLI::App* track = add_track(app, track_options, camera_size);
    const CLI::App* segment = add_segment(app, segment_options);
    const CLI::App* info = add_info(app, info_options);
    add_bench(app, bench_options);
    app.add_flag_callback("--manual",
                          [&app] {
                              std::fputs(manual_of_commands(app).c_str(), stdout);
                              throw CLI::Success();
                          })
        ->group("");  // hidden: the build makes the manual page with it
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
        throw UsageError(error.what());
    }
    if (!camera_size.empty()) track_options.camera_size = parse_camera_size(camera_size);
    if (track->parsed()) return run_track(track_options);
    if (segment->parsed()) return run_segment(segment_options);
    if (info->parsed()) return run_info(info_options);
    return run_bench(bench_options);
}

}  // namespace
}  // namespace cli

int main(int argc, char** argv) {
    try {
        return cli::run(argc, argv);
    } catch (const cli::UsageError& error) {
        fprintf(stderr, "samlet: %s (see samlet --help)\n", error.what());
        return cli::kUsage;
    } catch (const cli::Interrupted&) {
        return cli::kInterrupted;
    } catch (const std::bad_alloc&) {
        fprintf(stderr, "samlet: out of memory\n");
    } catch (const std::exception& error) {
        fprintf(stderr, "samlet: %s\n", error.what());
    }
    return cli::kFailed;
}
