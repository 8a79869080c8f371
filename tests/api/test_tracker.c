/* What a tracker promises about objects, prompts and time, on a synthetic clip with the bundled model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "scene.h"

enum { W = SCENE_WIDTH, H = SCENE_HEIGHT, GRID = 16, CELLS = GRID * GRID, D_MODEL = 128, MEMORY_DIM = 32 };

static samlet_tracker* tracker_for(uint32_t objects) {
    samlet_tracker_config config = scene_tracker_config();
    config.max_objects = objects;
    return scene_tracker(&config);
}

/* The disc as object 1, prompted by a click on the first frame, over `frames` frames. Moment i of the clip
 * gets the number first + i * step. */
static void track_disc(samlet_tracker* t, recording* out, int frames, int64_t first, int64_t step) {
    for (int i = 0; i < frames; i++) {
        scene_set(t, i, first + i * step);
        if (i == 0) scene_click(t, 1, scene_disc(W, H, 0));
        scene_track(t);
        recording_add(out, t, 1);
    }
}

static void track_disc_with(const samlet_tracker_config* config, recording* out, int frames) {
    samlet_tracker* t = scene_tracker(config);
    recording_init(out);
    track_disc(t, out, frames, 0, 1);
    samlet_tracker_destroy(t);
}

/* Squared distance of the centre of a result's box from a point. */
static float distance_from(const samlet_result* r, samlet_point point) {
    const float dx = (r->box.x0 + r->box.x1) / 2 - point.x, dy = (r->box.y0 + r->box.y1) / 2 - point.y;
    return dx * dx + dy * dy;
}

/* ---- The whole path ------------------------------------------------------------------------------------ */

static void the_disc_is_followed(void** state) {
    samlet_tracker* t = tracker_for(2);
    (void)state;
    for (int i = 0; i < 12; i++) {
        samlet_result disc, square;
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(W, H, 0));
        if (i == 0) scene_click(t, 2, scene_square(W, H, 0));
        scene_track(t);
        disc = scene_result(t, 1);
        square = scene_result(t, 2);
        assert_int_equal(disc.frame, i);
        assert_int_equal(disc.object, 1);
        assert_int_equal(disc.low_res_size, 4 * GRID);
        assert_int_equal(disc.prompted, i == 0);
        assert_true(disc.visible && disc.object_score > 0 && !disc.empty);
        assert_true(disc.iou > 0.3f && disc.iou <= 1.0f);
        assert_true(distance_from(&disc, scene_disc(W, H, i)) < 15 * 15);
        assert_true(distance_from(&square, scene_square(W, H, i)) < 15 * 15);
    }
    samlet_tracker_destroy(t);
}

static void sessions_repeat_bit_by_bit(void** state) {
    const samlet_tracker_config config = scene_tracker_config();
    recording a, b;
    (void)state;
    track_disc_with(&config, &a, 8);
    track_disc_with(&config, &b, 8);
    assert_same_recordings(&a, &b);
    recording_free(&a);
    recording_free(&b);
}

static void an_absent_object_has_no_mask(void** state) {
    samlet_tracker* t = tracker_for(1);
    uint8_t* grey = malloc((size_t)3 * W * H);
    uint32_t absent = 0;
    (void)state;
    assert_non_null(grey);
    memset(grey, 90, (size_t)3 * W * H);
    track_disc(t, &(recording){0, 0, NULL}, 0, 0, 1);
    scene_set(t, 0, 0);
    scene_click(t, 1, scene_disc(W, H, 0));
    scene_track(t);
    for (int i = 1; i < 6; i++) {
        const samlet_frame frame = scene_frame(grey, SAMLET_PIXEL_RGB, W, H);
        samlet_result r;
        assert_ok(t, samlet_tracker_set_frame(t, &frame, i));
        scene_track(t);
        r = scene_result(t, 1);
        if (r.visible) continue;
        absent++;
        assert_true(r.object_score <= 0);
        assert_int_equal(r.empty, 1);
        assert_int_equal(r.area, 0);
        assert_true(r.box.x0 == 0 && r.box.y0 == 0 && r.box.x1 == 0 && r.box.y1 == 0);
        for (uint32_t k = 0; k < r.low_res_size * r.low_res_size; k++) assert_true(r.logits[k] == -1024.0f);
    }
    assert_true(absent > 0);
    free(grey);
    samlet_tracker_destroy(t);
}

/* ---- Objects ------------------------------------------------------------------------------------------- */

static void add_square(samlet_tracker* t, int32_t object, int time) {
    scene_click(t, object, scene_square(W, H, time));
}

/* Others come and go around object 1, before and after it in the list, by all kinds of prompts. */
static void play_in_company(recording* out) {
    samlet_tracker* t = tracker_for(3);
    for (int i = 0; i < 10; i++) {
        const samlet_box box = scene_disc_box(W, H, i);
        const samlet_prompt boxed = scene_box(&box);
        scene_set(t, i, i);
        if (i == 0) add_square(t, 50, 0);
        if (i == 0) scene_click(t, 1, scene_disc(W, H, 0));
        if (i == 2) scene_prompt(t, -7, &boxed);
        scene_track(t);
        if (i == 4) assert_ok(t, samlet_tracker_remove_object(t, 50));
        if (i == 5) scene_prompt(t, 51, &boxed); /* takes the first place, on a tracked frame */
        if (i == 6) add_square(t, -7, 6);        /* corrects */
        if (i == 6) scene_track(t);
        if (i == 8) assert_ok(t, samlet_tracker_clear_prompts(t, 51));
        if (i == 8) assert_ok(t, samlet_tracker_remove_object(t, -7));
        recording_add(out, t, 1);
    }
    samlet_tracker_destroy(t);
}

static void objects_do_not_see_each_other(void** state) {
    const samlet_tracker_config config = scene_tracker_config();
    recording alone, company;
    (void)state;
    recording_init(&company);
    play_in_company(&company);
    track_disc_with(&config, &alone, 10);
    assert_same_recordings(&alone, &company);
    recording_free(&alone);
    recording_free(&company);
}

static void places_are_used_again(void** state) {
    samlet_tracker *t = tracker_for(1), *fresh = tracker_for(1);
    recording reused, first;
    (void)state;
    recording_init(&reused);
    recording_init(&first);
    for (int i = 0; i < 6; i++) { /* a new object every other frame */
        scene_set(t, i, i);
        if (i % 2 == 0) {
            if (i > 0) assert_ok(t, samlet_tracker_remove_object(t, i - 2));
            scene_click(t, i, scene_disc(W, H, i));
        }
        scene_track(t);
        if (i >= 4) recording_add(&reused, t, 4);
    }
    for (int i = 4; i < 6; i++) {
        scene_set(fresh, i, i);
        if (i == 4) scene_click(fresh, 4, scene_disc(W, H, 4));
        scene_track(fresh);
        recording_add(&first, fresh, 4);
    }
    assert_same_recordings(&first, &reused);
    recording_free(&reused);
    recording_free(&first);
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(fresh);
}

static void assert_objects(samlet_tracker* t, uint32_t count, int32_t a, int32_t b, int32_t c) {
    const int32_t want[3] = {a, b, c};
    int32_t ids[4] = {-99, -99, -99, -99};
    uint32_t n = 0;
    assert_ok(t, samlet_tracker_objects(t, ids, 4, &n));
    assert_int_equal(n, count);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(ids[i], want[i]);
    for (uint32_t i = count; i < 4; i++) assert_int_equal(ids[i], -99);
}

static void objects_are_listed_in_order_of_coming(void** state) {
    samlet_tracker* t = tracker_for(3);
    int32_t id = 0;
    uint32_t count = 0;
    (void)state;
    assert_objects(t, 0, 0, 0, 0);
    scene_set(t, 0, 0);
    add_square(t, 9, 0);
    add_square(t, -3, 0);
    add_square(t, 4, 0);
    assert_objects(t, 3, 9, -3, 4);
    add_square(t, 9, 0); /* a refinement moves nothing */
    assert_ok(t, samlet_tracker_remove_object(t, 9));
    assert_objects(t, 2, -3, 4, 0);
    add_square(t, INT32_MIN, 0);
    assert_objects(t, 3, -3, 4, INT32_MIN);
    assert_ok(t, samlet_tracker_objects(t, &id, 1, &count)); /* what fits, and how many there are */
    assert_int_equal(id, -3);
    assert_int_equal(count, 3);
    samlet_tracker_destroy(t);
}

/* ---- Prompts ------------------------------------------------------------------------------------------- */

static void assert_without_result(samlet_tracker* t, int32_t object) {
    samlet_result result;
    samlet_result_init(&result);
    assert_int_equal(samlet_tracker_result(t, object, &result), SAMLET_ERROR_STATE);
}

static void cleared_prompts_leave_no_trace(void** state) {
    samlet_tracker *t = tracker_for(1), *fresh = tracker_for(1);
    recording cleared, clean;
    (void)state;
    recording_init(&cleared);
    recording_init(&clean);
    scene_set(t, 0, 0);
    add_square(t, 1, 0);
    assert_ok(t, samlet_tracker_clear_prompts(t, 1));
    assert_without_result(t, 1);
    scene_track(t); /* the object is known, but nothing can be tracked */
    assert_without_result(t, 1);
    scene_click(t, 1, scene_disc(W, H, 0));
    scene_track(t);
    recording_add(&cleared, t, 1);
    scene_set(t, 1, 1);
    scene_track(t);
    recording_add(&cleared, t, 1);
    track_disc(fresh, &clean, 2, 0, 1);
    assert_same_recordings(&clean, &cleared);
    recording_free(&cleared);
    recording_free(&clean);
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(fresh);
}

/* Prompts that were already stored into memory are taken back too. */
static void stored_prompts_can_be_cleared(void** state) {
    samlet_tracker* t = tracker_for(1);
    (void)state;
    scene_set(t, 0, 0);
    scene_click(t, 1, scene_disc(W, H, 0));
    scene_track(t);
    assert_ok(t, samlet_tracker_clear_prompts(t, 1));
    assert_without_result(t, 1);
    scene_set(t, 1, 1);
    scene_track(t);
    assert_without_result(t, 1);
    scene_click(t, 1, scene_disc(W, H, 1));
    assert_true(scene_result(t, 1).visible);
    samlet_tracker_destroy(t);
}

/* Also where the frame is seen again and was tracked: the result came from the memory that goes. */
static void stored_prompts_can_be_cleared_on_a_later_visit(void** state) {
    samlet_tracker *t = tracker_for(1), *fresh = tracker_for(1);
    recording cleared, clean;
    (void)state;
    recording_init(&cleared);
    recording_init(&clean);
    scene_set(t, 0, 0);
    add_square(t, 1, 0);
    scene_track(t);
    scene_set(t, 0, 0);
    scene_track(t);
    assert_int_equal(scene_result(t, 1).prompted, 0);
    assert_ok(t, samlet_tracker_clear_prompts(t, 1));
    assert_without_result(t, 1);
    scene_track(t);
    assert_without_result(t, 1);
    scene_click(t, 1, scene_disc(W, H, 0)); /* starts the object: there is no memory to look at */
    recording_add(&cleared, t, 1);
    scene_set(fresh, 0, 0);
    scene_click(fresh, 1, scene_disc(W, H, 0));
    recording_add(&clean, fresh, 1);
    assert_same_recordings(&clean, &cleared);
    recording_free(&cleared);
    recording_free(&clean);
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(fresh);
}

/* "You have lost it, here it is": far from what is tracked. */
static void correct_to_square(samlet_tracker* t, int32_t object, int time) {
    static uint8_t mask[W * H];
    const samlet_point c = scene_square(W, H, time);
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.mask = mask;
    prompt.mask_width = W;
    prompt.mask_height = H;
    prompt.mask_stride = W;
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            mask[y * W + x] = fabsf((float)x - c.x) < 14 && fabsf((float)y - c.y) < 14;
    scene_prompt(t, object, &prompt);
}

enum correction { NONE, PENDING, STORED, STORED_AND_CLEARED, PENDING_AND_CLEARED };

static void track_corrected(recording* out, enum correction correction, uint32_t prompted_frames) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t;
    config.prompted_frames = prompted_frames;
    t = scene_tracker(&config);
    recording_init(out);
    for (int i = 0; i < 8; i++) {
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(W, H, 0));
        scene_track(t);
        if (i == 4 && correction != NONE) {
            correct_to_square(t, 1, 4);
            assert_int_equal(scene_result(t, 1).prompted, 1);
            if (correction == STORED || correction == STORED_AND_CLEARED) scene_track(t);
            assert_int_equal(scene_result(t, 1).prompted, 1);
            if (correction == STORED_AND_CLEARED || correction == PENDING_AND_CLEARED) {
                assert_ok(t, samlet_tracker_clear_prompts(t, 1));
                scene_track(t);
            }
        }
        recording_add(out, t, 1);
    }
    samlet_tracker_destroy(t);
}

static void corrections_reach_the_following_frames(void** state) {
    recording none, pending, stored;
    (void)state;
    track_corrected(&none, NONE, 2);
    track_corrected(&pending, PENDING, 2);
    track_corrected(&stored, STORED, 2);
    /* The next frame stores what track() has not. */
    assert_same_recordings(&stored, &pending);
    for (size_t i = 0; i < stored.count; i++) {
        recording a = {1, 1, NULL}, b = {1, 1, NULL};
        a.records = &none.records[i];
        b.records = &stored.records[i];
        if (i < 4)
            assert_same_recordings(&a, &b);
        else /* without the correction's memory nothing would differ; with it, the model may find back to the disc */
            assert_true(recording_distance(&a, &b) > (i == 4 ? 0.3 : 1e-2));
    }
    recording_free(&none);
    recording_free(&pending);
    recording_free(&stored);
}

/* With one slot, too, in which the correction had taken the place of the first prompt. */
static void a_cleared_correction_leaves_no_trace(void** state) {
    static const enum correction ways[] = {STORED_AND_CLEARED, PENDING_AND_CLEARED};
    recording none, cleared;
    (void)state;
    for (uint32_t slots = 1; slots <= 2; slots++) {
        track_corrected(&none, NONE, slots);
        for (int i = 0; i < 2; i++) {
            track_corrected(&cleared, ways[i], slots);
            assert_same_recordings(&none, &cleared);
            recording_free(&cleared);
        }
        recording_free(&none);
    }
}

/* All that is left of the object lies too far away to be looked at. */
static void nothing_to_look_at_is_no_result(void** state) {
    samlet_tracker *t = tracker_for(1), *fresh = tracker_for(1);
    recording again, first;
    (void)state;
    recording_init(&again);
    recording_init(&first);
    track_disc(t, &first, 3, 0, 1);
    recording_free(&first);
    scene_set(t, 0, 0);
    assert_ok(t, samlet_tracker_clear_prompts(t, 1));
    scene_set(t, 5, 100);
    scene_track(t);
    assert_without_result(t, 1);
    scene_click(t, 1, scene_disc(W, H, 5));
    recording_add(&again, t, 1);
    scene_set(fresh, 5, 100);
    scene_click(fresh, 1, scene_disc(W, H, 5));
    recording_add(&first, fresh, 1);
    assert_same_recordings(&first, &again);
    recording_free(&again);
    recording_free(&first);
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(fresh);
}

static void tracking_twice_changes_nothing(void** state) {
    samlet_tracker *t = tracker_for(1), *u = tracker_for(1);
    recording once, twice;
    (void)state;
    recording_init(&once);
    recording_init(&twice);
    track_disc(t, &once, 5, 0, 1);
    for (int i = 0; i < 5; i++) {
        scene_set(u, i, i);
        if (i == 0) scene_click(u, 1, scene_disc(W, H, 0));
        scene_track(u);
        scene_track(u);
        recording_add(&twice, u, 1);
    }
    assert_same_recordings(&once, &twice);
    recording_free(&once);
    recording_free(&twice);
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(u);
}

static void clicks_refine(void** state) {
    samlet_tracker* t = tracker_for(1);
    samlet_point off = scene_square(W, H, 0);
    const samlet_box box = scene_disc_box(W, H, 0);
    samlet_prompt boxed = scene_box(&box);
    recording steps, again;
    (void)state;
    recording_init(&steps);
    recording_init(&again);
    off.label = SAMLET_POINT_NEGATIVE;
    scene_set(t, 0, 0);
    scene_click(t, 1, scene_disc(W, H, 0));
    recording_add(&steps, t, 1);
    scene_click(t, 1, off);
    recording_add(&again, t, 1);
    assert_true(recording_distance(&steps, &again) > 1e-3);
    recording_free(&steps);
    assert_int_equal(samlet_tracker_prompt(t, 1, &boxed), SAMLET_ERROR_INVALID_ARGUMENT);
    boxed.flags = SAMLET_PROMPT_REPLACE_POINTS; /* a box after points */
    scene_prompt(t, 1, &boxed);
    recording_add(&steps, t, 1);
    assert_true(recording_distance(&again, &steps) > 1e-3);
    recording_free(&again);
    scene_click(t, 1, scene_disc(W, H, 0)); /* points after a box */
    assert_true(distance_from(&(samlet_result){.box = scene_result(t, 1).box}, scene_disc(W, H, 0)) <
                15 * 15);
    recording_free(&steps);
    samlet_tracker_destroy(t);
}

/* The object after three clicks; the second and the third replace those before if their flag says so. */
static void record_clicks(recording* out, uint32_t second, uint32_t third) {
    samlet_tracker* t = tracker_for(1);
    samlet_point points[3] = {scene_disc(W, H, 0), scene_disc(W, H, 0), scene_disc(W, H, 0)};
    const uint32_t flags[3] = {0, second, third};
    points[1].x += 8;
    points[2].y += 8;
    recording_init(out);
    scene_set(t, 0, 0);
    for (int i = 0; i < 3; i++) {
        samlet_prompt prompt = scene_points(&points[i], 1);
        prompt.flags = flags[i];
        scene_prompt(t, 1, &prompt);
        recording_add(out, t, 1);
    }
    samlet_tracker_destroy(t);
}

/* Replaced points do not count any more, but the mask that they gave is refined. */
static void points_can_be_replaced(void** state) {
    recording kept, second, third;
    (void)state;
    record_clicks(&kept, 0, 0);
    record_clicks(&second, SAMLET_PROMPT_REPLACE_POINTS, 0);
    record_clicks(&third, 0, SAMLET_PROMPT_REPLACE_POINTS);
    assert_same_recordings(&(recording){2, 2, kept.records}, &(recording){2, 2, third.records});
    assert_true(recording_distance(&kept, &third) > 1e-4);
    assert_same_recordings(&(recording){1, 1, kept.records}, &(recording){1, 1, second.records});
    assert_true(recording_distance(&(recording){1, 1, kept.records + 1}, &(recording){1, 1, second.records + 1}) >
                1e-4);
    recording_free(&kept);
    recording_free(&second);
    recording_free(&third);
}

/* ---- Mask prompts -------------------------------------------------------------------------------------- */

static void draw_mask(uint8_t* mask, uint32_t width, uint32_t height, uint64_t stride) {
    const samlet_point c = scene_disc(width, height, 0);
    const float r = 0.2f * (float)height;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            const float dx = (float)x + 0.5f - c.x, dy = (float)y + 0.5f - c.y;
            mask[y * stride + x] =
                dx * dx + dy * dy < r * r ? (uint8_t)(1 + (x + y) % 255) : 0; /* any nonzero */
        }
}

static samlet_prompt mask_prompt(const uint8_t* mask, uint32_t width, uint32_t height, uint64_t stride) {
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.mask = mask;
    prompt.mask_width = width;
    prompt.mask_height = height;
    prompt.mask_stride = stride;
    return prompt;
}

static void masks_are_taken_as_given(void** state) {
    static uint8_t given[H * W], answer[H * W];
    samlet_tracker* t = tracker_for(1);
    const samlet_prompt prompt = mask_prompt(given, W, H, W);
    uint32_t wrong = 0, set = 0;
    samlet_result r;
    (void)state;
    draw_mask(given, W, H, W);
    scene_set(t, 0, 0);
    scene_prompt(t, 1, &prompt);
    r = scene_result(t, 1);
    assert_true(r.iou == 1.0f && r.object_score == 10.0f && r.visible == 1 && r.prompted == 1);
    assert_ok(t, samlet_tracker_mask(t, 1, answer, W));
    for (int i = 0; i < W * H; i++) wrong += !given[i] != !answer[i], set += given[i] != 0;
    assert_true(set > 500 && wrong < set / 10);
    scene_track(t);
    scene_set(t, 1, 1);
    scene_track(t);
    r = scene_result(t, 1);
    assert_true(r.visible);
    assert_true(distance_from(&r, scene_disc(W, H, 1)) < 15 * 15);
    samlet_tracker_destroy(t);
}

static void mask_strides_do_not_matter(void** state) {
    enum { STRIDE = W + 13 };
    static uint8_t dense[H * W], wide[H * STRIDE];
    samlet_tracker* t = tracker_for(2);
    const samlet_prompt a = mask_prompt(dense, W, H, W), b = mask_prompt(wide, W, H, STRIDE);
    recording x;
    (void)state;
    recording_init(&x);
    memset(wide, 255, sizeof(wide)); /* what lies between the rows does not count */
    draw_mask(dense, W, H, W);
    draw_mask(wide, W, H, STRIDE);
    scene_set(t, 0, 0);
    scene_prompt(t, 1, &a);
    scene_prompt(t, 2, &b);
    recording_add(&x, t, 1);
    recording_add(&x, t, 2);
    assert_true(x.records[0].result.area > 500);
    x.records[1].result.object = 1;
    assert_same_recordings(&(recording){1, 1, x.records}, &(recording){1, 1, x.records + 1});
    recording_free(&x);
    samlet_tracker_destroy(t);
}

static void masks_of_any_size(void** state) {
    static const uint32_t sizes[][2] = {{1, 1}, {3, 2}, {W, 1}, {1, H}, {37, 61}, {W, H}};
    static uint8_t mask[W * H];
    samlet_tracker* t = tracker_for(1);
    (void)state;
    memset(mask, 1, sizeof(mask));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const samlet_prompt prompt = mask_prompt(mask, sizes[i][0], sizes[i][1], sizes[i][0]);
        scene_set(t, 0, 0);
        scene_prompt(t, 1, &prompt);
        assert_int_equal(scene_result(t, 1).area, W * H);
    }
    samlet_tracker_destroy(t);
}

static void an_empty_mask_says_absent(void** state) {
    static const uint8_t mask[4] = {0};
    const samlet_prompt prompt = mask_prompt(mask, 2, 2, 2);
    samlet_tracker* t = tracker_for(1);
    samlet_result r;
    (void)state;
    scene_set(t, 0, 0);
    scene_prompt(t, 1, &prompt);
    r = scene_result(t, 1);
    assert_true(!r.visible && r.object_score < 0 && r.empty && r.area == 0);
    scene_track(t);
    scene_set(t, 1, 1);
    scene_track(t);
    assert_true(isfinite(scene_result(t, 1).object_score));
    samlet_tracker_destroy(t);
}

/* ---- Time ---------------------------------------------------------------------------------------------- */

static void renumber(recording* r, int64_t first, int64_t step) {
    for (size_t i = 0; i < r->count; i++) r->records[i].result.frame = first + (int64_t)i * step;
}

/* Only distances between numbers count, and both directions are alike. */
static void numbers_only_count_as_distances(void** state) {
    static const int64_t numbering[][2] = {{1000000007, 1}, {-4, 1}, {INT64_C(9007199254740000), 1},
                                           {9, -1},         {3, -1}, {INT64_C(-9007199254740000), -1}};
    recording forward;
    const samlet_tracker_config config = scene_tracker_config();
    (void)state;
    track_disc_with(&config, &forward, 10);
    for (size_t i = 0; i < sizeof(numbering) / sizeof(numbering[0]); i++) {
        samlet_tracker* t = tracker_for(1);
        recording other;
        recording_init(&other);
        track_disc(t, &other, 10, numbering[i][0], numbering[i][1]);
        renumber(&other, 0, 1);
        assert_same_recordings(&forward, &other);
        recording_free(&other);
        samlet_tracker_destroy(t);
    }
    recording_free(&forward);
}

static void jumps_mean_distance_in_time(void** state) {
    samlet_tracker *near = tracker_for(1), *far = tracker_for(1);
    recording a, b;
    (void)state;
    recording_init(&a);
    recording_init(&b);
    track_disc(near, &a, 4, 0, 1);
    track_disc(far, &b, 4, 0, 5);
    renumber(&b, 0, 1);
    assert_same_recordings(&(recording){1, 1, a.records}, &(recording){1, 1, b.records});
    assert_true(recording_distance(&a, &b) > 1e-4);
    recording_free(&a);
    recording_free(&b);
    samlet_tracker_destroy(near);
    samlet_tracker_destroy(far);
}

/* The square over frames 0 to 2, then frame 0 once more after a visit to frame `far`. */
static void track_around(recording* out, int64_t far) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t;
    config.prompted_frames = 2;
    t = scene_tracker(&config);
    recording_init(out);
    for (int i = 0; i < 3; i++) {
        scene_set(t, i, i);
        if (i == 0) add_square(t, 1, 0);
        scene_track(t);
    }
    scene_set(t, 20, far);
    scene_set(t, 0, 0);
    scene_track(t);
    recording_add(out, t, 1);
    samlet_tracker_destroy(t);
}

/* From frame 5 to 0 is tracking backwards, which looks at frames 1 and 2; from 50 it is a jump to where it
 * began. */
static void jumps_keep_the_direction(void** state) {
    recording step, jump, farther, forward;
    samlet_tracker* t = tracker_for(1);
    (void)state;
    track_around(&step, 5);
    track_around(&jump, 8);
    track_around(&farther, 50);
    assert_same_recordings(&jump, &farther);
    assert_true(recording_distance(&step, &jump) > 1e-6);
    recording_init(&forward);
    scene_set(t, 0, 0);
    add_square(t, 1, 0);
    scene_set(t, 0, 0);
    scene_track(t);
    recording_add(&forward, t, 1);
    assert_same_recordings(&forward, &jump);
    recording_free(&step);
    recording_free(&jump);
    recording_free(&farther);
    recording_free(&forward);
    samlet_tracker_destroy(t);
}

/* Forwards to the end, then backwards from where it began: at once, whatever the distance. */
static void a_jump_before_the_beginning_turns_round(void** state) {
    samlet_tracker *t = tracker_for(1), *fresh = tracker_for(1);
    recording pass, alone;
    (void)state;
    recording_init(&pass);
    recording_init(&alone);
    for (int k = 0; k < 2; k++) {
        samlet_tracker* u = k == 0 ? t : fresh;
        scene_set(u, 20, 20);
        add_square(u, 1, 20);
        scene_track(u);
        if (k == 0) scene_set(u, 40, 60);
        if (k == 0) scene_track(u);
        scene_set(u, 19, 19);
        scene_track(u);
        recording_add(k == 0 ? &pass : &alone, u, 1);
    }
    assert_same_recordings(&alone, &pass);
    recording_free(&pass);
    recording_free(&alone);
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(fresh);
}

static void clip_length_changes_the_time_code_of_short_clips_only(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    recording stream, longer, shorter, set;
    samlet_tracker* t;
    (void)state;
    track_disc_with(&config, &stream, 6);
    config.clip_length = 16;
    track_disc_with(&config, &longer, 6);
    assert_same_recordings(&stream, &longer);
    config.clip_length = 6;
    track_disc_with(&config, &shorter, 6);
    assert_true(recording_distance(&stream, &shorter) > 0); /* little: the bundled model hardly looks at pointers */
    t = tracker_for(1);
    assert_int_equal(samlet_tracker_set_clip_length(t, 6), SAMLET_OK);
    recording_init(&set);
    track_disc(t, &set, 6, 0, 1);
    assert_same_recordings(&shorter, &set);
    assert_int_equal(samlet_tracker_set_clip_length(t, 0), SAMLET_OK);
    recording_free(&set);
    assert_int_equal(samlet_tracker_reset(t), SAMLET_OK);
    track_disc(t, &set, 6, 0, 1);
    assert_same_recordings(&stream, &set);
    samlet_tracker_destroy(t);
    recording_free(&stream);
    recording_free(&longer);
    recording_free(&shorter);
    recording_free(&set);
}

static void a_single_frame_clip(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    recording r;
    (void)state;
    config.clip_length = 1; /* the reference divides by 0 here */
    track_disc_with(&config, &r, 3);
    for (size_t i = 0; i < r.count; i++) assert_true(isfinite(r.records[i].result.object_score));
    recording_free(&r);
}

static void reset_begins_anew(void** state) {
    const samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t = tracker_for(1);
    recording fresh, again;
    samlet_result result;
    (void)state;
    track_disc_with(&config, &fresh, 5);
    recording_init(&again);
    track_disc(t, &again, 7, 40, -1); /* another direction, another clip */
    recording_free(&again);
    assert_int_equal(samlet_tracker_reset(t), SAMLET_OK);
    assert_objects(t, 0, 0, 0, 0);
    samlet_result_init(&result);
    assert_int_equal(samlet_tracker_result(t, 1, &result), SAMLET_ERROR_STATE);
    assert_int_equal(samlet_tracker_track(t), SAMLET_ERROR_STATE);
    track_disc(t, &again, 5, 0, 1);
    assert_same_recordings(&fresh, &again);
    recording_free(&fresh);
    recording_free(&again);
    samlet_tracker_destroy(t);
}

/* The same number again, before anything was done with it, is as if the first picture had never been. */
static void a_picture_can_be_replaced(void** state) {
    samlet_tracker *t = tracker_for(1), *u = tracker_for(1);
    recording a, b;
    (void)state;
    recording_init(&a);
    recording_init(&b);
    track_disc(t, &a, 4, 0, 1);
    for (int i = 0; i < 4; i++) {
        scene_set(u, 20, i);
        scene_set(u, i, i);
        if (i == 0) scene_click(u, 1, scene_disc(W, H, 0));
        scene_track(u);
        recording_add(&b, u, 1);
    }
    assert_same_recordings(&a, &b);
    recording_free(&a);
    recording_free(&b);
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(u);
}

/* ---- Memory sizes -------------------------------------------------------------------------------------- */

static void fewer_recent_frames_forget_sooner(void** state) {
    samlet_tracker_config config = scene_tracker_config();
    recording six, one;
    (void)state;
    track_disc_with(&config, &six, 5);
    config.recent_frames = 1;
    track_disc_with(&config, &one, 5);
    /* Frame 1 reads the prompted frame alone, frame 2 that and frame 1: no difference yet. */
    assert_same_recordings(&(recording){3, 3, six.records}, &(recording){3, 3, one.records});
    assert_true(recording_distance(&six, &one) > 1e-4);
    recording_free(&six);
    recording_free(&one);
}

static void track_prompted_often(recording* out, uint32_t slots) {
    samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t;
    config.prompted_frames = slots;
    t = scene_tracker(&config);
    recording_init(out);
    for (int i = 0; i < 9; i++) {
        scene_set(t, i, 10 * i); /* far apart: recent memories are out of reach */
        if (i % 3 == 0) scene_click(t, 1, scene_disc(W, H, i));
        scene_track(t);
        recording_add(out, t, 1);
    }
    samlet_tracker_destroy(t);
}

static void prompted_slots_hold_what_they_promise(void** state) {
    recording r[4];
    (void)state;
    for (uint32_t slots = 1; slots <= 3; slots++) track_prompted_often(&r[slots], slots);
    /* One prompt so far, two, three. */
    assert_same_recordings(&(recording){4, 4, r[1].records}, &(recording){4, 4, r[3].records});
    assert_same_recordings(&(recording){7, 7, r[2].records}, &(recording){7, 7, r[3].records});
    assert_true(recording_distance(&r[1], &r[2]) > 1e-4);
    assert_true(recording_distance(&r[2], &r[3]) > 1e-4);
    for (uint32_t slots = 1; slots <= 3; slots++) recording_free(&r[slots]);
}

/* ---- Other sizes of the square ------------------------------------------------------------------------- */

static void other_image_sizes_work(void** state) {
    static const uint32_t sizes[] = {32, 64, 96, 160, 224, 320};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        samlet_tracker_config config = scene_tracker_config();
        recording r;
        config.image_size = sizes[i];
        track_disc_with(&config, &r, 3);
        for (size_t k = 0; k < r.count; k++) {
            const samlet_result* result = &r.records[k].result;
            assert_int_equal(result->low_res_size, sizes[i] / 4);
            assert_true(isfinite(result->iou) && isfinite(result->object_score));
            for (uint32_t p = 0; p < result->low_res_size * result->low_res_size; p++)
                assert_true(isfinite(result->logits[p]));
        }
        recording_free(&r);
    }
}

/* ---- Features, memory attention, profile --------------------------------------------------------------- */

static void features_have_their_shapes(void** state) {
    static const uint32_t channels[3] = {D_MODEL / 8, D_MODEL / 4, D_MODEL},
                          side[3] = {4 * GRID, 2 * GRID, GRID};
    samlet_tracker *t = tracker_for(1), *u = tracker_for(1);
    (void)state;
    scene_set(t, 3, 0);
    scene_set(u, 3, 5);
    for (int level = 0; level < 3; level++) {
        samlet_tensor_view a, b;
        double square = 0;
        samlet_tensor_view_init(&a);
        samlet_tensor_view_init(&b);
        assert_ok(t, samlet_tracker_features(t, (samlet_feature_level)level, &a));
        assert_ok(u, samlet_tracker_features(u, (samlet_feature_level)level, &b));
        assert_int_equal(a.size, sizeof(a));
        assert_int_equal(a.channels, channels[level]);
        assert_int_equal(a.height, side[level]);
        assert_int_equal(a.width, side[level]);
        assert_memory_equal(a.data, b.data, (size_t)a.channels * a.height * a.width * sizeof(float));
        for (size_t i = 0; i < (size_t)a.channels * a.height * a.width; i++)
            square += (double)a.data[i] * (double)a.data[i];
        assert_true(square > 0);
    }
    samlet_tracker_destroy(t);
    samlet_tracker_destroy(u);
}

static float* random_tensor(size_t count, uint32_t seed) {
    float* values = malloc(count * sizeof(float));
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return values;
}

static samlet_memory_attention_args attention_args(uint32_t memories, uint32_t pointers, float* output) {
    static float *current, *position, *memory, *memory_position;
    samlet_memory_attention_args args;
    if (!current) {
        current = random_tensor((size_t)CELLS * D_MODEL, 1);
        position = random_tensor((size_t)CELLS * D_MODEL, 2);
        memory = random_tensor((size_t)(7 * CELLS + 64) * MEMORY_DIM, 3);
        memory_position = random_tensor((size_t)(7 * CELLS + 64) * MEMORY_DIM, 4);
    }
    samlet_memory_attention_args_init(&args);
    args.memory_tokens = memories * CELLS + pointers;
    args.pointer_tokens = pointers;
    args.current = current;
    args.current_pos = position;
    args.memory = memory;
    args.memory_pos = memory_position;
    args.output = output;
    return args;
}

static void memory_attention_stands_alone(void** state) {
    static const uint32_t counts[][2] = {{0, 1}, {0, 64}, {1, 0}, {1, 7}, {3, 4}, {7, 64}};
    static float first[CELLS * D_MODEL], second[CELLS * D_MODEL], last[CELLS * D_MODEL];
    samlet_tracker* t = tracker_for(1);
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        samlet_memory_attention_args args = attention_args(counts[i][0], counts[i][1], first);
        int same = 0;
        assert_ok(t, samlet_tracker_run_memory_attention(t, &args)); /* needs no frame */
        memcpy(second, args.current, sizeof(second));
        args.current = args.output = second; /* in place */
        assert_ok(t, samlet_tracker_run_memory_attention(t, &args));
        assert_memory_equal(first, second, sizeof(first));
        for (size_t k = 0; k < CELLS * D_MODEL; k++) {
            assert_true(isfinite(first[k]));
            same += first[k] == last[k];
        }
        assert_true(same < CELLS * D_MODEL / 10); /* other memories, another answer */
        memcpy(last, first, sizeof(last));
    }
    samlet_tracker_destroy(t);
}

static void memory_attention_does_not_touch_tracks(void** state) {
    static float out[CELLS * D_MODEL];
    const samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t = tracker_for(1);
    recording clean, other;
    (void)state;
    recording_init(&other);
    track_disc_with(&config, &clean, 4);
    for (int i = 0; i < 4; i++) {
        const samlet_memory_attention_args args = attention_args(7, 64, out);
        scene_set(t, i, i);
        assert_ok(t, samlet_tracker_run_memory_attention(t, &args));
        if (i == 0) scene_click(t, 1, scene_disc(W, H, 0));
        assert_ok(t, samlet_tracker_run_memory_attention(t, &args));
        scene_track(t);
        assert_ok(t, samlet_tracker_run_memory_attention(t, &args));
        recording_add(&other, t, 1);
    }
    assert_same_recordings(&clean, &other);
    recording_free(&clean);
    recording_free(&other);
    samlet_tracker_destroy(t);
}

static void profiles_tell_time_and_cost(void** state) {
    samlet_tracker* t = tracker_for(1);
    samlet_profile profile;
    recording r;
    (void)state;
    recording_init(&r);
    track_disc(t, &r, 3, 0, 1);
    samlet_profile_init(&profile);
    assert_ok(t, samlet_tracker_get_profile(t, &profile));
    for (int i = 0; i < SAMLET_STAGE_COUNT; i++) {
        assert_true(profile.milliseconds[i] > 0 && profile.milliseconds[i] < 60e3);
        assert_true(profile.nominal_gmac[i] >= 0 && profile.nominal_gmac[i] < 100);
        assert_true((profile.nominal_gmac[i] > 0) == (i != SAMLET_STAGE_PREPROCESS));
        assert_true(strlen(samlet_stage_name((samlet_stage)i)) > 3);
    }
    assert_non_null(samlet_stage_name((samlet_stage)-1));
    assert_non_null(samlet_stage_name(SAMLET_STAGE_COUNT));
    recording_free(&r);
    samlet_tracker_destroy(t);
}

static samlet_profile profile_of(samlet_tracker* t) {
    samlet_profile profile;
    samlet_profile_init(&profile);
    assert_ok(t, samlet_tracker_get_profile(t, &profile));
    return profile;
}

/* Not the time that passes between the calls. */
static void profiles_leave_out_the_caller(void** state) {
    const struct timespec pause = {0, 200 * 1000 * 1000};
    samlet_tracker* t = tracker_for(1);
    double before;
    (void)state;
    scene_set(t, 0, 0);
    before = profile_of(t).milliseconds[SAMLET_STAGE_PREPROCESS];
    nanosleep(&pause, NULL);
    scene_click(t, 1, scene_disc(W, H, 0));
    nanosleep(&pause, NULL);
    scene_track(t);
    assert_true(profile_of(t).milliseconds[SAMLET_STAGE_PREPROCESS] == before);
    samlet_tracker_destroy(t);
}

/* The next frame pays for the memory of a prompt that track() has not stored. */
static void profiles_know_who_stores_a_prompt(void** state) {
    samlet_tracker* t = tracker_for(1);
    double stored;
    (void)state;
    scene_set(t, 0, 0);
    scene_click(t, 1, scene_disc(W, H, 0));
    scene_track(t);
    stored = profile_of(t).milliseconds[SAMLET_STAGE_MEMORY_ENCODER];
    scene_click(t, 1, scene_square(W, H, 0));
    scene_set(t, 1, 1);
    assert_true(profile_of(t).milliseconds[SAMLET_STAGE_MEMORY_ENCODER] > stored / 10);
    assert_true(profile_of(t).milliseconds[SAMLET_STAGE_MEMORY_ATTENTION] == 0);
    scene_set(t, 2, 2);
    assert_true(profile_of(t).milliseconds[SAMLET_STAGE_MEMORY_ENCODER] == 0);
    samlet_tracker_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_disc_is_followed),
        cmocka_unit_test(sessions_repeat_bit_by_bit),
        cmocka_unit_test(an_absent_object_has_no_mask),
        cmocka_unit_test(objects_do_not_see_each_other),
        cmocka_unit_test(places_are_used_again),
        cmocka_unit_test(objects_are_listed_in_order_of_coming),
        cmocka_unit_test(cleared_prompts_leave_no_trace),
        cmocka_unit_test(stored_prompts_can_be_cleared),
        cmocka_unit_test(stored_prompts_can_be_cleared_on_a_later_visit),
        cmocka_unit_test(corrections_reach_the_following_frames),
        cmocka_unit_test(a_cleared_correction_leaves_no_trace),
        cmocka_unit_test(nothing_to_look_at_is_no_result),
        cmocka_unit_test(tracking_twice_changes_nothing),
        cmocka_unit_test(clicks_refine),
        cmocka_unit_test(points_can_be_replaced),
        cmocka_unit_test(masks_are_taken_as_given),
        cmocka_unit_test(mask_strides_do_not_matter),
        cmocka_unit_test(masks_of_any_size),
        cmocka_unit_test(an_empty_mask_says_absent),
        cmocka_unit_test(numbers_only_count_as_distances),
        cmocka_unit_test(jumps_mean_distance_in_time),
        cmocka_unit_test(jumps_keep_the_direction),
        cmocka_unit_test(a_jump_before_the_beginning_turns_round),
        cmocka_unit_test(clip_length_changes_the_time_code_of_short_clips_only),
        cmocka_unit_test(a_single_frame_clip),
        cmocka_unit_test(reset_begins_anew),
        cmocka_unit_test(a_picture_can_be_replaced),
        cmocka_unit_test(fewer_recent_frames_forget_sooner),
        cmocka_unit_test(prompted_slots_hold_what_they_promise),
        cmocka_unit_test(other_image_sizes_work),
        cmocka_unit_test(features_have_their_shapes),
        cmocka_unit_test(memory_attention_stands_alone),
        cmocka_unit_test(memory_attention_does_not_touch_tracks),
        cmocka_unit_test(profiles_tell_time_and_cost),
        cmocka_unit_test(profiles_leave_out_the_caller),
        cmocka_unit_test(profiles_know_who_stores_a_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
