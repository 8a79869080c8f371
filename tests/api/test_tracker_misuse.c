/* Every wrong way to call a tracker: the status, a sentence with the offending value, and no trace in the
 * session.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

enum { W = SCENE_WIDTH, H = SCENE_HEIGHT, SIDE = 256, KNOWN = 1, UNKNOWN = 4711 };

#define EXPECT(tracker, call, status, needle1, needle2) expect(tracker, call, status, #call, needle1, needle2)

static void expect(const samlet_tracker* tracker, samlet_status got, samlet_status want, const char* what,
                   const char* needle1, const char* needle2) {
    if (got != want)
        fail_msg("%s gives %s, not %s (%s)", what, samlet_status_name(got), samlet_status_name(want),
                 samlet_tracker_message(tracker));
    assert_sentence(what, samlet_tracker_message(tracker), needle1, needle2, NULL);
}

/* ---- Frames -------------------------------------------------------------------------------------------- */

static void expect_frame(samlet_tracker* tracker, samlet_frame frame, samlet_status status,
                         const char* needle1, const char* needle2) {
    expect(tracker, samlet_tracker_set_frame(tracker, &frame, 3), status, "samlet_tracker_set_frame", needle1,
           needle2);
}

static void misuse_frame_structs(samlet_tracker* t) {
    samlet_frame f = scene_clip(0);
    EXPECT(t, samlet_tracker_set_frame(t, NULL, 0), SAMLET_ERROR_INVALID_ARGUMENT, "frame", "NULL");
    EXPECT(t, samlet_tracker_set_frame(t, &f, (INT64_C(1) << 53) + 1), SAMLET_ERROR_INVALID_ARGUMENT,
           "9007199254740993", "9007199254740992");
    EXPECT(t, samlet_tracker_set_frame(t, &f, INT64_MIN), SAMLET_ERROR_INVALID_ARGUMENT,
           "-9223372036854775808", NULL);
    f.size = 0;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "samlet_frame", "0");
    f.size = sizeof(f) - 1;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "samlet_frame", NULL);
}

static void misuse_frame_sizes(samlet_tracker* t) {
    samlet_frame f = scene_clip(0);
    f.width = 0;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "0 x 96", NULL);
    f = scene_clip(0);
    f.height = 0;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "160 x 0", NULL);
    f = scene_clip(0);
    f.width = W + 1;
    f.stride[0] = 3 * (W + 1);
    expect_frame(t, f, SAMLET_ERROR_CAPACITY, "161", "160");
    f = scene_clip(0);
    f.height = H + 1;
    expect_frame(t, f, SAMLET_ERROR_CAPACITY, "97", "96");
    f.height = UINT32_MAX;
    expect_frame(t, f, SAMLET_ERROR_CAPACITY, "4294967295", "96");
    f = scene_clip(0);
    f.format = (samlet_pixel_format)8;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "8", NULL);
    f.format = (samlet_pixel_format)0x7fffffff;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "2147483647", NULL);
    f.format = SAMLET_PIXEL_YUYV;
    f.width = W - 1;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "159", NULL);
}

static void misuse_frame_planes(samlet_tracker* t) {
    samlet_frame f = scene_clip(0);
    f.plane[0] = NULL;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "plane[0]", "NULL");
    f = scene_clip(0);
    f.stride[0] = 3 * W - 1;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "479", "480");
    f.stride[0] = 0;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "0", "480");
    f.stride[0] = UINT64_MAX;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "9223372036854775807", NULL);
    f.stride[0] = UINT64_MAX / H;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "192153584101141162", NULL);
    f = scene_clip(0);
    f.format = SAMLET_PIXEL_NV12;
    f.stride[0] = W;
    f.stride[1] = W;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "plane[1]", "NULL");
    f.plane[1] = f.plane[0];
    f.stride[1] = W - 1;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "159", "160");
}

static void misuse_normalised_frames(samlet_tracker* t) {
    float* pixels = calloc((size_t)3 * SIDE * SIDE + 1, sizeof(float));
    samlet_frame good, f;
    assert_non_null(pixels);
    good = scene_clip(0);
    good.format = SAMLET_PIXEL_NORMALISED;
    good.width = good.height = SIDE;
    good.plane[0] = pixels;
    good.stride[0] = SIDE * sizeof(float);
    good.output_width = W;
    good.output_height = H;
    f = good;
    f.width = SIDE - 32;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "224", "256");
    f = good;
    f.output_width = 0;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "0 and 96", NULL);
    f = good;
    f.output_height = H + 4;
    expect_frame(t, f, SAMLET_ERROR_CAPACITY, "100", "96");
    f = good;
    f.stride[0] += 2;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "1026", "4");
    f = good;
    f.plane[0] = (const uint8_t*)pixels + 2;
    expect_frame(t, f, SAMLET_ERROR_INVALID_ARGUMENT, "4 bytes", NULL);
    pixels[SIDE * SIDE + 7 * SIDE + 5] = NAN; /* channel 1, row 7 */
    expect_frame(t, good, SAMLET_ERROR_INVALID_ARGUMENT, "row 7", "channel 1");
    pixels[SIDE * SIDE + 7 * SIDE + 5] = -INFINITY;
    expect_frame(t, good, SAMLET_ERROR_INVALID_ARGUMENT, "row 7", "channel 1");
    free(pixels);
}

static void misuse_frames(samlet_tracker* t) {
    misuse_frame_structs(t);
    misuse_frame_sizes(t);
    misuse_frame_planes(t);
    misuse_normalised_frames(t);
}

/* ---- Prompts ------------------------------------------------------------------------------------------- */

static void expect_prompt(samlet_tracker* t, int32_t object, samlet_prompt prompt, samlet_status status,
                          const char* needle1, const char* needle2) {
    expect(t, samlet_tracker_prompt(t, object, &prompt), status, "samlet_tracker_prompt", needle1, needle2);
}

static void misuse_prompt_structs(samlet_tracker* t) {
    const samlet_point point = {10, 10, SAMLET_POINT_POSITIVE};
    static const float logits[4] = {0};
    samlet_prompt p = scene_points(&point, 1);
    EXPECT(t, samlet_tracker_prompt(t, KNOWN, NULL), SAMLET_ERROR_INVALID_ARGUMENT, "prompt", "NULL");
    p.size = sizeof(p) - 8;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "samlet_prompt", NULL);
    p = scene_points(&point, 1);
    p.flags = 6;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "6", "flags");
    p = scene_points(NULL, 3);
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "3", "NULL");
    p = scene_points(NULL, 0);
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "empty", NULL);
    p = scene_points(&point, 1);
    p.logits = logits;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "logits", NULL);
}

static void misuse_points(samlet_tracker* t) {
    static const struct {
        float x, y;
        int32_t label;
        const char *needle1, *needle2;
    } bad[] = {
        {NAN, 10, 1, "x of point 1", "160"},
        {10, NAN, 1, "y of point 1", "96"},
        {INFINITY, 10, 1, "x of point 1", "160"},
        {10, -INFINITY, 0, "y of point 1", "96"},
        {-0.25f, 10, 1, "x = -0.25", "160"},
        {160.5f, 10, 1, "x = 160.5", "0 to 160"},
        {10, -1, 1, "y = -1", "96"},
        {10, 96.125f, 1, "y = 96.125", "0 to 96"},
        {10, 1e30f, 1, "y = 1000000000", "96"},
        {-3e38f, 10, 1, "x = -1000000000", "160"},
        {160.00002f, 10, 1, "x = 160.001", "160"},
        {10, 10, 2, "point 1", "label 2"},
        {10, 10, -1, "point 1", "label -1"},
        {10, 10, INT32_MIN, "point 1", "-2147483648"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const samlet_point points[2] = {{10, 10, SAMLET_POINT_POSITIVE}, {bad[i].x, bad[i].y, bad[i].label}};
        expect_prompt(t, KNOWN, scene_points(points, 2), SAMLET_ERROR_INVALID_ARGUMENT, bad[i].needle1,
                      bad[i].needle2);
    }
}

static void misuse_point_counts(samlet_tracker* t) {
    samlet_point points[33];
    const samlet_box box = {10, 10, 20, 20};
    samlet_prompt p;
    for (int i = 0; i < 33; i++) points[i] = scene_disc(W, H, 0);
    p = scene_points(points, 33);
    p.flags = SAMLET_PROMPT_REPLACE_POINTS;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_CAPACITY, "33", "32");
    p.point_count = UINT32_MAX; /* must be refused before the points are read */
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_CAPACITY, "4294967295", "32");
    p.point_count = 31;
    p.box = &box;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_CAPACITY, "33", "32");
}

static void misuse_boxes(samlet_tracker* t) {
    static const struct {
        samlet_box box;
        const char *needle1, *needle2;
    } bad[] = {
        {{NAN, 0, 10, 10}, "x0", "160"},          {{0, NAN, 10, 10}, "y0", "96"},
        {{0, 0, INFINITY, 10}, "x1", "160"},      {{0, 0, 10, NAN}, "y1", "96"},
        {{20, 0, 10.5f, 10}, "x0 = 20", "10.5"},  {{0, 20, 10, 10}, "y0 = 20", "10"},
        {{10, 0, 10, 10}, "x0 = 10", NULL},       {{0, 10, 10, 10}, "y0 = 10", NULL},
        {{-1.5f, 0, 10, 10}, "x0 = -1.5", "160"}, {{0, -2, 10, 10}, "y0 = -2", "96"},
        {{0, 0, 161, 10}, "x1 = 161", "160"},     {{0, 0, 10, 96.5f}, "y1 = 96.5", "96"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        samlet_prompt p = scene_box(&bad[i].box);
        p.flags = SAMLET_PROMPT_REPLACE_POINTS;
        expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, bad[i].needle1, bad[i].needle2);
    }
}

static void misuse_masks(samlet_tracker* t) {
    static uint8_t pixels[W * H];
    const samlet_point point = {10, 10, SAMLET_POINT_POSITIVE};
    samlet_prompt good, p;
    samlet_prompt_init(&good);
    good.mask = pixels;
    good.mask_width = good.mask_stride = W;
    good.mask_height = H;
    p = good;
    p.points = &point;
    p.point_count = 1;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "mask", "points");
    p = good;
    p.mask_width = 0;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "0 x 96", NULL);
    p = good;
    p.mask_height = 0;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "160 x 0", NULL);
    p = good;
    p.mask_width = p.mask_stride = W + 1;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_CAPACITY, "161 x 96", NULL);
    p = good;
    p.mask_height = H + 1;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_CAPACITY, "160 x 97", NULL);
    p = good;
    p.mask_stride = W - 1;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "159", "160");
    p.mask_stride = 0;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "0", "160");
    p.mask_stride = UINT64_MAX;
    expect_prompt(t, KNOWN, p, SAMLET_ERROR_INVALID_ARGUMENT, "9223372036854775807", "96 rows");
}

static void misuse_prompts(samlet_tracker* t) {
    misuse_prompt_structs(t);
    misuse_points(t);
    misuse_point_counts(t);
    misuse_boxes(t);
    misuse_masks(t);
}

/* ---- Results ------------------------------------------------------------------------------------------- */

static uint8_t mask_buffer[W * H];
static float logit_buffer[W * H];

static void unknown_object(samlet_tracker* t, int32_t object, const char* needle) {
    samlet_result result;
    size_t length;
    samlet_result_init(&result);
    EXPECT(t, samlet_tracker_result(t, object, &result), SAMLET_ERROR_NOT_FOUND, needle, NULL);
    EXPECT(t, samlet_tracker_mask(t, object, mask_buffer, W), SAMLET_ERROR_NOT_FOUND, needle, NULL);
    EXPECT(t, samlet_tracker_logits(t, object, logit_buffer, 4 * W), SAMLET_ERROR_NOT_FOUND, needle, NULL);
    EXPECT(t, samlet_tracker_rle(t, object, NULL, 0, &length), SAMLET_ERROR_NOT_FOUND, needle, NULL);
    EXPECT(t, samlet_tracker_clear_prompts(t, object), SAMLET_ERROR_NOT_FOUND, needle, NULL);
    EXPECT(t, samlet_tracker_remove_object(t, object), SAMLET_ERROR_NOT_FOUND, needle, NULL);
}

static void misuse_results(samlet_tracker* t) {
    samlet_result result;
    EXPECT(t, samlet_tracker_result(t, KNOWN, NULL), SAMLET_ERROR_INVALID_ARGUMENT, "result", "NULL");
    memset(&result, 0x5a, sizeof(result));
    result.size = sizeof(result) - 4;
    EXPECT(t, samlet_tracker_result(t, KNOWN, &result), SAMLET_ERROR_INVALID_ARGUMENT, "samlet_result", NULL);
    result.size = sizeof(result);
    EXPECT(t, samlet_tracker_result(t, UNKNOWN, &result), SAMLET_ERROR_NOT_FOUND, "4711", NULL);
    for (size_t i = 4; i < sizeof(result); i++) assert_int_equal(((const uint8_t*)&result)[i], 0x5a);
}

static void misuse_maps(samlet_tracker* t) {
    const samlet_status invalid = SAMLET_ERROR_INVALID_ARGUMENT;
    EXPECT(t, samlet_tracker_mask(t, KNOWN, NULL, W), invalid, "NULL", NULL);
    EXPECT(t, samlet_tracker_mask(t, KNOWN, mask_buffer, W - 1), invalid, "159", "160");
    EXPECT(t, samlet_tracker_mask(t, KNOWN, mask_buffer, 0), invalid, "0", "160");
    EXPECT(t, samlet_tracker_mask(t, KNOWN, mask_buffer, UINT64_MAX), invalid, "9223372036854775807", NULL);
    EXPECT(t, samlet_tracker_logits(t, KNOWN, NULL, 4 * W), invalid, "NULL", NULL);
    EXPECT(t, samlet_tracker_logits(t, KNOWN, logit_buffer, 4 * W - 4), invalid, "636", "640");
    EXPECT(t, samlet_tracker_logits(t, KNOWN, logit_buffer, 4 * W + 2), invalid, "642", "4");
    EXPECT(t, samlet_tracker_logits(t, KNOWN, logit_buffer, UINT64_MAX - 3), invalid, "9223372036854775807",
           NULL);
}

static void misuse_rle(samlet_tracker* t) {
    char text[8];
    size_t length = 0, needed = 0;
    char number[24];
    EXPECT(t, samlet_tracker_rle(t, KNOWN, text, sizeof(text), NULL), SAMLET_ERROR_INVALID_ARGUMENT, "length",
           "NULL");
    EXPECT(t, samlet_tracker_rle(t, KNOWN, NULL, 8, &length), SAMLET_ERROR_INVALID_ARGUMENT, "text", "NULL");
    assert_ok(t, samlet_tracker_rle(t, KNOWN, NULL, 0, &needed));
    assert_true(needed > sizeof(text));
    sprintf(number, "%u", (unsigned)needed);
    EXPECT(t, samlet_tracker_rle(t, KNOWN, text, sizeof(text), &length), SAMLET_ERROR_BUFFER_TOO_SMALL,
           number, "8");
    assert_int_equal(length, needed);
    assert_string_equal(text, "");
}

static void misuse_lists(samlet_tracker* t) {
    uint32_t count = 77;
    samlet_profile profile;
    EXPECT(t, samlet_tracker_objects(t, NULL, 2, &count), SAMLET_ERROR_INVALID_ARGUMENT, "ids", "NULL");
    assert_int_equal(count, 77);
    EXPECT(t, samlet_tracker_objects(t, NULL, 0, NULL), SAMLET_ERROR_INVALID_ARGUMENT, "count", "NULL");
    EXPECT(t, samlet_tracker_get_profile(t, NULL), SAMLET_ERROR_INVALID_ARGUMENT, "profile", "NULL");
    samlet_profile_init(&profile);
    profile.size = 16;
    EXPECT(t, samlet_tracker_get_profile(t, &profile), SAMLET_ERROR_INVALID_ARGUMENT, "samlet_profile", "16");
}

/* ---- Building blocks ----------------------------------------------------------------------------------- */

static void misuse_features(samlet_tracker* t) {
    samlet_tensor_view view;
    EXPECT(t, samlet_tracker_features(t, SAMLET_FEATURES_STRIDE4, NULL), SAMLET_ERROR_INVALID_ARGUMENT,
           "NULL", NULL);
    samlet_tensor_view_init(&view);
    EXPECT(t, samlet_tracker_features(t, (samlet_feature_level)3, &view), SAMLET_ERROR_INVALID_ARGUMENT, "3",
           "2");
    EXPECT(t, samlet_tracker_features(t, (samlet_feature_level)77, &view), SAMLET_ERROR_INVALID_ARGUMENT,
           "77", "2");
    view.size = 4;
    EXPECT(t, samlet_tracker_features(t, SAMLET_FEATURES_STRIDE4, &view), SAMLET_ERROR_INVALID_ARGUMENT,
           "samlet_tensor_view", "4");
}

static void expect_attention(samlet_tracker* t, samlet_memory_attention_args args, samlet_status status,
                             const char* needle1, const char* needle2) {
    expect(t, samlet_tracker_run_memory_attention(t, &args), status, "samlet_tracker_run_memory_attention",
           needle1, needle2);
}

static void misuse_attention(samlet_tracker* t) {
    static float tensor[1]; /* must not be looked at */
    samlet_memory_attention_args good, a;
    samlet_memory_attention_args_init(&good);
    good.memory_tokens = 256 + 4;
    good.pointer_tokens = 4;
    good.current = good.current_pos = good.memory = good.memory_pos = tensor;
    good.output = tensor;
    EXPECT(t, samlet_tracker_run_memory_attention(t, NULL), SAMLET_ERROR_INVALID_ARGUMENT, "args", "NULL");
    for (int i = 0; i < 5; i++) {
        a = good;
        *(i == 0   ? &a.current
          : i == 1 ? &a.current_pos
          : i == 2 ? &a.memory
                   : &a.memory_pos) = i < 4 ? NULL : tensor;
        if (i == 4) a.output = NULL;
        expect_attention(t, a, SAMLET_ERROR_INVALID_ARGUMENT, "NULL", NULL);
    }
    a = good;
    a.size = 0;
    expect_attention(t, a, SAMLET_ERROR_INVALID_ARGUMENT, "samlet_memory_attention_args", "0");
    a = good;
    a.memory_tokens = a.pointer_tokens = 0;
    expect_attention(t, a, SAMLET_ERROR_INVALID_ARGUMENT, "0", NULL);
    a = good;
    a.memory_tokens = 3;
    expect_attention(t, a, SAMLET_ERROR_INVALID_ARGUMENT, "3", "4");
    a = good;
    a.memory_tokens = 300;
    expect_attention(t, a, SAMLET_ERROR_INVALID_ARGUMENT, "300", "4");
    a = good;
    a.pointer_tokens = 256;
    a.memory_tokens = 512;
    expect_attention(t, a, SAMLET_ERROR_CAPACITY, "256", NULL);
    a = good;
    a.pointer_tokens = 0;
    a.memory_tokens = 8 * 256; /* one more than the default keeps */
    expect_attention(t, a, SAMLET_ERROR_CAPACITY, "8 memories", "7");
}

/* ---- All of it ----------------------------------------------------------------------------------------- */

static void misuse_objects(samlet_tracker* t) {
    unknown_object(t, UNKNOWN, "4711");
    unknown_object(t, -5, "-5");
    unknown_object(t, INT32_MIN, "-2147483648");
}

static void misuse_capacity(samlet_tracker* t, int full) {
    const samlet_point point = scene_square(W, H, 0);
    if (full) expect_prompt(t, UNKNOWN, scene_points(&point, 1), SAMLET_ERROR_CAPACITY, "4711", "2");
}

/* Everything that can be wrong while object KNOWN has a result. */
static void misuse_everything(samlet_tracker* t, int full) {
    misuse_frames(t);
    misuse_prompts(t);
    misuse_capacity(t, full);
    misuse_objects(t);
    misuse_results(t);
    misuse_maps(t);
    misuse_rle(t);
    misuse_lists(t);
    misuse_features(t);
    misuse_attention(t);
}

static void without_a_frame(samlet_tracker* t) {
    const samlet_point point = {10, 10, SAMLET_POINT_POSITIVE};
    const samlet_prompt prompt = scene_points(&point, 1);
    const char* call = "samlet_tracker_set_frame";
    samlet_result result;
    samlet_tensor_view view;
    size_t length;
    samlet_result_init(&result);
    samlet_tensor_view_init(&view);
    EXPECT(t, samlet_tracker_prompt(t, KNOWN, &prompt), SAMLET_ERROR_STATE, call, NULL);
    EXPECT(t, samlet_tracker_track(t), SAMLET_ERROR_STATE, call, NULL);
    EXPECT(t, samlet_tracker_clear_prompts(t, KNOWN), SAMLET_ERROR_STATE, call, NULL);
    EXPECT(t, samlet_tracker_result(t, KNOWN, &result), SAMLET_ERROR_STATE, call, NULL);
    EXPECT(t, samlet_tracker_mask(t, KNOWN, mask_buffer, W), SAMLET_ERROR_STATE, call, NULL);
    EXPECT(t, samlet_tracker_logits(t, KNOWN, logit_buffer, 4 * W), SAMLET_ERROR_STATE, call, NULL);
    EXPECT(t, samlet_tracker_rle(t, KNOWN, NULL, 0, &length), SAMLET_ERROR_STATE, call, NULL);
    EXPECT(t, samlet_tracker_features(t, SAMLET_FEATURES_STRIDE16, &view), SAMLET_ERROR_STATE, "frame", NULL);
    EXPECT(t, samlet_tracker_remove_object(t, KNOWN), SAMLET_ERROR_NOT_FOUND, "1", NULL);
}

/* On a new frame, before samlet_tracker_track(). */
static void without_a_result(samlet_tracker* t, const char* frame) {
    samlet_result result;
    size_t length;
    samlet_result_init(&result);
    EXPECT(t, samlet_tracker_result(t, KNOWN, &result), SAMLET_ERROR_STATE, "samlet_tracker_track", frame);
    EXPECT(t, samlet_tracker_mask(t, KNOWN, mask_buffer, W), SAMLET_ERROR_STATE, "object 1", frame);
    EXPECT(t, samlet_tracker_logits(t, KNOWN, logit_buffer, 4 * W), SAMLET_ERROR_STATE, "object 1", frame);
    EXPECT(t, samlet_tracker_rle(t, KNOWN, NULL, 0, &length), SAMLET_ERROR_STATE, "object 1", frame);
}

static void misused_box_after_points(samlet_tracker* t) {
    const samlet_box box = scene_disc_box(W, H, 0);
    expect_prompt(t, KNOWN, scene_box(&box), SAMLET_ERROR_INVALID_ARGUMENT, "object 1", "1 points");
}

/* A session with prompts, a second object, a correction and a removal; with `misuse`, all errors after every
 * step. */
static void play(recording* out, int misuse) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t;
    config.max_objects = 2;
    t = scene_tracker(&config);
    assert_string_equal(samlet_tracker_message(t), "");
    if (misuse) without_a_frame(t);
    if (misuse) misuse_frames(t);
    for (int i = 0; i < 6; i++) {
        scene_set(t, i, i);
        if (misuse && i == 0)
            EXPECT(t, samlet_tracker_track(t), SAMLET_ERROR_STATE, "samlet_tracker_prompt", NULL);
        if (misuse && i == 0) misuse_prompts(t);
        if (misuse && i > 0) without_a_result(t, i == 3 ? "frame 3" : NULL);
        if (i == 0) {
            scene_click(t, KNOWN, scene_disc(W, H, 0));
            if (misuse) misused_box_after_points(t);
            if (misuse) misuse_everything(t, 0);
        }
        if (i == 1) scene_click(t, 2, scene_square(W, H, 1));
        if (misuse) misuse_prompts(t);
        scene_track(t);
        if (misuse) misuse_everything(t, i >= 1 && i < 4);
        recording_add(out, t, KNOWN);
        if (i == 3) {
            scene_click(t, KNOWN, scene_disc(W, H, 3));
            if (misuse) misuse_everything(t, 1);
            scene_track(t);
            recording_add(out, t, KNOWN);
        }
        if (i >= 1 && i < 4) recording_add(out, t, 2);
        if (i == 3) assert_ok(t, samlet_tracker_remove_object(t, 2));
    }
    samlet_tracker_destroy(t);
}

static void errors_leave_no_trace(void** state) {
    recording clean, misused;
    (void)state;
    recording_init(&clean);
    recording_init(&misused);
    play(&clean, 0);
    play(&misused, 1);
    assert_same_recordings(&clean, &misused);
    recording_free(&clean);
    recording_free(&misused);
}

/* ---- NULL and creation --------------------------------------------------------------------------------- */

static void every_call_takes_a_null_tracker(void** state) {
    const samlet_frame frame = scene_clip(0);
    const samlet_point point = {10, 10, SAMLET_POINT_POSITIVE};
    const samlet_prompt prompt = scene_points(&point, 1);
    const samlet_status invalid = SAMLET_ERROR_INVALID_ARGUMENT;
    samlet_result result;
    samlet_layer layer;
    samlet_tensor_view view;
    samlet_profile profile;
    samlet_memory_attention_args args;
    uint32_t count;
    size_t length;
    (void)state;
    samlet_result_init(&result);
    samlet_layer_init(&layer);
    samlet_tensor_view_init(&view);
    samlet_profile_init(&profile);
    samlet_memory_attention_args_init(&args);
    assert_int_equal(samlet_tracker_set_frame(NULL, &frame, 0), invalid);
    assert_int_equal(samlet_tracker_prompt(NULL, 1, &prompt), invalid);
    assert_int_equal(samlet_tracker_clear_prompts(NULL, 1), invalid);
    assert_int_equal(samlet_tracker_track(NULL), invalid);
    assert_int_equal(samlet_tracker_result(NULL, 1, &result), invalid);
    assert_int_equal(samlet_tracker_mask(NULL, 1, mask_buffer, W), invalid);
    assert_int_equal(samlet_tracker_logits(NULL, 1, logit_buffer, 4 * W), invalid);
    assert_int_equal(samlet_tracker_rle(NULL, 1, NULL, 0, &length), invalid);
    assert_int_equal(samlet_tracker_objects(NULL, NULL, 0, &count), invalid);
    assert_int_equal(samlet_tracker_remove_object(NULL, 1), invalid);
    assert_int_equal(samlet_tracker_reset(NULL), invalid);
    assert_int_equal(samlet_tracker_set_clip_length(NULL, 1), invalid);
    assert_int_equal(samlet_tracker_get_profile(NULL, &profile), invalid);
    assert_int_equal(samlet_tracker_layer(NULL, 0, &layer), invalid);
    assert_int_equal(samlet_tracker_features(NULL, SAMLET_FEATURES_STRIDE4, &view), invalid);
    assert_int_equal(samlet_tracker_run_memory_attention(NULL, &args), invalid);
    assert_sentence("no tracker", samlet_tracker_message(NULL), "tracker", "NULL", NULL);
    samlet_tracker_destroy(NULL);
}

/* Both calls that take a config must refuse it with the same sentence. */
static void expect_config(const samlet_tracker_config* config, samlet_status status, const char* needle1,
                          const char* needle2) {
    samlet_tracker* tracker = (samlet_tracker*)(uintptr_t)64;
    samlet_memory_plan plan;
    samlet_error error, again;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_tracker_create(scene_model(), config, &tracker, &error), status);
    assert_null(tracker);
    assert_int_equal(error.status, status);
    assert_sentence("samlet_tracker_create", error.message, needle1, needle2, NULL);
    assert_int_equal(samlet_tracker_memory(scene_model(), config, &plan, &again), status);
    assert_string_equal(error.message, again.message);
    assert_int_equal(plan.bytes, 0);
    assert_int_equal(samlet_tracker_create(scene_model(), config, &tracker, NULL), status);
}

static void configs_are_checked(void** state) {
    samlet_tracker_config c;
    static const struct {
        size_t field;
        uint32_t value;
        const char *needle1, *needle2;
    } bad[] = {
        {offsetof(samlet_tracker_config, size), 0, "samlet_tracker_config", "0"},
        {offsetof(samlet_tracker_config, size), sizeof(samlet_tracker_config) - 1, "samlet_tracker_config",
         NULL},
        {offsetof(samlet_tracker_config, flags), 32, "32", "31"},
        {offsetof(samlet_tracker_config, flags), 0x80000000u, "2147483648", "31"},
        {offsetof(samlet_tracker_config, image_size), 100, "100", "32"},
        {offsetof(samlet_tracker_config, image_size), 1, "1", "32"},
        {offsetof(samlet_tracker_config, image_size), 4128, "4128", "4096"},
        {offsetof(samlet_tracker_config, image_size), 0xffffffe0u, "4294967264", "4096"},
        {offsetof(samlet_tracker_config, max_objects), 1025, "1025", "1024"},
        {offsetof(samlet_tracker_config, prompted_frames), 65, "65", "64"},
        {offsetof(samlet_tracker_config, recent_frames), 7, "7", "6"},
        {offsetof(samlet_tracker_config, max_points), 1025, "1025", "1024"},
        {offsetof(samlet_tracker_config, threads), 65, "65", "64"},
        {offsetof(samlet_tracker_config, max_frame_width), 65537, "65537", "65536"},
        {offsetof(samlet_tracker_config, max_frame_height), UINT32_MAX, "4294967295", "65536"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        c = scene_tracker_config();
        memcpy((char*)&c + bad[i].field, &bad[i].value, sizeof(uint32_t));
        expect_config(&c, SAMLET_ERROR_INVALID_ARGUMENT, bad[i].needle1, bad[i].needle2);
    }
}

static void creation_takes_nulls(void** state) {
    const samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* tracker = NULL;
    samlet_memory_plan plan;
    samlet_error error;
    (void)state;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_tracker_create(NULL, &config, &tracker, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("create", error.message, "model", "NULL", NULL);
    assert_int_equal(samlet_tracker_create(scene_model(), NULL, &tracker, &error),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("create", error.message, "config", "NULL", NULL);
    assert_int_equal(samlet_tracker_create(scene_model(), &config, NULL, &error),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("create", error.message, "tracker", "NULL", NULL);
    assert_int_equal(samlet_tracker_memory(NULL, &config, &plan, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("memory", error.message, "model", "NULL", NULL);
    assert_int_equal(samlet_tracker_memory(scene_model(), NULL, &plan, &error),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("memory", error.message, "config", "NULL", NULL);
    assert_int_equal(samlet_tracker_memory(scene_model(), &config, NULL, &error),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("memory", error.message, "plan", "NULL", NULL);
    plan.size = 8;
    assert_int_equal(samlet_tracker_memory(scene_model(), &config, &plan, &error),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("memory", error.message, "samlet_memory_plan", "8", NULL);
    assert_int_equal(samlet_tracker_create(scene_model(), &config, &tracker, NULL), SAMLET_OK);
    samlet_tracker_destroy(tracker);
}

/* Points add up over the calls on one frame, and start again on the next. */
static void points_add_up_to_the_plan(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_point points[4];
    samlet_prompt prompt;
    samlet_tracker* t;
    (void)state;
    config.max_points = 3;
    t = scene_tracker(&config);
    for (int i = 0; i < 4; i++) points[i] = scene_disc(W, H, 0);
    prompt = scene_points(points, 2);
    scene_set(t, 0, 0);
    expect_prompt(t, 1, scene_points(points, 4), SAMLET_ERROR_CAPACITY, "4", "3");
    scene_prompt(t, 1, &prompt);
    expect_prompt(t, 1, prompt, SAMLET_ERROR_CAPACITY, "4", "3");
    scene_click(t, 1, points[0]);
    expect_prompt(t, 1, scene_points(points, 1), SAMLET_ERROR_CAPACITY, "4", "3");
    prompt.flags = SAMLET_PROMPT_REPLACE_POINTS;
    scene_prompt(t, 1, &prompt);
    scene_set(t, 1, 1);
    prompt = scene_points(points, 3);
    scene_prompt(t, 1, &prompt);
    samlet_tracker_destroy(t);
}

/* Room for one point is room for a click, not for a box. */
static void one_point_is_a_plan(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    const samlet_box box = scene_disc_box(W, H, 0);
    samlet_tracker* t;
    (void)state;
    config.max_points = 1;
    t = scene_tracker(&config);
    scene_set(t, 0, 0);
    expect_prompt(t, 1, scene_box(&box), SAMLET_ERROR_CAPACITY, "2", "1");
    scene_click(t, 1, scene_disc(W, H, 0));
    scene_track(t);
    scene_set(t, 1, 1);
    scene_track(t);
    assert_true(scene_result(t, 1).visible);
    samlet_tracker_destroy(t);
}

/* An object that could not be added is not there. */
static void a_refused_object_is_not_added(void** state) {
    const samlet_tracker_config config = scene_tracker_config();
    const samlet_point outside = {500, 10, SAMLET_POINT_POSITIVE}, inside = scene_disc(W, H, 0);
    samlet_tracker* t = scene_tracker(&config);
    uint32_t count = 9;
    int32_t id = 0;
    (void)state;
    scene_set(t, 0, 0);
    expect_prompt(t, 5, scene_points(&outside, 1), SAMLET_ERROR_INVALID_ARGUMENT, "500", "160");
    assert_ok(t, samlet_tracker_objects(t, NULL, 0, &count));
    assert_int_equal(count, 0);
    scene_click(t, 6, inside);
    expect_prompt(t, 5, scene_points(&inside, 1), SAMLET_ERROR_CAPACITY, "object 5", "1");
    assert_ok(t, samlet_tracker_objects(t, &id, 1, &count));
    assert_int_equal(count, 1);
    assert_int_equal(id, 6);
    samlet_tracker_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_leave_no_trace),         cmocka_unit_test(every_call_takes_a_null_tracker),
        cmocka_unit_test(configs_are_checked),           cmocka_unit_test(creation_takes_nulls),
        cmocka_unit_test(points_add_up_to_the_plan),     cmocka_unit_test(one_point_is_a_plan),
        cmocka_unit_test(a_refused_object_is_not_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
