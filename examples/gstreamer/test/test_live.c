/* A live source that is faster than the tracker, by a clock that the test moves: what is dropped, what is
 * said about it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "support.h"

/* The source of a harness is live. */
static Bench* live_bench(const char* properties) {
    Bench* bench = bench_new_with_test_clock(properties);
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    return bench;
}

/* Pushes the next frame `age` after its time. TRUE: it came through. */
static gboolean push_aged(Bench* bench, GstClockTime age) {
    GstBuffer* out;
    assert_true(gst_harness_set_time(bench->harness, (GstClockTime)bench->pushed * (GST_SECOND / 10) + age));
    out = bench_step(bench);
    if (!out) return FALSE;
    gst_buffer_unref(out);
    return TRUE;
}

static void late_frames_of_a_live_source_are_dropped(void** state) {
    Bench* bench = live_bench("point=48,60");
    GstMessage* message;
    GstFormat format;
    guint64 processed, dropped;
    GstBuffer* out;
    (void)state;
    assert_true(push_aged(bench, 0));
    assert_true(push_aged(bench, 100 * GST_MSECOND));
    assert_false(push_aged(bench, 101 * GST_MSECOND));
    assert_false(push_aged(bench, 500 * GST_MSECOND));
    message = bench_message(bench, GST_MESSAGE_QOS);
    assert_non_null(message);
    gst_message_parse_qos_stats(message, &format, &processed, &dropped);
    assert_int_equal(processed, 2);
    assert_int_equal(dropped, 1);
    gst_message_unref(message);
    /* Nothing waits inside: the next frame in time comes out at once, after a gap. */
    assert_true(gst_harness_set_time(bench->harness, 1000 * GST_MSECOND));
    bench->pushed = 10;
    out = bench_step(bench);
    assert_non_null(out);
    assert_true(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DISCONT));
    gst_buffer_unref(out);
    assert_int_equal(stat_of(bench, "frames"), 3);
    assert_int_equal(stat_of(bench, "tracked"), 3);
    assert_int_equal(stat_of(bench, "dropped"), 2);
    bench_free(bench);
}

/* The tracker sees consecutive numbers, whatever was dropped in between. */
static void dropped_frames_have_no_number(void** state) {
    Bench* bench = live_bench("point=48,60");
    (void)state;
    for (gint n = 0; n < 3; n++) {
        bench->pushed = 4 * n;
        assert_true(push_aged(bench, 0));
        assert_false(push_aged(bench, 300 * GST_MSECOND));
    }
    for (gint n = 0; n < 3; n++) {
        GstStructure* report = bench_report(bench);
        guint64 pts;
        assert_int_equal(int_of(report, "frame"), n);
        assert_true(gst_structure_get_uint64(report, "pts", &pts));
        assert_int_equal(pts, 4 * (guint64)n * (GST_SECOND / 10));
        gst_structure_free(report);
    }
    bench_free(bench);
}

/* A source with a jitter buffer delivers late by design. */
static void upstream_latency_is_no_lateness(void** state) {
    Bench* bench = bench_new_with_test_clock("point=48,60 max-lateness=20000000");
    (void)state;
    gst_harness_set_upstream_latency(bench->harness, 300 * GST_MSECOND);
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    assert_true(push_aged(bench, 310 * GST_MSECOND));
    assert_false(push_aged(bench, 330 * GST_MSECOND));
    bench_free(bench);
}

static void never_means_never(void** state) {
    Bench* bench = live_bench("point=48,60 drop=never");
    (void)state;
    for (gint n = 0; n < 5; n++) assert_true(push_aged(bench, (GstClockTime)n * 400 * GST_MSECOND));
    gst_harness_push_upstream_event(bench->harness,
                                    gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, 30 * GST_SECOND, 0));
    assert_true(push_aged(bench, 2 * GST_SECOND));
    bench_free(bench);
}

/* A sink that says that everything before a time comes too late. */
static void the_sinks_word_counts(void** state) {
    Bench* bench = live_bench("point=48,60");
    (void)state;
    assert_true(push_aged(bench, 0));
    gst_harness_push_upstream_event(bench->harness,
                                    gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, 250 * GST_MSECOND, 0));
    assert_false(push_aged(bench, 0));
    assert_false(push_aged(bench, 0));
    assert_true(push_aged(bench, 0));
    bench_free(bench);
}

/* Much too slow, or a source with wrong times: a picture a second is better than none. */
static void something_always_comes_through(void** state) {
    Bench* bench = live_bench("point=48,60");
    gint through = 0;
    (void)state;
    assert_true(push_aged(bench, 0));
    for (gint n = 0; n < 50; n++) through += push_aged(bench, 5 * GST_SECOND);
    assert_in_range(through, 4, 5);
    bench_free(bench);
}

/* Nothing is tracked, so nothing takes time. */
static void without_objects_nothing_is_dropped(void** state) {
    Bench* bench = live_bench("");
    (void)state;
    for (gint n = 0; n < 5; n++) assert_true(push_aged(bench, 400 * GST_MSECOND));
    assert_int_equal(stat_of(bench, "dropped"), 0);
    bench_free(bench);
}

/* The pipeline is told that pictures come later than without us. */
static void latency_is_reported(void** state) {
    Bench* bench = bench_new_with_test_clock("point=48,60");
    GstMessage* message;
    guint64 frame_time;
    (void)state;
    gst_harness_set_upstream_latency(bench->harness, 50 * GST_MSECOND);
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    assert_int_equal(gst_harness_query_latency(bench->harness), 50 * GST_MSECOND);
    assert_true(push_aged(bench, 0));
    message = bench_message(bench, GST_MESSAGE_LATENCY);
    assert_non_null(message);
    gst_message_unref(message);
    frame_time = stat_of(bench, "frame-time");
    assert_true(frame_time > 0);
    assert_int_equal(gst_harness_query_latency(bench->harness),
                     (50 + 100) * GST_MSECOND + frame_time + frame_time / 4);
    bench_free(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_frames_of_a_live_source_are_dropped),
        cmocka_unit_test(dropped_frames_have_no_number),
        cmocka_unit_test(upstream_latency_is_no_lateness),
        cmocka_unit_test(never_means_never),
        cmocka_unit_test(the_sinks_word_counts),
        cmocka_unit_test(something_always_comes_through),
        cmocka_unit_test(without_objects_nothing_is_dropped),
        cmocka_unit_test(latency_is_reported),
    };
    return run_gst_tests(tests);
}
