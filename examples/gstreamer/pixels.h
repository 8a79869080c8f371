/* Which pixels the element takes, and how the library sees them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_PIXELS_H
#define SAMLET_GST_PIXELS_H

#include <gst/video/video.h>
#include <samlet/samlet.h>

/* The longest side of a frame. The library would take more, and reserves nothing for it. */
#define PIXELS_MAX_SIDE 16384

/* Sink and source pad: the element changes pictures in place. */
extern const gchar pixels_caps[];

/* A view of a mapped frame of these caps. */
samlet_frame pixels_frame(const GstVideoFrame* frame);

#endif
