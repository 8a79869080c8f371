// A scripted view and a pretended track, for tests of what lies between them.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tools/samlet/live.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

namespace cli {

inline constexpr std::chrono::seconds kLimit(60);

inline ViewEvent key(char key) {
    ViewEvent event;
    event.kind = ViewEvent::Kind::key;
    event.key = key;
    return event;
}

inline ViewEvent mouse(ViewEvent::Kind kind, float x, float y,
                       ViewEvent::Button button = ViewEvent::Button::left) {
    ViewEvent event;
    event.kind = kind;
    event.button = button;
    event.x = x;
    event.y = y;
    return event;
}

inline std::vector<ViewEvent> click(float x, float y, ViewEvent::Button button = ViewEvent::Button::left) {
    return {mouse(ViewEvent::Kind::press, x, y, button), mouse(ViewEvent::Kind::release, x, y, button)};
}

// Does the next step as soon as what is shown allows it. A script that gets stuck closes the window.
class ScriptedView : public View {
  public:
    using Condition = std::function<bool(const Scene&)>;

    ScriptedView& when(Condition condition, std::vector<ViewEvent> events) {
        steps_.push_back({std::move(condition), std::move(events)});
        return *this;
    }
    // When a line holds `text`.
    ScriptedView& when(const std::string& text, std::vector<ViewEvent> events) {
        return when([text](const Scene& scene) { return says(scene, text); }, std::move(events));
    }

    static bool says(const Scene& scene, const std::string& text) {
        for (const std::string& line : scene.lines)
            if (line.find(text) != std::string::npos) return true;
        return false;
    }

    void show(const Scene& scene) override {
        scene_ = scene;
        shows_++;
    }
    std::vector<ViewEvent> poll(std::chrono::milliseconds wait) override {
        if (shows_ > 0 && !steps_.empty() && steps_.front().condition(scene_)) {
            const std::vector<ViewEvent> events = steps_.front().events;
            steps_.pop_front();
            return events;
        }
        if (std::chrono::steady_clock::now() > end_) {
            stuck_ = true;
            ViewEvent close;
            close.kind = ViewEvent::Kind::close;
            return {close};
        }
        std::this_thread::sleep_for(std::min(wait, std::chrono::milliseconds(1)));
        return {};
    }
    float slack() const override { return 1; }

    const Scene& scene() const { return scene_; }
    bool finished() const { return steps_.empty() && !stuck_; }
    int shows() const { return shows_; }

  private:
    struct Step {
        Condition condition;
        std::vector<ViewEvent> events;
    };
    std::deque<Step> steps_;
    Scene scene_;
    std::atomic<int> shows_{0};
    bool stuck_ = false;
    const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kLimit;
};

// Frames of 20 x 10 pixels whose first byte is their number, modulo 100; 100 is added where masks are
// painted.
class FakeSession : public LiveSession {
  public:
    explicit FakeSession(int64_t frames) : frames_(frames) {}

    int64_t next(int64_t after, int64_t wanted) const override {
        return on_next ? on_next(after, wanted) : wanted;
    }
    bool read(int64_t number, Picture& picture) override {
        if (on_read) on_read(number);
        if (number >= frames_) return false;
        shape_rgb(picture, 20, 10);
        picture.bytes[0] = static_cast<uint8_t>(number % 100);
        return true;
    }
    void track(int64_t number, const Picture& picture) override {
        assert_int_equal(picture.bytes[0], number % 100);
        log("track " + std::to_string(number));
        if (on_track) on_track(number);
        collect(number);
    }
    std::string change(int64_t number, const Picture& picture, const LiveChange& change) override {
        assert_int_equal(picture.bytes[0], number % 100);
        if (!refusal.empty()) return refusal;
        log("change " + std::to_string(static_cast<int>(change.kind)) + " of " +
            std::to_string(change.object) + " on " + std::to_string(number));
        if (change.kind == LiveChange::Kind::reset) objects_.clear();
        if (change.kind == LiveChange::Kind::remove)
            objects_.erase(std::find(objects_.begin(), objects_.end(), change.object));
        if (change.kind <= LiveChange::Kind::box &&
            std::find(objects_.begin(), objects_.end(), change.object) == objects_.end())
            objects_.push_back(change.object);
        collect(number);
        return "";
    }
    std::string work() const override { return on_work ? on_work() : ""; }
    void quit() override { asked_to_quit = true; }
    void leave(int64_t number, const Picture& picture) override {
        assert_int_equal(picture.bytes[0], number % 100);
        log("leave " + std::to_string(number));
    }
    std::vector<int32_t> objects() const override { return objects_; }
    const std::vector<samlet_result>& results() const override { return results_; }
    const std::vector<uint8_t>& indices() const override { return indices_; }
    Picture paint(const Picture& picture, const std::vector<uint8_t>& indices) const override {
        Picture painted = picture;
        if (!indices.empty() && indices[0]) painted.bytes[0] = static_cast<uint8_t>(painted.bytes[0] + 100);
        return painted;
    }

    std::string text() const {
        std::string text;
        for (const std::string& entry : log_) text += (text.empty() ? "" : ", ") + entry;
        return text;
    }

    std::function<void(int64_t)> on_read, on_track;
    std::function<int64_t(int64_t, int64_t)> on_next;
    std::function<std::string()> on_work;
    std::atomic<bool> asked_to_quit{false};
    std::string refusal;

  private:
    void collect(int64_t number) {
        results_.clear();
        for (const int32_t object : objects_) {
            samlet_result result;
            samlet_result_init(&result);
            result.object = object;
            result.frame = number;
            result.object_score = 5.25f;
            result.iou = 0.75f;
            result.box = {2, 3, 8, 9};
            result.empty = object == 2;
            results_.push_back(result);
        }
        indices_.assign(200, objects_.empty() ? 0 : 1);
    }
    void log(const std::string& entry) {
        const std::lock_guard<std::mutex> lock(mutex_);
        log_.push_back(entry);
    }

    int64_t frames_;
    std::vector<int32_t> objects_;
    std::vector<samlet_result> results_;
    std::vector<uint8_t> indices_;
    std::mutex mutex_;
    std::vector<std::string> log_;
};

inline LivePlan plan(bool waits) {
    LivePlan plan;
    plan.waits = waits;
    plan.most_objects = 4;
    return plan;
}

inline void expect(const FakeSession& session, const ScriptedView& view, const char* log) {
    assert_string_equal(session.text().c_str(), log);
    assert_true(view.finished());
}

}  // namespace cli
