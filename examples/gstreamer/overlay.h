/* Paints objects over a frame, for people.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_OVERLAY_H
#define SAMLET_GST_OVERLAY_H

#include <gst/video/video.h>

#include "tracking.h"

/* The masks of the last frame's results: half transparent, with a contour inside, in a colour that depends on
 * the id. `frame` is mapped for writing, in any format of the element; `mask` is a buffer that grows as
 * needed. */
void overlay_paint(GstVideoFrame* frame, const Tracking* tracking, GByteArray* mask);

#endif
