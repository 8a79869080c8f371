/* What a buffer tells about an object.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_METADATA_H
#define SAMLET_GST_METADATA_H

#include <gst/gst.h>
#include <samlet/samlet.h>

/* The type of our regions of interest, and the name of the structure in them. */
#define METADATA_ROI_TYPE "samlet-object"

/* "samlet-object": id (int), score (float), iou (float), visible (boolean), prompted (boolean), area (uint64)
 * and, where `rle` is not NULL, rle (string): fields of samlet_result, and samlet_tracker_rle(). To free. */
GstStructure* metadata_describe(const samlet_result* result, const gchar* rle);

/* Adds a GstVideoRegionOfInterestMeta with the object's box, its id and a copy of `description`. An object
 * that is not seen has no region. The buffer must be writable. */
void metadata_attach(GstBuffer* buffer, const samlet_result* result, const GstStructure* description);

#endif
