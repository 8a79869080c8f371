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

    /* Of several threads, so guarded by a lock that is never held while calling out. */
    GMutex lock;
    Settings settings;
    gboolean started;
    GQueue commands; /* for the next frame */
    Pace pace;
    GArray* objects;                  /* of gint */
    guint64 arrived, passed, tracked; /* frames */

    /* Of the streaming thread, and of state changes while there is none. */
    Tracking tracking;
    GstVideoInfo info;
    gint64 next_frame; /* the number of the next frame that leaves the element */
    GByteArray* mask;
};

/* Registers the element with a plugin. */
GST_ELEMENT_REGISTER_DECLARE(samlettrack)

/* ---- actions.c: objects and clicks while the pipeline runs --------------------------------------------- */

/* Adds the action signals. */
void actions_install(GstSamletTrackClass* class);
/* What a click into the window of a sink means. */
void actions_mouse(GstSamletTrack* self, GstEvent* navigation);

/* ---- live.c: dropping and latency ---------------------------------------------------------------------- */

/* Finds out whether the source is live, unless that is known. */
void live_ask_latency(GstSamletTrack* self);
/* Answers a latency query from behind: the source's latency, and ours. */
gboolean live_answer_latency(GstSamletTrack* self, GstQuery* query);
/* Has the base class drop the coming frame if it is late. */
void live_hurry(GstSamletTrack* self, GstClockTime running_time);
/* A frame took that long to track. */
void live_note_time(GstSamletTrack* self, gint64 microseconds);

#endif
