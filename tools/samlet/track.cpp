// samlet track: a video in, masks out.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <set>

#include "commands.h"
#include "error.h"
#include "everything.h"
#include "explain.h"
#include "files.h"
#include "image_io.h"
#include "interrupt.h"
#include "npy.h"
#include "overlay.h"
#include "progress.h"
#include "results.h"
#include "session.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

constexpr double kDefaultRate = 25;
constexpr uint32_t kMostPromptedFrames = 8;

const char* name_of(Direction direction) {
    return direction == Direction::forward    ? "forward"
           : direction == Direction::backward ? "backward"
                                              : "both";
}

Prompts read_prompts(const TrackOptions& options) {
    const int64_t first = options.start.value_or(0);
    if (options.everything == 0) return Prompts::from_options(options.prompts, first);
    if (options.prompts.any() || options.prompts.object)
        throw UsageError(
            "--everything cannot be combined with --point, --box, --mask, --object and --prompts");
    return Prompts::awaited("--everything", first);
}

// One way through the video.
struct Pass {
    int64_t first;
    int64_t step;   // 1 or -1
    int64_t limit;  // frames at most; 0: no limit
};

std::vector<Pass> plan_passes(const TrackOptions& options, const Prompts& prompts) {
    const int64_t earliest = prompts.frames().front(), latest = prompts.frames().back();
    const auto check_start = [&](bool good, const std::string& rule) {
        if (!good) throw UsageError("--start " + std::to_string(*options.start) + ": " + rule);
    };
    switch (options.direction) {
        case Direction::forward: {
            const int64_t first = options.start.value_or(earliest);
            check_start(first <= earliest,
                        "frame " + std::to_string(earliest) + " has a prompt and would be left out");
            return {{first, 1, options.max_frames}};
        }
        case Direction::backward: {
            const int64_t first = options.start.value_or(latest);
            check_start(first >= latest,
                        "frame " + std::to_string(latest) + " has a prompt and would be left out");
            return {{first, -1, options.max_frames}};
        }
        case Direction::both:
            break;
    }
    const int64_t first = options.start.value_or(earliest);
    check_start(first == earliest, "with --direction both the first frame is that of the earliest prompt, " +
                                       std::to_string(earliest));
    return {{earliest, 1, options.max_frames}, {earliest - 1, -1, options.max_frames}};
}

// Points that one object can collect on one frame; a box counts as two.
uint32_t most_points(const Prompts& prompts) {
    std::map<std::pair<int64_t, int32_t>, size_t> counts;
    size_t most = 0;
    for (const Prompt& prompt : prompts.all()) {
        size_t& count = counts[{prompt.frame, prompt.object}];
        count += prompt.points.size() + (prompt.box ? 2 : 0);
        most = std::max(most, count);
    }
    return static_cast<uint32_t>(most);
}

samlet_tracker_config tracker_config(const TrackOptions& options, const Prompts& prompts,
                                     const VideoSource& source, const Picture& first) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    if (options.non_overlapping) config.flags |= SAMLET_TRACKER_NON_OVERLAPPING;
    if (!options.spin) config.flags |= SAMLET_TRACKER_YIELD;
    if (!options.explain.empty()) config.flags |= SAMLET_TRACKER_EXPLAIN;
    config.image_size = options.image_size;
    config.max_objects = options.objects ? options.objects : static_cast<uint32_t>(prompts.objects().size());
    config.prompted_frames = options.prompted_frames;
    if (config.prompted_frames == 0)
        config.prompted_frames =
            std::min(static_cast<uint32_t>(prompts.frames().size()), kMostPromptedFrames);
    config.max_points = std::max(most_points(prompts), 32u);
    config.clip_length = static_cast<uint32_t>(source.frame_count());
    config.threads = options.threads;
    config.max_frame_width = first.width;
    config.max_frame_height = first.height;
    config.fill_hole_area = options.fill_holes;
    config.remove_sprinkle_area = options.remove_sprinkles;
    return config;
}

// The prompts of a frame and the tracking, in the order that makes a prompt correct what was tracked.
class FrameTracker {
  public:
    explicit FrameTracker(Tracker tracker) : tracker_(std::move(tracker)) {}

    const Tracker& tracker() const { return tracker_; }

    std::vector<int32_t> objects() const {
        uint32_t count = 0;
        check(tracker_, samlet_tracker_objects(tracker_.get(), nullptr, 0, &count));
        std::vector<int32_t> ids(count);
        check(tracker_, samlet_tracker_objects(tracker_.get(), ids.data(), count, &count));
        return ids;
    }

    void process(const Picture& picture, int64_t number, const std::vector<const Prompt*>& prompts) {
        const samlet_frame frame = picture.frame();
        check(tracker_, samlet_tracker_set_frame(tracker_.get(), &frame, number),
              "frame " + std::to_string(number));
        const std::vector<int32_t> ids = objects();
        const std::set<int32_t> known(ids.begin(), ids.end());
        std::vector<const Prompt*> starting, correcting;
        for (const Prompt* prompt : prompts)
            (known.count(prompt->object) ? correcting : starting).push_back(prompt);
        for (const Prompt* prompt : starting) apply(*prompt);
        track(number);
        if (correcting.empty()) return;
        for (const Prompt* prompt : correcting) apply(*prompt);
        track(number);
    }

  private:
    void apply(const Prompt& prompt) {
        const std::string context = prompt.origin + " (frame " + std::to_string(prompt.frame) + ", object " +
                                    std::to_string(prompt.object) + ")";
        if (prompt.clear) {
            const samlet_status status = samlet_tracker_clear_prompts(tracker_.get(), prompt.object);
            // Nothing to take back is fine.
            if (status != SAMLET_ERROR_NOT_FOUND && status != SAMLET_ERROR_STATE)
                check(tracker_, status, context);
        }
        if (prompt.empty()) return;
        const samlet_prompt given = prompt.prompt();
        check(tracker_, samlet_tracker_prompt(tracker_.get(), prompt.object, &given), context);
    }
    void track(int64_t number) {
        if (objects().empty()) return;
        check(tracker_, samlet_tracker_track(tracker_.get()), "frame " + std::to_string(number));
    }

    Tracker tracker_;
};

// The whole run. Outputs are opened by the first frame, whose size they need: until then nothing is written.
class TrackRun {
  public:
    explicit TrackRun(const TrackOptions& options)
        : options_(options),
          prompts_(read_prompts(options)),
          passes_(plan_passes(options, prompts_)),
          source_(open_source(options.video, options.camera_size)) {
        if (source_->live() && options.direction != Direction::forward)
            throw UsageError("a camera has no past: --direction must be forward");
        check_frames();
        model_path_ = find_model(options.model);
        model_ = open_model(model_config(model_path_));
        model_info_ = info_of(model_);
    }

    int run() {
        Progress progress(expected_frames(), options_.quiet || options_.json);
        try {
            for (const Pass& pass : passes_) run_pass(pass, progress);
            progress.finish();
            finish();
        } catch (const std::exception& error) {
            progress.finish();
            if (results_) results_->finish(false, error.what());
            throw;
        }
        if (results_) results_->finish(!stopped_);
        report(progress);
        return stopped_ ? 130 : 0;
    }

  private:
    // Where the length is known, a prompt behind the end is an error before the work, not after it.
    void check_frames() const {
        const int64_t count = source_->frame_count();
        for (const Prompt& prompt : prompts_.all())
            if (count > 0 && prompt.frame >= count)
                throw Error(prompt.origin + ": frame " + std::to_string(prompt.frame) + " does not exist, '" +
                            options_.video + "' has " + std::to_string(count) + " frames");
    }

    int64_t expected_frames() const {
        const int64_t count = source_->frame_count();
        int64_t total = 0;
        for (const Pass& pass : passes_) {
            if (pass.step > 0 && count == 0 && pass.limit == 0) return 0;
            int64_t frames = pass.step > 0 ? count - pass.first : pass.first + 1;
            if (pass.step > 0 && count == 0) frames = pass.limit;
            if (pass.limit > 0) frames = std::min(frames, pass.limit);
            total += std::max<int64_t>(frames, 0);
        }
        return total;
    }

    void run_pass(const Pass& pass, Progress& progress) {
        Picture picture;
        int64_t number = pass.first;
        for (int64_t done = 0; number >= 0 && (pass.limit == 0 || done < pass.limit);
             number += pass.step, done++) {
            if (interrupted()) break;
            if (!source_->read(number, picture)) {
                check_reached(number);
                break;
            }
            process(number, picture);
            progress.step();
        }
        // Ctrl-C is how a camera's track ends.
        if (interrupted() && !source_->live()) stopped_ = true;
    }

    // The video ended at `number`: were all prompts before it?
    void check_reached(int64_t number) const {
        if (interrupted()) return;
        for (const Prompt& prompt : prompts_.all())
            if (prompt.frame >= number)
                throw Error(prompt.origin + ": frame " + std::to_string(prompt.frame) +
                            " was never reached, '" + options_.video + "' ended after " +
                            std::to_string(number) + " frames");
    }

    void process(int64_t number, const Picture& picture) {
        if (!frames_) begin(number, picture);
        const auto start = std::chrono::steady_clock::now();
        const std::vector<const Prompt*> prompts = prompts_.on_frame(number);
        // Before the first prompt there is nothing to find, and no need to look.
        const bool idle = prompts.empty() && frames_->objects().empty();
        if (!idle) frames_->process(picture, number, prompts);
        const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
        write(number, picture, idle, time.count());
    }

    void begin(int64_t number, const Picture& first) {
        if (options_.everything) {
            // What the tracker refuses is known before the long search.
            plan_of(model_, tracker_config(options_, prompts_, *source_, first));
            find_objects(number, to_rgb(first));
        }
        const samlet_tracker_config config = tracker_config(options_, prompts_, *source_, first);
        arena_bytes_ = plan_of(model_, config).bytes;
        frames_ = std::make_unique<FrameTracker>(create_tracker(model_, config));
        make_directory(options_.out);
        if (!options_.logits.empty()) make_directory(options_.logits);
        ordered_json facts = header(config, first);
        if (options_.everything) facts["everything"] = options_.everything_options.json();
        if (!options_.explain.empty())
            explainer_ =
                std::make_unique<Explainer>(options_.explain, prompts_.frames(), model_info_.memory_frames);
        results_ = std::make_unique<ResultsFile>(join(options_.out, "results.json"), facts);
        if (!options_.overlay.empty() && !overlay_later())
            overlay_ = std::make_unique<OverlayWriter>(options_.overlay, overlay_rate());
    }

    // The prompts of --everything: the largest objects of the first picture that is read.
    void find_objects(int64_t number, const Picture& rgb) {
        const std::vector<FoundMask> masks =
            find_everything(create_segmenter(model_, segmenter_config(options_, rgb)), rgb,
                            options_.everything_options, options_.quiet || options_.json);
        if (masks.empty())
            throw Error("--everything finds no objects on frame " + std::to_string(number) +
                        ": looser --pred-iou-thresh and --stability-score-thresh may help");
        const IndexMask seeds = largest_masks(masks, options_.everything, rgb.width, rgb.height);
        make_directory(options_.out);
        const std::string path = join(options_.out, "seeds.png");
        write_palette_png(path, rgb.width, rgb.height, seeds.pixels.data());
        prompts_ = Prompts::from_mask(seeds, path, number);
    }

    ordered_json header(const samlet_tracker_config& config, const Picture& first) const {
        ordered_json prompts = ordered_json::array();
        for (const Prompt& prompt : prompts_.all()) prompts.push_back(prompt.json());
        return {{"samlet", samlet_version()},
                {"model",
                 {{"file", model_path_},
                  {"name", model_info_.name},
                  {"family", model_info_.family},
                  {"weight_type", model_info_.weight_type},
                  {"kernels", model_info_.kernels}}},
                {"video",
                 {{"path", options_.video},
                  {"width", first.width},
                  {"height", first.height},
                  {"frames", source_->frame_count()},
                  {"fps", rounded(source_->frames_per_second())}}},
                {"image_size", config.image_size ? config.image_size : model_info_.image_size},
                {"direction", name_of(options_.direction)},
                {"prompts", prompts}};
    }

    void write(int64_t number, const Picture& picture, bool idle, double milliseconds) {
        indices_.assign(size_t{picture.width} * picture.height, 0);
        std::vector<ordered_json> entries;
        std::vector<ExplainedObject> explained;
        const samlet_profile profile = read_profile();
        if (!idle)
            for (const int32_t object : frames_->objects()) {
                samlet_result result;
                samlet_result_init(&result);
                const samlet_status status = samlet_tracker_result(tracker().get(), object, &result);
                if (status == SAMLET_ERROR_STATE) continue;  // its only prompt was taken back
                check(tracker(), status);
                entries.push_back(entry(result, milliseconds));
                if (explainer_) {
                    explained.push_back({result, read_attention(tracker(), object)});
                    entries.back()["attention"] = attention_json(explained.back().attention);
                    entries.back()["stages"] = stages_json(profile);
                }
                if (!options_.logits.empty()) write_logits(result);
                if (!result.empty) paint(object, picture);
            }
        write_palette_png(mask_path(number), picture.width, picture.height, indices_.data());
        if (overlay_) overlay_->add(number, picture, indices_.data());
        if (explainer_ && !idle)
            explainer_->add({number, picture, indices_.data(), profile}, std::move(explained));
        results_->add(entries);
        lowest_ = written_ ? std::min(lowest_, number) : number;
        highest_ = written_ ? std::max(highest_, number) : number;
        written_ = true;
    }

    samlet_profile read_profile() const {
        samlet_profile profile;
        samlet_profile_init(&profile);
        check(tracker(), samlet_tracker_get_profile(tracker().get(), &profile));
        return profile;
    }

    static ordered_json entry(const samlet_result& result, double milliseconds) {
        ordered_json box;
        if (!result.empty) box = {result.box.x0, result.box.y0, result.box.x1, result.box.y1};
        return {{"frame", result.frame},
                {"object", result.object},
                {"iou", rounded(result.iou)},
                {"object_score", rounded(result.object_score)},
                {"visible", result.visible != 0},
                {"box", box},
                {"area", result.area},
                {"time", rounded(milliseconds)}};
    }

    void write_logits(const samlet_result& result) const {
        const std::string name =
            "frame" + frame_digits(result.frame) + "_obj" + std::to_string(result.object) + ".npy";
        write_npy(join(options_.logits, name), result.logits, result.low_res_size, result.low_res_size);
    }

    // Later objects lie on top.
    void paint(int32_t object, const Picture& picture) {
        mask_.resize(indices_.size());
        check(tracker(), samlet_tracker_mask(tracker().get(), object, mask_.data(), picture.width));
        for (size_t i = 0; i < mask_.size(); i++)
            if (mask_[i]) indices_[i] = static_cast<uint8_t>(object);
    }

    // A video runs forward, also when the tracking does not: then it is made in the end, from the masks.
    bool overlay_later() const {
        return is_video_name(options_.overlay) && options_.direction != Direction::forward;
    }

    void write_report() {
        std::string pointed;
        for (const Prompt& prompt : prompts_.all())
            pointed += (pointed.empty() ? "" : "\n") + prompt.json().dump();
        report_ = explainer_->finish(
            "What samlet looked at",
            {{"video", options_.video},
             {"model", std::string(model_info_.name) + ", " + model_path_},
             {"prompts", pointed},
             {"samlet", std::string(samlet_version()) + ", kernels " + model_info_.kernels}});
    }

    void finish() {
        if (overlay_) overlay_->finish();
        if (explainer_) write_report();
        if (options_.overlay.empty() || !overlay_later() || !written_) return;
        OverlayWriter overlay(options_.overlay, overlay_rate());
        Picture picture;
        for (int64_t number = lowest_; number <= highest_ && source_->read(number, picture); number++) {
            const IndexMask mask = read_mask(mask_path(number));
            overlay.add(number, picture, mask.pixels.data());
        }
        overlay.finish();
    }

    double overlay_rate() const {
        if (options_.fps > 0) return options_.fps;
        return source_->frames_per_second() > 0 ? source_->frames_per_second() : kDefaultRate;
    }

    void report(const Progress& progress) const {
        if (options_.json) {
            ordered_json summary = {{"command", "track"},
                                    {"frames", progress.done()},
                                    {"objects", prompts_.objects()},
                                    {"seconds", rounded(progress.seconds())},
                                    {"frames_per_second", rounded(progress.frames_per_second())},
                                    {"arena_bytes", arena_bytes_},
                                    {"model_bytes", model_info_.memory_bytes},
                                    {"out", options_.out},
                                    {"results", join(options_.out, "results.json")},
                                    {"complete", !stopped_}};
            if (!report_.empty()) summary["report"] = report_;
            std::cout << summary.dump(1) << '\n';
        } else if (!options_.quiet) {
            printf("%s%lld frames in %.1f s, %.2f frames/s; masks and results.json in %s\n",
                   stopped_ ? "interrupted after " : "", static_cast<long long>(progress.done()),
                   progress.seconds(), progress.frames_per_second(), options_.out.c_str());
            if (!report_.empty()) printf("what the objects looked at: %s\n", report_.c_str());
        }
    }

    const Tracker& tracker() const { return frames_->tracker(); }
    std::string mask_path(int64_t number) const { return join(options_.out, frame_digits(number) + ".png"); }

    const TrackOptions& options_;
    Prompts prompts_;
    std::vector<Pass> passes_;
    std::unique_ptr<VideoSource> source_;
    std::string model_path_;
    Model model_;
    samlet_model_info model_info_ = {};
    std::unique_ptr<FrameTracker> frames_;
    std::unique_ptr<ResultsFile> results_;
    std::unique_ptr<OverlayWriter> overlay_;
    std::unique_ptr<Explainer> explainer_;
    std::string report_;
    std::vector<uint8_t> indices_, mask_;
    uint64_t arena_bytes_ = 0;
    int64_t lowest_ = 0, highest_ = 0;
    bool written_ = false;
    bool stopped_ = false;
};

}  // namespace

int run_track(const TrackOptions& options) {
    catch_interrupts();
    return TrackRun(options).run();
}

}  // namespace cli
