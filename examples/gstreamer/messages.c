/* SPDX-License-Identifier: Apache-2.0 */
#include "messages.h"

static void set_box(GstStructure* structure, const samlet_box* box) {
    const float sides[4] = {box->x0, box->y0, box->x1, box->y1};
    GValue array = G_VALUE_INIT, side = G_VALUE_INIT;
    g_value_init(&array, GST_TYPE_ARRAY);
    g_value_init(&side, G_TYPE_INT);
    for (guint i = 0; i < G_N_ELEMENTS(sides); i++) {
        g_value_set_int(&side, (gint)sides[i]); /* a mask's box has whole sides */
        gst_value_array_append_value(&array, &side);
    }
    gst_structure_take_value(structure, "box", &array);
}

static gboolean copy_field(GQuark field, const GValue* value, gpointer structure) {
    gst_structure_id_set_value(structure, field, value);
    return TRUE;
}

void messages_post(GstElement* element, const FrameTime* time, const samlet_result* result,
                   const GstStructure* description) {
    GstStructure* structure = gst_structure_new(
        MESSAGES_NAME, "frame", G_TYPE_INT64, time->number, "pts", G_TYPE_UINT64, time->pts, "running-time",
        G_TYPE_UINT64, time->running_time, "stream-time", G_TYPE_UINT64, time->stream_time, NULL);
    set_box(structure, &result->box);
    gst_structure_foreach(description, copy_field, structure);
    gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), structure));
}
