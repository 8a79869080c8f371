/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

const char* model_path(void) {
    const char* path = getenv("SAMLET_MODEL");
    assert_non_null(path);
    return path;
}

/* ---- The element --------------------------------------------------------------------------------------- */

GstElement* make_element(const char* properties) {
    GError* error = NULL;
    gchar* text = g_strdup_printf("samlettrack %s", properties);
    GstElement* element = gst_parse_launch(text, &error);
    if (error) fail_msg("%s: %s", text, error->message);
    g_free(text);
    return element;
}

static Bench* bench_of(const char* properties, gboolean test_clock) {
    Bench* bench = g_new0(Bench, 1);
    bench->element = make_element(properties);
    g_object_set(bench->element, "model", model_path(), NULL);
    bench->bus = gst_bus_new();
    gst_element_set_bus(bench->element, bench->bus);
    bench->harness = gst_harness_new_with_element(bench->element, "sink", "src");
    if (test_clock) gst_harness_use_testclock(bench->harness);
    gst_harness_play(bench->harness);
    return bench;
}

Bench* bench_new(const char* properties) {
    return bench_of(properties, FALSE);
}

Bench* bench_new_with_test_clock(const char* properties) {
    return bench_of(properties, TRUE);
}

void bench_free(Bench* bench) {
    gst_harness_teardown(bench->harness);
    gst_element_set_bus(bench->element, NULL);
    gst_object_unref(bench->element);
    gst_object_unref(bench->bus);
    g_free(bench);
}

void bench_caps(Bench* bench, GstVideoFormat format, gint width, gint height) {
    GstCaps* caps;
    assert_true(gst_video_info_set_format(&bench->info, format, (guint)width, (guint)height));
    bench->info.fps_n = 10;
    bench->info.fps_d = 1;
    if (GST_VIDEO_INFO_IS_YUV(&bench->info))
        gst_video_colorimetry_from_string(&bench->info.colorimetry, GST_VIDEO_COLORIMETRY_BT601);
    caps = gst_video_info_to_caps(&bench->info);
    gst_harness_set_src_caps(bench->harness, caps);
}

/* ---- Frames -------------------------------------------------------------------------------------------- */

void disc_of(const GstVideoInfo* info, gint number, gdouble* x, gdouble* y) {
    *x = info->width * (0.3 + 0.03 * number);
    *y = info->height * 0.5;
}

static void paint_scene(GstVideoFrame* rgb, gdouble disc_x, gdouble disc_y) {
    const gint width = GST_VIDEO_FRAME_WIDTH(rgb), height = GST_VIDEO_FRAME_HEIGHT(rgb);
    const gdouble radius = height / 5.0;
    for (gint y = 0; y < height; y++) {
        guint8* pixel =
            (guint8*)GST_VIDEO_FRAME_PLANE_DATA(rgb, 0) + (gsize)y * GST_VIDEO_FRAME_PLANE_STRIDE(rgb, 0);
        for (gint x = 0; x < width; x++, pixel += 3) {
            const gdouble dx = x + 0.5 - disc_x, dy = y + 0.5 - disc_y;
            const gboolean inside = dx * dx + dy * dy < radius * radius;
            const guint8 grey = (guint8)(90 + 60 * y / height + 8 * ((x / 8 + y / 8) % 2));
            pixel[0] = inside ? 220 : grey;
            pixel[1] = inside ? 40 : grey;
            pixel[2] = inside ? 30 : grey;
        }
    }
}

GstBuffer* frame_new(const GstVideoInfo* info, gint number) {
    GstBuffer *rgb_buffer, *buffer = gst_buffer_new_allocate(NULL, info->size, NULL);
    GstVideoInfo rgb_info;
    GstVideoFrame rgb, frame;
    GstVideoConverter* converter;
    gdouble x, y;
    gst_buffer_memset(buffer, 0, 0, info->size); /* padding too */
    gst_video_info_set_format(&rgb_info, GST_VIDEO_FORMAT_RGB, (guint)info->width, (guint)info->height);
    rgb_info.fps_n = info->fps_n;
    rgb_info.fps_d = info->fps_d;
    rgb_buffer = gst_buffer_new_allocate(NULL, rgb_info.size, NULL);
    assert_true(gst_video_frame_map(&rgb, &rgb_info, rgb_buffer, GST_MAP_READWRITE));
    assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_WRITE));
    disc_of(info, number, &x, &y);
    paint_scene(&rgb, x, y);
    converter = gst_video_converter_new(&rgb_info, info, NULL);
    gst_video_converter_frame(converter, &rgb, &frame);
    gst_video_converter_free(converter);
    gst_video_frame_unmap(&frame);
    gst_video_frame_unmap(&rgb);
    gst_buffer_unref(rgb_buffer);
    GST_BUFFER_PTS(buffer) = (GstClockTime)number * (GST_SECOND / 10);
    GST_BUFFER_DURATION(buffer) = GST_SECOND / 10;
    return buffer;
}

GstFlowReturn bench_push(Bench* bench) {
    return gst_harness_push(bench->harness, frame_new(&bench->info, bench->pushed++));
}

GstBuffer* bench_step(Bench* bench) {
    assert_int_equal(bench_push(bench), GST_FLOW_OK);
    return gst_harness_try_pull(bench->harness);
}

/* ---- What it says -------------------------------------------------------------------------------------- */

GstMessage* bench_message(Bench* bench, GstMessageType types) {
    return gst_bus_pop_filtered(bench->bus, types);
}

void assert_complaint(Bench* bench, GstMessageType type, const char* part) {
    GstMessage* message = bench_message(bench, GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
    GError* error;
    assert_non_null(message);
    assert_int_equal(GST_MESSAGE_TYPE(message), type);
    if (type == GST_MESSAGE_ERROR)
        gst_message_parse_error(message, &error, NULL);
    else
        gst_message_parse_warning(message, &error, NULL);
    if (!strstr(error->message, part)) fail_msg("'%s' does not contain '%s'", error->message, part);
    g_error_free(error);
    gst_message_unref(message);
}

GstStructure* bench_report(Bench* bench) {
    GstMessage* message = bench_message(bench, GST_MESSAGE_ELEMENT);
    GstStructure* report;
    assert_non_null(message);
    assert_true(gst_message_has_name(message, "samlettrack"));
    report = gst_structure_copy(gst_message_get_structure(message));
    gst_message_unref(message);
    return report;
}

gint int_of(const GstStructure* structure, const char* field) {
    gint value;
    gint64 wide;
    if (gst_structure_get_int64(structure, field, &wide)) return (gint)wide;
    assert_true(gst_structure_get_int(structure, field, &value));
    return value;
}

gdouble float_of(const GstStructure* structure, const char* field) {
    const GValue* value = gst_structure_get_value(structure, field);
    assert_non_null(value);
    return g_value_get_float(value);
}

void box_of(const GstStructure* structure, gint box[4]) {
    const GValue* value = gst_structure_get_value(structure, "box");
    assert_int_equal(gst_value_array_get_size(value), 4);
    for (guint i = 0; i < 4; i++) box[i] = g_value_get_int(gst_value_array_get_value(value, i));
}

char* objects_of(Bench* bench) {
    GValue value = G_VALUE_INIT;
    GString* text = g_string_new(NULL);
    g_value_init(&value, GST_TYPE_ARRAY);
    g_object_get_property(G_OBJECT(bench->element), "objects", &value);
    for (guint i = 0; i < gst_value_array_get_size(&value); i++)
        g_string_append_printf(text, "%s%d", i ? " " : "",
                               g_value_get_int(gst_value_array_get_value(&value, i)));
    g_value_unset(&value);
    return g_string_free(text, FALSE);
}

guint64 stat_of(Bench* bench, const char* field) {
    GstStructure* stats;
    guint64 value = 0;
    g_object_get(bench->element, "stats", &stats, NULL);
    assert_true(gst_structure_get_uint64(stats, field, &value));
    gst_structure_free(stats);
    return value;
}

/* ---- The library --------------------------------------------------------------------------------------- */

Reference reference_open(void) {
    Reference reference;
    samlet_model_config model_config;
    samlet_tracker_config config;
    samlet_model_config_init(&model_config);
    model_config.path = model_path();
    samlet_tracker_config_init(&config);
    config.max_objects = 4;
    config.prompted_frames = 4; /* as the element, which keeps what corrections came after */
    config.flags = SAMLET_TRACKER_YIELD;
    assert_int_equal(samlet_model_open(&model_config, &reference.model, NULL), SAMLET_OK);
    assert_int_equal(samlet_tracker_create(reference.model, &config, &reference.tracker, NULL), SAMLET_OK);
    return reference;
}

void reference_close(Reference* reference) {
    samlet_tracker_destroy(reference->tracker);
    samlet_model_close(reference->model);
}

/* Not the element's own view of a frame: that is under test. */
static samlet_frame view_of(const GstVideoFrame* frame) {
    static const struct {
        GstVideoFormat format;
        samlet_pixel_format pixels;
    } formats[] = {
        {GST_VIDEO_FORMAT_RGB, SAMLET_PIXEL_RGB},    {GST_VIDEO_FORMAT_BGR, SAMLET_PIXEL_BGR},
        {GST_VIDEO_FORMAT_RGBA, SAMLET_PIXEL_RGBA},  {GST_VIDEO_FORMAT_RGBx, SAMLET_PIXEL_RGBA},
        {GST_VIDEO_FORMAT_BGRA, SAMLET_PIXEL_BGRA},  {GST_VIDEO_FORMAT_BGRx, SAMLET_PIXEL_BGRA},
        {GST_VIDEO_FORMAT_GRAY8, SAMLET_PIXEL_GREY}, {GST_VIDEO_FORMAT_NV12, SAMLET_PIXEL_NV12},
        {GST_VIDEO_FORMAT_YUY2, SAMLET_PIXEL_YUYV},
    };
    samlet_frame view;
    samlet_frame_init(&view);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].format == GST_VIDEO_FRAME_FORMAT(frame)) view.format = formats[i].pixels;
    view.width = (uint32_t)frame->info.width;
    view.height = (uint32_t)frame->info.height;
    view.plane[0] = frame->data[0];
    view.stride[0] = (uint64_t)frame->info.stride[0];
    if (view.format == SAMLET_PIXEL_NV12) {
        view.plane[1] = frame->data[1];
        view.stride[1] = (uint64_t)frame->info.stride[1];
    }
    return view;
}

samlet_result reference_step(Reference* reference, GstBuffer* buffer, const GstVideoInfo* info,
                             int64_t number, const samlet_prompt* prompt) {
    samlet_result result;
    samlet_frame view;
    GstVideoFrame frame;
    assert_true(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
    view = view_of(&frame);
    assert_int_equal(samlet_tracker_set_frame(reference->tracker, &view, number), SAMLET_OK);
    if (prompt) assert_int_equal(samlet_tracker_prompt(reference->tracker, 1, prompt), SAMLET_OK);
    assert_int_equal(samlet_tracker_track(reference->tracker), SAMLET_OK);
    samlet_result_init(&result);
    assert_int_equal(samlet_tracker_result(reference->tracker, 1, &result), SAMLET_OK);
    gst_video_frame_unmap(&frame);
    return result;
}
