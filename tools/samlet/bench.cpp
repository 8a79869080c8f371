// samlet bench: how long a tracked frame takes in the steady state, stage by stage, and how good that is.
//
// SPDX-License-Identifier: Apache-2.0
//
// "Nominal" multiply-accumulates are those of the reference formulation. Divided by our time they give a
// rate, and that compared with the rate of XNNPACK's plain product says how far from the machine's limit we
// are.
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "error.h"
#include "files.h"
#include "interrupt.h"
#include "preset.h"
#include "progress.h"
#include "results.h"
#include "session.h"
#include "statistics.h"
#include "xnnpack_rate.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

constexpr uint32_t kWidth = 960, kHeight = 540;

// Discs that wander over a pattern: cheap to make, different in every frame.
Picture synthetic_frame(int64_t number, uint32_t discs) {
    Picture picture;
    shape_rgb(picture, kWidth, kHeight);
    for (uint32_t y = 0; y < kHeight; y++)
        for (uint32_t x = 0; x < kWidth; x++) {
            uint8_t* pixel = picture.row(y) + 3 * x;
            pixel[0] = static_cast<uint8_t>(x * 255 / kWidth);
            pixel[1] = static_cast<uint8_t>(y * 255 / kHeight);
            pixel[2] = static_cast<uint8_t>((x ^ y) & 127);
        }
    for (uint32_t i = 0; i < discs; i++) {
        const double angle = 0.15 * static_cast<double>(number) + 6.28 * i / discs;
        const int centre_x = static_cast<int>(kWidth * (0.5 + 0.3 * std::cos(angle)));
        const int centre_y = static_cast<int>(kHeight * (0.5 + 0.3 * std::sin(angle)));
        const int radius = 60;
        for (int y = -radius; y <= radius; y++)
            for (int x = -radius; x <= radius; x++)
                if (x * x + y * y <= radius * radius) {
                    uint8_t* pixel = picture.row(static_cast<uint32_t>(centre_y + y)) + 3 * (centre_x + x);
                    pixel[0] = static_cast<uint8_t>(220 - 40 * (i % 4));
                    pixel[1] = static_cast<uint8_t>(60 + 50 * (i % 3));
                    pixel[2] = 40;
                }
    }
    return picture;
}

// A box around disc `i` of frame 0.
samlet_box disc_box(uint32_t i, uint32_t discs) {
    const double angle = 6.28 * i / discs;
    const float x = static_cast<float>(kWidth * (0.5 + 0.3 * std::cos(angle)));
    const float y = static_cast<float>(kHeight * (0.5 + 0.3 * std::sin(angle)));
    return {x - 60, y - 60, x + 60, y + 60};
}

uint64_t peak_resident_bytes() {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

bool is_per_object(int stage) {
    return stage == SAMLET_STAGE_MEMORY_ATTENTION || stage == SAMLET_STAGE_MASK_DECODER ||
           stage == SAMLET_STAGE_MEMORY_ENCODER;
}

class BenchRun {
  public:
    explicit BenchRun(const BenchOptions& options)
        : options_(options), threads_(options.threads ? options.threads : default_threads()) {
        open();
        config_ = tracker_config();
        arena_bytes_ = plan_of(model_, config_).bytes;
        tracker_ = create_tracker(model_, config_);
        rate_ = std::make_unique<XnnpackRate>(threads_);
    }

    int run() {
        const uint32_t warm_up =
            options_.warm_up.value_or(std::max(info_.memory_frames, info_.object_pointers));
        Progress progress(int64_t{warm_up} + options_.frames, options_.quiet || options_.json);
        // The prompted frame and the tracked ones that fill the bank.
        for (int64_t number = 0; number < int64_t{warm_up} + options_.frames; number++) {
            if (interrupted()) return 130;
            const Picture picture = synthetic_frame(number, options_.objects);
            if (number == warm_up) rate_->measure();
            const double time = track(picture, number);
            if (number >= warm_up) {
                keep(time);
                rate_->measure();
            }
            progress.step();
        }
        progress.finish();
        report(warm_up);
        return 0;
    }

  private:
    void open() {
        if (options_.preset.empty()) path_ = find_model(options_.model);
        samlet_model_config config = model_config(path_, options_.arithmetic.precision);
        if (!options_.preset.empty()) {
            image_ = build_preset(options_.preset,
                                  options_.preset_type == "f32" ? TensorType::f32 : TensorType::f16);
            config.path = nullptr;
            config.data = image_.data.get();
            config.data_size = image_.size;
        }
        model_ = open_model(config);
        info_ = info_of(model_);
    }

    samlet_tracker_config tracker_config() const {
        samlet_tracker_config config;
        samlet_tracker_config_init(&config);
        config.flags = options_.arithmetic.flags() | (options_.yield ? SAMLET_TRACKER_YIELD : 0);
        config.image_size = options_.image_size;
        config.max_objects = options_.objects;
        config.threads = threads_;
        config.max_frame_width = kWidth;
        config.max_frame_height = kHeight;
        return config;
    }

    // Milliseconds of one frame, from the picture to the stored memory.
    double track(const Picture& picture, int64_t number) {
        const samlet_frame frame = picture.frame();
        const auto start = std::chrono::steady_clock::now();
        check(tracker_, samlet_tracker_set_frame(tracker_.get(), &frame, number));
        if (number == 0) prompt();
        check(tracker_, samlet_tracker_track(tracker_.get()));
        const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
        return time.count();
    }

    void prompt() {
        for (uint32_t i = 0; i < options_.objects; i++) {
            const samlet_box box = disc_box(i, options_.objects);
            samlet_prompt prompt;
            samlet_prompt_init(&prompt);
            prompt.box = &box;
            check(tracker_, samlet_tracker_prompt(tracker_.get(), static_cast<int32_t>(i + 1), &prompt));
        }
    }

    void keep(double time) {
        samlet_profile_init(&profile_);
        check(tracker_, samlet_tracker_get_profile(tracker_.get(), &profile_));
        for (int stage = 0; stage < SAMLET_STAGE_COUNT; stage++)
            stage_times_[stage].push_back(profile_.milliseconds[stage]);
        times_.push_back(time);
    }

    // Of all objects together: the image encoder serves them all, the rest is done for each.
    double nominal_gmac(int stage) const {
        return profile_.nominal_gmac[stage] * (is_per_object(stage) ? options_.objects : 1);
    }
    static double rate(double gmac, double milliseconds) {
        return milliseconds > 0 ? gmac / milliseconds * 1e3 : 0;
    }

    ordered_json measurements(uint32_t warm_up) const {
        ordered_json stages = ordered_json::array();
        double total_gmac = 0;
        for (int stage = 0; stage < SAMLET_STAGE_COUNT; stage++) {
            const double middle = median(stage_times_[stage]);
            total_gmac += nominal_gmac(stage);
            stages.push_back({{"stage", samlet_stage_name(static_cast<samlet_stage>(stage))},
                              {"median_ms", rounded(middle)},
                              {"p99_ms", rounded(quantile(stage_times_[stage], 0.99))},
                              {"nominal_gmac", rounded(nominal_gmac(stage))},
                              {"nominal_gmac_per_s", rounded(rate(nominal_gmac(stage), middle))}});
        }
        const double middle = median(times_);
        const double reference = rate_->gmac_per_second();
        const double ours = rate(total_gmac, middle);
        return {{"samlet", samlet_version()},
                {"model", options_.preset.empty() ? path_ : options_.preset},
                {"name", info_.name},
                {"weight_type", info_.weight_type},
                {"kernels", info_.kernels},
                {"image_size", config_.image_size ? config_.image_size : info_.image_size},
                {"threads", threads_},
                {"objects", options_.objects},
                {"warm_up", warm_up},
                {"frames", times_.size()},
                {"stages", stages},
                {"total",
                 {{"median_ms", rounded(middle)},
                  {"p99_ms", rounded(quantile(times_, 0.99))},
                  {"nominal_gmac", rounded(total_gmac)},
                  {"nominal_gmac_per_s", rounded(ours)}}},
                {"xnnpack_f32_gmac_per_s", rounded(reference)},
                // Above 1: faster than the nominal work at XNNPACK's rate would be.
                {"rate_ratio", rounded(reference > 0 ? ours / reference : 0)},
                // The same the other way round: our time in units of that time.
                {"time_ratio", rounded(ours > 0 ? reference / ours : 0)},
                {"frames_per_second", rounded(middle > 0 ? 1e3 / middle : 0)},
                {"arena_bytes", arena_bytes_},
                {"model_bytes", info_.memory_bytes},
                {"peak_rss_bytes", peak_resident_bytes()}};
    }

    void report(uint32_t warm_up) const {
        const ordered_json all = measurements(warm_up);
        if (options_.json)
            print_text(json_text(all, 1) + "\n");
        else
            print(all);
    }

    static void print_row(const char* name, const ordered_json& row) {
        printf("%-18s %10.2f %10.2f %10.2f %10.1f\n", name, row["median_ms"].get<double>(),
               row["p99_ms"].get<double>(), row["nominal_gmac"].get<double>(),
               row["nominal_gmac_per_s"].get<double>());
    }

    static void print(const ordered_json& all) {
        printf("%s (%s, %s), image %u, %u threads, %u objects, %u frames after %u\n\n",
               all["name"].get<std::string>().c_str(), all["weight_type"].get<std::string>().c_str(),
               all["kernels"].get<std::string>().c_str(), all["image_size"].get<uint32_t>(),
               all["threads"].get<uint32_t>(), all["objects"].get<uint32_t>(), all["frames"].get<uint32_t>(),
               all["warm_up"].get<uint32_t>());
        printf("%-18s %10s %10s %10s %10s\n", "stage", "median ms", "99 % ms", "GMAC", "GMAC/s");
        for (const ordered_json& stage : all["stages"])
            print_row(stage["stage"].get<std::string>().c_str(), stage);
        print_row("frame", all["total"]);
        const double mebi = 1 << 20;
        printf(
            "\nXNNPACK f32        %.1f GMAC/s; a frame takes %.2f of the time that its nominal work takes at "
            "that rate\n",
            all["xnnpack_f32_gmac_per_s"].get<double>(), all["time_ratio"].get<double>());
        printf("frames/s           %.2f\n", all["frames_per_second"].get<double>());
        printf("arena, model       %.1f MiB, %.1f MiB\n", all["arena_bytes"].get<double>() / mebi,
               all["model_bytes"].get<double>() / mebi);
        printf("peak RSS           %.1f MiB\n", all["peak_rss_bytes"].get<double>() / mebi);
    }

    const BenchOptions& options_;
    uint32_t threads_;
    GgufImage image_;  // of a preset; the model reads it in place
    std::string path_;
    Model model_;
    samlet_model_info info_ = {};
    samlet_tracker_config config_ = {};
    uint64_t arena_bytes_ = 0;
    Tracker tracker_;
    std::unique_ptr<XnnpackRate> rate_;
    std::array<std::vector<double>, SAMLET_STAGE_COUNT> stage_times_;
    std::vector<double> times_;
    samlet_profile profile_ = {};
};

}  // namespace

int run_bench(const BenchOptions& options) {
    catch_interrupts();
    return BenchRun(options).run();
}

}  // namespace cli
