/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#define STARVED GST_SECOND

void pace_reset(Pace* pace) {
    *pace = (Pace){FALSE, FALSE, 0, 0, 0, GST_CLOCK_TIME_NONE};
}

void pace_learn(Pace* pace, gboolean live, GstClockTime upstream_latency) {
    pace->known = TRUE;
    pace->live = live;
    pace->upstream = GST_CLOCK_TIME_IS_VALID(upstream_latency) ? upstream_latency : 0;
}

gboolean pace_drops(const Pace* pace, DropPolicy policy) {
    return policy == DROP_LATE || (policy == DROP_AUTO && pace->live);
}

PaceVerdict pace_judge(const Pace* pace, GstClockTime running_time, GstClockTime now,
                       GstClockTime max_lateness, GstClockTimeDiff* excess) {
    *excess = 0;
    if (!GST_CLOCK_TIME_IS_VALID(now)) return PACE_TRACK;
    /* Better a late picture than none: of a machine that is much too slow, or a source with wrong times. */
    if (GST_CLOCK_TIME_IS_VALID(pace->last) && now > pace->last + STARVED) return PACE_REVIVE;
    if (!GST_CLOCK_TIME_IS_VALID(running_time) || !pace->live) return PACE_TRACK;
    *excess = GST_CLOCK_DIFF(running_time + pace->upstream + max_lateness, now);
    return *excess > 0 ? PACE_DROP : PACE_TRACK;
}

gboolean pace_tracked(Pace* pace, GstClockTime duration, GstClockTime now, GstClockTime lateness) {
    GstClockTime wanted;
    pace->last = now;
    pace->frame_time = pace->frame_time ? (7 * pace->frame_time + duration) / 8 : duration;
    wanted = pace->frame_time + lateness;
    /* Telling the pipeline is expensive: every sink waits anew. So with room to spare, and not for little. */
    if (wanted <= pace->reported && 2 * wanted >= pace->reported) return FALSE;
    pace->reported = wanted + pace->frame_time / 4;
    return pace->live;
}
