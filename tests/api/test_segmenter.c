/* The segmenter: right use, and every wrong one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

enum { W = SCENE_WIDTH, H = SCENE_HEIGHT, LOW = 64, GRID = 16, D_MODEL = 128 };

#define assert_segmenter_ok(segmenter, call)                             \
    do {                                                                 \
        const samlet_status ok_status = (call);                          \
        if (ok_status != SAMLET_OK)                                      \
            fail_msg("%s: %s: %s", #call, samlet_status_name(ok_status), \
                     samlet_segmenter_message(segmenter));               \
    } while (0)

static samlet_segmenter* with_image(const samlet_segmenter_config* config, int time) {
    const samlet_frame frame = scene_clip(time);
    samlet_segmenter* s = scene_segmenter(config);
    assert_segmenter_ok(s, samlet_segmenter_set_image(s, &frame));
    return s;
}

static samlet_segmenter* plain(int time) {
    const samlet_segmenter_config config = scene_segmenter_config();
    return with_image(&config, time);
}

static samlet_prediction predict(samlet_segmenter* s, const samlet_prompt* prompt, uint32_t multimask) {
    samlet_prediction p;
    samlet_prediction_init(&p);
    assert_segmenter_ok(s, samlet_segmenter_predict(s, prompt, multimask, &p));
    return p;
}

static samlet_prediction click(samlet_segmenter* s, samlet_point point, uint32_t multimask) {
    const samlet_prompt prompt = scene_points(&point, 1);
    return predict(s, &prompt, multimask);
}

static float* copy_logits(const samlet_prediction* p, uint32_t index) {
    const size_t bytes = (size_t)p->low_res_size * p->low_res_size * sizeof(float);
    float* copy = malloc(bytes);
    assert_non_null(copy);
    memcpy(copy, p->logits[index], bytes);
    return copy;
}

/* ---- Right use ----------------------------------------------------------------------------------------- */

static void check_prediction(const samlet_prediction* p, uint32_t count) {
    assert_int_equal(p->mask_count, count);
    assert_int_equal(p->low_res_size, LOW);
    assert_true(p->best < count);
    assert_true(isfinite(p->object_score));
    for (uint32_t i = 0; i < 4; i++) {
        if (i >= count) {
            assert_null(p->logits[i]);
            assert_true(p->iou[i] == 0);
            continue;
        }
        assert_true(p->iou[i] >= 0 && p->iou[i] <= 1 && p->iou[i] <= p->iou[p->best]);
        for (size_t k = 0; k < LOW * LOW; k++) assert_true(p->logits[i][k] >= -32 && p->logits[i][k] <= 32);
    }
}

/* Box, area and stability of the mask of `logits` cut at `threshold`, pixel by pixel. */
static void check_measure(samlet_segmenter* s, uint32_t index, const float* logits, size_t pitch,
                          float threshold, float offset) {
    samlet_mask_measure m;
    size_t area = 0, inner = 0, outer = 0, x0 = W, y0 = H, x1 = 0, y1 = 0;
    samlet_mask_measure_init(&m);
    assert_segmenter_ok(s, samlet_segmenter_measure(s, index, threshold, offset, &m));
    for (size_t y = 0; y < H; y++) {
        for (size_t x = 0; x < W; x++) {
            const float logit = logits[y * pitch + x];
            inner += logit > threshold + offset;
            outer += logit > threshold - offset;
            if (!(logit > threshold)) continue;
            area++;
            if (x < x0) x0 = x;
            if (y < y0) y0 = y;
            if (x + 1 > x1) x1 = x + 1;
            if (y + 1 > y1) y1 = y + 1;
        }
    }
    if (area == 0) x0 = y0 = 0;
    assert_int_equal(m.area, area);
    assert_int_equal(m.empty, area == 0);
    assert_true(m.box.x0 == (float)x0 && m.box.y0 == (float)y0);
    assert_true(m.box.x1 == (float)x1 && m.box.y1 == (float)y1);
    assert_true(m.stability == (outer ? (float)inner / (float)outer : 0));
}

/* Mask, logits, run-length code and measures of one candidate. */
static void check_maps(samlet_segmenter* s, uint32_t index, uint32_t* area) {
    static float logits[H * (W + 3)];
    static uint8_t mask[H * (W + 5)], decoded[H * W];
    static char text[8 * W * H];
    size_t length = 0;
    memset(mask, 77, sizeof(mask));
    assert_segmenter_ok(s, samlet_segmenter_mask(s, index, mask, W + 5));
    assert_segmenter_ok(s, samlet_segmenter_logits(s, index, logits, (W + 3) * sizeof(float)));
    assert_segmenter_ok(s, samlet_segmenter_rle(s, index, text, sizeof(text), &length));
    assert_int_equal(strlen(text), length);
    assert_true(rle_decode(text, decoded, W, H));
    *area = 0;
    for (size_t y = 0; y < H; y++) {
        for (size_t x = 0; x < W; x++) {
            assert_int_equal(mask[y * (W + 5) + x], logits[y * (W + 3) + x] > 0 ? 255 : 0);
            assert_int_equal(mask[y * (W + 5) + x], decoded[y * W + x]);
            *area += mask[y * (W + 5) + x] != 0;
        }
        for (size_t x = W; x < W + 5; x++) assert_int_equal(mask[y * (W + 5) + x], 77);
    }
    check_measure(s, index, logits, W + 3, 0, 1);
    check_measure(s, index, logits, W + 3, 0, 0);
    check_measure(s, index, logits, W + 3, -2.5f, 0.5f);
    check_measure(s, index, logits, W + 3, 1.5f, 4);
    check_measure(s, index, logits, W + 3, 1e30f, 1); /* empty */
}

static void points_boxes_and_logits_predict(void** state) {
    samlet_segmenter* s = plain(0);
    const samlet_box box = scene_disc_box(W, H, 0);
    const samlet_point point = scene_disc(W, H, 0);
    samlet_prompt prompt;
    samlet_prediction p;
    uint32_t area;
    float* logits;
    (void)state;
    p = click(s, point, 1);
    check_prediction(&p, 3);
    logits = copy_logits(&p, p.best);
    for (uint32_t i = 0; i < 3; i++) check_maps(s, i, &area);
    p = click(s, point, 0);
    check_prediction(&p, 1);
    check_maps(s, 0, &area);
    assert_true(area > 300);
    prompt = scene_box(&box);
    p = predict(s, &prompt, 0);
    check_prediction(&p, 1);
    check_maps(s, 0, &area);
    assert_true(area > 600 && area < 2500); /* the disc has 1158 pixels */
    prompt.points = &point;
    prompt.point_count = 1;
    prompt.logits = logits;
    p = predict(s, &prompt, 1);
    check_prediction(&p, 3);
    prompt = scene_points(NULL, 0);
    prompt.logits = logits; /* refine without a new point */
    p = predict(s, &prompt, 0);
    check_prediction(&p, 1);
    check_maps(s, 0, &area);
    free(logits);
    samlet_segmenter_destroy(s);
}

/* One prediction does not look at the one before. */
static void predictions_repeat_bit_by_bit(void** state) {
    samlet_segmenter* s = plain(0);
    const samlet_frame other = scene_clip(9), same = scene_clip(0);
    samlet_prediction p = click(s, scene_disc(W, H, 0), 1);
    float* first = copy_logits(&p, 1);
    const float iou = p.iou[1], score = p.object_score;
    (void)state;
    for (int i = 0; i < 3; i++) {
        click(s, scene_square(W, H, 0), i == 1);
        if (i == 2) {
            assert_segmenter_ok(s, samlet_segmenter_set_image(s, &other));
            click(s, scene_disc(W, H, 9), 0);
            assert_segmenter_ok(s, samlet_segmenter_set_image(s, &same));
        }
        p = click(s, scene_disc(W, H, 0), 1);
        assert_memory_equal(p.logits[1], first, LOW * LOW * sizeof(float));
        assert_true(p.iou[1] == iou && p.object_score == score);
    }
    free(first);
    samlet_segmenter_destroy(s);
}

static void threads_change_nothing(void** state) {
    samlet_segmenter_config config = scene_segmenter_config();
    samlet_segmenter* s = plain(3);
    samlet_prediction p = click(s, scene_disc(W, H, 3), 1);
    (void)state;
    for (uint32_t threads = 0; threads <= 3; threads++) {
        samlet_segmenter* many;
        samlet_prediction q;
        config.threads = threads;
        config.flags = SAMLET_TRACKER_YIELD;
        many = with_image(&config, 3);
        q = click(many, scene_disc(W, H, 3), 1);
        for (int i = 0; i < 3; i++) assert_memory_equal(p.logits[i], q.logits[i], LOW * LOW * sizeof(float));
        assert_memory_equal(p.iou, q.iou, sizeof(p.iou));
        samlet_segmenter_destroy(many);
    }
    samlet_segmenter_destroy(s);
}

static void features_have_their_shapes(void** state) {
    static const uint32_t channels[3] = {D_MODEL / 8, D_MODEL / 4, D_MODEL},
                          side[3] = {4 * GRID, 2 * GRID, GRID};
    samlet_segmenter* s = plain(0);
    (void)state;
    for (int level = 0; level < 3; level++) {
        samlet_tensor_view view;
        samlet_tensor_view_init(&view);
        assert_segmenter_ok(s, samlet_segmenter_features(s, (samlet_feature_level)level, &view));
        assert_true(view.channels == channels[level] && view.height == side[level] &&
                    view.width == side[level]);
        assert_non_null(view.data);
    }
    samlet_segmenter_destroy(s);
}

static void sprinkles_can_be_removed(void** state) {
    samlet_segmenter_config config = scene_segmenter_config();
    samlet_segmenter* s;
    const samlet_point disc = scene_disc(W, H, 0);
    uint32_t area;
    (void)state;
    config.remove_sprinkle_area = LOW * LOW; /* everything is a sprinkle */
    s = with_image(&config, 0);
    click(s, disc, 0);
    check_maps(s, 0, &area);
    assert_int_equal(area, 0);
    samlet_segmenter_destroy(s);
    config.remove_sprinkle_area = 0;
    config.fill_hole_area = LOW * LOW; /* and everything else a hole */
    s = with_image(&config, 0);
    click(s, disc, 0);
    check_maps(s, 0, &area);
    assert_int_equal(area, W * H);
    samlet_segmenter_destroy(s);
}

/* ---- Misuse -------------------------------------------------------------------------------------------- */

#define EXPECT(s, call, status, needle1, needle2) expect(s, call, status, #call, needle1, needle2)

static void expect(const samlet_segmenter* s, samlet_status got, samlet_status want, const char* what,
                   const char* needle1, const char* needle2) {
    if (got != want)
        fail_msg("%s gives %s, not %s (%s)", what, samlet_status_name(got), samlet_status_name(want),
                 samlet_segmenter_message(s));
    assert_sentence(what, samlet_segmenter_message(s), needle1, needle2, NULL);
}

static uint8_t mask_buffer[W * H];
static float logit_buffer[W * H];

static void expect_prompt(samlet_segmenter* s, samlet_prompt prompt, samlet_status status,
                          const char* needle1, const char* needle2) {
    samlet_prediction p;
    memset(&p, 0x5a, sizeof(p));
    p.size = sizeof(p);
    expect(s, samlet_segmenter_predict(s, &prompt, 1, &p), status, "samlet_segmenter_predict", needle1,
           needle2);
    for (size_t i = 4; i < sizeof(p); i++) assert_int_equal(((const uint8_t*)&p)[i], 0x5a);
}

static void misuse_prompts(samlet_segmenter* s) {
    static float bad_logits[LOW * LOW];
    const samlet_point good = {10, 10, 1};
    samlet_point points[40];
    samlet_prompt p = scene_points(NULL, 0);
    samlet_prediction prediction;
    for (int i = 0; i < 40; i++) points[i] = good;
    expect_prompt(s, p, SAMLET_ERROR_INVALID_ARGUMENT, "empty", NULL);
    p.point_count = 7;
    expect_prompt(s, p, SAMLET_ERROR_INVALID_ARGUMENT, "7", "NULL");
    expect_prompt(s, scene_points(points, 33), SAMLET_ERROR_CAPACITY, "33", "32");
    p = scene_points(points, 1);
    p.flags = SAMLET_PROMPT_REPLACE_POINTS;
    expect_prompt(s, p, SAMLET_ERROR_INVALID_ARGUMENT, "1", "flags");
    p = scene_points(points, 1);
    p.mask = mask_buffer;
    expect_prompt(s, p, SAMLET_ERROR_INVALID_ARGUMENT, "logits", "mask");
    p = scene_points(points, 1);
    p.size = 4;
    expect_prompt(s, p, SAMLET_ERROR_INVALID_ARGUMENT, "samlet_prompt", "4");
    p = scene_points(points, 1);
    bad_logits[77] = NAN;
    p.logits = bad_logits;
    expect_prompt(s, p, SAMLET_ERROR_INVALID_ARGUMENT, "77", NULL);
    bad_logits[77] = 0;
    bad_logits[4095] = INFINITY;
    expect_prompt(s, p, SAMLET_ERROR_INVALID_ARGUMENT, "4095", NULL);
    bad_logits[4095] = 0;
    p = scene_points(points, 1);
    EXPECT(s, samlet_segmenter_predict(s, NULL, 1, &prediction), SAMLET_ERROR_INVALID_ARGUMENT, "prompt",
           "NULL");
    EXPECT(s, samlet_segmenter_predict(s, &p, 1, NULL), SAMLET_ERROR_INVALID_ARGUMENT, "prediction", "NULL");
    prediction.size = 0;
    EXPECT(s, samlet_segmenter_predict(s, &p, 1, &prediction), SAMLET_ERROR_INVALID_ARGUMENT,
           "samlet_prediction", "0");
}

static void misuse_coordinates(samlet_segmenter* s) {
    static const struct {
        float x, y;
        int32_t label;
        const char* needle;
    } points[] = {{NAN, 1, 1, "x of point 0"},
                  {1, INFINITY, 1, "y of point 0"},
                  {-0.5f, 1, 1, "x = -0.5"},
                  {1, 97, 1, "y = 97"},
                  {1, 1, 3, "label 3"}};
    static const struct {
        samlet_box box;
        const char* needle;
    } boxes[] = {{{NAN, 0, 1, 1}, "x0"},
                 {{5, 0, 5, 1}, "x0 = 5"},
                 {{0, 7.5f, 1, 2}, "y0 = 7.5"},
                 {{-1, 0, 1, 1}, "x0 = -1"},
                 {{0, 0, 1, 96.25f}, "y1 = 96.25"}};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        const samlet_point point = {points[i].x, points[i].y, points[i].label};
        expect_prompt(s, scene_points(&point, 1), SAMLET_ERROR_INVALID_ARGUMENT, points[i].needle, NULL);
    }
    for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
        expect_prompt(s, scene_box(&boxes[i].box), SAMLET_ERROR_INVALID_ARGUMENT, boxes[i].needle, NULL);
}

static void misuse_images(samlet_segmenter* s) {
    samlet_frame f = scene_clip(1);
    EXPECT(s, samlet_segmenter_set_image(s, NULL), SAMLET_ERROR_INVALID_ARGUMENT, "image", "NULL");
    f.size = 0;
    EXPECT(s, samlet_segmenter_set_image(s, &f), SAMLET_ERROR_INVALID_ARGUMENT, "samlet_frame", "0");
    f = scene_clip(1);
    f.width = W + 1;
    f.stride[0] = 3 * (W + 1);
    EXPECT(s, samlet_segmenter_set_image(s, &f), SAMLET_ERROR_CAPACITY, "161", "160");
    f = scene_clip(1);
    f.height = 0;
    EXPECT(s, samlet_segmenter_set_image(s, &f), SAMLET_ERROR_INVALID_ARGUMENT, "160 x 0", NULL);
    f = scene_clip(1);
    f.stride[0] = 1;
    EXPECT(s, samlet_segmenter_set_image(s, &f), SAMLET_ERROR_INVALID_ARGUMENT, "1", "480");
    f = scene_clip(1);
    f.plane[0] = NULL;
    EXPECT(s, samlet_segmenter_set_image(s, &f), SAMLET_ERROR_INVALID_ARGUMENT, "plane[0]", "NULL");
}

static void misuse_results(samlet_segmenter* s) {
    const samlet_status invalid = SAMLET_ERROR_INVALID_ARGUMENT;
    samlet_mask_measure measure;
    samlet_tensor_view view;
    size_t length = 0, needed = 0;
    char text[4], number[24];
    EXPECT(s, samlet_segmenter_mask(s, 1, mask_buffer, W), invalid, "mask 1", "1");
    EXPECT(s, samlet_segmenter_mask(s, UINT32_MAX, mask_buffer, W), invalid, "4294967295", NULL);
    EXPECT(s, samlet_segmenter_mask(s, 0, NULL, W), invalid, "NULL", NULL);
    EXPECT(s, samlet_segmenter_mask(s, 0, mask_buffer, W - 1), invalid, "159", "160");
    EXPECT(s, samlet_segmenter_mask(s, 0, mask_buffer, UINT64_MAX), invalid, "9223372036854775807", NULL);
    EXPECT(s, samlet_segmenter_logits(s, 3, logit_buffer, 4 * W), invalid, "mask 3", NULL);
    EXPECT(s, samlet_segmenter_logits(s, 0, NULL, 4 * W), invalid, "NULL", NULL);
    EXPECT(s, samlet_segmenter_logits(s, 0, logit_buffer, 4 * W + 1), invalid, "641", "4");
    EXPECT(s, samlet_segmenter_rle(s, 0, text, 4, NULL), invalid, "length", "NULL");
    EXPECT(s, samlet_segmenter_rle(s, 0, NULL, 4, &length), invalid, "text", "NULL");
    EXPECT(s, samlet_segmenter_rle(s, 9, NULL, 0, &length), invalid, "mask 9", NULL);
    assert_segmenter_ok(s, samlet_segmenter_rle(s, 0, NULL, 0, &needed));
    sprintf(number, "%u", (unsigned)needed);
    EXPECT(s, samlet_segmenter_rle(s, 0, text, 4, &length), SAMLET_ERROR_BUFFER_TOO_SMALL, number, "4");
    assert_int_equal(length, needed);
    EXPECT(s, samlet_segmenter_measure(s, 0, 0, 1, NULL), invalid, "measure", "NULL");
    samlet_mask_measure_init(&measure);
    EXPECT(s, samlet_segmenter_measure(s, 7, 0, 1, &measure), invalid, "mask 7", NULL);
    EXPECT(s, samlet_segmenter_measure(s, 0, NAN, 1, &measure), invalid, "threshold", NULL);
    EXPECT(s, samlet_segmenter_measure(s, 0, 0, INFINITY, &measure), invalid, "offset", NULL);
    EXPECT(s, samlet_segmenter_measure(s, 0, 0, -0.5f, &measure), invalid, "offset", NULL);
    measure.size = 3;
    EXPECT(s, samlet_segmenter_measure(s, 0, 0, 1, &measure), invalid, "samlet_mask_measure", "3");
    EXPECT(s, samlet_segmenter_features(s, SAMLET_FEATURES_STRIDE4, NULL), invalid, "view", "NULL");
    samlet_tensor_view_init(&view);
    EXPECT(s, samlet_segmenter_features(s, (samlet_feature_level)5, &view), invalid, "5", "2");
    view.size = 1;
    EXPECT(s, samlet_segmenter_features(s, SAMLET_FEATURES_STRIDE4, &view), invalid, "samlet_tensor_view",
           "1");
}

static void errors_leave_no_trace(void** state) {
    samlet_segmenter *s = plain(0), *clean = plain(0);
    static uint8_t mask[W * H], want[W * H];
    samlet_prediction p, q;
    (void)state;
    for (int round = 0; round < 2; round++) {
        misuse_prompts(s);
        misuse_coordinates(s);
        misuse_images(s);
        p = click(s, scene_disc(W, H, 0), 0);
        q = click(clean, scene_disc(W, H, 0), 0);
        misuse_results(s);
        misuse_prompts(s); /* the last prediction stays */
        misuse_coordinates(s);
        misuse_images(s);
        assert_memory_equal(p.logits[0], q.logits[0], LOW * LOW * sizeof(float));
        assert_segmenter_ok(s, samlet_segmenter_mask(s, 0, mask, W));
        assert_segmenter_ok(clean, samlet_segmenter_mask(clean, 0, want, W));
        assert_memory_equal(mask, want, sizeof(mask));
    }
    samlet_segmenter_destroy(s);
    samlet_segmenter_destroy(clean);
}

static void calls_out_of_order(void** state) {
    const samlet_segmenter_config config = scene_segmenter_config();
    const samlet_frame frame = scene_clip(0);
    const samlet_point point = scene_disc(W, H, 0);
    samlet_segmenter* s = scene_segmenter(&config);
    samlet_mask_measure measure;
    samlet_tensor_view view;
    size_t length;
    (void)state;
    samlet_mask_measure_init(&measure);
    samlet_tensor_view_init(&view);
    assert_string_equal(samlet_segmenter_message(s), "");
    expect_prompt(s, scene_points(&point, 1), SAMLET_ERROR_STATE, "samlet_segmenter_set_image", NULL);
    EXPECT(s, samlet_segmenter_features(s, SAMLET_FEATURES_STRIDE4, &view), SAMLET_ERROR_STATE, "image",
           NULL);
    for (int i = 0; i < 2; i++) { /* without any prediction, then without one for the new image */
        const char* call = "samlet_segmenter_predict";
        EXPECT(s, samlet_segmenter_mask(s, 0, mask_buffer, W), SAMLET_ERROR_STATE, call, NULL);
        EXPECT(s, samlet_segmenter_logits(s, 0, logit_buffer, 4 * W), SAMLET_ERROR_STATE, call, NULL);
        EXPECT(s, samlet_segmenter_rle(s, 0, NULL, 0, &length), SAMLET_ERROR_STATE, call, NULL);
        EXPECT(s, samlet_segmenter_measure(s, 0, 0, 1, &measure), SAMLET_ERROR_STATE, call, NULL);
        assert_segmenter_ok(s, samlet_segmenter_set_image(s, &frame));
        EXPECT(s, samlet_segmenter_mask(s, 0, mask_buffer, W), SAMLET_ERROR_STATE, call, NULL);
        click(s, point, 1);
        assert_segmenter_ok(s, samlet_segmenter_mask(s, 2, mask_buffer, W));
        assert_segmenter_ok(s, samlet_segmenter_set_image(s, &frame));
    }
    samlet_segmenter_destroy(s);
}

static void every_call_takes_a_null_segmenter(void** state) {
    const samlet_frame frame = scene_clip(0);
    const samlet_point point = {10, 10, 1};
    const samlet_prompt prompt = scene_points(&point, 1);
    const samlet_status invalid = SAMLET_ERROR_INVALID_ARGUMENT;
    samlet_prediction p;
    samlet_tensor_view view;
    size_t length;
    (void)state;
    samlet_prediction_init(&p);
    samlet_tensor_view_init(&view);
    assert_int_equal(samlet_segmenter_set_image(NULL, &frame), invalid);
    assert_int_equal(samlet_segmenter_predict(NULL, &prompt, 0, &p), invalid);
    assert_int_equal(samlet_segmenter_mask(NULL, 0, mask_buffer, W), invalid);
    assert_int_equal(samlet_segmenter_logits(NULL, 0, logit_buffer, 4 * W), invalid);
    assert_int_equal(samlet_segmenter_rle(NULL, 0, NULL, 0, &length), invalid);
    assert_int_equal(samlet_segmenter_measure(NULL, 0, 0, 1, NULL), invalid);
    assert_int_equal(samlet_segmenter_features(NULL, SAMLET_FEATURES_STRIDE4, &view), invalid);
    assert_sentence("no segmenter", samlet_segmenter_message(NULL), "segmenter", "NULL", NULL);
    samlet_segmenter_destroy(NULL);
}

static void expect_config(const samlet_segmenter_config* config, const char* needle1, const char* needle2) {
    samlet_segmenter* s = (samlet_segmenter*)(uintptr_t)64;
    samlet_memory_plan plan;
    samlet_error error, again;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_segmenter_create(scene_model(), config, &s, &error),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_null(s);
    assert_sentence("samlet_segmenter_create", error.message, needle1, needle2, NULL);
    assert_int_equal(samlet_segmenter_memory(scene_model(), config, &plan, &again),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_string_equal(error.message, again.message);
}

static void configs_are_checked(void** state) {
    static const struct {
        size_t field;
        uint32_t value;
        const char *needle1, *needle2;
    } bad[] = {
        {offsetof(samlet_segmenter_config, size), 12, "samlet_segmenter_config", "12"},
        {offsetof(samlet_segmenter_config, flags), SAMLET_TRACKER_NON_OVERLAPPING, "4", "19"},
        {offsetof(samlet_segmenter_config, image_size), 33, "33", "32"},
        {offsetof(samlet_segmenter_config, max_points), 1025, "1025", "1024"},
        {offsetof(samlet_segmenter_config, threads), 65, "65", "64"},
        {offsetof(samlet_segmenter_config, max_frame_width), 70000, "70000", "65536"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        samlet_segmenter_config c = scene_segmenter_config();
        memcpy((char*)&c + bad[i].field, &bad[i].value, sizeof(uint32_t));
        expect_config(&c, bad[i].needle1, bad[i].needle2);
    }
}

static void creation_takes_nulls(void** state) {
    const samlet_segmenter_config config = scene_segmenter_config();
    const samlet_status invalid = SAMLET_ERROR_INVALID_ARGUMENT;
    samlet_segmenter* s = NULL;
    samlet_memory_plan plan;
    samlet_error error;
    (void)state;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_segmenter_create(NULL, &config, &s, &error), invalid);
    assert_sentence("create", error.message, "model", "NULL", NULL);
    assert_int_equal(samlet_segmenter_create(scene_model(), NULL, &s, &error), invalid);
    assert_sentence("create", error.message, "config", "NULL", NULL);
    assert_int_equal(samlet_segmenter_create(scene_model(), &config, NULL, &error), invalid);
    assert_sentence("create", error.message, "segmenter", "NULL", NULL);
    assert_int_equal(samlet_segmenter_memory(NULL, &config, &plan, &error), invalid);
    assert_int_equal(samlet_segmenter_memory(scene_model(), NULL, &plan, &error), invalid);
    assert_int_equal(samlet_segmenter_memory(scene_model(), &config, NULL, &error), invalid);
    assert_sentence("memory", error.message, "plan", "NULL", NULL);
    plan.size--;
    assert_int_equal(samlet_segmenter_memory(scene_model(), &config, &plan, NULL), invalid);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_boxes_and_logits_predict),
        cmocka_unit_test(predictions_repeat_bit_by_bit),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(features_have_their_shapes),
        cmocka_unit_test(sprinkles_can_be_removed),
        cmocka_unit_test(errors_leave_no_trace),
        cmocka_unit_test(calls_out_of_order),
        cmocka_unit_test(every_call_takes_a_null_segmenter),
        cmocka_unit_test(configs_are_checked),
        cmocka_unit_test(creation_takes_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
