// Numbers of threads, sessions side by side, flags of the threads.
//
// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "scene.h"

namespace {

constexpr int kFrames = 6;
constexpr uint32_t kWidth = SCENE_WIDTH, kHeight = SCENE_HEIGHT;

void track(const samlet_tracker_config& config, recording* out) {
    samlet_tracker* t = scene_tracker(&config);
    recording_init(out);
    for (int i = 0; i < kFrames; i++) {
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(kWidth, kHeight, 0));
        if (i == 2) scene_click(t, 2, scene_square(kWidth, kHeight, 2));
        scene_track(t);
        recording_add(out, t, 1);
        if (i >= 2) recording_add(out, t, 2);
    }
    samlet_tracker_destroy(t);
}

samlet_tracker_config two_objects(uint32_t threads, uint32_t flags = 0) {
    samlet_tracker_config config = scene_tracker_config();
    config.max_objects = 2;
    config.threads = threads;
    config.flags = flags;
    return config;
}

// More threads than processors, too.
void the_number_of_threads_changes_nothing(void**) {
    recording one;
    track(two_objects(1), &one);
    for (uint32_t threads : {2u, 3u, 5u, 8u, 0u}) {
        recording many;
        track(two_objects(threads, SAMLET_TRACKER_YIELD), &many);
        assert_same_recordings(&one, &many);
        recording_free(&many);
    }
    recording_free(&one);
}

void yielding_changes_nothing(void**) {
    recording spin, yield;
    track(two_objects(2), &spin);
    track(two_objects(2, SAMLET_TRACKER_YIELD), &yield);
    assert_same_recordings(&spin, &yield);
    recording_free(&spin);
    recording_free(&yield);
}

void pinning_changes_nothing(void**) {
    recording free_threads, pinned;
    track(two_objects(2), &free_threads);
    track(two_objects(2, SAMLET_TRACKER_PIN_THREADS | SAMLET_TRACKER_YIELD), &pinned);
    assert_same_recordings(&free_threads, &pinned);
    recording_free(&free_threads);
    recording_free(&pinned);
}

std::set<pid_t> threads_of_this_process() {
    std::set<pid_t> threads;
    DIR* folder = opendir("/proc/self/task");
    assert_non_null(folder);
    while (const dirent* entry = readdir(folder))
        if (entry->d_name[0] != '.') threads.insert(static_cast<pid_t>(std::atoi(entry->d_name)));
    closedir(folder);
    return threads;
}

cpu_set_t processors_of(pid_t thread) {
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(thread, sizeof set, &set), 0);
    return set;
}

// The threads of the session, each on one processor; the caller, and with it the next session, on all.
void the_session_s_own_threads_are_pinned(void**) {
    const cpu_set_t before = processors_of(0);
    const samlet_tracker_config config = two_objects(3, SAMLET_TRACKER_PIN_THREADS | SAMLET_TRACKER_YIELD),
                                free_config = two_objects(3, SAMLET_TRACKER_YIELD);
    for (int round = 0; round < 2; round++) {
        const std::set<pid_t> others = threads_of_this_process();
        samlet_tracker* t = scene_tracker(round == 0 ? &config : &free_config);
        size_t own = 0;
        for (const pid_t thread : threads_of_this_process()) {
            if (others.count(thread)) continue;
            const cpu_set_t set = processors_of(thread);
            assert_int_equal(CPU_COUNT(&set), round == 0 ? 1 : CPU_COUNT(&before));
            own++;
        }
        assert_int_equal(own, 2);
        const cpu_set_t after = processors_of(0);
        assert_true(CPU_EQUAL(&before, &after));
        samlet_tracker_destroy(t);
    }
}

// Real-time threads that wait for each other on one processor must let each other run.
void pinned_threads_start_on_one_processor_in_real_time(void**) {
    cpu_set_t one;
    CPU_ZERO(&one);
    const cpu_set_t all = processors_of(0);
    for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    bool allowed = false;
    std::thread([&] {
        sched_param priority = {};
        priority.sched_priority = 1;
        sched_setaffinity(0, sizeof one, &one);
        allowed = pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
        if (!allowed) return;
        const samlet_tracker_config config =
            two_objects(3, SAMLET_TRACKER_PIN_THREADS | SAMLET_TRACKER_YIELD);
        alarm(60);  // ends the test where they do not
        samlet_tracker_destroy(scene_tracker(&config));
        alarm(0);
    }).join();
    if (!allowed) skip();
}

void the_most_threads_work(void**) {
    recording one, many;
    track(two_objects(1), &one);
    track(two_objects(64, SAMLET_TRACKER_YIELD), &many);
    assert_same_recordings(&one, &many);
    recording_free(&one);
    recording_free(&many);
}

// One model, many sessions: created, used and destroyed at the same time.
void sessions_side_by_side(void**) {
    constexpr int kSessions = 3;
    recording alone, recordings[kSessions];
    track(two_objects(1), &alone);
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (recording& r : recordings)
        threads.emplace_back([&ready, &r] {
            ready++;
            while (ready.load() < kSessions) std::this_thread::yield();
            track(two_objects(1), &r);
        });
    for (std::thread& thread : threads) thread.join();
    for (recording& r : recordings) {
        assert_same_recordings(&alone, &r);
        recording_free(&r);
    }
    recording_free(&alone);
}

// A session may wander between threads as long as calls do not overlap.
void a_session_changes_threads(void**) {
    const samlet_tracker_config config = two_objects(2, SAMLET_TRACKER_YIELD);
    recording want, got;
    track(config, &want);
    recording_init(&got);
    samlet_tracker* t = nullptr;
    std::thread([&] { t = scene_tracker(&config); }).join();
    for (int i = 0; i < kFrames; i++) {
        std::thread([&] { scene_set(t, i, i); }).join();
        std::thread([&] {
            if (i == 0) scene_click(t, 1, scene_disc(kWidth, kHeight, 0));
            if (i == 2) scene_click(t, 2, scene_square(kWidth, kHeight, 2));
            scene_track(t);
        }).join();
        recording_add(&got, t, 1);
        if (i >= 2) recording_add(&got, t, 2);
    }
    std::thread([&] { samlet_tracker_destroy(t); }).join();
    assert_same_recordings(&want, &got);
    recording_free(&want);
    recording_free(&got);
}

// Errors of one thread's session are not those of another's.
void messages_belong_to_their_session(void**) {
    const samlet_tracker_config config = two_objects(1);
    samlet_tracker *a = scene_tracker(&config), *b = scene_tracker(&config);
    scene_set(a, 0, 0);
    scene_set(b, 0, 0);
    assert_int_equal(samlet_tracker_remove_object(a, 123), SAMLET_ERROR_NOT_FOUND);
    assert_int_equal(samlet_tracker_remove_object(b, 456), SAMLET_ERROR_NOT_FOUND);
    assert_non_null(std::strstr(samlet_tracker_message(a), "123"));
    assert_non_null(std::strstr(samlet_tracker_message(b), "456"));
    samlet_tracker_destroy(a);
    samlet_tracker_destroy(b);
}

}  // namespace

int main() {
    // What the scene makes when first asked must not be made by several threads at once.
    scene_model();
    for (int i = 0; i < kFrames; i++) scene_clip(i);
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_threads_changes_nothing),
        cmocka_unit_test(yielding_changes_nothing),
        cmocka_unit_test(the_session_s_own_threads_are_pinned),
        cmocka_unit_test(pinning_changes_nothing),
        cmocka_unit_test(pinned_threads_start_on_one_processor_in_real_time),
        cmocka_unit_test(the_most_threads_work),
        cmocka_unit_test(sessions_side_by_side),
        cmocka_unit_test(a_session_changes_threads),
        cmocka_unit_test(messages_belong_to_their_session),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
