/* SPDX-License-Identifier: Apache-2.0 */
#include "pixels.h"

#define SIDE "(int) [ 1, 16384 ]"
#define EVEN "(int) [ 2, 16384, 2 ]"
#define RATE "framerate = (fraction) [ 0, max ]"
/* The library reads YUV as BT.601 in studio range. Asking for it lets a videoconvert in front do the rest: HD
 * video and JPEG cameras come in other colours. Beside the usual name, those that cameras and decoders give
 * to the same matrix and range. */
#define BT601                                                                                           \
    "colorimetry = (string) { bt601, 2:4:16:3, 2:4:16:1, 2:4:5:1, 2:4:5:3, 2:4:5:4, 2:4:7:1, 2:4:7:4, " \
    "2:4:0:0 }"

const gchar pixels_caps[] =
    "video/x-raw, format = (string) { RGB, BGR, RGBA, RGBx, BGRA, BGRx, GRAY8 }, "
    "width = " SIDE ", height = " SIDE ", " RATE "; video/x-raw, format = (string) NV12, width = " SIDE
    ", height = " SIDE ", " RATE ", " BT601 "; video/x-raw, format = (string) YUY2, width = " EVEN
    ", height = " SIDE ", " RATE ", " BT601;

static samlet_pixel_format format_of(const GstVideoFrame* frame) {
    switch (GST_VIDEO_FRAME_FORMAT(frame)) {
        case GST_VIDEO_FORMAT_BGR:
            return SAMLET_PIXEL_BGR;
        case GST_VIDEO_FORMAT_RGBA:
        case GST_VIDEO_FORMAT_RGBx:
            return SAMLET_PIXEL_RGBA;
        case GST_VIDEO_FORMAT_BGRA:
        case GST_VIDEO_FORMAT_BGRx:
            return SAMLET_PIXEL_BGRA;
        case GST_VIDEO_FORMAT_GRAY8:
            return SAMLET_PIXEL_GREY;
        case GST_VIDEO_FORMAT_NV12:
            return SAMLET_PIXEL_NV12;
        case GST_VIDEO_FORMAT_YUY2:
            return SAMLET_PIXEL_YUYV;
        default:
            return SAMLET_PIXEL_RGB;
    }
}

samlet_frame pixels_frame(const GstVideoFrame* frame) {
    samlet_frame view;
    samlet_frame_init(&view);
    view.format = format_of(frame);
    view.width = (uint32_t)GST_VIDEO_FRAME_WIDTH(frame);
    view.height = (uint32_t)GST_VIDEO_FRAME_HEIGHT(frame);
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(frame); i++) {
        view.plane[i] = GST_VIDEO_FRAME_PLANE_DATA(frame, i);
        view.stride[i] = (uint64_t)GST_VIDEO_FRAME_PLANE_STRIDE(frame, i);
    }
    return view;
}
