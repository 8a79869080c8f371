/* Objects that come and go while the stream runs, and what happens when something is wrong.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <gst/video/navigation.h>

#include "support.h"

static Bench* bench_with_caps(const char* properties) {
    Bench* bench = bench_new(properties);
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    return bench;
}

static void step(Bench* bench) {
    GstBuffer* out = bench_step(bench);
    assert_non_null(out);
    gst_buffer_unref(out);
}

static void assert_objects(Bench* bench, const char* expected) {
    char* objects = objects_of(bench);
    assert_string_equal(objects, expected);
    g_free(objects);
}

static void assert_silent(Bench* bench) {
    assert_null(bench_message(bench, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
}

static void add_point(Bench* bench, gint object, gdouble x, gdouble y, gint label) {
    gboolean added = FALSE;
    g_signal_emit_by_name(bench->element, "add-point", object, x, y, label, &added);
    assert_true(added);
}

static void remove_object(Bench* bench, gint object) {
    gboolean done = FALSE;
    g_signal_emit_by_name(bench->element, "remove-object", object, &done);
    assert_true(done);
}

static void reset(Bench* bench) {
    gboolean done = FALSE;
    g_signal_emit_by_name(bench->element, "reset", &done);
    assert_true(done);
}

/* ---- Objects ------------------------------------------------------------------------------------------- */

static void objects_come_and_go(void** state) {
    Bench* bench = bench_with_caps("");
    gboolean added = FALSE;
    GstStructure* report;
    gint box[4];
    (void)state;
    step(bench);
    assert_objects(bench, "");
    add_point(bench, 3, 48, 60, 1);
    step(bench);
    assert_objects(bench, "3");
    report = bench_report(bench);
    assert_int_equal(int_of(report, "frame"), 1); /* frames that passed count */
    assert_int_equal(int_of(report, "id"), 3);
    gst_structure_free(report);

    g_signal_emit_by_name(bench->element, "add-box", -7, 100.0, 10.0, 150.0, 50.0, &added);
    assert_true(added);
    step(bench);
    assert_objects(bench, "3 -7");
    report = bench_report(bench);
    assert_int_equal(int_of(report, "id"), 3);
    gst_structure_free(report);
    report = bench_report(bench);
    assert_int_equal(int_of(report, "id"), -7);
    box_of(report, box);
    gst_structure_free(report);

    remove_object(bench, 3);
    step(bench);
    assert_objects(bench, "-7");
    reset(bench);
    step(bench);
    assert_objects(bench, "");
    assert_int_equal(stat_of(bench, "frames"), 5);
    assert_int_equal(stat_of(bench, "tracked"), 2 + 1);
    assert_silent(bench);
    bench_free(bench);
}

/* What comes between two frames counts in its order. */
static void commands_keep_their_order(void** state) {
    Bench* bench = bench_with_caps("");
    (void)state;
    add_point(bench, 1, 48, 60, 1);
    remove_object(bench, 1);
    step(bench);
    assert_objects(bench, "");
    add_point(bench, 1, 48, 60, 1);
    reset(bench);
    add_point(bench, 2, 48, 60, 1);
    step(bench);
    assert_objects(bench, "2");
    remove_object(bench, 2);
    add_point(bench, 2, 48, 60, 1);
    step(bench);
    assert_objects(bench, "2");
    assert_silent(bench);
    bench_free(bench);
}

static guint64 area_now(Bench* bench, gboolean prompted) {
    guint64 area;
    gboolean flag;
    GstStructure* report;
    step(bench);
    report = bench_report(bench);
    assert_true(gst_structure_get_uint64(report, "area", &area));
    assert_true(gst_structure_get_boolean(report, "prompted", &flag));
    assert_int_equal(flag, prompted);
    gst_structure_free(report);
    return area;
}

/* A click on a tracked object refines what was found there, as the library does it. */
static void clicks_correct_a_tracked_object(void** state) {
    Bench* bench = bench_with_caps("box=25,35,75,85");
    Reference reference = reference_open();
    samlet_box box = {25, 35, 75, 85};
    samlet_prompt prompt;
    samlet_point click = {70, 100, SAMLET_POINT_NEGATIVE};
    (void)state;
    samlet_prompt_init(&prompt);
    prompt.box = &box;
    prompt.flags = SAMLET_PROMPT_REPLACE_POINTS;
    for (gint n = 0; n < 4; n++) {
        GstBuffer* in = frame_new(&bench->info, n);
        samlet_result expected = reference_step(&reference, in, &bench->info, n, n == 0 ? &prompt : NULL);
        if (n == 2) {
            samlet_prompt correction;
            samlet_prompt_init(&correction);
            correction.points = &click;
            correction.point_count = 1;
            assert_int_equal(samlet_tracker_prompt(reference.tracker, 1, &correction), SAMLET_OK);
            assert_int_equal(samlet_tracker_track(reference.tracker), SAMLET_OK);
            assert_int_equal(samlet_tracker_result(reference.tracker, 1, &expected), SAMLET_OK);
            add_point(bench, 1, click.x, click.y, 0);
        }
        assert_int_equal(area_now(bench, n == 0 || n == 2), expected.area);
        gst_buffer_unref(in);
    }
    reference_close(&reference);
    bench_free(bench);
}

/* All that the properties say of an object is one prompt. */
static void points_and_box_go_together(void** state) {
    Bench* bench = bench_with_caps("point=\"40,50 70,100,0\" box=25,35,75,85");
    Reference reference = reference_open();
    samlet_box box = {25, 35, 75, 85};
    const samlet_point points[2] = {{40, 50, SAMLET_POINT_POSITIVE}, {70, 100, SAMLET_POINT_NEGATIVE}};
    samlet_prompt prompt;
    samlet_result expected;
    GstBuffer* in = frame_new(&bench->info, 0);
    GstStructure* report;
    (void)state;
    samlet_prompt_init(&prompt);
    prompt.points = points;
    prompt.point_count = 2;
    prompt.box = &box;
    expected = reference_step(&reference, in, &bench->info, 0, &prompt);
    step(bench);
    report = bench_report(bench);
    assert_true(float_of(report, "score") == expected.object_score);
    assert_true(float_of(report, "iou") == expected.iou);
    gst_structure_free(report);
    gst_buffer_unref(in);
    reference_close(&reference);
    bench_free(bench);
}

static void properties_prompt_a_running_stream(void** state) {
    Bench* bench = bench_with_caps("point=48,60");
    (void)state;
    step(bench);
    assert_objects(bench, "1");
    g_object_set(bench->element, "box", "2:100,10,150,50", NULL);
    step(bench);
    assert_objects(bench, "1 2");
    g_object_set(bench->element, "point", "3:20,20 4:30,20,0 4:40,90", NULL);
    step(bench);
    assert_objects(bench, "1 2 3 4");
    assert_silent(bench);
    g_object_set(bench->element, "point", "5:20", NULL);
    assert_complaint(bench, GST_MESSAGE_WARNING, "got '5:20'");
    step(bench);
    assert_objects(bench, "1 2 3 4");
    bench_free(bench);
}

static void push_click(Bench* bench, gint button, gdouble x, gdouble y) {
    gst_harness_push_upstream_event(
        bench->harness,
        gst_event_new_navigation(gst_structure_new(
            "application/x-gst-navigation", "event", G_TYPE_STRING, "mouse-button-press", "button",
            G_TYPE_INT, button, "pointer_x", G_TYPE_DOUBLE, x, "pointer_y", G_TYPE_DOUBLE, y, NULL)));
}

/* Left is a click inside, right one outside, the middle removes. */
static void the_mouse_clicks_when_told_to(void** state) {
    Bench *mouse = bench_with_caps("mouse-object=5"), *signals = bench_with_caps("");
    (void)state;
    push_click(mouse, 1, 50, 60);
    add_point(signals, 5, 50, 60, 1);
    for (gint n = 0; n < 2; n++) {
        GstStructure *first, *second;
        step(mouse);
        step(signals);
        first = bench_report(mouse);
        second = bench_report(signals);
        assert_true(gst_structure_is_equal(first, second));
        assert_int_equal(int_of(first, "id"), 5);
        gst_structure_free(first);
        gst_structure_free(second);
        push_click(mouse, 3, 150, 110);
        add_point(signals, 5, 150, 110, 0);
    }
    push_click(mouse, 2, 0, 0);
    step(mouse);
    assert_objects(mouse, "");
    g_object_set(mouse->element, "mouse-object", 0, NULL);
    push_click(mouse, 1, 50, 60);
    step(mouse);
    assert_objects(mouse, "");
    assert_silent(mouse);
    bench_free(mouse);
    bench_free(signals);
}

static void waiting_commands_are_bounded(void** state) {
    Bench* bench = bench_with_caps("");
    gboolean added = TRUE;
    gint count = 0;
    (void)state;
    while (added && count < 5000) {
        g_signal_emit_by_name(bench->element, "remove-object", 1, &added);
        count += added;
    }
    assert_int_equal(count, 1024);
    bench_free(bench);
}

/* ---- Refusals ------------------------------------------------------------------------------------------ */

/* A wrong click of a user does not end the stream. */
static void refused_commands_are_warnings(void** state) {
    Bench* bench = bench_with_caps("point=48,60 max-objects=2");
    (void)state;
    step(bench);
    add_point(bench, 1, 1000, 60, 1);
    step(bench);
    assert_complaint(bench, GST_MESSAGE_WARNING, "1000");
    remove_object(bench, 9);
    step(bench);
    assert_complaint(bench, GST_MESSAGE_WARNING, "there is no object 9");
    add_point(bench, 2, 100, 60, 1);
    add_point(bench, 3, 100, 90, 1);
    step(bench);
    assert_complaint(bench, GST_MESSAGE_WARNING, "objects");
    assert_objects(bench, "1 2");
    assert_int_equal(stat_of(bench, "tracked"), 4);
    bench_free(bench);
}

/* One that the pipeline was built with does. */
static void a_refused_first_prompt_is_an_error(void** state) {
    Bench* bench = bench_with_caps("point=48,200");
    (void)state;
    assert_int_equal(bench_push(bench), GST_FLOW_ERROR);
    assert_complaint(bench, GST_MESSAGE_ERROR, "200");
    assert_objects(bench, "");
    bench_free(bench);
}

/* The only prompt is refused: the frame passes untouched and the next are not looked at. */
static void a_refused_only_prompt_leaves_nothing(void** state) {
    Bench* bench = bench_with_caps("");
    (void)state;
    add_point(bench, 1, 48, 500, 1);
    step(bench);
    assert_complaint(bench, GST_MESSAGE_WARNING, "500");
    step(bench);
    assert_objects(bench, "");
    assert_int_equal(stat_of(bench, "tracked"), 0);
    bench_free(bench);
}

static void assert_does_not_start(const char* properties, const char* part) {
    Bench bench = {.element = make_element(properties), .bus = gst_bus_new()};
    gst_element_set_bus(bench.element, bench.bus);
    assert_int_equal(gst_element_set_state(bench.element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    assert_complaint(&bench, GST_MESSAGE_ERROR, part);
    gst_element_set_state(bench.element, GST_STATE_NULL);
    gst_element_set_bus(bench.element, NULL);
    gst_object_unref(bench.element);
    gst_object_unref(bench.bus);
}

static void what_cannot_start_says_why(void** state) {
    static const struct {
        const char *rest, *part;
    } cases[] = {
        {"image-size=33", "33"},
        {"threads=1000", "1000"},
        {"point=1", "got '1'"},
        {"box=1,2,3", "got '1,2,3'"},
    };
    (void)state;
    assert_does_not_start("", "set the property model");
    assert_does_not_start("model=/nowhere/model.gguf", "/nowhere/model.gguf");
    assert_does_not_start("model=" __FILE__, "GGUF");
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        gchar* properties = g_strdup_printf("model=\"%s\" %s", model_path(), cases[i].rest);
        assert_does_not_start(properties, cases[i].part);
        g_free(properties);
    }
}

/* A buffer that is shorter than its caps say. */
static void a_short_buffer_is_an_error(void** state) {
    Bench* bench = bench_with_caps("point=48,60");
    GstBuffer* buffer = gst_buffer_new_allocate(NULL, 100, NULL);
    (void)state;
    GST_BUFFER_PTS(buffer) = 0;
    assert_int_equal(gst_harness_push(bench->harness, buffer), GST_FLOW_ERROR);
    assert_complaint(bench, GST_MESSAGE_ERROR, "100 bytes");
    bench_free(bench);
}

/* ---- States -------------------------------------------------------------------------------------------- */

/* Stopped and started again, it begins with the prompts of its properties, and with frame 0. */
static void restart_begins_anew(void** state) {
    Bench* bench = bench_with_caps("point=48,60");
    (void)state;
    for (gint round = 0; round < 2; round++) {
        GstStructure* report;
        bench->pushed = 0;
        step(bench);
        report = bench_report(bench);
        assert_int_equal(int_of(report, "frame"), 0);
        gst_structure_free(report);
        add_point(bench, 8, 20, 20, 1);
        step(bench);
        assert_objects(bench, "1 8");
        add_point(bench, 9, 20, 20, 1); /* waits for a frame that does not come */
        gst_element_set_state(bench->element, GST_STATE_NULL);
        assert_objects(bench, "");
        gst_bus_set_flushing(bench->bus, TRUE);
        gst_bus_set_flushing(bench->bus, FALSE);
        gst_harness_play(bench->harness);
        bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
        gst_harness_push_event(bench->harness, gst_event_new_stream_start("again"));
        bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
        {
            GstSegment segment;
            gst_segment_init(&segment, GST_FORMAT_TIME);
            gst_harness_push_event(bench->harness, gst_event_new_segment(&segment));
        }
    }
    bench_free(bench);
}

static guint events_of(Bench* bench, GstEventType type) {
    guint count = 0;
    GstEvent* event;
    while ((event = gst_harness_try_pull_event(bench->harness))) {
        count += GST_EVENT_TYPE(event) == type;
        gst_event_unref(event);
    }
    return count;
}

/* After a seek the objects are looked for from memory; the frame numbers go on. */
static void flush_keeps_the_objects(void** state) {
    Bench* bench = bench_with_caps("point=48,60");
    GstSegment segment;
    GstStructure* report;
    (void)state;
    step(bench);
    step(bench);
    assert_true(gst_harness_push_event(bench->harness, gst_event_new_flush_start()));
    assert_int_equal(bench_push(bench), GST_FLOW_FLUSHING);
    assert_true(gst_harness_push_event(bench->harness, gst_event_new_flush_stop(TRUE)));
    gst_segment_init(&segment, GST_FORMAT_TIME);
    segment.start = segment.time = segment.position = GST_SECOND;
    assert_true(gst_harness_push_event(bench->harness, gst_event_new_segment(&segment)));
    bench->pushed = 12;
    step(bench);
    report = bench_report(bench);
    gst_structure_free(report);
    report = bench_report(bench);
    gst_structure_free(report);
    report = bench_report(bench);
    {
        guint64 stream_time, running_time;
        assert_int_equal(int_of(report, "frame"), 2);
        assert_true(gst_structure_get_uint64(report, "stream-time", &stream_time));
        assert_true(gst_structure_get_uint64(report, "running-time", &running_time));
        assert_int_equal(stream_time, 1200 * GST_MSECOND);
        assert_int_equal(running_time, 200 * GST_MSECOND);
    }
    gst_structure_free(report);
    assert_objects(bench, "1");
    assert_int_equal(events_of(bench, GST_EVENT_FLUSH_STOP), 1);
    bench_free(bench);
}

static void the_end_is_passed_on(void** state) {
    Bench* bench = bench_with_caps("point=48,60");
    (void)state;
    step(bench);
    assert_true(gst_harness_push_event(bench->harness, gst_event_new_eos()));
    assert_int_equal(events_of(bench, GST_EVENT_EOS), 1);
    assert_int_equal(bench_push(bench), GST_FLOW_EOS);
    assert_silent(bench);
    bench_free(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_and_go),
        cmocka_unit_test(commands_keep_their_order),
        cmocka_unit_test(clicks_correct_a_tracked_object),
        cmocka_unit_test(points_and_box_go_together),
        cmocka_unit_test(properties_prompt_a_running_stream),
        cmocka_unit_test(the_mouse_clicks_when_told_to),
        cmocka_unit_test(waiting_commands_are_bounded),
        cmocka_unit_test(refused_commands_are_warnings),
        cmocka_unit_test(a_refused_first_prompt_is_an_error),
        cmocka_unit_test(a_refused_only_prompt_leaves_nothing),
        cmocka_unit_test(what_cannot_start_says_why),
        cmocka_unit_test(a_short_buffer_is_an_error),
        cmocka_unit_test(restart_begins_anew),
        cmocka_unit_test(flush_keeps_the_objects),
        cmocka_unit_test(the_end_is_passed_on),
    };
    return run_gst_tests(tests);
}
