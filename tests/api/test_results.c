/* Results at the frame's size: masks, logits, run-length codes, boxes and areas agree; pixel formats, strides
 * and sizes of frames; the options that change results.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

enum { W = SCENE_WIDTH, H = SCENE_HEIGHT, LOW = 64 };

/* ---- One result, four ways ----------------------------------------------------------------------------- */

typedef struct maps {
    uint8_t* mask;
    float* logits;
    uint32_t width, height;
} maps;

static void maps_free(maps* m) {
    free(m->mask);
    free(m->logits);
}

/* Mask and logits, at strides with room between the rows that must not be touched. */
static maps read_maps(samlet_tracker* t, int32_t object, uint32_t width, uint32_t height) {
    const size_t mask_stride = width + 5, logit_stride = width + 3;
    uint8_t* mask = malloc(mask_stride * height);
    float* logits = malloc(logit_stride * height * sizeof(float));
    maps m;
    m.width = width;
    m.height = height;
    m.mask = malloc((size_t)width * height);
    m.logits = malloc((size_t)width * height * sizeof(float));
    assert_true(mask && logits && m.mask && m.logits);
    memset(mask, 77, mask_stride * height);
    for (size_t i = 0; i < logit_stride * height; i++) logits[i] = 12345.0f;
    assert_ok(t, samlet_tracker_mask(t, object, mask, mask_stride));
    assert_ok(t, samlet_tracker_logits(t, object, logits, logit_stride * sizeof(float)));
    for (uint32_t y = 0; y < height; y++) {
        memcpy(m.mask + (size_t)y * width, mask + y * mask_stride, width);
        memcpy(m.logits + (size_t)y * width, logits + y * logit_stride, width * sizeof(float));
        for (size_t x = width; x < mask_stride; x++) assert_int_equal(mask[y * mask_stride + x], 77);
        for (size_t x = width; x < logit_stride; x++) assert_true(logits[y * logit_stride + x] == 12345.0f);
    }
    free(mask);
    free(logits);
    return m;
}

static void check_box(const maps* m, const samlet_result* r) {
    uint32_t x0 = m->width, y0 = m->height, x1 = 0, y1 = 0;
    uint64_t area = 0;
    for (uint32_t y = 0; y < m->height; y++)
        for (uint32_t x = 0; x < m->width; x++) {
            if (!m->mask[(size_t)y * m->width + x]) continue;
            area++;
            x0 = x < x0 ? x : x0;
            y0 = y < y0 ? y : y0;
            x1 = x + 1 > x1 ? x + 1 : x1;
            y1 = y + 1 > y1 ? y + 1 : y1;
        }
    assert_int_equal(r->area, area);
    assert_int_equal(r->empty, area == 0);
    if (area == 0) x0 = y0 = 0;
    assert_true(r->box.x0 == (float)x0 && r->box.y0 == (float)y0 && r->box.x1 == (float)x1 &&
                r->box.y1 == (float)y1);
}

static void check_rle(samlet_tracker* t, int32_t object, const maps* m) {
    const size_t cells = (size_t)m->width * m->height;
    uint8_t* decoded = malloc(cells);
    size_t length = 0, again = 0;
    char* text;
    assert_ok(t, samlet_tracker_rle(t, object, NULL, 0, &length));
    text = malloc(length + 1);
    assert_true(decoded && text);
    assert_int_equal(samlet_tracker_rle(t, object, text, length, &again), SAMLET_ERROR_BUFFER_TOO_SMALL);
    assert_int_equal(again, length);
    assert_ok(t, samlet_tracker_rle(t, object, text, length + 1, &again));
    assert_int_equal(again, length);
    assert_int_equal(strlen(text), length);
    assert_true(rle_decode(text, decoded, m->width, m->height));
    assert_memory_equal(decoded, m->mask, cells);
    free(decoded);
    free(text);
}

/* Asks in one order or the other: the box may be computed by either call. */
static void check_result(samlet_tracker* t, int32_t object, uint32_t width, uint32_t height, int mask_first) {
    samlet_result r;
    maps m;
    if (!mask_first) r = scene_result(t, object);
    m = read_maps(t, object, width, height);
    if (mask_first) r = scene_result(t, object);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        assert_true(isfinite(m.logits[i]));
        assert_int_equal(m.mask[i], m.logits[i] > 0 ? 255 : 0);
    }
    check_box(&m, &r);
    check_rle(t, object, &m);
    maps_free(&m);
}

static void masks_logits_codes_boxes_and_areas_agree(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t;
    (void)state;
    config.max_objects = 2;
    config.threads = 2;
    config.flags = SAMLET_TRACKER_YIELD;
    t = scene_tracker(&config);
    for (int i = 0; i < 4; i++) {
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(W, H, 0));
        if (i == 0) scene_click(t, 2, scene_square(W, H, 0));
        scene_track(t);
        check_result(t, 1, W, H, i % 2);
        check_result(t, 2, W, H, i % 2);
        assert_true(scene_result(t, 1).area > 500 && scene_result(t, 2).area > 300);
    }
    samlet_tracker_destroy(t);
}

static void results_at_all_frame_sizes(void** state) {
    static const uint32_t sizes[][2] = {{1, 1},   {1, 300}, {300, 1},   {2, 3},
                                        {64, 64}, {63, 65}, {300, 200}, {640, 360}};
    samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t;
    uint8_t* rgb = malloc((size_t)3 * 640 * 360);
    (void)state;
    assert_non_null(rgb);
    config.max_frame_width = 640;
    config.max_frame_height = 360;
    t = scene_tracker(&config);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const uint32_t w = sizes[i][0], h = sizes[i][1];
        const samlet_box all = {0, 0, (float)w, (float)h};
        const samlet_prompt prompt = scene_box(&all);
        const samlet_frame frame = scene_frame(rgb, SAMLET_PIXEL_RGB, w, h);
        scene_draw(rgb, w, h, 0);
        assert_ok(t, samlet_tracker_set_frame(t, &frame, (int64_t)i));
        scene_prompt(t, 1, &prompt);
        check_result(t, 1, w, h, 1);
        scene_track(t);
        check_result(t, 1, w, h, 0);
        assert_ok(t, samlet_tracker_remove_object(t, 1));
    }
    free(rgb);
    samlet_tracker_destroy(t);
}

/* ---- Ways to give one picture -------------------------------------------------------------------------- */

/* Runs two frames, given by `make`, and records. */
typedef samlet_frame (*make_frame)(int time);

static void record_frames(make_frame make, recording* out) {
    const samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t = scene_tracker(&config);
    recording_init(out);
    for (int i = 0; i < 2; i++) {
        const samlet_frame frame = make(i);
        assert_ok(t, samlet_tracker_set_frame(t, &frame, i));
        if (i == 0) scene_click(t, 1, scene_disc(W, H, 0));
        scene_track(t);
        recording_add(out, t, 1);
    }
    samlet_tracker_destroy(t);
}

/* `order`: where R, G and B go; `bytes` per pixel; `slack` bytes after each row. */
static samlet_frame packed(int time, samlet_pixel_format format, const int order[3], size_t bytes,
                           size_t slack) {
    static uint8_t* buffer;
    const uint8_t* rgb = scene_clip(time).plane[0];
    const size_t stride = bytes * W + slack;
    samlet_frame frame;
    free(buffer);
    buffer = malloc(stride * H + 1);
    assert_non_null(buffer);
    for (size_t i = 0; i < stride * H + 1; i++) buffer[i] = (uint8_t)(i * 37); /* also the alpha channel */
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++)
            for (int c = 0; c < 3; c++)
                buffer[1 + y * stride + x * bytes + (size_t)order[c]] = rgb[(y * W + x) * 3 + (size_t)c];
    frame = scene_frame(buffer + 1, format, W, H); /* planes need no alignment */
    frame.stride[0] = stride;
    return frame;
}

static const int forwards[3] = {0, 1, 2}, backwards[3] = {2, 1, 0};
static samlet_frame rgb_wide(int time) {
    return packed(time, SAMLET_PIXEL_RGB, forwards, 3, 11);
}
static samlet_frame bgr(int time) {
    return packed(time, SAMLET_PIXEL_BGR, backwards, 3, 0);
}
static samlet_frame rgba(int time) {
    return packed(time, SAMLET_PIXEL_RGBA, forwards, 4, 7);
}
static samlet_frame bgra(int time) {
    return packed(time, SAMLET_PIXEL_BGRA, backwards, 4, 0);
}

static void formats_of_the_same_colours_are_the_same(void** state) {
    static const make_frame formats[] = {rgb_wide, bgr, rgba, bgra};
    recording want, got;
    (void)state;
    record_frames(scene_clip, &want);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        record_frames(formats[i], &got);
        assert_same_recordings(&want, &got);
        recording_free(&got);
    }
    recording_free(&want);
}

static uint8_t luma(int time, size_t i) {
    const uint8_t* p = (const uint8_t*)scene_clip(time).plane[0] + 3 * i;
    return (uint8_t)((p[0] * 77 + p[1] * 150 + p[2] * 29) >> 8);
}

static samlet_frame grey(int time) {
    static uint8_t pixels[W * H];
    for (size_t i = 0; i < W * H; i++) pixels[i] = luma(time, i);
    return scene_frame(pixels, SAMLET_PIXEL_GREY, W, H);
}

static samlet_frame grey_as_rgb(int time) {
    static uint8_t pixels[3 * W * H];
    for (size_t i = 0; i < 3 * W * H; i++) pixels[i] = luma(time, i / 3);
    return scene_frame(pixels, SAMLET_PIXEL_RGB, W, H);
}

static void grey_is_rgb_of_equal_channels(void** state) {
    recording a, b;
    (void)state;
    record_frames(grey, &a);
    record_frames(grey_as_rgb, &b);
    assert_same_recordings(&a, &b);
    recording_free(&a);
    recording_free(&b);
}

/* The colours of the clip in Y, U, V; chroma of each pair of columns and rows comes from its first pixel. */
static void yuv(const uint8_t* p, int out[3]) {
    const int r = p[0], g = p[1], b = p[2];
    out[0] = 16 + ((66 * r + 129 * g + 25 * b + 128) >> 8);
    out[1] = 128 + ((-38 * r - 74 * g + 112 * b + 128) >> 8);
    out[2] = 128 + ((112 * r - 94 * g - 18 * b + 128) >> 8);
}

static samlet_frame nv12(int time) {
    static uint8_t y_plane[W * H], uv_plane[W * H / 2];
    samlet_frame frame = scene_clip(time);
    const uint8_t* rgb = frame.plane[0];
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++) {
            int v[3];
            yuv(rgb + (y * W + x) * 3, v);
            y_plane[y * W + x] = (uint8_t)v[0];
            yuv(rgb + (y / 2 * 2 * W + x / 2 * 2) * 3, v);
            uv_plane[y / 2 * W + x] = (uint8_t)v[1 + x % 2];
        }
    frame.format = SAMLET_PIXEL_NV12;
    frame.plane[0] = y_plane;
    frame.plane[1] = uv_plane;
    frame.stride[0] = frame.stride[1] = W;
    return frame;
}

static samlet_frame yuyv(int time) {
    static uint8_t pixels[2 * W * H];
    samlet_frame frame = scene_clip(time);
    const uint8_t* rgb = frame.plane[0];
    for (size_t i = 0; i < W * H; i++) {
        int own[3], pair[3];
        yuv(rgb + 3 * i, own);
        yuv(rgb + 3 * (i / 2 * 2), pair);
        pixels[2 * i] = (uint8_t)own[0];
        pixels[2 * i + 1] = (uint8_t)pair[1 + i % 2];
    }
    frame.format = SAMLET_PIXEL_YUYV;
    frame.plane[0] = pixels;
    frame.stride[0] = 2 * W;
    return frame;
}

static void yuv_formats_are_nearly_the_same(void** state) {
    static const make_frame formats[] = {nv12, yuyv};
    recording want, got;
    (void)state;
    record_frames(scene_clip, &want);
    for (int i = 0; i < 2; i++) {
        record_frames(formats[i], &got);
        for (size_t k = 0; k < got.count; k++) {
            const double a = (double)want.records[k].result.area, b = (double)got.records[k].result.area;
            assert_true(fabs(a - b) < 0.3 * a); /* colours lose resolution at the edges */
        }
        recording_free(&got);
    }
    recording_free(&want);
}

/* ---- Options ------------------------------------------------------------------------------------------- */

/* Two objects on the same disc: what one gets, the other wants too. */
static samlet_tracker* rivals(uint32_t flags) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_point near = scene_disc(W, H, 0);
    samlet_tracker* t;
    config.max_objects = 3;
    config.flags = flags;
    t = scene_tracker(&config);
    near.x += 6;
    scene_set(t, 0, 0);
    scene_click(t, 1, scene_disc(W, H, 0));
    scene_click(t, 2, near);
    scene_click(t, 3, scene_square(W, H, 0));
    scene_track(t);
    return t;
}

static void non_overlapping_masks_share_out_the_pixels(void** state) {
    samlet_tracker *apart = rivals(SAMLET_TRACKER_NON_OVERLAPPING), *over = rivals(0);
    uint32_t disputed = 0;
    (void)state;
    for (int i = 1; i < 4; i++) {
        maps a[3], b[3];
        scene_set(apart, i, i);
        scene_track(apart);
        scene_set(over, i, i);
        scene_track(over);
        for (int32_t k = 0; k < 3; k++) {
            check_result(apart, k + 1, W, H, i % 2);
            a[k] = read_maps(apart, k + 1, W, H);
            b[k] = read_maps(over, k + 1, W, H);
        }
        for (size_t p = 0; p < W * H; p++) {
            uint32_t claims = 0, owners = 0;
            float best = -1e9f;
            for (int k = 0; k < 3; k++) {
                claims += b[k].mask[p] != 0;
                owners += a[k].mask[p] != 0;
                if (b[k].logits[p] > best) best = b[k].logits[p];
            }
            assert_int_equal(owners, claims > 0);
            disputed += claims > 1;
            for (int k = 0; k < 3; k++)
                if (a[k].mask[p]) assert_true(b[k].logits[p] == best && a[k].logits[p] == best);
        }
        for (int k = 0; k < 3; k++) maps_free(&a[k]), maps_free(&b[k]);
    }
    assert_true(disputed > 100);
    samlet_tracker_destroy(apart);
    samlet_tracker_destroy(over);
}

static void non_overlapping_does_not_touch_memories(void** state) {
    samlet_tracker *apart = rivals(SAMLET_TRACKER_NON_OVERLAPPING), *over = rivals(0);
    (void)state;
    for (int i = 1; i < 5; i++) {
        scene_set(apart, i, i);
        scene_track(apart);
        scene_set(over, i, i);
        scene_track(over);
        for (int32_t k = 1; k <= 3; k++) {
            const samlet_result a = scene_result(apart, k), b = scene_result(over, k);
            assert_memory_equal(a.logits, b.logits, LOW * LOW * sizeof(float));
            assert_true(a.iou == b.iou && a.object_score == b.object_score);
        }
    }
    samlet_tracker_destroy(apart);
    samlet_tracker_destroy(over);
}

/* Whatever changes one object's mask changes the boxes and areas of the others. */
static void non_overlapping_boxes_follow_the_others(void** state) {
    samlet_tracker* t = rivals(SAMLET_TRACKER_NON_OVERLAPPING);
    uint64_t shared, alone;
    (void)state;
    scene_set(t, 1, 1);
    scene_track(t);
    shared = scene_result(t, 1).area;
    scene_click(t, 2, scene_disc(W, H, 1));
    check_result(t, 1, W, H, 0);
    assert_ok(t, samlet_tracker_clear_prompts(t, 2));
    alone = scene_result(t, 1).area;
    check_result(t, 1, W, H, 0);
    assert_true(alone > shared);
    scene_track(t); /* finds object 2 again; object 1 is done already */
    check_result(t, 1, W, H, 0);
    assert_int_equal(scene_result(t, 1).area, shared);
    assert_ok(t, samlet_tracker_remove_object(t, 2));
    assert_int_equal(scene_result(t, 1).area, alone);
    samlet_tracker_destroy(t);
}

/* 8-connected components of one kind of pixel, at most `area` large. */
static uint32_t small_components(const float* logits, int inside, uint32_t area) {
    static uint8_t seen[LOW * LOW];
    static uint32_t stack[LOW * LOW];
    uint32_t count = 0;
    memset(seen, 0, sizeof(seen));
    for (uint32_t start = 0; start < LOW * LOW; start++) {
        uint32_t depth = 0, size = 0;
        if (seen[start] || (logits[start] > 0) != inside) continue;
        seen[start] = 1;
        stack[depth++] = start;
        while (depth) {
            const uint32_t cell = stack[--depth];
            size++;
            for (int k = 0; k < 9; k++) {
                const int x = (int)(cell % LOW) + k % 3 - 1, y = (int)(cell / LOW) + k / 3 - 1;
                const uint32_t next = (uint32_t)(y * LOW + x);
                if (x < 0 || y < 0 || x >= LOW || y >= LOW || seen[next] || (logits[next] > 0) != inside)
                    continue;
                seen[next] = 1;
                stack[depth++] = next;
            }
        }
        count += size <= area;
    }
    return count;
}

/* A picture that gives ragged masks. */
static void draw_rubble(uint8_t* rgb, uint32_t seed) {
    for (size_t i = 0; i < 3 * W * H; i++) {
        const size_t x = i / 3 % W / 5, y = i / 3 / W / 5;
        const uint32_t n = (uint32_t)(x * 2654435761u ^ (y + seed) * 2246822519u ^ i % 3 * 3266489917u);
        rgb[i] = (uint8_t)((n * 747796405u) >> 24);
    }
}

static void count_rubble(uint32_t holes, uint32_t sprinkles, uint32_t* left_holes, uint32_t* left_sprinkles) {
    static uint8_t rgb[3 * W * H];
    samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t;
    config.fill_hole_area = holes;
    config.remove_sprinkle_area = sprinkles;
    t = scene_tracker(&config);
    *left_holes = *left_sprinkles = 0;
    for (int i = 0; i < 8; i++) {
        const samlet_frame frame = scene_frame(rgb, SAMLET_PIXEL_RGB, W, H);
        const samlet_box all = {10, 10, 140, 90};
        const samlet_prompt prompt = scene_box(&all);
        samlet_result r;
        draw_rubble(rgb, (uint32_t)i / 2);
        assert_ok(t, samlet_tracker_set_frame(t, &frame, i));
        if (i % 2 == 0) scene_prompt(t, 1, &prompt);
        if (i % 2 == 1) scene_track(t);
        r = scene_result(t, 1);
        *left_holes += small_components(r.logits, 0, 6);
        *left_sprinkles += small_components(r.logits, 1, 6);
        check_result(t, 1, W, H, 0);
    }
    samlet_tracker_destroy(t);
}

static void holes_and_sprinkles_can_be_removed(void** state) {
    uint32_t holes, sprinkles, left_holes, left_sprinkles;
    (void)state;
    count_rubble(0, 0, &holes, &sprinkles);
    assert_true(holes > 0 && sprinkles > 0);
    count_rubble(6, 0, &left_holes, &left_sprinkles);
    assert_int_equal(left_holes, 0);
    assert_true(left_sprinkles > 0);
    count_rubble(0, 6, &left_holes, &left_sprinkles);
    assert_int_equal(left_sprinkles, 0);
    assert_true(left_holes > 0);
    count_rubble(6, 6, &left_holes, &left_sprinkles);
    assert_int_equal(left_holes + left_sprinkles, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_logits_codes_boxes_and_areas_agree),
        cmocka_unit_test(results_at_all_frame_sizes),
        cmocka_unit_test(formats_of_the_same_colours_are_the_same),
        cmocka_unit_test(grey_is_rgb_of_equal_channels),
        cmocka_unit_test(yuv_formats_are_nearly_the_same),
        cmocka_unit_test(non_overlapping_masks_share_out_the_pixels),
        cmocka_unit_test(non_overlapping_does_not_touch_memories),
        cmocka_unit_test(non_overlapping_boxes_follow_the_others),
        cmocka_unit_test(holes_and_sprinkles_can_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
