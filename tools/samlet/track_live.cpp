// SPDX-License-Identifier: Apache-2.0
#include "track_live.h"

#include <algorithm>
#include <utility>

#include "error.h"
#include "files.h"
#include "interrupt.h"
#include "overlay.h"

namespace cli {

TrackLive::TrackLive(TrackInput& input, TrackSession& track) : input_(input), track_(track) {
    track.watch_search([this](double part) {
        searched_ = static_cast<int>(100 * part);
        return !quitting_;
    });
}

int64_t TrackLive::run() {
    const int64_t number = input_.passes.front().first;
    if (!input_.source->read(number, first_)) {
        if (interrupted()) return 0;
        throw Error("'" + input_.options.video + "' has no frame " + std::to_string(number));
    }
    const std::unique_ptr<View> view = open_view(*input_.options.live, first_.width, first_.height);
    const LivePlan plan = plan_for(first_);
    return run_live(*view, *this, plan);
}

// A pipe does not give its first frame twice.
bool TrackLive::read(int64_t number, Picture& picture) {
    if (first_.bytes.empty()) return input_.read(number, picture);
    picture = std::exchange(first_, {});
    return true;
}

LivePlan TrackLive::plan_for(const Picture& first) const {
    const Pass& pass = input_.passes.front();
    const bool camera = input_.source->live();
    LivePlan plan;
    plan.first = pass.first;
    plan.limit = pass.limit;
    plan.frame_count = input_.source->frame_count();
    plan.rate = camera ? 0 : input_.playing_rate();
    plan.realtime = input_.options.realtime;
    plan.waits = input_.prompts.all().empty() && !camera;
    plan.most_objects = tracker_config(input_, first).max_objects;
    return plan;
}

// A frame with a prompt is not skipped.
int64_t TrackLive::next(int64_t after, int64_t wanted) const {
    for (const int64_t frame : input_.prompts.frames())
        if (frame > after) return std::min(frame, wanted);
    return wanted;
}

void TrackLive::track(int64_t number, const Picture& picture) {
    track_.track(number, picture);
    searched_ = -1;
}

std::string TrackLive::work() const {
    const int searched = searched_;
    return searched < 0 ? "" : "looking for objects: " + std::to_string(searched) + " %";
}

std::string TrackLive::change(int64_t number, const Picture& picture, const LiveChange& change) {
    FrameTracker& frames = track_.frames();
    std::string refused;
    try {
        if (change.kind == LiveChange::Kind::reset)
            for (const int32_t object : frames.objects()) frames.remove(object);
        else if (change.kind == LiveChange::Kind::remove)
            frames.remove(change.object);
        else
            prompt(number, picture, change);
    } catch (const Error& error) {
        refused = error.what();
    }
    frames.collect(picture);
    return refused;
}

void TrackLive::prompt(int64_t number, const Picture& picture, const LiveChange& change) {
    Prompt prompt;
    prompt.origin = "prompt";
    prompt.frame = number;
    prompt.object = change.object;
    if (change.kind == LiveChange::Kind::box)
        prompt.box = change.box;
    else
        prompt.points.push_back(change.point);
    track_.frames().prompt(picture, prompt);
    input_.prompts.add(prompt);
    // As a prompts file, so that what hands did can be done again.
    if (!input_.options.out.empty()) write_prompts();
}

void TrackLive::write_prompts() const {
    const std::string& folder = input_.options.out;
    const nlohmann::ordered_json document = {{"prompts", input_.prompts.listed(folder)}};
    const std::string text = json_text(document, 1) + "\n";
    write_file(join(folder, "prompts.json"), text.data(), text.size());
}

Picture TrackLive::paint(const Picture& picture, const std::vector<uint8_t>& indices) const {
    Picture rgb = to_rgb(picture);
    if (indices.size() == size_t{rgb.width} * rgb.height) paint_masks(rgb, indices.data());
    return rgb;
}

}  // namespace cli
