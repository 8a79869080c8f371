/* Formats, sizes, results, metadata and overlay: what comes out is what the library says of what went in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "support.h"

static const GstVideoFormat formats[] = {
    GST_VIDEO_FORMAT_RGB,   GST_VIDEO_FORMAT_BGR,  GST_VIDEO_FORMAT_RGBA,
    GST_VIDEO_FORMAT_RGBx,  GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_BGRx,
    GST_VIDEO_FORMAT_GRAY8, GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_YUY2,
};

static samlet_prompt box_prompt(samlet_box* box) {
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.box = box;
    prompt.flags = SAMLET_PROMPT_REPLACE_POINTS;
    return prompt;
}

static void assert_same_result(const GstStructure* report, const samlet_result* expected) {
    gint box[4];
    box_of(report, box);
    assert_int_equal(int_of(report, "frame"), expected->frame);
    assert_int_equal(int_of(report, "id"), expected->object);
    assert_true(float_of(report, "score") == expected->object_score);
    assert_true(float_of(report, "iou") == expected->iou);
    assert_true(box[0] == expected->box.x0 && box[1] == expected->box.y0 && box[2] == expected->box.x1 &&
                box[3] == expected->box.y1);
}

static void assert_region(GstBuffer* buffer, const samlet_result* expected) {
    const GstVideoRegionOfInterestMeta* meta = gst_buffer_get_video_region_of_interest_meta(buffer);
    const GstStructure* description;
    if (!expected->visible || expected->empty) {
        assert_null(meta);
        return;
    }
    assert_non_null(meta);
    assert_string_equal(g_quark_to_string(meta->roi_type), "samlet-object");
    assert_int_equal(meta->id, expected->object);
    assert_int_equal(meta->x, expected->box.x0);
    assert_int_equal(meta->y, expected->box.y0);
    assert_int_equal(meta->x + meta->w, expected->box.x1);
    assert_int_equal(meta->y + meta->h, expected->box.y1);
    description =
        gst_video_region_of_interest_meta_get_param((GstVideoRegionOfInterestMeta*)meta, "samlet-object");
    assert_non_null(description);
    assert_true(float_of(description, "score") == expected->object_score);
}

/* Three frames of every format, of odd size where the format can. */
static void results_are_the_librarys(void** state) {
    (void)state;
    for (size_t f = 0; f < G_N_ELEMENTS(formats); f++) {
        const gint width = formats[f] == GST_VIDEO_FORMAT_YUY2 ? 162 : 161, height = 119;
        Bench* bench = bench_new("box=25,35,75,85 overlay=false");
        Reference reference = reference_open();
        samlet_box box = {25, 35, 75, 85};
        const samlet_prompt prompt = box_prompt(&box);
        bench_caps(bench, formats[f], width, height);
        for (gint n = 0; n < 3; n++) {
            GstBuffer* in = frame_new(&bench->info, n);
            GstBuffer* out = bench_step(bench);
            const samlet_result expected =
                reference_step(&reference, in, &bench->info, n, n == 0 ? &prompt : NULL);
            GstStructure* report = bench_report(bench);
            GstMapInfo map;
            if (n == 0) assert_true(expected.visible);
            assert_same_result(report, &expected);
            assert_region(out, &expected);
            /* Without an overlay the picture stays. */
            assert_true(gst_buffer_map(in, &map, GST_MAP_READ));
            assert_int_equal(gst_buffer_memcmp(out, 0, map.data, map.size), 0);
            gst_buffer_unmap(in, &map);
            gst_structure_free(report);
            gst_buffer_unref(in);
            gst_buffer_unref(out);
        }
        reference_close(&reference);
        bench_free(bench);
    }
}

static guint8* bytes_of(GstBuffer* buffer) {
    GstMapInfo map;
    guint8* copy;
    assert_true(gst_buffer_map(buffer, &map, GST_MAP_READ));
    copy = g_memdup2(map.data, map.size);
    gst_buffer_unmap(buffer, &map);
    return copy;
}

/* Every pixel of the mask changes, no other does. */
static void overlay_paints_the_mask_and_nothing_else(void** state) {
    const gint width = 160, height = 120;
    Bench* bench = bench_new("box=25,35,75,85");
    Reference reference = reference_open();
    samlet_box box = {25, 35, 75, 85};
    const samlet_prompt prompt = box_prompt(&box);
    guint8* mask = g_malloc((gsize)width * height);
    guint inside = 0;
    (void)state;
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, width, height);
    for (gint n = 0; n < 2; n++) {
        GstBuffer* in = frame_new(&bench->info, n);
        GstBuffer* out = bench_step(bench);
        guint8 *before = bytes_of(in), *after = bytes_of(out);
        reference_step(&reference, in, &bench->info, n, n == 0 ? &prompt : NULL);
        assert_int_equal(samlet_tracker_mask(reference.tracker, 1, mask, (uint64_t)width), SAMLET_OK);
        for (gsize i = 0; i < (gsize)width * height; i++) {
            assert_int_equal(memcmp(before + 3 * i, after + 3 * i, 3) != 0, mask[i] != 0);
            inside += mask[i] != 0;
        }
        g_free(before);
        g_free(after);
        gst_buffer_unref(in);
        gst_buffer_unref(out);
    }
    assert_true(inside > 100);
    g_free(mask);
    reference_close(&reference);
    bench_free(bench);
}

/* In the other formats something changes inside the box, and nothing two pixels outside of it. */
static void overlay_works_in_every_format(void** state) {
    (void)state;
    for (size_t f = 0; f < G_N_ELEMENTS(formats); f++) {
        Bench* bench = bench_new("box=25,35,75,85");
        GstBuffer *in, *out;
        GstVideoFrame before, after;
        GstStructure* report;
        gint box[4];
        guint changed = 0;
        bench_caps(bench, formats[f], 160, 120);
        in = frame_new(&bench->info, 0);
        out = bench_step(bench);
        report = bench_report(bench);
        box_of(report, box);
        assert_true(gst_video_frame_map(&before, &bench->info, in, GST_MAP_READ));
        assert_true(gst_video_frame_map(&after, &bench->info, out, GST_MAP_READ));
        for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&before); c++) {
            const gint width = GST_VIDEO_FRAME_COMP_WIDTH(&before, c),
                       height = GST_VIDEO_FRAME_COMP_HEIGHT(&before, c);
            const gint step = GST_VIDEO_FRAME_COMP_PSTRIDE(&before, c),
                       stride = GST_VIDEO_FRAME_COMP_STRIDE(&before, c);
            const guint8 *a = GST_VIDEO_FRAME_COMP_DATA(&before, c),
                         *b = GST_VIDEO_FRAME_COMP_DATA(&after, c);
            for (gint y = 0; y < height; y++)
                for (gint x = 0; x < width; x++) {
                    const gint frame_x = x * 160 / width, frame_y = y * 120 / height;
                    const gboolean near = frame_x > box[0] - 3 && frame_x < box[2] + 3 &&
                                          frame_y > box[1] - 3 && frame_y < box[3] + 3;
                    const gboolean differs = a[y * stride + x * step] != b[y * stride + x * step];
                    if (differs && !near)
                        fail_msg("format %d changed at %d,%d", formats[f], frame_x, frame_y);
                    changed += differs;
                }
        }
        assert_true(changed > 100);
        gst_video_frame_unmap(&before);
        gst_video_frame_unmap(&after);
        gst_structure_free(report);
        gst_buffer_unref(in);
        gst_buffer_unref(out);
        bench_free(bench);
    }
}

/* A stream that changes its size and format on the way keeps its objects. */
static void renegotiation_keeps_the_object(void** state) {
    static const struct {
        GstVideoFormat format;
        gint width, height;
    } steps[] = {{GST_VIDEO_FORMAT_RGB, 160, 120},
                 {GST_VIDEO_FORMAT_RGB, 320, 240},
                 {GST_VIDEO_FORMAT_NV12, 320, 240},
                 {GST_VIDEO_FORMAT_BGRx, 96, 72}};
    Bench* bench = bench_new("box=25,35,75,85");
    Reference reference = reference_open();
    samlet_box box = {25, 35, 75, 85};
    const samlet_prompt prompt = box_prompt(&box);
    (void)state;
    for (gint n = 0; n < 8; n++) {
        GstBuffer *in, *out;
        GstStructure* report;
        GstCaps* caps;
        GstVideoInfo info;
        samlet_result expected;
        if (n % 2 == 0) bench_caps(bench, steps[n / 2].format, steps[n / 2].width, steps[n / 2].height);
        in = frame_new(&bench->info, n);
        out = bench_step(bench);
        expected = reference_step(&reference, in, &bench->info, n, n == 0 ? &prompt : NULL);
        report = bench_report(bench);
        assert_same_result(report, &expected);
        assert_int_equal(gst_buffer_get_size(out), bench->info.size);
        caps = gst_pad_get_current_caps(bench->harness->sinkpad);
        assert_true(gst_video_info_from_caps(&info, caps));
        assert_int_equal(info.width, steps[n / 2].width);
        assert_int_equal(GST_VIDEO_INFO_FORMAT(&info), steps[n / 2].format);
        gst_caps_unref(caps);
        gst_structure_free(report);
        gst_buffer_unref(in);
        gst_buffer_unref(out);
    }
    reference_close(&reference);
    bench_free(bench);
}

static void caps_are_what_the_library_can_read(void** state) {
    static const struct {
        const char* caps;
        gboolean accepted;
    } cases[] = {
        {"video/x-raw,format=RGB,width=1,height=1,framerate=0/1", TRUE},
        {"video/x-raw,format=NV12,width=641,height=481,framerate=30/1,colorimetry=bt601", TRUE},
        {"video/x-raw,format=NV12,width=640,height=480,framerate=30/1", TRUE},
        {"video/x-raw,format=NV12,width=1920,height=1080,framerate=30/1,colorimetry=bt709", FALSE},
        {"video/x-raw,format=YUY2,width=640,height=480,framerate=30/1,colorimetry=2:4:7:1", TRUE},
        {"video/x-raw,format=YUY2,width=640,height=480,framerate=30/1,colorimetry=1:4:7:1", FALSE},
        {"video/x-raw,format=YUY2,width=641,height=480,framerate=30/1,colorimetry=bt601", FALSE},
        {"video/x-raw,format=ARGB,width=640,height=480,framerate=30/1", FALSE},
        {"video/x-raw,format=I420,width=640,height=480,framerate=30/1", FALSE},
        {"video/x-raw,format=RGB,width=16385,height=16,framerate=30/1", FALSE},
        {"image/jpeg,width=640,height=480,framerate=30/1", FALSE},
    };
    Bench* bench = bench_new("");
    GstPad* sink = gst_element_get_static_pad(bench->element, "sink");
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GstCaps* caps = gst_caps_from_string(cases[i].caps);
        if (gst_pad_query_accept_caps(sink, caps) != cases[i].accepted) fail_msg("%s", cases[i].caps);
        gst_caps_unref(caps);
    }
    gst_object_unref(sink);
    bench_free(bench);
}

/* Padding between rows, as cameras and decoders have it. */
static void strides_are_respected(void** state) {
    Bench *bench = bench_new("box=25,35,75,85"), *plain = bench_new("box=25,35,75,85");
    GstBuffer *tight, *padded;
    GstVideoInfo wide;
    GstVideoFrame from, to;
    GstStructure *first, *second;
    (void)state;
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    bench_caps(plain, GST_VIDEO_FORMAT_RGB, 160, 120);
    tight = frame_new(&bench->info, 0);
    gst_video_info_set_format(&wide, GST_VIDEO_FORMAT_RGB, 200, 130);
    padded = gst_buffer_new_allocate(NULL, wide.size, NULL);
    gst_buffer_memset(padded, 0, 255, wide.size);
    gst_buffer_add_video_meta_full(padded, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, 160, 120, 1,
                                   wide.offset, wide.stride);
    GST_BUFFER_PTS(padded) = 0;
    assert_true(gst_video_frame_map(&from, &bench->info, tight, GST_MAP_READ));
    assert_true(gst_video_frame_map(&to, &bench->info, padded, GST_MAP_WRITE));
    assert_true(gst_video_frame_copy(&to, &from));
    gst_video_frame_unmap(&from);
    gst_video_frame_unmap(&to);
    assert_int_equal(gst_harness_push(bench->harness, padded), GST_FLOW_OK);
    assert_int_equal(gst_harness_push(plain->harness, tight), GST_FLOW_OK);
    first = bench_report(bench);
    second = bench_report(plain);
    assert_true(gst_structure_is_equal(first, second));
    gst_structure_free(first);
    gst_structure_free(second);
    bench_free(bench);
    bench_free(plain);
}

/* Nothing to do: the same buffer, also if others hold it. */
static void without_objects_buffers_pass(void** state) {
    Bench* bench = bench_new("");
    (void)state;
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    for (gint n = 0; n < 3; n++) {
        GstBuffer *in = frame_new(&bench->info, n), *out;
        gst_buffer_ref(in);
        assert_int_equal(gst_harness_push(bench->harness, in), GST_FLOW_OK);
        out = gst_harness_pull(bench->harness);
        assert_ptr_equal(in, out);
        gst_buffer_unref(in);
        gst_buffer_unref(out);
    }
    assert_null(bench_message(bench, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
    assert_int_equal(stat_of(bench, "frames"), 3);
    assert_int_equal(stat_of(bench, "tracked"), 0);
    bench_free(bench);
}

/* A buffer that others hold is not painted on. */
static void shared_pictures_are_copied(void** state) {
    Bench* bench = bench_new("box=25,35,75,85");
    GstBuffer *in, *untouched, *out;
    GstMapInfo map;
    (void)state;
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    in = frame_new(&bench->info, 0);
    untouched = frame_new(&bench->info, 0);
    gst_buffer_ref(in);
    assert_int_equal(gst_harness_push(bench->harness, in), GST_FLOW_OK);
    out = gst_harness_pull(bench->harness);
    assert_true(gst_buffer_map(untouched, &map, GST_MAP_READ));
    assert_int_equal(gst_buffer_memcmp(in, 0, map.data, map.size), 0);
    assert_int_not_equal(gst_buffer_memcmp(out, 0, map.data, map.size), 0);
    gst_buffer_unmap(untouched, &map);
    gst_buffer_unref(untouched);
    gst_buffer_unref(in);
    gst_buffer_unref(out);
    bench_free(bench);
}

static void run_length_code_on_demand(void** state) {
    Bench* bench = bench_new("box=25,35,75,85");
    Reference reference = reference_open();
    samlet_box box = {25, 35, 75, 85};
    const samlet_prompt prompt = box_prompt(&box);
    GstBuffer* in;
    GstStructure* report;
    char expected[4096];
    size_t length;
    (void)state;
    bench_caps(bench, GST_VIDEO_FORMAT_RGB, 160, 120);
    in = frame_new(&bench->info, 0);
    gst_buffer_unref(bench_step(bench));
    report = bench_report(bench);
    assert_false(gst_structure_has_field(report, "rle"));
    gst_structure_free(report);
    reference_step(&reference, in, &bench->info, 0, &prompt);
    gst_buffer_unref(in);

    g_object_set(bench->element, "rle", TRUE, NULL);
    in = frame_new(&bench->info, 1);
    gst_buffer_unref(bench_step(bench));
    report = bench_report(bench);
    reference_step(&reference, in, &bench->info, 1, NULL);
    assert_int_equal(samlet_tracker_rle(reference.tracker, 1, expected, sizeof expected, &length), SAMLET_OK);
    assert_string_equal(gst_structure_get_string(report, "rle"), expected);
    gst_structure_free(report);
    gst_buffer_unref(in);
    reference_close(&reference);
    bench_free(bench);
}

/* Every property says what it is. */
static void properties_are_documented(void** state) {
    GstElement* element = make_element("");
    guint count;
    GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
    guint own = 0;
    (void)state;
    for (guint i = 0; i < count; i++) {
        if (specs[i]->owner_type != G_OBJECT_TYPE(element)) continue;
        own++;
        assert_true(strlen(g_param_spec_get_nick(specs[i])) > 1);
        assert_true(strlen(g_param_spec_get_blurb(specs[i])) > 20);
        /* When it may be changed. */
        assert_true(!(specs[i]->flags & G_PARAM_WRITABLE) ||
                    (specs[i]->flags & (GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PLAYING)));
    }
    assert_int_equal(own, 16);
    g_free(specs);
    gst_object_unref(element);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_the_librarys),
        cmocka_unit_test(overlay_paints_the_mask_and_nothing_else),
        cmocka_unit_test(overlay_works_in_every_format),
        cmocka_unit_test(renegotiation_keeps_the_object),
        cmocka_unit_test(caps_are_what_the_library_can_read),
        cmocka_unit_test(strides_are_respected),
        cmocka_unit_test(without_objects_buffers_pass),
        cmocka_unit_test(shared_pictures_are_copied),
        cmocka_unit_test(run_length_code_on_demand),
        cmocka_unit_test(properties_are_documented),
    };
    return run_gst_tests(tests);
}
