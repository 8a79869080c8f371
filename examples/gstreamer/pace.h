/* Keeping up with a live stream: what is dropped, and which latency the pipeline is told. All times in ns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_PACE_H
#define SAMLET_GST_PACE_H

#include <gst/gst.h>

typedef enum {
    DROP_AUTO,  /* DROP_LATE if the source is live, else DROP_NEVER */
    DROP_LATE,  /* frames that are late by the clock or that the sink says come too late */
    DROP_NEVER, /* every frame is tracked */
} DropPolicy;

typedef struct Pace {
    gboolean known;          /* what the source answered to the latency query: */
    gboolean live;           /* frames come by the clock, */
    GstClockTime upstream;   /* that much after their running time */
    GstClockTime frame_time; /* what a tracked frame takes, smoothed */
    GstClockTime reported;   /* what the pipeline was told that we add */
    GstClockTime last;       /* running time of the clock when a frame was last let through */
} Pace;

typedef enum {
    PACE_TRACK,  /* unless the sink says that it is late */
    PACE_DROP,   /* it is late */
    PACE_REVIVE, /* nothing came through for a second: track it, however late it is */
} PaceVerdict;

void pace_reset(Pace* pace);
void pace_learn(Pace* pace, gboolean live, GstClockTime upstream_latency);
gboolean pace_drops(const Pace* pace, DropPolicy policy);

/* A frame of `running_time` arrives when the clock's running time is `now`. *excess is by how much it comes
 * later than it may, where it is late. */
PaceVerdict pace_judge(const Pace* pace, GstClockTime running_time, GstClockTime now,
                       GstClockTime max_lateness, GstClockTimeDiff* excess);

/* A frame was tracked in `duration` and is through at `now`. TRUE: the latency has changed so much that the
 * pipeline should be told. `lateness` is what a frame may be late when it comes. */
gboolean pace_tracked(Pace* pace, GstClockTime duration, GstClockTime now, GstClockTime lateness);

#endif
