// A stream can go on for ever: the memory of the process does not grow.
//
// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cstdio>

#include "scene.h"

namespace {

constexpr int kWarm = 20;
constexpr int kFrames = SCENE_SANITIZED ? 300 : 2000;
constexpr uint32_t kWidth = SCENE_WIDTH, kHeight = SCENE_HEIGHT;

// Resident bytes of this process; 0 where /proc is not there. No heap: that would be measured too.
size_t resident_bytes() {
    FILE* file = std::fopen("/proc/self/statm", "r");
    if (!file) return 0;
    static char buffer[256];
    std::setvbuf(file, buffer, _IOFBF, sizeof buffer);
    unsigned long all = 0, resident = 0;
    const int read = std::fscanf(file, "%lu %lu", &all, &resident);
    std::fclose(file);
    return read == 2 ? resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// The same, when the allocator has given back what it holds in store: a leak cannot hide in there.
size_t settled_bytes() {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
    return resident_bytes();
}

// Objects come, are corrected and go, all the time.
void one_frame(samlet_tracker* t, int i) {
    static uint8_t mask[kWidth * kHeight];
    static char code[4 * kWidth * kHeight];
    size_t length;
    const int time = i % 40;
    scene_set(t, time, i);
    if (i % 50 == 0) scene_click(t, 1, scene_disc(kWidth, kHeight, time));
    if (i % 40 == 3) scene_click(t, 100 + i, scene_square(kWidth, kHeight, time));
    scene_track(t);
    if (i % 40 == 5) scene_click(t, 100 + i - 2, scene_square(kWidth, kHeight, time));
    if (i % 40 == 13) assert_ok(t, samlet_tracker_remove_object(t, 100 + i - 10));
    scene_result(t, 1);
    assert_ok(t, samlet_tracker_mask(t, 1, mask, kWidth));
    assert_ok(t, samlet_tracker_rle(t, 1, code, sizeof code, &length));
}

void memory_stays_flat(void**) {
    samlet_tracker_config config = scene_tracker_config();
    config.image_size = 128;  // a small square, for many frames
    config.max_objects = 2;
    config.prompted_frames = 2;
    config.threads = 2;
    config.flags = SAMLET_TRACKER_YIELD;
    for (int i = 0; i < 40; i++) scene_clip(i);
    samlet_tracker* t = scene_tracker(&config);
    size_t warm = 0;
    for (int i = 0; i < kFrames; i++) {
        one_frame(t, i);
        if (i == kWarm) warm = settled_bytes();
    }
    const size_t last = resident_bytes();
    print_message("frame %d: %zu KiB, frame %d: %zu KiB\n", kWarm, warm / 1024, kFrames, last / 1024);
    assert_true(warm > 0);
    // The address sanitizer keeps what was freed in quarantine for a while; sessions free nothing, streams
    // do.
    assert_true(last <= warm + (SCENE_SANITIZED ? 1024 : 64) * 1024);
    samlet_tracker_destroy(t);
}

// Sessions leave nothing behind either.
void sessions_come_and_go(void**) {
    const samlet_tracker_config config = scene_tracker_config();
    const int sessions = SCENE_SANITIZED ? 10 : 100;
    size_t warm = 0;
    for (int i = 0; i < sessions; i++) {
        samlet_tracker* t = scene_tracker(&config);
        scene_set(t, 0, 0);
        scene_click(t, 1, scene_disc(kWidth, kHeight, 0));
        samlet_tracker_destroy(t);
        if (i == sessions / 5) warm = settled_bytes();
    }
    const size_t last = settled_bytes();
    print_message("session %d: %zu KiB, session %d: %zu KiB\n", sessions / 5, warm / 1024, sessions,
                  last / 1024);
    // The address sanitizer keeps freed blocks for a while.
    assert_true(SCENE_SANITIZED || last <= warm + 256 * 1024);
}

}  // namespace

int main() {
    if (resident_bytes() == 0) {
        std::puts("skipped: there is no /proc/self/statm");
        return 77;
    }
    const CMUnitTest tests[] = {cmocka_unit_test(memory_stays_flat), cmocka_unit_test(sessions_come_and_go)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
