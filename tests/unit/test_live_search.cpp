// A live view whose first frame needs a long search: what is shown, and that one can quit.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "live_fakes.h"

using namespace cli;

namespace {

// Makes the tracking of frame 0 last until `percent` is 100, or the user quits.
struct Search {
    std::atomic<int> percent{0};
    std::atomic<bool> searching{true};
    std::chrono::steady_clock::time_point end_of_search;

    void begin(FakeSession& session) {
        session.on_work = [this] { return searching ? "looking: " + std::to_string(percent) + " %" : ""; };
        session.on_track = [this, &session](int64_t number) {
            const auto end = std::chrono::steady_clock::now() + kLimit;
            while (number == 0 && percent < 100 && !session.asked_to_quit &&
                   std::chrono::steady_clock::now() < end)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            searching = false;
            if (number == 0) end_of_search = std::chrono::steady_clock::now();
            if (number == 0 && session.asked_to_quit) throw std::runtime_error("given up");
        };
    }
};

void a_search_is_shown_and_takes_no_clicks(void**) {
    FakeSession session(2);
    ScriptedView view;
    Search search;
    search.begin(session);
    view.when("looking: 0 %", click(4, 5))
        .when(
            [&](const Scene&) {
                search.percent = 50;
                return true;
            },
            {})
        .when("looking: 50 %", {key('h')})
        .when(
            [&](const Scene&) {
                search.percent = 100;
                return true;
            },
            {})
        .when("the end", {key('q')});
    run_live(view, session, plan(false));
    expect(session, view, "track 0, leave 0, track 1, leave 1");
    assert_false(ScriptedView::says(view.scene(), "looking"));
}

void quitting_ends_a_search(void**) {
    FakeSession session(2);
    ScriptedView view;
    Search search;
    search.begin(session);
    view.when("looking: 0 %", {key('q')});
    std::string message;
    try {
        run_live(view, session, plan(false));
    } catch (const std::runtime_error& error) {
        message = error.what();
    }
    assert_string_equal(message.c_str(), "given up");
    expect(session, view, "track 0");
}

void a_search_is_no_reason_to_skip_frames(void**) {
    FakeSession session(1000000);
    ScriptedView view;
    LivePlan fast = plan(false);
    fast.rate = 100;
    fast.realtime = true;
    Search search;
    search.begin(session);
    const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
    int64_t first_wish = 0;
    double most = 0;  // that the clock can have counted since the search
    session.on_next = [&](int64_t after, int64_t wanted) {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - search.end_of_search;
        if (after == 0) first_wish = wanted;
        if (after == 0) most = std::max(1.0, passed.count() * fast.rate);
        return wanted;
    };
    view.when(
        [&](const Scene&) {
            if (std::chrono::steady_clock::now() > later) search.percent = 100;
            return first_wish > 0;
        },
        {key('q')});
    run_live(view, session, fast);
    assert_true(view.finished());
    assert_true(static_cast<double>(first_wish) <= most);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_search_is_shown_and_takes_no_clicks),
        cmocka_unit_test(quitting_ends_a_search),
        cmocka_unit_test(a_search_is_no_reason_to_skip_frames),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
