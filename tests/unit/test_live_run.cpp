// The live view between a scripted view and a pretended track: who is called when, and what is shown.
//
// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "live_fakes.h"

using namespace cli;

namespace {

void a_video_waits_plays_and_stays(void**) {
    FakeSession session(3);
    ScriptedView view;
    view.when("waiting", click(4, 5)).when("the end", {}).when("frame 2", {key('q')});
    assert_int_equal(run_live(view, session, plan(true)), 3);
    expect(session, view, "track 0, change 0 of 1 on 0, leave 0, track 1, leave 1, track 2, leave 2");
    assert_int_equal(view.scene().picture.bytes[0], 102);
    assert_int_equal(view.scene().labels.size(), 1);
    assert_string_equal(view.scene().labels[0].text.c_str(), "[1] iou 0.75 score 5.2");
    assert_true(view.scene().labels[0].x == 2 && view.scene().labels[0].y == 3);
}

void steps_and_changes_on_the_frame_that_is_shown(void**) {
    FakeSession session(5);
    ScriptedView view;
    using Kind = ViewEvent::Kind;
    view.when("frame 0  waiting", {key('n')})
        .when("frame 1  paused",
              {mouse(Kind::press, 2, 2), mouse(Kind::move, 9, 9), mouse(Kind::release, 9, 9)})
        .when("objects:  [1]", click(15, 5))
        .when("1  [2] not seen", click(3, 3, ViewEvent::Button::right))
        .when("[2]", {key('\t'), key('x'), key('n')})
        .when("frame 2  paused", {key('r')})
        .when("no objects", {key('h')})
        .when("q: quit", {key('q')});
    run_live(view, session, plan(true));
    expect(session, view,
           "track 0, leave 0, track 1, change 1 of 1 on 1, change 0 of 2 on 1, change 0 of 2 on 1, "
           "change 2 of 1 on 1, leave 1, track 2, change 3 of 0 on 2, leave 2");
}

void refusals_are_shown_and_nothing_else_happens(void**) {
    FakeSession session(2);
    session.refusal = "no room for that";
    ScriptedView view;
    view.when("waiting", {key(' '), key(' '), mouse(ViewEvent::Kind::press, 4, 5)})
        .when("paused", {mouse(ViewEvent::Kind::release, 4, 5)})
        .when("no room for that", {})
        .when("no objects", {key('q')});
    run_live(view, session, plan(true));
    expect(session, view, "track 0, leave 0");
}

void a_frame_that_takes_long_is_shown_and_takes_clicks(void**) {
    FakeSession session(3);
    ScriptedView view;
    std::atomic<bool> clicked{false};
    session.on_track = [&](int64_t number) {
        const auto end = std::chrono::steady_clock::now() + kLimit;
        while (number == 1 && !clicked && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    // Frame 1 with the mask of frame 0.
    const auto early = [](const Scene& scene) { return scene.picture.bytes[0] == 101; };
    view.when("waiting", click(4, 5))
        .when(early, click(9, 9))
        .when(
            [&](const Scene& scene) {
                clicked = true;
                return ScriptedView::says(scene, "the end");
            },
            {key('q')});
    run_live(view, session, plan(true));
    expect(session, view,
           "track 0, change 0 of 1 on 0, leave 0, track 1, change 0 of 2 on 1, leave 1, track 2, leave 2");
}

void clicks_while_the_next_frame_is_read_mean_the_one_on_the_screen(void**) {
    FakeSession session(2);
    ScriptedView view;
    std::atomic<bool> reading{false}, clicked{false};
    session.on_read = [&](int64_t number) {
        reading = number == 1;
        const auto end = std::chrono::steady_clock::now() + kLimit;
        while (number == 1 && !clicked && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    view.when([&](const Scene&) { return reading.load(); }, click(4, 5))
        .when(
            [&](const Scene& scene) {
                clicked = true;
                return ScriptedView::says(scene, "the end");
            },
            {key('q')});
    run_live(view, session, plan(false));
    expect(session, view, "track 0, change 0 of 1 on 0, leave 0, track 1, leave 1");
}

void in_real_time_frames_are_skipped(void**) {
    FakeSession session(1000000);
    ScriptedView view;
    LivePlan fast = plan(false);
    fast.rate = 100;
    fast.realtime = true;
    std::vector<int64_t> wishes;
    session.on_track = [](int64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(50)); };
    session.on_next = [&](int64_t after, int64_t wanted) {
        wishes.push_back(wanted - after);
        return after == 0 ? int64_t{2} : wanted;  // e.g. one with a prompt
    };
    view.when([&](const Scene&) { return wishes.size() >= 3; }, {key('q')});
    run_live(view, session, fast);
    assert_true(view.finished());
    for (const int64_t wish : wishes) assert_true(wish >= 2);
    assert_true(wishes[0] >= 5);
    assert_true(wishes[1] >= 8);  // the clock did not start anew
    assert_int_equal(session.text().find("track 0, leave 0, track 2, leave 2, track "), 0);
}

void but_not_the_last_one(void**) {
    FakeSession session(5);
    ScriptedView view;
    LivePlan fast = plan(false);
    fast.rate = 100;
    fast.realtime = true;
    fast.frame_count = 5;
    session.on_track = [](int64_t) { std::this_thread::sleep_for(std::chrono::milliseconds(100)); };
    view.when("the end", {key('q')});
    run_live(view, session, fast);
    expect(session, view, "track 0, leave 0, track 4, leave 4");
}

void frames_are_not_played_faster_than_their_rate(void**) {
    FakeSession session(4);
    ScriptedView view;
    LivePlan slow = plan(false);
    slow.rate = 20;
    view.when("the end", {key('q')});
    const auto start = std::chrono::steady_clock::now();
    run_live(view, session, slow);
    assert_true(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(150));
    expect(session, view, "track 0, leave 0, track 1, leave 1, track 2, leave 2, track 3, leave 3");
}

void the_limit_counts_frames(void**) {
    FakeSession session(10);
    ScriptedView view;
    LivePlan two = plan(false);
    two.first = 3;
    two.limit = 2;
    view.when("the end", click(5, 5)).when("[1]", {key('q')});
    assert_int_equal(run_live(view, session, two), 2);
    expect(session, view, "track 3, leave 3, track 4, change 0 of 1 on 4, leave 4");
}

void failures_of_the_track_arrive(void**) {
    FakeSession session(3);
    ScriptedView view;
    session.on_track = [](int64_t number) {
        if (number == 1) throw std::runtime_error("frame 1 is broken");
    };
    std::string message;
    try {
        run_live(view, session, plan(false));
    } catch (const std::runtime_error& error) {
        message = error.what();
    }
    assert_string_equal(message.c_str(), "frame 1 is broken");
    FakeSession nothing(0);
    assert_int_equal(run_live(view, nothing, plan(false)), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_video_waits_plays_and_stays),
        cmocka_unit_test(steps_and_changes_on_the_frame_that_is_shown),
        cmocka_unit_test(refusals_are_shown_and_nothing_else_happens),
        cmocka_unit_test(a_frame_that_takes_long_is_shown_and_takes_clicks),
        cmocka_unit_test(clicks_while_the_next_frame_is_read_mean_the_one_on_the_screen),
        cmocka_unit_test(in_real_time_frames_are_skipped),
        cmocka_unit_test(but_not_the_last_one),
        cmocka_unit_test(frames_are_not_played_faster_than_their_rate),
        cmocka_unit_test(the_limit_counts_frames),
        cmocka_unit_test(failures_of_the_track_arrive),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
