/* The model and the tracker behind the element: one frame in, results out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_TRACKING_H
#define SAMLET_GST_TRACKING_H

#include <gst/gst.h>
#include <samlet/samlet.h>

typedef struct Tracking {
    samlet_model* model;
    samlet_tracker* tracker;
    GArray* results; /* of samlet_result: of the last frame, in the order in which objects were added */
} Tracking;

/* Gets the sentence of a prompt or a removal that the library refused; the stream goes on. */
typedef void (*TrackingWarning)(gpointer context, const gchar* sentence);

/* On failure, `error` has the sentence and nothing is open. */
gboolean tracking_open(Tracking* tracking, const gchar* model_path, const samlet_tracker_config* config,
                       samlet_error* error);
void tracking_close(Tracking* tracking);

/* Carries out `commands` (they are freed), finds the objects on the frame and fills `results`. FALSE: the
 * frame or a required prompt was refused, and samlet_tracker_message() tells why. */
gboolean tracking_step(Tracking* tracking, const samlet_frame* frame, int64_t number, GQueue* commands,
                       TrackingWarning warn, gpointer context);

/* COCO run-length code of an object's mask on the last frame, to free; NULL if it has none. */
gchar* tracking_rle(const Tracking* tracking, int32_t object);

#endif
