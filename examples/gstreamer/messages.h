/* What the bus tells about an object.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_MESSAGES_H
#define SAMLET_GST_MESSAGES_H

#include <gst/gst.h>
#include <samlet/samlet.h>

/* The name of the structure in our element messages. */
#define MESSAGES_NAME "samlettrack"

/* Which frame a message is about. Times in ns, GST_CLOCK_TIME_NONE where unknown. */
typedef struct FrameTime {
    gint64 number;
    GstClockTime pts, running_time, stream_time;
} FrameTime;

/* Posts an element message of one object on one frame: frame (int64), pts, running-time, stream-time
 * (uint64), box (array of 4 ints: x0, y0, x1, y1, the last two exclusive; 0 where nothing is seen), and the
 * fields of the description (see metadata.h). */
void messages_post(GstElement* element, const FrameTime* time, const samlet_result* result,
                   const GstStructure* description);

#endif
