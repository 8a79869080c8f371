/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay.h"

#include <gst/video/video-overlay-composition.h>

/* 0xRRGGBB. Neighbours differ in hue and in brightness, which is all that is left of them in grey. */
static const guint32 palette[] = {0xff4040, 0x40ff40, 0x4080ff, 0xffe040,
                                  0xff40ff, 0x40ffff, 0xff9020, 0xa060ff};

/* A mask of the frame's size, and the part of it in which anything is set. */
typedef struct Region {
    const guint8* mask;
    gint stride, x, y, width, height;
} Region;

static Region region_of(const samlet_result* result, const guint8* mask, gint stride) {
    const samlet_box* box = &result->box;
    return (Region){
        mask, stride, (gint)box->x0, (gint)box->y0, (gint)(box->x1 - box->x0), (gint)(box->y1 - box->y0)};
}

/* Whether the mask ends within `reach` of (x, y), along the axes. Nothing is set outside the region. */
static gboolean on_contour(const Region* r, gint x, gint y, gint reach) {
    const guint8* at = r->mask + (gsize)(r->y + y) * r->stride + r->x + x;
    if (x < reach || y < reach || x + reach >= r->width || y + reach >= r->height) return TRUE;
    for (gint step = 1; step <= reach; step++)
        if (!at[-step] || !at[step] || !at[-(gssize)step * r->stride] || !at[(gssize)step * r->stride])
            return TRUE;
    return FALSE;
}

static void fill(guint32* pixels, const Region* r, guint32 colour, gint reach) {
    for (gint y = 0; y < r->height; y++) {
        const guint8* mask = r->mask + (gsize)(r->y + y) * r->stride + r->x;
        for (gint x = 0; x < r->width; x++) {
            const guint32 alpha = !mask[x] ? 0 : on_contour(r, x, y, reach) ? 0xff : 0x70;
            *pixels++ = alpha << 24 | colour;
        }
    }
}

/* The library of GStreamer blends it over pictures of any format. */
static GstVideoOverlayRectangle* rectangle_of(const Region* r, guint32 colour, gint reach) {
    GstVideoOverlayRectangle* rectangle;
    const gsize bytes = sizeof(guint32) * (gsize)r->width * (gsize)r->height;
    guint32* pixels = g_malloc(bytes);
    GstBuffer* buffer = gst_buffer_new_wrapped(pixels, bytes);
    fill(pixels, r, colour, reach);
    gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
                              (guint)r->width, (guint)r->height);
    rectangle = gst_video_overlay_rectangle_new_raw(buffer, r->x, r->y, (guint)r->width, (guint)r->height,
                                                    GST_VIDEO_OVERLAY_FORMAT_FLAG_NONE);
    gst_buffer_unref(buffer);
    return rectangle;
}

void overlay_paint(GstVideoFrame* frame, const Tracking* tracking, GByteArray* mask) {
    const gint width = GST_VIDEO_FRAME_WIDTH(frame), height = GST_VIDEO_FRAME_HEIGHT(frame);
    const gint reach = MAX(1, MIN(width, height) / 300);
    GstVideoOverlayComposition* composition = gst_video_overlay_composition_new(NULL);
    g_byte_array_set_size(mask, (guint)width * (guint)height);
    for (guint i = 0; i < tracking->results->len; i++) {
        const samlet_result* result = &g_array_index(tracking->results, samlet_result, i);
        const Region region = region_of(result, mask->data, width);
        GstVideoOverlayRectangle* rectangle;
        if (!result->visible || result->empty ||
            samlet_tracker_mask(tracking->tracker, result->object, mask->data, (uint64_t)width))
            continue;
        rectangle = rectangle_of(&region, palette[(guint)result->object % G_N_ELEMENTS(palette)], reach);
        gst_video_overlay_composition_add_rectangle(composition, rectangle);
        gst_video_overlay_rectangle_unref(rectangle);
    }
    gst_video_overlay_composition_blend(composition, frame);
    gst_video_overlay_composition_unref(composition);
}
