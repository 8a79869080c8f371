/* Sessions and models in blocks of exactly the planned size, with guards around them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guarded_block.h"
#include "scene.h"

enum { MAX_WIDTH = 1920, MAX_HEIGHT = 1080, D_MODEL = 128, MEMORY_DIM = 32 };

/* ---- Plans --------------------------------------------------------------------------------------------- */

static void check_plan(const samlet_memory_plan* plan) {
    uint64_t sum = 0;
    assert_int_equal(plan->alignment, 64);
    assert_true(plan->bytes > 0 && plan->bytes % plan->alignment == 0);
    assert_true(plan->part_count > 0 && plan->part_count < SAMLET_MEMORY_PARTS);
    for (uint32_t i = 0; i < plan->part_count; i++) {
        assert_true(strlen(plan->parts[i].name) > 2);
        assert_true(plan->parts[i].bytes > 0);
        sum += plan->parts[i].bytes;
    }
    for (uint32_t i = plan->part_count; i < SAMLET_MEMORY_PARTS; i++)
        assert_int_equal(plan->parts[i].bytes, 0);
    assert_int_equal(sum, plan->bytes);
}

static samlet_memory_plan tracker_plan(const samlet_tracker_config* config) {
    samlet_memory_plan plan;
    samlet_error error;
    samlet_memory_plan_init(&plan);
    if (samlet_tracker_memory(scene_model(), config, &plan, &error) != SAMLET_OK)
        fail_msg("%s", error.message);
    check_plan(&plan);
    return plan;
}

static samlet_memory_plan segmenter_plan(const samlet_segmenter_config* config) {
    samlet_memory_plan plan;
    samlet_error error;
    samlet_memory_plan_init(&plan);
    if (samlet_segmenter_memory(scene_model(), config, &plan, &error) != SAMLET_OK)
        fail_msg("%s", error.message);
    check_plan(&plan);
    return plan;
}

/* ---- What sessions do in their blocks ------------------------------------------------------------------ */

static uint8_t* picture; /* MAX_WIDTH x MAX_HEIGHT RGB */
static uint8_t* mask;
static float* map;

static int make_buffers(void** state) {
    (void)state;
    picture = malloc((size_t)3 * MAX_WIDTH * MAX_HEIGHT);
    mask = malloc((size_t)MAX_WIDTH * MAX_HEIGHT);
    map = malloc((size_t)MAX_WIDTH * MAX_HEIGHT * sizeof(float));
    if (!picture || !mask || !map) return -1;
    scene_draw(picture, MAX_WIDTH, MAX_HEIGHT, 0);
    return 0;
}

static int free_buffers(void** state) {
    (void)state;
    free(picture);
    free(mask);
    free(map);
    return 0;
}

static void read_results(samlet_tracker* t, int32_t object, const samlet_frame* frame) {
    char text[256];
    size_t length;
    samlet_status status;
    scene_result(t, object);
    assert_ok(t, samlet_tracker_mask(t, object, mask, frame->width));
    assert_ok(t, samlet_tracker_logits(t, object, map, frame->width * sizeof(float)));
    status = samlet_tracker_rle(t, object, text, sizeof(text), &length);
    assert_true(status == SAMLET_OK || status == SAMLET_ERROR_BUFFER_TOO_SMALL);
}

/* As many points as fit, a box among them where there is room; then the largest mask, refined. */
static void prompt_much(samlet_tracker* t, int32_t object, const samlet_frame* frame,
                        const samlet_tracker_config* c) {
    const samlet_box box = scene_disc_box(frame->width, frame->height, 0);
    const uint32_t max_points = c->max_points ? c->max_points : 32;
    samlet_point points[32];
    const uint32_t of_box = max_points < 2 ? 0 : 2;
    samlet_prompt prompt = scene_points(points, max_points - of_box);
    for (int i = 0; i < 32; i++) points[i] = scene_disc(frame->width, frame->height, i);
    prompt.box = of_box ? &box : NULL;
    scene_prompt(t, object, &prompt);
    samlet_prompt_init(&prompt);
    prompt.mask = picture;
    prompt.mask_width = (uint32_t)(prompt.mask_stride = c->max_frame_width);
    prompt.mask_height = c->max_frame_height;
    scene_prompt(t, object, &prompt);
    prompt = scene_points(points, max_points < 2 ? 1 : 2);
    scene_prompt(t, object, &prompt);
}

static void attend(samlet_tracker* t, const samlet_tracker_config* c) {
    const uint32_t cells = (c->image_size / 16) * (c->image_size / 16),
                   pointers = 4 * (c->prompted_frames + 15);
    const uint32_t tokens = (c->prompted_frames + c->recent_frames) * cells + pointers;
    float* current = calloc((size_t)cells * D_MODEL, sizeof(float));
    float* memory = calloc((size_t)tokens * MEMORY_DIM, sizeof(float));
    samlet_memory_attention_args args;
    samlet_memory_attention_args_init(&args);
    args.memory_tokens = tokens;
    args.pointer_tokens = pointers;
    args.current = args.current_pos = args.output = current;
    args.memory = args.memory_pos = memory;
    assert_ok(t, samlet_tracker_run_memory_attention(t, &args));
    free(current);
    free(memory);
}

/* Long enough for every store to be full and to overflow, on the largest frames and the smallest ones, in
 * formats that must be converted. */
static void exercise_tracker(samlet_tracker* t, const samlet_tracker_config* c) {
    const int frames = (int)(c->prompted_frames + c->recent_frames) + 3;
    attend(t, c);
    for (int i = 0; i < frames; i++) {
        const int small = i % 3 == 1;
        const samlet_frame frame =
            scene_frame(picture, i % 2 ? SAMLET_PIXEL_BGR : SAMLET_PIXEL_GREY, small ? 1 : c->max_frame_width,
                        small ? 2 : c->max_frame_height);
        assert_ok(t, samlet_tracker_set_frame(t, &frame, i));
        if (i <= (int)c->prompted_frames)
            for (uint32_t k = 0; k < c->max_objects; k++) prompt_much(t, (int32_t)k, &frame, c);
        scene_track(t);
        for (uint32_t k = 0; k < c->max_objects; k++) read_results(t, (int32_t)k, &frame);
    }
    attend(t, c);
}

static void exercise_segmenter(samlet_segmenter* s, const samlet_segmenter_config* c) {
    const uint32_t side = c->image_size / 4;
    for (int small = 0; small < 2; small++) {
        const samlet_frame frame = scene_frame(picture, SAMLET_PIXEL_BGR, small ? 1 : c->max_frame_width,
                                               small ? 1 : c->max_frame_height);
        const samlet_box box = {0, 0, (float)frame.width, (float)frame.height};
        samlet_point points[32];
        samlet_prompt prompt = scene_points(points, c->max_points - 2);
        samlet_prediction p;
        float* logits = calloc((size_t)side * side, sizeof(float));
        size_t length;
        samlet_prediction_init(&p);
        for (int i = 0; i < 32; i++) points[i] = scene_disc(frame.width, frame.height, i);
        prompt.box = &box;
        prompt.logits = logits;
        assert_int_equal(samlet_segmenter_set_image(s, &frame), SAMLET_OK);
        for (uint32_t multimask = 0; multimask < 2; multimask++) {
            assert_int_equal(samlet_segmenter_predict(s, &prompt, multimask, &p), SAMLET_OK);
            for (uint32_t i = 0; i < p.mask_count; i++) {
                assert_int_equal(samlet_segmenter_mask(s, i, mask, frame.width), SAMLET_OK);
                assert_int_equal(samlet_segmenter_logits(s, i, map, frame.width * sizeof(float)), SAMLET_OK);
                assert_int_equal(samlet_segmenter_rle(s, i, NULL, 0, &length), SAMLET_OK);
            }
        }
        free(logits);
    }
}

/* ---- Exact blocks -------------------------------------------------------------------------------------- */

static void describe(const samlet_tracker_config* c, char* text, size_t capacity) {
    snprintf(text, capacity,
             "image %u, objects %u, prompted %u, recent %u, points %u, threads %u, frame %u x %u",
             c->image_size, c->max_objects, c->prompted_frames, c->recent_frames, c->max_points, c->threads,
             c->max_frame_width, c->max_frame_height);
}

static void run_tracker_in_block(samlet_tracker_config config) {
    const samlet_memory_plan plan = tracker_plan(&config);
    guarded_block block = guarded_block_make(plan.bytes);
    char text[200], have[24], need[24];
    samlet_tracker* t = NULL;
    samlet_error error;
    describe(&config, text, sizeof(text));
    config.memory = block.data;
    config.memory_size = plan.bytes - 1;
    assert_int_equal(samlet_tracker_create(scene_model(), &config, &t, &error), SAMLET_ERROR_MEMORY);
    snprintf(have, sizeof(have), "%llu", (unsigned long long)plan.bytes - 1);
    snprintf(need, sizeof(need), "%llu", (unsigned long long)plan.bytes);
    assert_sentence("samlet_tracker_create", error.message, have, need, NULL);
    config.memory_size = plan.bytes;
    if (samlet_tracker_create(scene_model(), &config, &t, &error) != SAMLET_OK)
        fail_msg("%s: %s", text, error.message);
    assert_true((uint8_t*)t >= block.data && (uint8_t*)t < block.data + block.bytes);
    exercise_tracker(t, &config);
    samlet_tracker_destroy(t);
    if (!guarded_block_intact(&block)) fail_msg("%s: bytes before the block were written", text);
    guarded_block_free(&block);
}

static void run_segmenter_in_block(samlet_segmenter_config config) {
    const samlet_memory_plan plan = segmenter_plan(&config);
    guarded_block block = guarded_block_make(plan.bytes);
    char need[24];
    samlet_segmenter* s = NULL;
    samlet_error error;
    config.memory = block.data;
    config.memory_size = plan.bytes - 1;
    assert_int_equal(samlet_segmenter_create(scene_model(), &config, &s, &error), SAMLET_ERROR_MEMORY);
    snprintf(need, sizeof(need), "%llu", (unsigned long long)plan.bytes);
    assert_sentence("samlet_segmenter_create", error.message, need, NULL, NULL);
    config.memory_size = plan.bytes;
    if (samlet_segmenter_create(scene_model(), &config, &s, &error) != SAMLET_OK)
        fail_msg("%s", error.message);
    exercise_segmenter(s, &config);
    samlet_segmenter_destroy(s);
    assert_true(guarded_block_intact(&block));
    guarded_block_free(&block);
}

static uint32_t pick(uint32_t* state, const uint32_t* values, size_t count) {
    *state = *state * 1664525u + 1013904223u;
    return values[(*state >> 16) % count];
}

#define PICK(state, ...) \
    pick(state, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static samlet_tracker_config random_config(uint32_t* state) {
    samlet_tracker_config c;
    samlet_tracker_config_init(&c);
    c.image_size = PICK(state, 64, 96, 128, 192, 256, 320, 512);
    if (scene_image_size()) c.image_size = scene_image_size();
    c.max_objects = PICK(state, 1, 2, 3);
    c.prompted_frames = PICK(state, 1, 2, 3);
    c.recent_frames = PICK(state, 1, 2, 3, 4, 5, 6);
    c.max_points = PICK(state, 2, 3, 32);
    c.threads = PICK(state, 1, 2, 3);
    c.max_frame_width = PICK(state, 1, 64, 160, 1000, MAX_WIDTH);
    c.max_frame_height = PICK(state, 2, 48, 96, 700, MAX_HEIGHT);
    c.flags = SAMLET_TRACKER_YIELD | PICK(state, 0, SAMLET_TRACKER_NON_OVERLAPPING);
    c.fill_hole_area = PICK(state, 0, 8);
    c.remove_sprinkle_area = PICK(state, 0, 8);
    c.flags |= PICK(state, 0, SAMLET_TRACKER_EXPLAIN);
    return c;
}

/* Of `all` configs, where frames are slow. */
static int rounds(int all) {
    return scene_image_size() ? 4 : SCENE_SANITIZED ? 8 : all;
}

static void trackers_fit_their_plan(void** state) {
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < rounds(24); i++) run_tracker_in_block(random_config(&seed));
}

static void trackers_fit_at_the_corners(void** state) {
    samlet_tracker_config c = random_config(&(uint32_t){7});
    (void)state;
    c.image_size = 64; /* the smallest of all, on one thread */
    c.max_objects = c.prompted_frames = c.recent_frames = c.threads = c.max_frame_width = 1;
    c.max_points = c.max_frame_height = 2;
    run_tracker_in_block(c);
    c.max_points = 1;
    run_tracker_in_block(c);
    c.image_size = 32;
    run_tracker_in_block(c);
    c.flags |= SAMLET_TRACKER_EXPLAIN;
    run_tracker_in_block(c);
    c.image_size = 512; /* a large square for small frames */
    c.max_points = 32;
    run_tracker_in_block(c);
    c.image_size = 64; /* a small one for large frames */
    c.max_frame_width = MAX_WIDTH;
    c.max_frame_height = MAX_HEIGHT;
    c.threads = 3;
    run_tracker_in_block(c);
    c.image_size = 32; /* and so wide that taking in a picture needs the most scratch of all */
    c.max_frame_width = 40000;
    c.max_frame_height = 30;
    run_tracker_in_block(c);
}

static void segmenters_fit_their_plan(void** state) {
    uint32_t seed = 2;
    (void)state;
    for (int i = 0; i < rounds(30); i++) {
        const samlet_tracker_config t = random_config(&seed);
        samlet_segmenter_config c;
        samlet_segmenter_config_init(&c);
        c.image_size = t.image_size;
        c.max_points = t.max_points;
        c.threads = t.threads;
        c.max_frame_width = t.max_frame_width;
        c.max_frame_height = t.max_frame_height;
        c.flags = t.flags & SAMLET_TRACKER_YIELD;
        c.fill_hole_area = t.fill_hole_area;
        c.remove_sprinkle_area = t.remove_sprinkle_area;
        run_segmenter_in_block(c);
    }
}

static void misaligned_blocks_are_refused(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_segmenter_config other = scene_segmenter_config();
    const samlet_memory_plan plan = tracker_plan(&config);
    guarded_block block = guarded_block_make(plan.bytes + 64);
    (void)state;
    for (uint32_t off = 1; off < 64; off++) {
        samlet_tracker* t = NULL;
        samlet_segmenter* s = NULL;
        samlet_error error;
        char number[24];
        snprintf(number, sizeof(number), " %u bytes", off);
        config.memory = other.memory = block.data + off;
        config.memory_size = other.memory_size = plan.bytes;
        assert_int_equal(samlet_tracker_create(scene_model(), &config, &t, &error), SAMLET_ERROR_MEMORY);
        assert_sentence("samlet_tracker_create", error.message, number, "64", NULL);
        assert_int_equal(samlet_segmenter_create(scene_model(), &other, &s, &error), SAMLET_ERROR_MEMORY);
        assert_sentence("samlet_segmenter_create", error.message, number, "64", NULL);
    }
    guarded_block_free(&block);
}

/* Blocks are reused by other sessions; what they held does not matter. */
static void a_block_serves_one_session_after_another(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    const samlet_memory_plan plan = tracker_plan(&config);
    guarded_block block = guarded_block_make(plan.bytes);
    recording first, other;
    (void)state;
    config.memory = block.data;
    config.memory_size = plan.bytes;
    for (int round = 0; round < 2; round++) {
        recording* out = round ? &other : &first;
        samlet_tracker* t = scene_tracker(&config);
        recording_init(out);
        for (int i = 0; i < 3; i++) {
            scene_set(t, i, i);
            if (i == 0) scene_click(t, 1, scene_disc(SCENE_WIDTH, SCENE_HEIGHT, 0));
            scene_track(t);
            recording_add(out, t, 1);
        }
        samlet_tracker_destroy(t);
        memset(block.data, 0xff, block.bytes);
    }
    assert_same_recordings(&first, &other);
    recording_free(&first);
    recording_free(&other);
    guarded_block_free(&block);
}

static void plans_grow_with_what_is_asked(void** state) {
    const samlet_tracker_config base = scene_tracker_config();
    const uint64_t bytes = tracker_plan(&base).bytes;
    static const struct {
        size_t field;
        uint32_t value;
        int surely; /* else the scratch may be large enough already */
    } more[] = {
        {offsetof(samlet_tracker_config, max_objects), 2, 1},
        {offsetof(samlet_tracker_config, prompted_frames), 2, 1},
        {offsetof(samlet_tracker_config, image_size), 512, 1},
        {offsetof(samlet_tracker_config, max_points), 1024, 1},
        {offsetof(samlet_tracker_config, threads), 2, 0},
        {offsetof(samlet_tracker_config, threads), 64, 0},
        {offsetof(samlet_tracker_config, max_frame_width), 8192, 0},
        {offsetof(samlet_tracker_config, max_frame_width), 65536, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        samlet_tracker_config c = base;
        memcpy((char*)&c + more[i].field, &more[i].value, sizeof(uint32_t));
        assert_true(tracker_plan(&c).bytes >= bytes + (more[i].surely ? 64 : 0));
    }
    {
        samlet_tracker_config c = base;
        c.recent_frames = 1;
        assert_true(tracker_plan(&c).bytes < bytes);
        c = base;
        c.clip_length = 100000; /* a long clip needs no more */
        assert_int_equal(tracker_plan(&c).bytes, bytes);
    }
}

static void the_largest_plans_do_not_overflow(void** state) {
    samlet_tracker_config c;
    samlet_memory_plan plan;
    samlet_error error;
    (void)state;
    samlet_tracker_config_init(&c);
    c.image_size = 4096;
    c.max_objects = 1024;
    c.prompted_frames = 64;
    c.max_points = 1024;
    c.threads = 64;
    c.max_frame_width = c.max_frame_height = 65536;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_tracker_memory(scene_model(), &c, &plan, &error), SAMLET_OK);
    check_plan(&plan);
    /* 1024 objects times 70 memories of 256 x 256 tokens, 2 bytes a channel. */
    assert_true(plan.bytes > UINT64_C(1024) * 70 * 65536 * MEMORY_DIM * 2);
}

static void the_bundled_model_tracks_in_little_memory(void** state) {
    samlet_tracker_config config;
    (void)state;
    samlet_tracker_config_init(&config);
    config.threads = 1;
    assert_true(tracker_plan(&config).bytes <= UINT64_C(8) << 20);
}

/* ---- Models -------------------------------------------------------------------------------------------- */

static void models_fit_their_plan(void** state) {
    samlet_model_config config;
    samlet_memory_plan plan;
    samlet_model_info info;
    samlet_error error;
    samlet_model* model = NULL;
    samlet_tracker* t = NULL;
    guarded_block block;
    samlet_tracker_config session = scene_tracker_config();
    (void)state;
    samlet_model_config_init(&config);
    config.path = scene_model_path();
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_model_memory(&config, &plan, &error), SAMLET_OK);
    check_plan(&plan);
    block = guarded_block_make(plan.bytes);
    config.memory = block.data;
    config.memory_size = plan.bytes - 1;
    assert_int_equal(samlet_model_open(&config, &model, &error), SAMLET_ERROR_MEMORY);
    {
        char need[24];
        snprintf(need, sizeof(need), "%llu", (unsigned long long)plan.bytes);
        assert_sentence("samlet_model_open", error.message, need, NULL, NULL);
    }
    config.memory_size = plan.bytes;
    if (samlet_model_open(&config, &model, &error) != SAMLET_OK) fail_msg("%s", error.message);
    assert_true((uint8_t*)model >= block.data && (uint8_t*)model < block.data + block.bytes);
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(model, &info), SAMLET_OK);
    assert_int_equal(info.memory_bytes, plan.bytes);
    session.image_size = 64;
    session.prompted_frames = 1;
    session.recent_frames = 2;
    assert_int_equal(samlet_tracker_create(model, &session, &t, &error), SAMLET_OK);
    exercise_tracker(t, &(samlet_tracker_config){.image_size = 64,
                                                 .max_objects = 1,
                                                 .prompted_frames = 1,
                                                 .recent_frames = 2,
                                                 .max_frame_width = SCENE_WIDTH,
                                                 .max_frame_height = SCENE_HEIGHT});
    samlet_tracker_destroy(t);
    samlet_model_close(model);
    assert_true(guarded_block_intact(&block));
    guarded_block_free(&block);
}

static void misaligned_model_blocks_are_refused(void** state) {
    samlet_model_config config;
    samlet_memory_plan plan;
    samlet_error error;
    guarded_block block;
    (void)state;
    samlet_model_config_init(&config);
    config.path = scene_model_path();
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_model_memory(&config, &plan, &error), SAMLET_OK);
    block = guarded_block_make(plan.bytes + 64);
    config.memory_size = plan.bytes;
    for (uint32_t off = 1; off < 64; off += 5) {
        samlet_model* model = NULL;
        char number[24];
        snprintf(number, sizeof(number), " %u bytes", off);
        config.memory = block.data + off;
        assert_int_equal(samlet_model_open(&config, &model, &error), SAMLET_ERROR_MEMORY);
        assert_null(model);
        assert_sentence("samlet_model_open", error.message, number, "64", NULL);
    }
    guarded_block_free(&block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trackers_fit_their_plan),
        cmocka_unit_test(trackers_fit_at_the_corners),
        cmocka_unit_test(segmenters_fit_their_plan),
        cmocka_unit_test(misaligned_blocks_are_refused),
        cmocka_unit_test(a_block_serves_one_session_after_another),
        cmocka_unit_test(plans_grow_with_what_is_asked),
        cmocka_unit_test(the_largest_plans_do_not_overflow),
        cmocka_unit_test(the_bundled_model_tracks_in_little_memory),
        cmocka_unit_test(models_fit_their_plan),
        cmocka_unit_test(misaligned_model_blocks_are_refused),
    };
    return cmocka_run_group_tests(tests, make_buffers, free_buffers);
}
