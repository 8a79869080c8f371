/* SPDX-License-Identifier: Apache-2.0 */
#include "metadata.h"

#include <gst/video/video.h>

GstStructure* metadata_describe(const samlet_result* result, const gchar* rle) {
    GstStructure* description = gst_structure_new(
        METADATA_ROI_TYPE, "id", G_TYPE_INT, (gint)result->object, "score", G_TYPE_FLOAT,
        (gfloat)result->object_score, "iou", G_TYPE_FLOAT, (gfloat)result->iou, "visible", G_TYPE_BOOLEAN,
        (gboolean)(result->visible != 0), "prompted", G_TYPE_BOOLEAN, (gboolean)(result->prompted != 0),
        "area", G_TYPE_UINT64, (guint64)result->area, NULL);
    if (rle) gst_structure_set(description, "rle", G_TYPE_STRING, rle, NULL);
    return description;
}

void metadata_attach(GstBuffer* buffer, const samlet_result* result, const GstStructure* description) {
    const samlet_box* box = &result->box;
    GstVideoRegionOfInterestMeta* meta;
    if (!result->visible || result->empty) return;
    meta = gst_buffer_add_video_region_of_interest_meta(buffer, METADATA_ROI_TYPE, (guint)box->x0,
                                                        (guint)box->y0, (guint)(box->x1 - box->x0),
                                                        (guint)(box->y1 - box->y0));
    meta->id = result->object;
    gst_video_region_of_interest_meta_add_param(meta, gst_structure_copy(description));
}
