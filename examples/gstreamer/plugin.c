/* The GStreamer plugin samlet, with the element samlettrack.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "samlettrack.h"

static gboolean init(GstPlugin* plugin) {
    return GST_ELEMENT_REGISTER(samlettrack, plugin);
}

#define PACKAGE "samlet"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, samlet, "Object tracking with SAM 2", init,
                  SAMLET_PLUGIN_VERSION, "Apache 2.0", "samlet", "Unknown package origin")
