/* The element's properties: their documentation, and their values.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_PROPERTIES_H
#define SAMLET_GST_PROPERTIES_H

#include <glib-object.h>

#include "pace.h"

typedef enum {
    PROPERTY_0,
    PROPERTY_MODEL,
    PROPERTY_POINT,
    PROPERTY_BOX,
    PROPERTY_MAX_OBJECTS,
    PROPERTY_PROMPTED_FRAMES,
    PROPERTY_IMAGE_SIZE,
    PROPERTY_THREADS,
    PROPERTY_CLIP_LENGTH,
    PROPERTY_OVERLAY,
    PROPERTY_POST_MESSAGES,
    PROPERTY_RLE,
    PROPERTY_DROP,
    PROPERTY_MAX_LATENESS,
    PROPERTY_MOUSE_OBJECT,
    PROPERTY_OBJECTS, /* read only from here on */
    PROPERTY_STATS,
} Property;

typedef struct Settings {
    gchar *model, *point, *box;
    guint max_objects, prompted_frames, image_size, threads, clip_length;
    gboolean overlay, post_messages, rle;
    DropPolicy drop;
    GstClockTime max_lateness;
    gint mouse_object;
} Settings;

void settings_init(Settings* settings);
void settings_clear(Settings* settings);

void properties_install(GObjectClass* class);
/* FALSE: not one of the settings. */
gboolean settings_set(Settings* settings, guint property, const GValue* value);
gboolean settings_get(const Settings* settings, guint property, GValue* value);

#endif
