/* What a tracker tells about its attention, on a synthetic clip with the bundled model; and that nobody pays
 * who does not ask.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

enum { W = SCENE_WIDTH, H = SCENE_HEIGHT, MAX_GRID = 32, LAYERS = 2, POINTER_TOKENS = 4 };

static uint32_t grid(void) {
    return (scene_image_size() ? scene_image_size() : 256) / 16;
}

static samlet_tracker_config config_with(uint32_t objects, uint32_t flags) {
    samlet_tracker_config config = scene_tracker_config();
    config.max_objects = objects;
    config.flags |= flags;
    return config;
}

static samlet_tracker* explaining(uint32_t objects) {
    const samlet_tracker_config config = config_with(objects, SAMLET_TRACKER_EXPLAIN);
    return scene_tracker(&config);
}

static samlet_explanation explain(samlet_tracker* t, int32_t object, uint32_t layer) {
    samlet_explanation e;
    samlet_explanation_init(&e);
    assert_ok(t, samlet_tracker_explain(t, object, layer, &e));
    assert_int_equal(e.object, object);
    assert_int_equal(e.layer_count, LAYERS);
    assert_int_equal(e.map_side, grid());
    return e;
}

static samlet_memory_share memory(samlet_tracker* t, int32_t object, uint32_t layer, uint32_t index) {
    samlet_memory_share m;
    samlet_memory_share_init(&m);
    assert_ok(t, samlet_tracker_explain_memory(t, object, layer, index, &m));
    return m;
}

static void assert_near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.9g is not %.9g", a, b);
}

/* Shares sum up to 1, maps to shares, parts of the entropy to the whole; everything lies in its range. */
static void check_layer(samlet_tracker* t, int32_t object, uint32_t layer) {
    const samlet_explanation e = explain(t, object, layer);
    double share = 0, share_all = 0, entropy = 0, entropy_all = 0, largest = 0;
    uint32_t tokens = 0;
    assert_true(e.memory_count > 0 && e.mask_area > 0);
    for (uint32_t i = 0; i < e.memory_count; i++) {
        const samlet_memory_share m = memory(t, object, layer, i);
        const uint32_t side = grid(), stride = side + 1;
        float map[MAX_GRID * (MAX_GRID + 1)];
        share += m.share;
        share_all += m.share_all;
        entropy += m.entropy;
        entropy_all += m.entropy_all;
        tokens += m.token_count;
        if (m.largest > largest) largest = m.largest;
        assert_true(m.share >= 0 && m.largest >= 0 && m.largest <= 1.000001f && m.entropy >= 0);
        assert_true(m.largest <= m.largest_all);
        if (m.kind == SAMLET_MEMORY_POINTER) {
            assert_int_equal(m.token_count, POINTER_TOKENS);
            continue;
        }
        assert_int_equal(m.token_count, side * side);
        for (uint32_t all = 0; all < 2; all++) {
            double sum = 0;
            for (uint32_t y = 0; y < side; y++) map[y * stride + side] = -7;
            assert_ok(t, samlet_tracker_explain_map(t, object, layer, i, all, map, stride * sizeof(float)));
            for (uint32_t y = 0; y < side; y++) {
                for (uint32_t x = 0; x < side; x++) {
                    assert_true(map[y * stride + x] >= 0);
                    sum += (double)map[y * stride + x];
                }
                assert_true(map[y * stride + side] == -7);
            }
            assert_near(sum, all ? m.share_all : m.share, 1e-5);
        }
    }
    assert_int_equal(tokens, e.token_count);
    assert_near(share, 1, 1e-5);
    assert_near(share_all, 1, 1e-5);
    assert_near(entropy, e.entropy, 1e-4);
    assert_near(entropy_all, e.entropy_all, 1e-4);
    assert_near(largest, e.largest, 0);
    assert_true(e.entropy > 0 && e.entropy < log(tokens) && e.entropy_all < log(tokens));
}

static void prompt_disc(samlet_tracker* t, int time) {
    const samlet_box box = scene_disc_box(W, H, time);
    const samlet_prompt prompt = scene_box(&box);
    scene_prompt(t, 1, &prompt);
}

static void figures_are_consistent_in_every_layer(void** state) {
    samlet_tracker* t = explaining(1);
    (void)state;
    for (int i = 0; i < 4; i++) {
        scene_set(t, i, i);
        if (i == 0) prompt_disc(t, i);
        scene_track(t);
        if (i == 0) continue;
        for (uint32_t layer = 0; layer <= LAYERS; layer++) check_layer(t, 1, layer);
        assert_true(explain(t, 1, 0).milliseconds > 0);
    }
    samlet_tracker_destroy(t);
}

static void the_mean_is_that_of_the_layers(void** state) {
    samlet_tracker* t = explaining(1);
    (void)state;
    for (int i = 0; i < 3; i++) {
        scene_set(t, i, i);
        if (i == 0) prompt_disc(t, i);
        scene_track(t);
    }
    for (uint32_t i = 0; i < explain(t, 1, 0).memory_count; i++) {
        const samlet_memory_share mean = memory(t, 1, 0, i);
        double share = 0, entropy = 0, largest = 0;
        for (uint32_t layer = 1; layer <= LAYERS; layer++) {
            const samlet_memory_share m = memory(t, 1, layer, i);
            share += m.share / LAYERS;
            entropy += m.entropy / LAYERS;
            if (m.largest > largest) largest = m.largest;
        }
        assert_near(mean.share, share, 1e-6);
        assert_near(mean.entropy, entropy, 1e-5);
        assert_near(mean.largest, largest, 0);
    }
    samlet_tracker_destroy(t);
}

static void memories_are_named_by_their_frames(void** state) {
    samlet_tracker* t = explaining(1);
    (void)state;
    for (int i = 0; i < 10; i++) {
        const int64_t number = 100 + i;
        uint32_t count, n = 0;
        scene_set(t, i, number);
        if (i == 0) prompt_disc(t, i);
        if (i == 0) assert_int_equal(explain(t, 1, 0).memory_count, 0); /* a first prompt looks at nothing */
        scene_track(t);
        assert_int_equal(explain(t, 1, 0).frame, number);
        count = explain(t, 1, 0).memory_count;
        if (i == 0) {
            assert_int_equal(count, 0);
            continue;
        }
        /* The prompted frame, up to 6 recent ones from the oldest on, and their pointers, the nearest first.
         */
        assert_int_equal(memory(t, 1, 0, n).kind, SAMLET_MEMORY_PROMPTED);
        assert_int_equal(memory(t, 1, 0, n++).frame, 100);
        for (int k = i - 1 < 6 ? i - 1 : 6; k > 0; k--, n++) {
            assert_int_equal(memory(t, 1, 0, n).kind, SAMLET_MEMORY_RECENT);
            assert_int_equal(memory(t, 1, 0, n).frame, number - k);
        }
        assert_int_equal(memory(t, 1, 0, n).kind, SAMLET_MEMORY_POINTER);
        assert_int_equal(memory(t, 1, 0, n++).frame, 100);
        for (int k = 1; k < i; k++, n++) {
            assert_int_equal(memory(t, 1, 0, n).kind, SAMLET_MEMORY_POINTER);
            assert_int_equal(memory(t, 1, 0, n).frame, number - k);
        }
        assert_int_equal(n, count);
    }
    samlet_tracker_destroy(t);
}

static void corrections_are_explained_too(void** state) {
    samlet_tracker* t = explaining(1);
    (void)state;
    for (int i = 0; i < 3; i++) {
        scene_set(t, i, i);
        if (i == 0) prompt_disc(t, i);
        scene_track(t);
    }
    scene_click(t, 1, scene_disc(W, H, 2));
    check_layer(t, 1, 0);
    assert_int_equal(memory(t, 1, 0, 0).frame, 0);
    scene_track(t);
    check_layer(t, 1, 0);
    scene_set(t, 3, 3);
    scene_track(t);
    assert_int_equal(memory(t, 1, 0, 0).kind, SAMLET_MEMORY_PROMPTED);
    assert_int_equal(memory(t, 1, 0, 0).frame, 2); /* one prompted frame is kept: the latest */
    samlet_tracker_destroy(t);
}

/* A frame that is tracked, corrected, and corrected once more after that was taken back, stored or not. */
static void a_correction_after_one_taken_back_still_corrects(void** state) {
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        samlet_tracker* t = explaining(1);
        for (int i = 0; i < 3; i++) {
            scene_set(t, i, i);
            if (i == 0) prompt_disc(t, i);
            scene_track(t);
        }
        scene_click(t, 1, scene_square(W, H, 2));
        if (stored) scene_track(t);
        assert_ok(t, samlet_tracker_clear_prompts(t, 1));
        scene_click(t, 1, scene_disc(W, H, 2));
        check_layer(t, 1, 0);
        assert_int_equal(memory(t, 1, 0, 0).frame, 0);
        samlet_tracker_destroy(t);
    }
}

static uint32_t low_res_area(const samlet_result* r) {
    uint32_t area = 0;
    for (uint32_t i = 0; i < r->low_res_size * r->low_res_size; i++) area += r->logits[i] > 0;
    return area;
}

/* A frame tracked with islands of up to `island` low-res pixels removed. */
static samlet_tracker* tracked_without_islands(uint32_t island) {
    static uint8_t mask[W * H];
    const samlet_point centre = scene_disc(W, H, 0);
    samlet_tracker_config config = config_with(1, SAMLET_TRACKER_EXPLAIN);
    samlet_prompt prompt; /* a mask: the rule leaves it alone */
    samlet_tracker* t;
    config.remove_sprinkle_area = island;
    t = scene_tracker(&config);
    for (int i = 0; i < W * H; i++)
        mask[i] = hypotf((float)(i % W) - centre.x, (float)(i / W) - centre.y) < 14;
    samlet_prompt_init(&prompt);
    prompt.mask = mask;
    prompt.mask_width = W;
    prompt.mask_height = H;
    prompt.mask_stride = W;
    for (int i = 0; i < 2; i++) {
        scene_set(t, i, i);
        if (i == 0) scene_prompt(t, 1, &prompt);
        scene_track(t);
    }
    return t;
}

static void the_mask_explained_is_the_mask_shown(void** state) {
    samlet_tracker* raw = tracked_without_islands(0);
    const samlet_result all = scene_result(raw, 1);
    const uint32_t area = low_res_area(&all);
    samlet_tracker* cleaned = tracked_without_islands(area); /* which is everything */
    const samlet_result none = scene_result(cleaned, 1);
    (void)state;
    assert_true(area > 0);
    assert_int_equal(explain(raw, 1, 0).mask_area, area);
    assert_true(none.visible && low_res_area(&none) == 0);
    assert_int_equal(explain(cleaned, 1, 0).mask_area, 0);
    samlet_tracker_destroy(raw);
    samlet_tracker_destroy(cleaned);
}

/* ---- Nobody pays who does not ask ---------------------------------------------------------------------- */

static void play(uint32_t flags, recording* out) {
    samlet_tracker_config config = config_with(2, flags);
    samlet_tracker* t;
    recording_init(out);
    config.threads = 2;
    config.fill_hole_area = config.remove_sprinkle_area = 8;
    t = scene_tracker(&config);
    for (int i = 0; i < 9; i++) {
        scene_set(t, i, i);
        if (i == 0) prompt_disc(t, i);
        if (i == 2) scene_click(t, 2, scene_square(W, H, i));
        scene_track(t);
        if (i == 5) {
            scene_click(t, 1, scene_disc(W, H, i));
            scene_track(t);
        }
        recording_add(out, t, 1);
        if (i >= 2) recording_add(out, t, 2);
    }
    samlet_tracker_destroy(t);
}

static void explaining_changes_no_result(void** state) {
    recording off, on;
    (void)state;
    play(0, &off);
    play(SAMLET_TRACKER_EXPLAIN, &on);
    assert_same_recordings(&off, &on);
    recording_free(&off);
    recording_free(&on);
}

static samlet_memory_plan plan_of(const samlet_tracker_config* config) {
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_tracker_memory(scene_model(), config, &plan, NULL), SAMLET_OK);
    return plan;
}

static uint64_t part_of(const samlet_memory_plan* plan, const char* name) {
    for (uint32_t i = 0; i < plan->part_count; i++)
        if (strcmp(plan->parts[i].name, name) == 0) return plan->parts[i].bytes;
    return 0;
}

static void the_plan_names_what_it_costs(void** state) {
    const samlet_tracker_config without = config_with(2, 0), with = config_with(2, SAMLET_TRACKER_EXPLAIN);
    const samlet_memory_plan off = plan_of(&without), on = plan_of(&with);
    const uint64_t maps = (uint64_t)2 * LAYERS * 7 * 2 * grid() * grid() * sizeof(float); /* of 2 objects */
    (void)state;
    assert_int_equal(part_of(&off, "explanations"), 0);
    assert_true(part_of(&on, "explanations") >= maps && part_of(&on, "explanations") < maps + 16384);
    for (uint32_t i = 0; i < off.part_count; i++)
        if (strcmp(off.parts[i].name, "scratch") != 0)
            assert_int_equal(part_of(&on, off.parts[i].name), off.parts[i].bytes);
}

static void there_is_nothing_to_tell_without_the_flag(void** state) {
    const samlet_tracker_config config = config_with(1, 0);
    samlet_tracker* t = scene_tracker(&config);
    samlet_explanation e;
    (void)state;
    samlet_explanation_init(&e);
    scene_set(t, 0, 0);
    prompt_disc(t, 0);
    scene_track(t);
    assert_int_equal(samlet_tracker_explain(t, 1, 0, &e), SAMLET_ERROR_STATE);
    assert_sentence("explain", samlet_tracker_message(t), "SAMLET_TRACKER_EXPLAIN", "flags", NULL);
    samlet_tracker_destroy(t);
}

/* ---- Misuse -------------------------------------------------------------------------------------------- */

#define EXPECT(call, status, needle1, needle2)                                     \
    do {                                                                           \
        assert_int_equal((call), (status));                                        \
        assert_sentence(#call, samlet_tracker_message(t), needle1, needle2, NULL); \
    } while (0)

static void wrong_calls_get_a_sentence(void** state) {
    const samlet_status bad = SAMLET_ERROR_INVALID_ARGUMENT;
    samlet_tracker* t = explaining(1);
    samlet_explanation e;
    samlet_memory_share m;
    float map[MAX_GRID * MAX_GRID];
    const uint64_t row = grid() * sizeof(float);
    char need[24];
    (void)state;
    snprintf(need, sizeof(need), "needs %u", (unsigned)row);
    samlet_explanation_init(&e);
    samlet_memory_share_init(&m);
    assert_int_equal(samlet_tracker_explain(NULL, 1, 0, &e), bad);
    assert_int_equal(samlet_tracker_explain_memory(NULL, 1, 0, 0, &m), bad);
    assert_int_equal(samlet_tracker_explain_map(NULL, 1, 0, 0, 0, map, row), bad);
    EXPECT(samlet_tracker_explain(t, 1, 0, &e), SAMLET_ERROR_STATE, "samlet_tracker_set_frame", NULL);
    for (int i = 0; i < 2; i++) {
        scene_set(t, i, i);
        if (i == 0) prompt_disc(t, i);
        EXPECT(samlet_tracker_explain(t, 9, 0, &e), SAMLET_ERROR_NOT_FOUND, "9", NULL);
        if (i == 0) continue;
        EXPECT(samlet_tracker_explain(t, 1, 0, &e), SAMLET_ERROR_STATE, "samlet_tracker_track", NULL);
        scene_track(t);
    }
    EXPECT(samlet_tracker_explain(t, 1, LAYERS + 1, &e), bad, "3", "2");
    EXPECT(samlet_tracker_explain(t, 1, 0, NULL), bad, "explanation", "NULL");
    e.size = 4;
    EXPECT(samlet_tracker_explain(t, 1, 0, &e), bad, "samlet_explanation", "4");
    EXPECT(samlet_tracker_explain_memory(t, 1, 0, 2, &m), bad, "2", NULL);
    EXPECT(samlet_tracker_explain_memory(t, 1, 9, 0, &m), bad, "9", "2");
    EXPECT(samlet_tracker_explain_memory(t, 1, 0, 0, NULL), bad, "share", "NULL");
    m.size = 1;
    EXPECT(samlet_tracker_explain_memory(t, 1, 0, 0, &m), bad, "samlet_memory_share", "1");
    EXPECT(samlet_tracker_explain_map(t, 1, 0, 0, 0, NULL, row), bad, "map", "NULL");
    EXPECT(samlet_tracker_explain_map(t, 1, 0, 0, 0, map, row - 4), bad, "stride", need);
    EXPECT(samlet_tracker_explain_map(t, 1, 0, 0, 0, map, row + 1), bad, "multiple of 4", need);
    EXPECT(samlet_tracker_explain_map(t, 1, 0, 0, 0, map, UINT64_MAX / 4 * 4), bad, NULL, NULL);
    EXPECT(samlet_tracker_explain_map(t, 1, 0, 1, 0, map, row), bad, "pointer", "1");
    EXPECT(samlet_tracker_explain_map(t, 1, 0, 2, 0, map, row), bad, "2", NULL);
    check_layer(t, 1, 0);
    /* The next frame knows nothing yet. */
    scene_set(t, 2, 2);
    samlet_explanation_init(&e);
    EXPECT(samlet_tracker_explain(t, 1, 0, &e), SAMLET_ERROR_STATE, "samlet_tracker_track", NULL);
    samlet_tracker_destroy(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_consistent_in_every_layer),
        cmocka_unit_test(the_mean_is_that_of_the_layers),
        cmocka_unit_test(memories_are_named_by_their_frames),
        cmocka_unit_test(corrections_are_explained_too),
        cmocka_unit_test(a_correction_after_one_taken_back_still_corrects),
        cmocka_unit_test(the_mask_explained_is_the_mask_shown),
        cmocka_unit_test(explaining_changes_no_result),
        cmocka_unit_test(the_plan_names_what_it_costs),
        cmocka_unit_test(there_is_nothing_to_tell_without_the_flag),
        cmocka_unit_test(wrong_calls_get_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
