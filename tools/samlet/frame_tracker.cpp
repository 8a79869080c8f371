// SPDX-License-Identifier: Apache-2.0
#include "frame_tracker.h"

#include <chrono>
#include <set>

#include "error.h"

namespace cli {
namespace {

std::string size_text(uint32_t width, uint32_t height) {
    return std::to_string(width) + " x " + std::to_string(height);
}

// Adds the time of its life.
class Stopwatch {
  public:
    explicit Stopwatch(double& milliseconds) : milliseconds_(milliseconds), start_(Clock::now()) {}
    ~Stopwatch() {
        const std::chrono::duration<double, std::milli> passed = Clock::now() - start_;
        milliseconds_ += passed.count();
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    using Clock = std::chrono::steady_clock;
    double& milliseconds_;
    Clock::time_point start_;
};

}  // namespace

std::vector<int32_t> FrameTracker::objects() const {
    uint32_t count = 0;
    check(tracker_, samlet_tracker_objects(tracker_.get(), nullptr, 0, &count));
    std::vector<int32_t> ids(count);
    check(tracker_, samlet_tracker_objects(tracker_.get(), ids.data(), count, &count));
    return ids;
}

void FrameTracker::track(int64_t number, const Picture& picture, const std::vector<const Prompt*>& prompts) {
    found_.milliseconds = 0;
    {
        const Stopwatch watch(found_.milliseconds);
        // Before the first prompt there is nothing to find, and no need to look.
        found_.idle = prompts.empty() && objects().empty();
        if (!found_.idle) follow(picture, number, prompts);
    }
    collect(picture);
}

void FrameTracker::follow(const Picture& picture, int64_t number, const std::vector<const Prompt*>& prompts) {
    set_frame(picture, number);
    const std::vector<int32_t> ids = objects();
    const std::set<int32_t> known(ids.begin(), ids.end());
    std::vector<const Prompt*> starting, correcting;
    for (const Prompt* prompt : prompts)
        (known.count(prompt->object) ? correcting : starting).push_back(prompt);
    for (const Prompt* prompt : starting) apply(*prompt);
    track_all(number);
    if (correcting.empty()) return;
    for (const Prompt* prompt : correcting) apply(*prompt);
    track_all(number);
}

void FrameTracker::prompt(const Picture& picture, const Prompt& prompt) {
    const Stopwatch watch(found_.milliseconds);
    if (found_.idle) set_frame(picture, prompt.frame);
    found_.idle = false;
    apply(prompt);
}

void FrameTracker::remove(int32_t object) {
    const Stopwatch watch(found_.milliseconds);
    check(tracker_, samlet_tracker_remove_object(tracker_.get(), object));
}

void FrameTracker::collect(const Picture& picture) {
    found_.results.clear();
    found_.indices.assign(size_t{picture.width} * picture.height, 0);
    if (found_.idle) return;
    for (const int32_t object : objects()) {
        samlet_result result;
        samlet_result_init(&result);
        const samlet_status status = samlet_tracker_result(tracker_.get(), object, &result);
        if (status == SAMLET_ERROR_STATE) continue;  // its only prompt was taken back
        check(tracker_, status);
        found_.results.push_back(result);
        if (!result.empty) mark(object, picture);
    }
}

void FrameTracker::mark(int32_t object, const Picture& picture) {
    mask_.resize(found_.indices.size());
    check(tracker_, samlet_tracker_mask(tracker_.get(), object, mask_.data(), picture.width));
    for (size_t i = 0; i < mask_.size(); i++)
        if (mask_[i]) found_.indices[i] = static_cast<uint8_t>(object);
}

void FrameTracker::set_frame(const Picture& picture, int64_t number) {
    if (picture.width > width_ || picture.height > height_)
        throw Error("frame " + std::to_string(number) + " is " + size_text(picture.width, picture.height) +
                    ", the first was " + size_text(width_, height_) +
                    ": all frames must fit into the first one's size");
    const samlet_frame frame = picture.frame();
    check(tracker_, samlet_tracker_set_frame(tracker_.get(), &frame, number),
          "frame " + std::to_string(number));
}

void FrameTracker::apply(const Prompt& prompt) {
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

void FrameTracker::track_all(int64_t number) {
    if (objects().empty()) return;
    check(tracker_, samlet_tracker_track(tracker_.get()), "frame " + std::to_string(number));
}

}  // namespace cli
