/* SPDX-License-Identifier: Apache-2.0 */
#include "samlettrack.h"

#include "commands.h"
#include "messages.h"
#include "metadata.h"
#include "overlay.h"
#include "pixels.h"

GST_DEBUG_CATEGORY_STATIC(samlet_track_debug);
#define GST_CAT_DEFAULT samlet_track_debug

G_DEFINE_TYPE_WITH_CODE(GstSamletTrack, gst_samlet_track, GST_TYPE_BASE_TRANSFORM,
                        GST_DEBUG_CATEGORY_INIT(samlet_track_debug, "samlettrack", 0,
                                                "object tracking with samlet"))
GST_ELEMENT_REGISTER_DEFINE(samlettrack, "samlettrack", GST_RANK_NONE, GST_TYPE_SAMLET_TRACK)

/* ---- Properties ---------------------------------------------------------------------------------------- */

static GstStructure* stats_of(const GstSamletTrack* self) {
    return gst_structure_new("samlettrack-stats", "frames", G_TYPE_UINT64, self->passed, "tracked",
                             G_TYPE_UINT64, self->tracked, "dropped", G_TYPE_UINT64,
                             self->arrived - self->passed, "frame-time", G_TYPE_UINT64, self->pace.frame_time,
                             NULL);
}

static void objects_of(const GstSamletTrack* self, GValue* array) {
    GValue id = G_VALUE_INIT;
    g_value_init(&id, G_TYPE_INT);
    for (guint i = 0; i < self->objects->len; i++) {
        g_value_set_int(&id, g_array_index(self->objects, gint, i));
        gst_value_array_append_value(array, &id);
    }
}

static void get_property(GObject* object, guint property, GValue* value, GParamSpec* spec) {
    GstSamletTrack* self = GST_SAMLET_TRACK(object);
    gboolean known = TRUE;
    g_mutex_lock(&self->lock);
    if (property == PROPERTY_STATS)
        g_value_take_boxed(value, stats_of(self));
    else if (property == PROPERTY_OBJECTS)
        objects_of(self, value);
    else
        known = settings_get(&self->settings, property, value);
    g_mutex_unlock(&self->lock);
    if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
}

static void set_property(GObject* object, guint property, const GValue* value, GParamSpec* spec) {
    GstSamletTrack* self = GST_SAMLET_TRACK(object);
    gboolean known;
    gchar* complaint = NULL;
    g_mutex_lock(&self->lock);
    known = settings_set(&self->settings, property, value);
    /* Before that, the prompts wait for start(). */
    if (self->started && (property == PROPERTY_POINT || property == PROPERTY_BOX))
        commands_parse(property == PROPERTY_POINT ? self->settings.point : NULL,
                       property == PROPERTY_BOX ? self->settings.box : NULL, &self->commands, &complaint);
    g_mutex_unlock(&self->lock);
    if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
    if (complaint) GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS, ("%s", complaint), (NULL));
    g_free(complaint);
}

/* ---- Start and stop ------------------------------------------------------------------------------------ */

/* The prompts of the properties come after those of signals that came before the stream. */
static gboolean queue_first_prompts(GstSamletTrack* self) {
    GQueue first = G_QUEUE_INIT;
    gchar* complaint;
    g_mutex_lock(&self->lock);
    if (commands_parse(self->settings.point, self->settings.box, &first, &complaint))
        while (first.length) {
            Command* command = g_queue_pop_head(&first);
            command->required = TRUE;
            commands_add(&self->commands, command);
        }
    g_mutex_unlock(&self->lock);
    if (!complaint) return TRUE;
    GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("%s", complaint), (NULL));
    g_free(complaint);
    return FALSE;
}

static gboolean open_tracking(GstSamletTrack* self) {
    samlet_tracker_config config;
    samlet_error error;
    gchar* model;
    gboolean good;
    samlet_tracker_config_init(&config);
    config.max_frame_width = config.max_frame_height = PIXELS_MAX_SIDE;
    config.flags = SAMLET_TRACKER_YIELD; /* the rest of the pipeline needs the processors too */
    g_mutex_lock(&self->lock);
    config.image_size = self->settings.image_size;
    config.threads = self->settings.threads;
    config.max_objects = self->settings.max_objects;
    config.prompted_frames = self->settings.prompted_frames;
    config.clip_length = self->settings.clip_length;
    model = g_strdup(self->settings.model);
    g_mutex_unlock(&self->lock);

    if (!model || !*model) {
        GST_ELEMENT_ERROR(
            self, RESOURCE, NOT_FOUND,
            ("no model: set the property model to a file that samlet's tools/convert_checkpoint.py wrote"),
            (NULL));
        g_free(model);
        return FALSE;
    }
    good = tracking_open(&self->tracking, model, &config, &error);
    if (!good && error.status == SAMLET_ERROR_FILE)
        GST_ELEMENT_ERROR(self, RESOURCE, NOT_FOUND, ("%s", error.message), ("%s", model));
    else if (!good)
        GST_ELEMENT_ERROR(self, LIBRARY, INIT, ("%s", error.message),
                          ("%s: %s", samlet_status_name(error.status), model));
    g_free(model);
    return good;
}

static gboolean start(GstBaseTransform* trans) {
    GstSamletTrack* self = GST_SAMLET_TRACK(trans);
    if (!open_tracking(self)) return FALSE;
    if (!queue_first_prompts(self)) {
        tracking_close(&self->tracking);
        return FALSE;
    }
    self->next_frame = 0;
    g_mutex_lock(&self->lock);
    self->arrived = self->passed = self->tracked = 0;
    pace_reset(&self->pace);
    self->started = TRUE;
    g_mutex_unlock(&self->lock);
    return TRUE;
}

static gboolean stop(GstBaseTransform* trans) {
    GstSamletTrack* self = GST_SAMLET_TRACK(trans);
    tracking_close(&self->tracking);
    g_mutex_lock(&self->lock);
    self->started = FALSE;
    commands_clear(&self->commands);
    g_array_set_size(self->objects, 0);
    g_mutex_unlock(&self->lock);
    return TRUE;
}

/* ---- Negotiation --------------------------------------------------------------------------------------- */

/* Memories are of the model's square: objects survive a change of size. */
static gboolean set_caps(GstBaseTransform* trans, GstCaps* in, GstCaps* out) {
    GstSamletTrack* self = GST_SAMLET_TRACK(trans);
    (void)out; /* the same */
    return gst_video_info_from_caps(&self->info, in);
}

/* Buffers pass through, whatever is painted on them: those behind us say how they should be. */
static gboolean propose_allocation(GstBaseTransform* trans, GstQuery* decide_query, GstQuery* query) {
    (void)decide_query;
    return gst_pad_peer_query(GST_BASE_TRANSFORM_SRC_PAD(trans), query);
}

static gboolean query(GstBaseTransform* trans, GstPadDirection direction, GstQuery* query) {
    if (direction == GST_PAD_SRC && GST_QUERY_TYPE(query) == GST_QUERY_LATENCY)
        return live_answer_latency(GST_SAMLET_TRACK(trans), query);
    return GST_BASE_TRANSFORM_CLASS(gst_samlet_track_parent_class)->query(trans, direction, query);
}

/* ---- Frames -------------------------------------------------------------------------------------------- */

static GstClockTime running_time_of(GstBaseTransform* trans, const GstBuffer* buffer) {
    if (trans->segment.format != GST_FORMAT_TIME) return GST_CLOCK_TIME_NONE;
    return gst_segment_to_running_time(&trans->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
}

/* Before the base class decides what to do with a buffer. */
static void before_transform(GstBaseTransform* trans, GstBuffer* buffer) {
    GstSamletTrack* self = GST_SAMLET_TRACK(trans);
    gboolean idle, drops;
    live_ask_latency(self);
    g_mutex_lock(&self->lock);
    self->arrived++;
    idle = self->objects->len == 0 && self->commands.length == 0;
    drops = !idle && pace_drops(&self->pace, self->settings.drop);
    g_mutex_unlock(&self->lock);
    gst_base_transform_set_passthrough(trans, idle);
    gst_base_transform_set_qos_enabled(trans, drops);
    if (drops) live_hurry(self, running_time_of(trans, buffer));
}

/* What the frame at hand needs to know of the settings, and the commands for it. */
typedef struct Job {
    gboolean overlay, post_messages, rle;
    GQueue commands;
    FrameTime time;
} Job;

static Job take_job(GstSamletTrack* self, GstBuffer* buffer) {
    GstBaseTransform* trans = GST_BASE_TRANSFORM(self);
    Job job;
    g_mutex_lock(&self->lock);
    job.overlay = self->settings.overlay;
    job.post_messages = self->settings.post_messages;
    job.rle = self->settings.rle;
    job.commands = self->commands;
    g_queue_init(&self->commands);
    g_mutex_unlock(&self->lock);
    job.time.number = self->next_frame;
    job.time.pts = GST_BUFFER_PTS(buffer);
    job.time.running_time = running_time_of(trans, buffer);
    job.time.stream_time = trans->segment.format == GST_FORMAT_TIME
                               ? gst_segment_to_stream_time(&trans->segment, GST_FORMAT_TIME, job.time.pts)
                               : GST_CLOCK_TIME_NONE;
    return job;
}

static void warn_refused(gpointer self, const gchar* sentence) {
    GST_ELEMENT_WARNING(self, LIBRARY, SETTINGS, ("%s", sentence), (NULL));
}

static void note_objects(GstSamletTrack* self) {
    const GArray* results = self->tracking.results;
    g_mutex_lock(&self->lock);
    g_array_set_size(self->objects, 0);
    for (guint i = 0; i < results->len; i++) {
        const gint id = g_array_index(results, samlet_result, i).object;
        g_array_append_val(self->objects, id);
    }
    g_mutex_unlock(&self->lock);
}

static void publish(GstSamletTrack* self, GstBuffer* buffer, const Job* job) {
    for (guint i = 0; i < self->tracking.results->len; i++) {
        const samlet_result* result = &g_array_index(self->tracking.results, samlet_result, i);
        gchar* rle = job->rle ? tracking_rle(&self->tracking, result->object) : NULL;
        GstStructure* description = metadata_describe(result, rle);
        metadata_attach(buffer, result, description);
        if (job->post_messages) messages_post(GST_ELEMENT(self), &job->time, result, description);
        gst_structure_free(description);
        g_free(rle);
    }
}

static gboolean process(GstSamletTrack* self, GstVideoFrame* frame, Job* job) {
    const samlet_frame view = pixels_frame(frame);
    const gint64 begun = g_get_monotonic_time();
    if (!tracking_step(&self->tracking, &view, job->time.number, &job->commands, warn_refused, self)) {
        GST_ELEMENT_ERROR(self, STREAM, FAILED, ("%s", samlet_tracker_message(self->tracking.tracker)),
                          ("frame %" G_GINT64_FORMAT, job->time.number));
        return FALSE;
    }
    note_objects(self);
    if (job->overlay) overlay_paint(frame, &self->tracking, self->mask);
    if (self->tracking.results->len) live_note_time(self, g_get_monotonic_time() - begun);
    return TRUE;
}

static GstFlowReturn track_frame(GstSamletTrack* self, GstBuffer* buffer) {
    Job job = take_job(self, buffer);
    const GstMapFlags flags = job.overlay ? GST_MAP_READWRITE : GST_MAP_READ;
    GstVideoFrame frame;
    gboolean good;
    /* Without GST_VIDEO_FRAME_MAP_FLAG_NO_REF the buffer would not be writable any more. */
    if (!gst_video_frame_map(&frame, &self->info, buffer,
                             flags | (GstMapFlags)GST_VIDEO_FRAME_MAP_FLAG_NO_REF)) {
        commands_clear(&job.commands);
        GST_ELEMENT_ERROR(
            self, STREAM, FAILED,
            ("a buffer of %" G_GSIZE_FORMAT " bytes holds no frame of its caps", gst_buffer_get_size(buffer)),
            (NULL));
        return GST_FLOW_ERROR;
    }
    good = process(self, &frame, &job);
    gst_video_frame_unmap(&frame);
    if (!good) return GST_FLOW_ERROR;
    publish(self, buffer, &job);
    return GST_FLOW_OK;
}

static GstFlowReturn transform_ip(GstBaseTransform* trans, GstBuffer* buffer) {
    GstSamletTrack* self = GST_SAMLET_TRACK(trans);
    const GstFlowReturn flow =
        gst_base_transform_is_passthrough(trans) ? GST_FLOW_OK : track_frame(self, buffer);
    self->next_frame++;
    g_mutex_lock(&self->lock);
    self->passed++;
    g_mutex_unlock(&self->lock);
    return flow;
}

static gboolean src_event(GstBaseTransform* trans, GstEvent* event) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_NAVIGATION) actions_mouse(GST_SAMLET_TRACK(trans), event);
    return GST_BASE_TRANSFORM_CLASS(gst_samlet_track_parent_class)->src_event(trans, event);
}

/* ---- The class ----------------------------------------------------------------------------------------- */

static void finalize(GObject* object) {
    GstSamletTrack* self = GST_SAMLET_TRACK(object);
    commands_clear(&self->commands);
    settings_clear(&self->settings);
    g_array_unref(self->objects);
    g_byte_array_unref(self->mask);
    g_mutex_clear(&self->lock);
    G_OBJECT_CLASS(gst_samlet_track_parent_class)->finalize(object);
}

static void gst_samlet_track_init(GstSamletTrack* self) {
    g_mutex_init(&self->lock);
    settings_init(&self->settings);
    g_queue_init(&self->commands);
    pace_reset(&self->pace);
    self->objects = g_array_new(FALSE, FALSE, sizeof(gint));
    self->mask = g_byte_array_new();
    gst_video_info_init(&self->info);
}

static void gst_samlet_track_class_init(GstSamletTrackClass* class) {
    GObjectClass* object = G_OBJECT_CLASS(class);
    GstElementClass* element = GST_ELEMENT_CLASS(class);
    GstBaseTransformClass* transform = GST_BASE_TRANSFORM_CLASS(class);
    GstCaps* caps = gst_caps_from_string(pixels_caps);

    object->finalize = finalize;
    object->set_property = set_property;
    object->get_property = get_property;
    properties_install(object);
    actions_install(class);

    gst_element_class_set_static_metadata(
        element, "Object tracker", "Filter/Analyzer/Video",
        "Follows objects that were clicked or boxed through a video with SAM 2; "
        "paints them, attaches regions of interest and posts messages",
        "the samlet authors");
    gst_element_class_add_pad_template(element,
                                       gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
    gst_element_class_add_pad_template(element,
                                       gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
    gst_caps_unref(caps);

    transform->start = start;
    transform->stop = stop;
    transform->set_caps = set_caps;
    transform->propose_allocation = propose_allocation;
    transform->query = query;
    transform->src_event = src_event;
    transform->before_transform = before_transform;
    transform->transform_ip = transform_ip;
    transform->transform_ip_on_passthrough = TRUE;
    transform->passthrough_on_same_caps = FALSE;
}
