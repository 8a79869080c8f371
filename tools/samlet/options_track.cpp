// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "error.h"
#include "options.h"

namespace cli {
namespace {

constexpr char kTrackExamples[] = R"(Examples:
  samlet track --video frames/ --point 480,270 --out out/
  samlet track --video clip.mp4 --box 200,100,520,430 --out out/ --overlay out/overlay.mp4
  samlet track --video clip.mp4 --mask first.png --out out/ --logits out/logits
  samlet track --video clip.mp4 --prompts prompts.json --direction both --out out/
  samlet track --video clip.mp4 --box 200,100,520,430 --out out/ --explain out/why
  samlet track --video camera:0 --point 320,240 --out out/ --max-frames 300
  samlet track --video clip.mp4 --everything 5 --out out/ --overlay out/overlay.mp4
  samlet track --video camera:0 --live
  rpicam-vid -t 0 --codec mjpeg -o - | samlet track --video - --point 320,240 --out out/
  samlet track --video clip.mp4 --everything 5 --live

The prompts file, in pixels of the video, applied in order; labels are 1 inside and 0 outside the object:
  {"prompts": [{"frame": 0, "object": 1, "points": [[480, 270, 1], [700, 300, 0]]},
               {"frame": 0, "object": 2, "box": [200, 100, 520, 430]},
               {"frame": 9, "object": 2, "clear": true, "mask": "mask.png"}]}
On a frame where its object is tracked already, a prompt corrects what tracking found.

--out receives 00000.png, ... (palette PNGs: the object's number is the index, later objects on top) and results.json.
With --everything there is also seeds.png, the masks that it found, which --mask takes to track the same objects again.
The masks of an earlier track in the same folder are removed first. An overlay of a camera plays as fast as it was
filmed.

results.json has for each frame and object:
  iou           how well the mask fits, as predicted: 0 to 1
  object_score  a logit, above 0 where the object is there ("visible")
  box           x0, y0, x1, y1 of the mask in pixels, the last two exclusive; null where the mask is empty
  area          pixels of the mask
  time          milliseconds that the frame took, all objects together
  time_s        when the frame was taken, in seconds after the first picture, where the video tells

With --live:
  left click            a new object             drag             a new object in this box
  right click           not the selected object  tab              select the next object
  middle, shift + click the selected object too  shift + drag     a new box for the selected object
  space                 pause, go on             n                one frame on
  x                     remove the object        r                remove all objects
  h                     help on the screen       q                quit
Without prompts on the command line a file waits for the first click; with --everything it plays as soon as the
objects are found. A camera, and a file with --realtime, skips frames that come while one is tracked. prompts.json
holds all prompts, for --prompts, but no removals.)";

CameraSize parse_camera_size(const std::string& text) {
    unsigned width = 0, height = 0;
    char rest = 0;
    if (sscanf(text.c_str(), "%ux%u%c", &width, &height, &rest) != 2 || width == 0 || height == 0)
        throw UsageError("--camera-size: WIDTHxHEIGHT is needed, got '" + text + "'");
    return {width, height};
}

Direction parse_direction(const std::string& text) {
    if (text == "forward") return Direction::forward;
    if (text == "backward") return Direction::backward;
    if (text == "both") return Direction::both;
    throw UsageError("--direction: forward, backward or both is needed, got '" + text + "'");
}

ViewKind parse_view(const std::string& text) {
    if (text == "true") return ViewKind::any;  // no value
    if (text == "window") return ViewKind::window;
    if (text == "terminal") return ViewKind::terminal;
    throw UsageError("--live: window or terminal is needed, got '" + text + "'");
}

}  // namespace

CLI::App* add_track(CLI::App& app, TrackOptions& options, TrackTexts& texts) {
    CLI::App* command = app.add_subcommand("track", "Track objects through a video");
    command->footer(kTrackExamples);
    command->add_option("--model", options.model, kModelHelp)->type_name("FILE");
    command
        ->add_option("--video", options.video, "Video file, - for standard input, directory of JPEG or PNG frames, or camera[:N]")
        ->required()
        ->type_name("PATH");
    command
        ->add_option("--out", options.out,
                     "Directory for masks and results.json, and with --live prompts.json; needed without "
                     "--live")
        ->type_name("DIR");
    command->add_flag("--live", texts.live,
                      "Show the video and take prompts by mouse, see below: in a window, or in the terminal "
                      "where there is no display; --live=window and --live=terminal choose");
    command->add_flag(
        "--realtime", options.realtime,
        "With --live: play a file at its own rate and skip frames that tracking is too slow for");
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
    command
        ->add_option("--direction", texts.direction,
                     "forward; backward, from the latest prompt; or both, from the earliest prompt to the "
                     "end, then to "
                     "the start")
        ->type_name("forward|backward|both");
    command
        ->add_option("--start", options.start,
                     "First frame (default: that of the prompts; --point etc. are on it); of a camera, the pictures "
                     "to let pass")
        ->check(at_least(0))
        ->type_name("N");
    command->add_option("--max-frames", options.max_frames, "Frames at most, in each direction")
        ->check(at_least(1))
        ->type_name("N");
    command->add_option("--image-size", options.image_size, kImageSizeHelp)->type_name("N");
    command->add_option("--threads", options.threads, kThreadsHelp)->type_name("N");
    command->add_flag("--spin", options.spin, kSpinHelp);
    add_arithmetic(command, options.arithmetic);
    command
        ->add_option("--objects", options.objects,
                     "Objects at most (default: as many as are prompted, with --live 8 or more)")
        ->type_name("N");
    command
        ->add_option(
            "--prompted-frames", options.prompted_frames,
            "Prompted frames to remember per object (default: as many as there are, at most 8, with --live "
            "at least 4)")
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
    command
        ->add_option("--camera-size", texts.camera_size, "Frame size to ask a camera for (default: 640x480)")
        ->type_name("WxH");
    command->add_flag("--json", options.json, "Print a summary as JSON, and no progress");
    command->add_flag("--quiet", options.quiet, "Print nothing but errors");
    return command;
}

void read_texts(const TrackTexts& texts, TrackOptions& options) {
    if (!texts.camera_size.empty()) options.camera_size = parse_camera_size(texts.camera_size);
    if (!texts.direction.empty()) options.direction = parse_direction(texts.direction);
    if (!texts.live.empty()) options.live = parse_view(texts.live);
}

}  // namespace cli
