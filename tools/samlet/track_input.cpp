// SPDX-License-Identifier: Apache-2.0
#include "track_input.h"

#include "error.h"
#include "interrupt.h"
#include "output_check.h"

namespace cli {
namespace {

constexpr double kDefaultRate = 25;

const TrackOptions& checked(const TrackOptions& options) {
    if (options.live && options.direction != Direction::forward)
        throw UsageError("--live goes forward: --direction must be forward");
    if (!options.live && options.out.empty()) throw UsageError("--out is required");
    if (!options.live && options.realtime) throw UsageError("--realtime needs --live");
    check_outputs(options);
    return options;
}

Prompts read_prompts(const TrackOptions& options) {
    const int64_t first = options.start.value_or(0);
    if (options.everything == 0) {
        if (options.live && !options.prompts.any()) return {};
        return Prompts::from_options(options.prompts, first);
    }
    if (options.prompts.any() || options.prompts.object)
        throw UsageError(
            "--everything cannot be combined with --point, --box, --mask, --object and --prompts");
    return Prompts::awaited("--everything", first);
}

}  // namespace

TrackInput::TrackInput(const TrackOptions& track_options)
    : options(checked(track_options)),
      prompts(read_prompts(options)),
      passes(plan_passes(options, prompts)),
      source(open_source(options.video, options.camera_size)) {
    check_masks_kept(prompts, options.out);
    if (source->live() && options.direction != Direction::forward)
        throw UsageError("a camera has no past: --direction must be forward");
    if (source->piped() && options.direction != Direction::forward)
        throw UsageError("a pipe can be read only once: --direction must be forward, or the video a file");
    // Where the length is known, a frame behind the end is an error before the work, not after it.
    for (const Prompt& prompt : prompts.all()) check_exists(prompt.origin, prompt.frame);
    if (options.start) check_exists("--start", *options.start);
    model_path = find_model(options.model);
    model = open_model(model_config(model_path, options.arithmetic.precision));
    model_info = info_of(model);
}

bool TrackInput::read(int64_t number, Picture& picture) {
    const bool first = !begun_;
    begun_ = true;
    if (source->read(number, picture)) return true;
    if (interrupted()) return false;
    if (first) throw Error("'" + options.video + "' has no frame " + std::to_string(number));
    for (const Prompt& prompt : prompts.all())
        if (prompt.frame >= number)
            throw Error(prompt.origin + ": frame " + std::to_string(prompt.frame) + " was never reached, '" +
                        options.video + "' ended after " + std::to_string(number) + " frames");
    return false;
}

void TrackInput::check_exists(const std::string& origin, int64_t frame) const {
    const int64_t count = source->frame_count();
    if (count > 0 && frame >= count)
        throw Error(origin + ": frame " + std::to_string(frame) + " does not exist, '" + options.video +
                    "' has " + std::to_string(count) + " frames");
}

double TrackInput::playing_rate() const {
    return source->frames_per_second() > 0 ? source->frames_per_second() : kDefaultRate;
}

}  // namespace cli
