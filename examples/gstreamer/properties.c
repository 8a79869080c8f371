/* SPDX-License-Identifier: Apache-2.0 */
#include "properties.h"

#include <gst/gst.h>
#include <stddef.h>

static const Settings defaults = {
    .max_objects = 4,
    .prompted_frames = 4, /* with one, a correcting click would take the place of the first */
    .post_messages = TRUE,
    .overlay = TRUE,
    .drop = DROP_AUTO,
    .max_lateness = 100 * GST_MSECOND,
};

void settings_init(Settings* settings) {
    *settings = defaults;
}

void settings_clear(Settings* settings) {
    g_free(settings->model);
    g_free(settings->point);
    g_free(settings->box);
    *settings = defaults;
}

/* ---- Documentation ------------------------------------------------------------------------------------- */

/* Before the stream begins, or at any time. */
#define AT_START (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)
#define ANY_TIME (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)
#define READ_ONLY (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)

static GType drop_policy_type(void) {
    static const GEnumValue values[] = {
        {DROP_AUTO, "late if the source is live, else never", "auto"},
        {DROP_LATE,
         "Frames that come late by the clock (live sources) or that the sink says are too late (QoS)",
         "late"},
        {DROP_NEVER, "Every frame is tracked, however long that takes", "never"},
        {0, NULL, NULL}};
    static gsize type;
    if (g_once_init_enter(&type))
        g_once_init_leave(&type, g_enum_register_static("GstSamletTrackDrop", values));
    return (GType)type;
}

static void install_model(GObjectClass* class) {
    g_object_class_install_property(
        class, PROPERTY_MODEL,
        g_param_spec_string("model", "Model",
                            "Model file (GGUF, written by samlet's tools/convert_checkpoint.py)", NULL,
                            AT_START));
    g_object_class_install_property(
        class, PROPERTY_IMAGE_SIZE,
        g_param_spec_uint("image-size", "Image size",
                          "Side of the square that the model sees, pixels, a multiple of 32 (0: as trained)",
                          0, 65536, defaults.image_size, AT_START));
    g_object_class_install_property(
        class, PROPERTY_THREADS,
        g_param_spec_uint("threads", "Threads", "Threads of the tracker (0: one a processor, at most 4)", 0,
                          1024, defaults.threads, AT_START));
    g_object_class_install_property(
        class, PROPERTY_MAX_OBJECTS,
        g_param_spec_uint("max-objects", "Maximum of objects",
                          "Objects that memory is reserved for; a prompt for one more is refused", 1, 65536,
                          defaults.max_objects, AT_START));
    g_object_class_install_property(
        class, PROPERTY_PROMPTED_FRAMES,
        g_param_spec_uint("prompted-frames", "Prompted frames",
                          "Memories kept of frames with prompts, for each object: the first, and the closest "
                          "in time",
                          1, 64, defaults.prompted_frames, AT_START));
    g_object_class_install_property(
        class, PROPERTY_CLIP_LENGTH,
        g_param_spec_uint(
            "clip-length", "Clip length",
            "Frames of the clip, to get the very numbers of the reference, which knows it; it sets the "
            "time code of object pointers (0: a stream of unknown length)",
            0, G_MAXUINT, defaults.clip_length, AT_START));
}

static void install_prompts(GObjectClass* class) {
    g_object_class_install_property(
        class, PROPERTY_POINT,
        g_param_spec_string("point", "Points",
                            "Clicks, in pixels of the frame: '[OBJECT:]x,y[,label]', several separated by "
                            "spaces or ';'. Label 1 is inside "
                            "the object (default), 0 outside; OBJECT is any number (default 1). For the "
                            "first frame, or, set in a "
                            "running pipeline, for the next one: a click corrects an object that is tracked "
                            "and adds one that is not",
                            NULL, ANY_TIME));
    g_object_class_install_property(
        class, PROPERTY_BOX,
        g_param_spec_string(
            "box", "Boxes",
            "Boxes around objects, in pixels of the frame: '[OBJECT:]x0,y0,x1,y1', one for each "
            "object; otherwise as the property point",
            NULL, ANY_TIME));
    g_object_class_install_property(
        class, PROPERTY_MOUSE_OBJECT,
        g_param_spec_int(
            "mouse-object", "Object of the mouse",
            "Clicks into the window of a video sink prompt this object: left button inside it, right "
            "button outside; the middle button removes it (0: clicks are ignored)",
            0, G_MAXINT, defaults.mouse_object, ANY_TIME));
}

static void install_output(GObjectClass* class) {
    g_object_class_install_property(
        class, PROPERTY_OVERLAY,
        g_param_spec_boolean("overlay", "Overlay", "Paint the objects' masks over the picture",
                             defaults.overlay, ANY_TIME));
    g_object_class_install_property(
        class, PROPERTY_POST_MESSAGES,
        g_param_spec_boolean(
            "post-messages", "Post messages",
            "Post an element message 'samlettrack' for every object on every frame: frame, pts, "
            "running-time, stream-time, box, id, score, iou, visible, prompted, area",
            defaults.post_messages, ANY_TIME));
    g_object_class_install_property(
        class, PROPERTY_RLE,
        g_param_spec_boolean("rle", "Run-length code",
                             "Add the mask to messages and metadata, as COCO's compressed run-length code",
                             defaults.rle, ANY_TIME));
}

static void install_pace(GObjectClass* class) {
    g_object_class_install_property(
        class, PROPERTY_DROP,
        g_param_spec_enum(
            "drop", "Drop policy",
            "Which frames are dropped without tracking when time is short; sets the property qos",
            drop_policy_type(), (gint)defaults.drop, ANY_TIME));
    g_object_class_install_property(
        class, PROPERTY_MAX_LATENESS,
        g_param_spec_uint64("max-lateness", "Maximum lateness",
                            "A frame of a live source that comes later than that is late, ns", 0, G_MAXINT64,
                            defaults.max_lateness, ANY_TIME));
}

static void install_state(GObjectClass* class) {
    g_object_class_install_property(
        class, PROPERTY_OBJECTS,
        gst_param_spec_array(
            "objects", "Objects", "Ids of the objects that are tracked, in the order in which they came",
            g_param_spec_int("id", "Id", "Id of an object", G_MININT, G_MAXINT, 0, READ_ONLY), READ_ONLY));
    g_object_class_install_property(
        class, PROPERTY_STATS,
        g_param_spec_boxed(
            "stats", "Statistics",
            "Since the stream began: frames (uint64) that left the element, tracked (uint64) of them, "
            "dropped (uint64) as late, frame-time (uint64, ns, smoothed) of tracking",
            GST_TYPE_STRUCTURE, READ_ONLY));
}

void properties_install(GObjectClass* class) {
    install_model(class);
    install_prompts(class);
    install_output(class);
    install_pace(class);
    install_state(class);
    gst_type_mark_as_plugin_api(drop_policy_type(), 0);
}

/* ---- Values -------------------------------------------------------------------------------------------- */

typedef struct Field {
    Property property;
    GType type;
    size_t offset;
} Field;

static const Field fields[] = {
    {PROPERTY_MODEL, G_TYPE_STRING, offsetof(Settings, model)},
    {PROPERTY_POINT, G_TYPE_STRING, offsetof(Settings, point)},
    {PROPERTY_BOX, G_TYPE_STRING, offsetof(Settings, box)},
    {PROPERTY_MAX_OBJECTS, G_TYPE_UINT, offsetof(Settings, max_objects)},
    {PROPERTY_PROMPTED_FRAMES, G_TYPE_UINT, offsetof(Settings, prompted_frames)},
    {PROPERTY_IMAGE_SIZE, G_TYPE_UINT, offsetof(Settings, image_size)},
    {PROPERTY_THREADS, G_TYPE_UINT, offsetof(Settings, threads)},
    {PROPERTY_CLIP_LENGTH, G_TYPE_UINT, offsetof(Settings, clip_length)},
    {PROPERTY_OVERLAY, G_TYPE_BOOLEAN, offsetof(Settings, overlay)},
    {PROPERTY_POST_MESSAGES, G_TYPE_BOOLEAN, offsetof(Settings, post_messages)},
    {PROPERTY_RLE, G_TYPE_BOOLEAN, offsetof(Settings, rle)},
    {PROPERTY_DROP, G_TYPE_ENUM, offsetof(Settings, drop)},
    {PROPERTY_MAX_LATENESS, G_TYPE_UINT64, offsetof(Settings, max_lateness)},
    {PROPERTY_MOUSE_OBJECT, G_TYPE_INT, offsetof(Settings, mouse_object)},
};

static const Field* field_of(guint property) {
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        if (fields[i].property == property) return &fields[i];
    return NULL;
}

gboolean settings_set(Settings* settings, guint property, const GValue* value) {
    const Field* field = field_of(property);
    void* at;
    if (!field) return FALSE;
    at = (char*)settings + field->offset;
    switch (field->type) {
        case G_TYPE_STRING:
            g_free(*(gchar**)at);
            *(gchar**)at = g_value_dup_string(value);
            break;
        case G_TYPE_UINT:
            *(guint*)at = g_value_get_uint(value);
            break;
        case G_TYPE_BOOLEAN:
            *(gboolean*)at = g_value_get_boolean(value);
            break;
        case G_TYPE_ENUM:
            *(DropPolicy*)at = (DropPolicy)g_value_get_enum(value);
            break;
        case G_TYPE_UINT64:
            *(guint64*)at = g_value_get_uint64(value);
            break;
        case G_TYPE_INT:
            *(gint*)at = g_value_get_int(value);
            break;
    }
    return TRUE;
}

gboolean settings_get(const Settings* settings, guint property, GValue* value) {
    const Field* field = field_of(property);
    const void* at;
    if (!field) return FALSE;
    at = (const char*)settings + field->offset;
    switch (field->type) {
        case G_TYPE_STRING:
            g_value_set_string(value, *(gchar* const*)at);
            break;
        case G_TYPE_UINT:
            g_value_set_uint(value, *(const guint*)at);
            break;
        case G_TYPE_BOOLEAN:
            g_value_set_boolean(value, *(const gboolean*)at);
            break;
        case G_TYPE_ENUM:
            g_value_set_enum(value, (gint) * (const DropPolicy*)at);
            break;
        case G_TYPE_UINT64:
            g_value_set_uint64(value, *(const guint64*)at);
            break;
        case G_TYPE_INT:
            g_value_set_int(value, *(const gint*)at);
            break;
    }
    return TRUE;
}
