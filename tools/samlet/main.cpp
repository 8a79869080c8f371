// The command line of samlet: reads the options, runs the command, turns errors into one sentence and an exit
// code.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <new>
#include <sstream>

#include "error.h"
#include "files.h"
#include "manual.h"
#include "options.h"
#include "preset.h"

namespace cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kInterrupted = 130;

constexpr char kSegmentExamples[] = R"(Examples:
  samlet segment --image photo.jpg --point 500,375 --multimask --out out/
  samlet segment --image photo.jpg --box 425,600,700,875 --point 575,750,0 --out out/ --logits out/
  samlet segment --image photo.jpg --point 500,375 --logits-in out/mask_0.npy --out out2/
  samlet segment --image photo.jpg --everything --out out/
  samlet segment --image photo.jpg --everything --points-per-side 16 --crop-n-layers 1 --out out/

--out receives mask_0.png, ..., overlay.png (the best mask) and results.json. There "iou" is how well a mask fits, as
predicted, 0 to 1; "box" is x0, y0, x1, y1 in pixels, the last two exclusive, null where the mask is empty; "area" is in
pixels; "object_score" is a logit, above 0 where the object is there; "time" is in milliseconds.
With --everything it receives results.json (for each mask its COCO run-length code, area, box as x, y, width, height,
predicted IoU, stability, point and crop), labels.png (mask k has index k; 16-bit grey for more than 255 masks) and
overlay.png. Options and defaults are those of SAM 2's automatic mask generator; to clean logits as it does, give
--fill-holes and --remove-sprinkles, too.)";

constexpr char kInfoExamples[] = R"(Examples:
  samlet info model.gguf
  samlet info model.gguf --image-size 512 --objects 4 --json
  samlet info model.gguf --tensors
  samlet info model.gguf --precision f16 --run)";

constexpr char kBenchExamples[] = R"(Examples:
  samlet bench --preset sam2.1-tiny --threads 2
  samlet bench --model model.gguf --image-size 512 --objects 3 --frames 50 --json

A preset is a published architecture with random weights: as fast as the trained model, and as useless as it sounds.)";

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
    add_arithmetic(command, options.arithmetic);
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
    add_arithmetic(command, options.arithmetic);
    command->add_flag("--tensors", options.tensors, "List all tensors");
    command->add_flag("--run", options.run, "Run two frames and list the layers that ran, and in which precision");
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
    add_arithmetic(command, options.arithmetic);
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
    TrackTexts track_texts;
    const CLI::App* track = add_track(app, track_options, track_texts);
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
        if (error.get_exit_code() != 0) throw UsageError(error.what());
        std::ostringstream text;
        app.exit(error, text);  // --help, --version
        print_text(text.str());
        return 0;
    }
    read_texts(track_texts, track_options);
    if (track->parsed()) return run_track(track_options);
    if (segment->parsed()) return run_segment(segment_options);
    if (info->parsed()) return run_info(info_options);
    return run_bench(bench_options);
}

}  // namespace
}  // namespace cli

int main(int argc, char** argv) {
    try {
        const int code = cli::run(argc, argv);
        cli::print_text("");  // what was printed may still wait to be written
        return code;
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
