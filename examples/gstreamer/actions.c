/* Objects and clicks while the pipeline runs: action signals, and the mouse.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <gst/video/navigation.h>

#include "commands.h"
#include "samlettrack.h"

/* For the next frame. */
static gboolean add(GstSamletTrack* self, Command* command) {
    gboolean added;
    g_mutex_lock(&self->lock);
    added = commands_add(&self->commands, command);
    g_mutex_unlock(&self->lock);
    if (!added)
        GST_WARNING_OBJECT(self, "%d commands wait for a frame already; one more is refused", COMMANDS_LIMIT);
    return added;
}

static gboolean add_point(GstSamletTrack* self, gint object, gdouble x, gdouble y, gint label) {
    return add(self, command_point(object, (samlet_point){(float)x, (float)y, label}));
}

static gboolean add_box(GstSamletTrack* self, gint object, gdouble x0, gdouble y0, gdouble x1, gdouble y1) {
    return add(self, command_box(object, (samlet_box){(float)x0, (float)y0, (float)x1, (float)y1}));
}

static gboolean remove_object(GstSamletTrack* self, gint object) {
    return add(self, command_remove(object));
}

static gboolean reset(GstSamletTrack* self) {
    return add(self, command_reset());
}

void actions_install(GstSamletTrackClass* class) {
    const GSignalFlags flags = G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION;
    const GType type = G_TYPE_FROM_CLASS(class);
    /* All work in any state and take effect on the next frame; they return FALSE if too many wait for it.
     * What the library refuses becomes a warning on the bus. */
    g_signal_new_class_handler("add-point", type, flags, G_CALLBACK(add_point), NULL, NULL, NULL,
                               G_TYPE_BOOLEAN, 4, G_TYPE_INT, G_TYPE_DOUBLE, G_TYPE_DOUBLE,
                               G_TYPE_INT); /* object, x, y, label */
    g_signal_new_class_handler("add-box", type, flags, G_CALLBACK(add_box), NULL, NULL, NULL, G_TYPE_BOOLEAN,
                               5, G_TYPE_INT, G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_DOUBLE);
    g_signal_new_class_handler("remove-object", type, flags, G_CALLBACK(remove_object), NULL, NULL, NULL,
                               G_TYPE_BOOLEAN, 1, G_TYPE_INT);
    g_signal_new_class_handler("reset", type, flags, G_CALLBACK(reset), NULL, NULL, NULL, G_TYPE_BOOLEAN, 0);
}

void actions_mouse(GstSamletTrack* self, GstEvent* navigation) {
    gint button, object;
    gdouble x, y;
    g_mutex_lock(&self->lock);
    object = self->settings.mouse_object;
    g_mutex_unlock(&self->lock);
    if (object == 0 || gst_navigation_event_get_type(navigation) != GST_NAVIGATION_EVENT_MOUSE_BUTTON_PRESS ||
        !gst_navigation_event_parse_mouse_button_event(navigation, &button, &x, &y))
        return;
    if (button == 1)
        add_point(self, object, x, y, SAMLET_POINT_POSITIVE);
    else if (button == 2)
        remove_object(self, object);
    else if (button == 3)
        add_point(self, object, x, y, SAMLET_POINT_NEGATIVE);
}
