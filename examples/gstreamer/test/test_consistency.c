/* GStreamer's own checker of streams watches what leaves the element: order of events, flushes, segments,
 * end.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <gst/check/gstcheck.h>
#include <gst/check/gstconsistencychecker.h>
#include <gst/check/gstharness.h>
#include <stdlib.h>

static void push_segment(GstHarness* harness) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    fail_unless(gst_harness_push_event(harness, gst_event_new_segment(&segment)));
}

static void push_frames(GstHarness* harness, gsize bytes) {
    for (guint n = 0; n < 3; n++) {
        GstBuffer* buffer = gst_harness_create_buffer(harness, bytes);
        gst_buffer_memset(buffer, 0, 100, bytes);
        GST_BUFFER_PTS(buffer) = n * GST_SECOND / 10;
        GST_BUFFER_DURATION(buffer) = GST_SECOND / 10;
        fail_unless_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
    }
}

/* Once untouched, once tracked. */
static void run_stream(const char* point) {
    GstElement* element = gst_element_factory_make("samlettrack", NULL);
    GstHarness* harness;
    GstStreamConsistency* checker;
    g_object_set(element, "model", getenv("SAMLET_MODEL"), "point", point, NULL);
    harness = gst_harness_new_with_element(element, "sink", "src");
    checker = gst_consistency_checker_new(harness->sinkpad);
    gst_harness_play(harness);
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=64,height=48,framerate=10/1");
    push_frames(harness, 64 * 48 * 3);
    gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=128,height=64,framerate=10/1");
    push_frames(harness, 128 * 64);
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_start()));
    fail_unless(gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE)));
    push_segment(harness);
    push_frames(harness, 128 * 64);
    fail_unless(gst_harness_push_event(harness, gst_event_new_eos()));
    fail_unless_equals_int(gst_harness_buffers_received(harness), 9);
    gst_consistency_checker_free(checker);
    gst_harness_teardown(harness);
    gst_object_unref(element);
}

GST_START_TEST(untouched) {
    run_stream(NULL);
}
GST_END_TEST;

GST_START_TEST(tracked) {
    run_stream("30,20");
}
GST_END_TEST;

static Suite* samlettrack_suite(void) {
    Suite* suite = suite_create("samlettrack");
    TCase* events = tcase_create("events");
    tcase_set_timeout(events, 0);
    tcase_add_test(events, untouched);
    tcase_add_test(events, tracked);
    suite_add_tcase(suite, events);
    return suite;
}

GST_CHECK_MAIN(samlettrack)
