// After creation no call on a session touches the heap, on any thread: everything that could is counted.
//
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "scene.h"

#if !SCENE_SANITIZED && defined(__GLIBC__)

// ---- Counters ---------------------------------------------------------------------------------------------

static std::atomic<bool> counting{false};
static std::atomic<uint64_t> calls{0};
static std::atomic<const char*> last_call{""};

static void count(const char* name) {
    if (!counting.load(std::memory_order_relaxed)) return;
    calls++;
    last_call = name;
}

// This program's definitions come before the C library's, for the libraries that it loads as well.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void __libc_free(void*);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
    count("malloc");
    return __libc_malloc(size);
}
void* calloc(size_t n, size_t size) {
    count("calloc");
    return __libc_calloc(n, size);
}
void* realloc(void* memory, size_t size) {
    count("realloc");
    return __libc_realloc(memory, size);
}
void free(void* memory) {
    if (memory) count("free");
    __libc_free(memory);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
    count("posix_memalign");
    void* memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *out = memory;
    return 0;
}
void* aligned_alloc(size_t alignment, size_t size) {
    count("aligned_alloc");
    return __libc_memalign(alignment, size);
}
void* memalign(size_t alignment, size_t size) {
    count("memalign");
    return __libc_memalign(alignment, size);
}
void* mmap(void* address, size_t size, int protection, int flags, int file, off_t offset) {
    count("mmap");
    return reinterpret_cast<void*>(syscall(SYS_mmap, address, size, protection, flags, file, offset));
}
int munmap(void* address, size_t size) {
    count("munmap");
    return static_cast<int>(syscall(SYS_munmap, address, size));
}
}

namespace {

constexpr uint32_t kWidth = SCENE_WIDTH, kHeight = SCENE_HEIGHT;
uint8_t mask[kWidth * kHeight];
float logits[kWidth * kHeight];
char code[4 * kWidth * kHeight];

struct Counting {
    Counting() {
        calls = 0;
        counting = true;
    }
    ~Counting() { counting = false; }
};

void check_nothing_was_counted() {
    if (calls)
        fail_msg("%lu calls of the heap, the last one %s", static_cast<unsigned long>(calls),
                 last_call.load());
}

// ---- A tracker's whole life -------------------------------------------------------------------------------

// No assertion of cmocka while counting: it may allocate.
bool ok = true;
void require(samlet_status status) {
    ok &= status == SAMLET_OK;
}

bool explains = false;
void read_explanation(samlet_tracker* t, int32_t object) {
    static float map[256];
    samlet_explanation explanation;
    samlet_memory_share share;
    samlet_explanation_init(&explanation);
    samlet_memory_share_init(&share);
    const samlet_status status = samlet_tracker_explain(t, object, 0, &explanation);
    ok &= status == (explains ? SAMLET_OK : SAMLET_ERROR_STATE);
    if (!explains || explanation.memory_count == 0) return;
    require(samlet_tracker_explain_memory(t, object, 1, 0, &share));
    require(samlet_tracker_explain_map(t, object, 0, 0, 0, map, 16 * sizeof(float)));
}

void read_everything(samlet_tracker* t, int32_t object) {
    read_explanation(t, object);
    samlet_result result;
    samlet_result_init(&result);
    size_t length;
    require(samlet_tracker_result(t, object, &result));
    require(samlet_tracker_mask(t, object, mask, kWidth));
    require(samlet_tracker_logits(t, object, logits, kWidth * sizeof(float)));
    require(samlet_tracker_rle(t, object, code, sizeof code, &length));
}

void prompt_in_all_ways(samlet_tracker* t, int32_t object, int time) {
    const samlet_point point = scene_disc(kWidth, kHeight, time);
    const samlet_box box = scene_disc_box(kWidth, kHeight, time);
    samlet_prompt prompt = scene_points(&point, 1);
    prompt.box = &box;
    require(samlet_tracker_prompt(t, object, &prompt));
    prompt = scene_points(&point, 1);
    require(samlet_tracker_prompt(t, object, &prompt));
    samlet_prompt_init(&prompt);
    prompt.mask = mask;
    prompt.mask_width = kWidth;
    prompt.mask_height = kHeight;
    prompt.mask_stride = kWidth;
    require(samlet_tracker_prompt(t, object, &prompt));
}

void make_errors(samlet_tracker* t) {
    const samlet_point outside = {-1, -1, 1};
    const samlet_prompt prompt = scene_points(&outside, 1);
    samlet_frame frame = {};
    ok &= samlet_tracker_prompt(t, 1, &prompt) == SAMLET_ERROR_INVALID_ARGUMENT;
    ok &= samlet_tracker_set_frame(t, &frame, 0) == SAMLET_ERROR_INVALID_ARGUMENT;
    ok &= samlet_tracker_remove_object(t, 4711) == SAMLET_ERROR_NOT_FOUND;
    ok &= samlet_tracker_message(t)[0] != 0;
}

void look_inside(samlet_tracker* t) {
    samlet_tensor_view view;
    samlet_profile profile;
    int32_t ids[4];
    uint32_t n;
    samlet_tensor_view_init(&view);
    samlet_profile_init(&profile);
    require(samlet_tracker_features(t, SAMLET_FEATURES_STRIDE16, &view));
    require(samlet_tracker_get_profile(t, &profile));
    require(samlet_tracker_objects(t, ids, 4, &n));
    static float current[256 * 128], memory[(256 + 4) * 32];
    samlet_memory_attention_args args;
    samlet_memory_attention_args_init(&args);
    args.memory_tokens = 260;
    args.pointer_tokens = 4;
    args.current = args.current_pos = args.output = current;
    args.memory = args.memory_pos = memory;
    require(samlet_tracker_run_memory_attention(t, &args));
}

void one_frame(samlet_tracker* t, int i) {
    const samlet_frame frame = scene_clip(i);
    require(samlet_tracker_set_frame(t, &frame, i < 20 ? i : 40 - i));  // turns round at 20
    if (i % 10 == 0) prompt_in_all_ways(t, 1, i);
    if (i % 7 == 3) {
        const samlet_point point = scene_square(kWidth, kHeight, i);
        const samlet_prompt prompt = scene_points(&point, 1);
        require(samlet_tracker_prompt(t, 100 + i, &prompt));
    }
    require(samlet_tracker_track(t));
    if (i % 7 == 4) prompt_in_all_ways(t, 100 + i - 1, i);  // corrects
    if (i % 7 == 5) require(samlet_tracker_track(t));
    read_everything(t, 1);
    if (i % 7 == 6) require(samlet_tracker_clear_prompts(t, 100 + i - 3));
    if (i % 7 == 6) require(samlet_tracker_remove_object(t, 100 + i - 3));
    make_errors(t);
    look_inside(t);
}

void trackers_do_not_touch_the_heap(void**) {
    for (uint32_t threads : {1u, 2u}) {
        samlet_tracker_config config = scene_tracker_config();
        config.max_objects = 3;
        config.prompted_frames = 2;
        config.threads = threads;
        explains = threads == 2;
        config.flags =
            SAMLET_TRACKER_NON_OVERLAPPING | SAMLET_TRACKER_YIELD | (explains ? SAMLET_TRACKER_EXPLAIN : 0u);
        config.fill_hole_area = config.remove_sprinkle_area = 8;
        for (int i = 0; i < 30; i++) scene_clip(i);
        samlet_tracker* t = scene_tracker(&config);
        {
            const Counting scope;
            for (int i = 0; i < 30; i++) one_frame(t, i);
            require(samlet_tracker_set_clip_length(t, 30));
            require(samlet_tracker_reset(t));
            one_frame(t, 0);
        }
        check_nothing_was_counted();
        assert_true(ok);
        samlet_tracker_destroy(t);
    }
}

void segmenters_do_not_touch_the_heap(void**) {
    samlet_segmenter_config config = scene_segmenter_config();
    config.threads = 2;
    config.flags = SAMLET_TRACKER_YIELD;
    config.fill_hole_area = config.remove_sprinkle_area = 8;
    samlet_segmenter* s = scene_segmenter(&config);
    {
        const Counting scope;
        for (int i = 0; i < 5; i++) {
            const samlet_frame frame = scene_clip(i);
            const samlet_point point = scene_disc(kWidth, kHeight, i);
            const samlet_prompt prompt = scene_points(&point, 1);
            samlet_prediction prediction;
            samlet_prediction_init(&prediction);
            size_t length;
            require(samlet_segmenter_set_image(s, &frame));
            require(samlet_segmenter_predict(s, &prompt, i % 2 == 0, &prediction));
            require(samlet_segmenter_mask(s, 0, mask, kWidth));
            require(samlet_segmenter_logits(s, 0, logits, kWidth * sizeof(float)));
            require(samlet_segmenter_rle(s, 0, code, sizeof code, &length));
            samlet_mask_measure measure;
            samlet_mask_measure_init(&measure);
            require(samlet_segmenter_measure(s, 0, 0, 1, &measure));
            ok &= samlet_segmenter_mask(s, 9, mask, kWidth) == SAMLET_ERROR_INVALID_ARGUMENT;
        }
    }
    check_nothing_was_counted();
    assert_true(ok);
    samlet_segmenter_destroy(s);
}

// A session in the caller's block takes nothing for itself even while it is created, but for its threads.
void creation_in_a_block_needs_no_heap(void**) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_tracker_memory(scene_model(), &config, &plan, nullptr), SAMLET_OK);
    assert_int_equal(posix_memalign(&config.memory, plan.alignment, plan.bytes), 0);
    config.memory_size = plan.bytes;
    samlet_tracker* t = nullptr;
    samlet_status status;
    {
        const Counting scope;
        status = samlet_tracker_create(scene_model(), &config, &t, nullptr);
        samlet_tracker_destroy(t);
    }
    assert_int_equal(status, SAMLET_OK);
    check_nothing_was_counted();
    free(config.memory);
}

// The counters see what they must: otherwise the tests above would prove nothing.
void the_counters_count(void**) {
    void* volatile memory;
    const Counting scope;
    memory = malloc(10);
    memory = realloc(memory, 20);
    free(memory);
    memory = calloc(2, 3);
    free(memory);
    memory = aligned_alloc(64, 64);
    free(memory);
    memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(memory, 4096);
    memory = new char[5];
    delete[] static_cast<char*>(memory);
    memory = strdup("from inside the C library");
    free(memory);
    counting = false;
    assert_int_equal(calls, 13);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_counters_count),
        cmocka_unit_test(trackers_do_not_touch_the_heap),
        cmocka_unit_test(segmenters_do_not_touch_the_heap),
        cmocka_unit_test(creation_in_a_block_needs_no_heap),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}

#else

int main() {
    std::puts("skipped: the heap cannot be counted under sanitizers and other C libraries");
    return 77;
}

#endif
