// SPDX-License-Identifier: Apache-2.0
#include "live.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <future>
#include <utility>

#include "interrupt.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kIdle(50);       // between looks at the interrupt flag
constexpr milliseconds kBusy(5);        // between looks at the view while the tracker works
constexpr milliseconds kPatience(150);  // until a frame is shown although its masks are not ready
constexpr size_t kRateFrames = 20;      // that the shown rate is a mean of

// Short enough for the smallest window.
constexpr const char* kHelp[] = {
    "left click: new object   drag: new object in a box", "right click: not this   middle, shift: this too",
    "shift + drag: new box   tab: next object", "x: remove object   r: remove all objects",
    "space: pause   n: next frame   h: help   q: quit"};

template <class... Values>
std::string text(const char* format, Values... values) {
    char buffer[160];
    snprintf(buffer, sizeof(buffer), format, values...);
    return buffer;
}

// Frames a second, over the last frames.
class Rate {
  public:
    void count(Clock::time_point now) {
        times_.push_back(now);
        if (times_.size() > kRateFrames) times_.pop_front();
    }
    void forget() { times_.clear(); }
    // 0 when unknown.
    double value() const {
        if (times_.size() < 2) return 0;
        const std::chrono::duration<double> span = times_.back() - times_.front();
        return static_cast<double>(times_.size() - 1) / std::max(span.count(), 1e-9);
    }

  private:
    std::deque<Clock::time_point> times_;
};

class LiveRun {
  public:
    LiveRun(View& view, LiveSession& session, const LivePlan& plan)
        : view_(view), session_(session), plan_(plan), control_(plan.most_objects, plan.waits) {}

    int64_t run() {
        number_ = plan_.first;
        bool more = false;
        in_background([&] { more = session_.read(number_, picture_); });
        if (!more) return 0;
        enter();
        while (!over()) {
            listen(patience());
            if (over() || make_changes() || !may_go_on()) continue;
            go_on();
        }
        session_.leave(number_, picture_);
        return shown_;
    }

  private:
    bool over() const { return control_.quitting() || interrupted(); }

    // ---- Frames

    bool may_go_on() {
        if (ended_) return false;
        if (control_.holding()) start_clock();
        return (control_.holding() || Clock::now() >= due()) && control_.take_turn();
    }

    void go_on() {
        const int64_t next = session_.next(number_, wanted());
        Picture picture;
        bool more = plan_.limit == 0 || shown_ < plan_.limit;
        if (more) in_background([&] { more = session_.read(next, picture); });
        if (!more) {
            ended_ = true;
            rate_.forget();
            show();
            return;
        }
        make_changes();  // they were meant for the frame that is still on the screen
        session_.leave(number_, picture_);
        std::swap(picture_, picture);
        number_ = next;
        enter();
    }

    void enter() {
        const Clock::time_point start = Clock::now();
        if (!plan_.realtime || shown_ == 0) start_clock();
        control_.set_picture_size(picture_.width, picture_.height);
        bool early = false;
        in_background([&] { session_.track(number_, picture_); },
                      [&] {
                          const std::string work = session_.work();
                          if (Clock::now() - start < kPatience || (early && work == work_)) return;
                          work_ = work;
                          // A click means the picture on the screen, so this must be the one that it will
                          // change.
                          early = true;
                          scene_.picture = session_.paint(picture_, indices_);
                          show();
                      });
        // A search is no reason to skip the frames behind it.
        if (!work_.empty()) start_clock();
        work_.clear();
        shown_++;
        track_time_ = Clock::now() - start;
        if (control_.holding())
            rate_.forget();
        else
            rate_.count(Clock::now());
        refresh();
    }

    // The clock starts anew with every frame, but not for frames in real time: they keep up with it.
    void start_clock() {
        clock_start_ = Clock::now();
        clock_frame_ = number_;
    }
    Clock::time_point due() const {
        if (plan_.rate <= 0) return Clock::now();
        const std::chrono::duration<double> passed(static_cast<double>(number_ + 1 - clock_frame_) /
                                                   plan_.rate);
        return clock_start_ + std::chrono::duration_cast<Clock::duration>(passed);
    }
    int64_t wanted() const {
        if (!plan_.realtime || plan_.rate <= 0) return number_ + 1;
        const std::chrono::duration<double> passed = Clock::now() - clock_start_;
        int64_t frame = clock_frame_ + static_cast<int64_t>(passed.count() * plan_.rate);
        if (plan_.frame_count > 0) frame = std::min(frame, plan_.frame_count - 1);
        return std::max(number_ + 1, frame);
    }

    milliseconds patience() const {
        if (ended_ || control_.holding()) return kIdle;
        const milliseconds left = std::chrono::duration_cast<milliseconds>(due() - Clock::now());
        return std::clamp(left, milliseconds(0), kIdle);
    }

    // ---- Hands

    void listen(milliseconds wait) {
        const std::vector<ViewEvent> events = view_.poll(wait);
        for (const ViewEvent& event : events)
            // Before the first frame is tracked nobody knows which objects there are.
            if (shown_ > 0 || event.kind != ViewEvent::Kind::press) control_.handle(event, view_.slack());
        if (!events.empty() && !scene_.picture.bytes.empty()) show();
    }

    // Runs `job` on another thread while this one goes on listening. `meanwhile` is called between looks.
    template <class Job, class Meanwhile>
    void in_background(Job job, Meanwhile meanwhile) {
        std::future<void> done = std::async(std::launch::async, job);
        working_ = true;
        while (done.wait_for(kBusy) != std::future_status::ready) {
            listen(milliseconds(0));
            if (over()) session_.quit();
            meanwhile();
        }
        working_ = false;
        done.get();
    }
    template <class Job>
    void in_background(Job job) {
        in_background(job, [] {});
    }

    // False if there were none.
    bool make_changes() {
        const std::vector<LiveChange> changes = control_.take_changes();
        if (changes.empty()) return false;
        std::string refused;
        in_background([&] {
            for (const LiveChange& change : changes) {
                const std::string answer = session_.change(number_, picture_, change);
                if (!answer.empty()) refused = answer;
            }
        });
        if (!refused.empty()) control_.set_message(refused);
        refresh();
        return true;
    }

    // ---- The scene

    // Takes over what the session found.
    void refresh() {
        control_.set_objects(session_.objects());
        indices_ = session_.indices();
        results_ = session_.results();
        scene_.picture = session_.paint(picture_, indices_);
        show();
    }

    void show() {
        scene_.labels.clear();
        for (const samlet_result& result : results_)
            if (!result.empty) scene_.labels.push_back(label(result));
        scene_.box = control_.box();
        scene_.lines = {state_line(), objects_line(), hint_line()};
        if (control_.helping()) scene_.lines.insert(scene_.lines.end(), std::begin(kHelp), std::end(kHelp));
        view_.show(scene_);
    }

    std::string name(int32_t object) const {
        const std::string number = std::to_string(object);
        return object == control_.selected() ? "[" + number + "]" : number;
    }

    Label label(const samlet_result& result) const {
        const Colour colour = pale(bright(palette_colour(static_cast<uint8_t>(result.object))));
        return {result.box.x0, result.box.y0, colour,
                name(result.object) + text(" iou %.2f score %.1f", static_cast<double>(result.iou),
                                           static_cast<double>(result.object_score))};
    }

    std::string state_line() const {
        std::string line = "frame " + std::to_string(number_);
        if (plan_.frame_count > 0) line += " of " + std::to_string(plan_.frame_count);
        line += ended_ && !working_  ? "  the end"
                : control_.waiting() ? "  waiting"
                : control_.holding() ? "  paused"
                : working_ && slow() ? "  tracking"
                                     : "  playing";
        if (rate_.value() > 0) line += text("  %.1f frames/s", rate_.value());
        if (!results_.empty()) line += text("  %.0f ms", 1000 * track_time_.count());
        return line;
    }
    bool slow() const { return track_time_ > kPatience || !work_.empty(); }

    // Also those that the picture does not show.
    std::string objects_line() const {
        if (results_.empty()) return "no objects";
        std::string line = "objects:";
        for (const samlet_result& result : results_) {
            line += "  " + name(result.object);
            if (result.empty)
                line += " not seen" + text(" (score %.1f)", static_cast<double>(result.object_score));
        }
        return line;
    }

    std::string hint_line() const {
        if (!work_.empty()) return work_;
        if (!control_.message().empty()) return control_.message();
        if (control_.waiting()) return "click on an object to begin; h: help, q: quit";
        return control_.helping() ? "" : "h: help, q: quit";
    }

    View& view_;
    LiveSession& session_;
    const LivePlan& plan_;
    LiveControl control_;
    Scene scene_;
    int64_t number_ = 0, shown_ = 0;
    Picture picture_;  // of the frame `number_`
    // Copies of what the session found, for while it works.
    std::vector<samlet_result> results_;
    std::vector<uint8_t> indices_;
    bool ended_ = false, working_ = false;
    std::string work_;  // what takes so long
    Clock::time_point clock_start_;
    int64_t clock_frame_ = 0;
    std::chrono::duration<double> track_time_{0};
    Rate rate_;
};

}  // namespace

int64_t run_live(View& view, LiveSession& session, const LivePlan& plan) {
    return LiveRun(view, session, plan).run();
}

}  // namespace cli
