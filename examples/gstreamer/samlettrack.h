/* samlettrack: follows objects through video/x-raw.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_SAMLETTRACK_H
#define SAMLET_GST_SAMLETTRACK_H

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "pace.h"
#include "properties.h"
#include "tracking.h"

#define GST_TYPE_SAMLET_TRACK (gst_samlet_track_get_type())
G_DECLARE_FINAL_TYPE(GstSamletTrack, gst_samlet_track, GST, SAMLET_TRACK, GstBaseTransform)

struct _GstSamletTrack {
    GstBaseTransform parent;

    GMutex lock; /* guards what several threads use: all up to the next comment; never held while calling out */
    Settings settings;
    gboolean started;
    GQueue commands; /* for the next frame */
    Pace pace;
    GArray *objects;                  /* of gint */
    guint64 arrived, passed, tracked; /* frames */

    /* Of the streaming thread, and of state changes while there is none. */
    Tracking tracking;
    GstVideoInfo info;
    gint64 next_frame; /* the number of the next frame that leaves the element */
    GByteArray *mask;
};

/* Registers the element with a plugin. */
GST_ELEMENT_REGISTER_DECLARE(samlettrack)

/* Adds the action signals. */
void actions_install(GstSamletTrackClass *class);
/* What a click into the window of a sink means. */
void actions_mouse(GstSamletTrack *self, GstEvent *navigation);

#endif
