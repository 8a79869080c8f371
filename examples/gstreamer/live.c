/* Live streams: what pace.h decides, told to GStreamer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "samlettrack.h"

static void learn_latency(GstSamletTrack* self, GstQuery* query) {
    gboolean live;
    GstClockTime least;
    gst_query_parse_latency(query, &live, &least, NULL);
    g_mutex_lock(&self->lock);
    pace_learn(&self->pace, live, least);
    g_mutex_unlock(&self->lock);
}

/* The pipeline asks when it starts to play; whoever is asked knows whether the source is live. */
void live_ask_latency(GstSamletTrack* self) {
    GstQuery* query;
    gboolean known;
    g_mutex_lock(&self->lock);
    known = self->pace.known;
    g_mutex_unlock(&self->lock);
    if (known) return;
    query = gst_query_new_latency();
    if (gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query)) learn_latency(self, query);
    gst_query_unref(query);
}

gboolean live_answer_latency(GstSamletTrack* self, GstQuery* query) {
    gboolean live;
    GstClockTime least, most, own;
    if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(self), query)) return FALSE;
    learn_latency(self, query);
    gst_query_parse_latency(query, &live, &least, &most);
    g_mutex_lock(&self->lock);
    own = self->pace.reported;
    g_mutex_unlock(&self->lock);
    gst_query_set_latency(query, live, least + own, GST_CLOCK_TIME_IS_VALID(most) ? most + own : most);
    return TRUE;
}

/* The base class drops what comes before the time that a sink's QoS event asks for, and posts QoS messages
 * about it. A frame that is late already when it comes is told to it the same way. */
void live_hurry(GstSamletTrack* self, GstClockTime running_time) {
    GstBaseTransform* trans = GST_BASE_TRANSFORM(self);
    const GstClockTime now = gst_element_get_current_running_time(GST_ELEMENT(self));
    GstClockTimeDiff excess;
    PaceVerdict verdict;
    g_mutex_lock(&self->lock);
    verdict = pace_judge(&self->pace, running_time, now, self->settings.max_lateness, &excess);
    g_mutex_unlock(&self->lock);
    if (verdict == PACE_DROP)
        gst_base_transform_update_qos(trans, 1.0, excess, running_time);
    else if (verdict == PACE_REVIVE)
        gst_base_transform_set_qos_enabled(trans, FALSE);
}

void live_note_time(GstSamletTrack* self, gint64 microseconds) {
    const GstClockTime now = gst_element_get_current_running_time(GST_ELEMENT(self));
    gboolean changed;
    g_mutex_lock(&self->lock);
    self->tracked++;
    changed = pace_tracked(&self->pace, (GstClockTime)microseconds * GST_USECOND, now,
                           pace_drops(&self->pace, self->settings.drop) ? self->settings.max_lateness : 0);
    g_mutex_unlock(&self->lock);
    if (changed) gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}
