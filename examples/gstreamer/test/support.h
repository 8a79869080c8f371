/* An element under test between two pads, frames with an object on them, and the library to compare with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_TEST_SUPPORT_H
#define SAMLET_GST_TEST_SUPPORT_H

#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <samlet/samlet.h>

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* The bundled model. */
const char* model_path(void);

/* An element with a bus of its own. `properties` as in gst-launch, without the model. */
typedef struct Bench {
    GstHarness* harness;
    GstElement* element;
    GstBus* bus;
    GstVideoInfo info;
    gint pushed; /* frames, which sets the time and the picture of the next one */
} Bench;

GstElement* make_element(const char* properties);
/* Playing, without caps. */
Bench* bench_new(const char* properties);
/* The same with a clock that stands still: gst_harness_set_time(), or gst_test_clock of
 * gst_harness_get_testclock(). */
Bench* bench_new_with_test_clock(const char* properties);
void bench_free(Bench* bench);
void bench_caps(Bench* bench, GstVideoFormat format, gint width, gint height);

/* Frame `number`: a red disc that moves to the right over a grey gradient, at `disc_x`, `disc_y`. */
GstBuffer* frame_new(const GstVideoInfo* info, gint number);
void disc_of(const GstVideoInfo* info, gint number, gdouble* x, gdouble* y);
/* Pushes the next frame, 1/10 s after the last. */
GstFlowReturn bench_push(Bench* bench);
/* ... and takes what comes out; NULL: nothing. */
GstBuffer* bench_step(Bench* bench);

/* The next message of these types that waits on the bus, or NULL; others before it are dropped. */
GstMessage* bench_message(Bench* bench, GstMessageType types);
/* Takes the next warning or error and looks for `part` in its text. */
void assert_complaint(Bench* bench, GstMessageType type, const char* part);
/* The next "samlettrack" message; fails if there is none. To free. */
GstStructure* bench_report(Bench* bench);
gint int_of(const GstStructure* structure, const char* field);
gdouble float_of(const GstStructure* structure, const char* field);
void box_of(const GstStructure* structure, gint box[4]);
/* Property `objects` as "1 2 7". To free. */
char* objects_of(Bench* bench);
guint64 stat_of(Bench* bench, const char* field);

/* The library itself, with the defaults of the element. */
typedef struct Reference {
    samlet_model* model;
    samlet_tracker* tracker;
} Reference;

Reference reference_open(void);
void reference_close(Reference* reference);
/* The frame of a buffer goes in; NULL: no prompt. */
samlet_result reference_step(Reference* reference, GstBuffer* buffer, const GstVideoInfo* info,
                             int64_t number, const samlet_prompt* prompt);

/* A complaint of GLib or GStreamer about our calls ends the test program. */
#define run_gst_tests(tests)                                                                   \
    (gst_init(NULL, NULL), g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING), \
     cmocka_run_group_tests(tests, NULL, NULL))

#endif
