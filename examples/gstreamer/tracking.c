/* SPDX-License-Identifier: Apache-2.0 */
#include "tracking.h"

#include "commands.h"

gboolean tracking_open(Tracking* tracking, const gchar* model_path, const samlet_tracker_config* config,
                       samlet_error* error) {
    samlet_model_config model_config;
    samlet_model_config_init(&model_config);
    model_config.path = model_path;
    if (samlet_model_open(&model_config, &tracking->model, error)) {
        tracking->model = NULL;
        return FALSE;
    }
    if (samlet_tracker_create(tracking->model, config, &tracking->tracker, error)) {
        samlet_model_close(tracking->model);
        tracking->model = NULL;
        tracking->tracker = NULL;
        return FALSE;
    }
    tracking->results = g_array_new(FALSE, FALSE, sizeof(samlet_result));
    return TRUE;
}

void tracking_close(Tracking* tracking) {
    samlet_tracker_destroy(tracking->tracker);
    samlet_model_close(tracking->model);
    if (tracking->results) g_array_unref(tracking->results);
    *tracking = (Tracking){NULL, NULL, NULL};
}

static GArray* ids_of(const Tracking* tracking) {
    uint32_t count = 0;
    GArray* ids = g_array_new(FALSE, FALSE, sizeof(int32_t));
    samlet_tracker_objects(tracking->tracker, NULL, 0, &count);
    g_array_set_size(ids, count);
    samlet_tracker_objects(tracking->tracker, (int32_t*)(void*)ids->data, count, &count);
    return ids;
}

static gboolean contains(const GArray* ids, int32_t id) {
    for (guint i = 0; i < ids->len; i++)
        if (g_array_index(ids, int32_t, i) == id) return TRUE;
    return FALSE;
}

/* TRUE if there were any. */
static gboolean forget_prompts(GQueue* prompts, int32_t object) {
    gboolean any = FALSE;
    for (GList *link = prompts->head, *next; link; link = next) {
        Command* prompt = link->data;
        next = link->next;
        if (prompt->object != object) continue;
        command_free(prompt);
        g_queue_delete_link(prompts, link);
        any = TRUE;
    }
    return any;
}

/* What needs no frame. The prompts that are still wanted after it go to `prompts`, in order. */
static void remove_objects(Tracking* tracking, GQueue* commands, GQueue* prompts, TrackingWarning warn,
                           gpointer context) {
    Command* command;
    while ((command = g_queue_pop_head(commands))) {
        if (command->kind == COMMAND_PROMPT) {
            g_queue_push_tail(prompts, command);
            continue;
        }
        if (command->kind == COMMAND_RESET) {
            commands_clear(prompts);
            samlet_tracker_reset(tracking->tracker);
        } else {
            const gboolean waiting = forget_prompts(prompts, command->object);
            if (samlet_tracker_remove_object(tracking->tracker, command->object) && !waiting)
                warn(context, samlet_tracker_message(tracking->tracker));
        }
        command_free(command);
    }
}

static samlet_status prompt(Tracking* tracking, const Command* command) {
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    if (command->points) {
        prompt.points = (const samlet_point*)(const void*)command->points->data;
        prompt.point_count = command->points->len;
    }
    if (command->has_box) {
        prompt.box = &command->box;
        prompt.flags |= SAMLET_PROMPT_REPLACE_POINTS; /* a box must come before an object's points */
    }
    return samlet_tracker_prompt(tracking->tracker, command->object, &prompt);
}

/* Those prompts whose object is in `known`, or is not. */
static gboolean apply_prompts(Tracking* tracking, const GQueue* prompts, const GArray* known,
                              gboolean in_known, TrackingWarning warn, gpointer context) {
    for (const GList* link = prompts->head; link; link = link->next) {
        const Command* command = link->data;
        if (contains(known, command->object) != in_known || !prompt(tracking, command)) continue;
        if (command->required) return FALSE;
        warn(context, samlet_tracker_message(tracking->tracker));
    }
    return TRUE;
}

static gboolean track(Tracking* tracking) {
    uint32_t count;
    samlet_tracker_objects(tracking->tracker, NULL, 0, &count);
    return count == 0 || samlet_tracker_track(tracking->tracker) == SAMLET_OK;
}

static gboolean collect(Tracking* tracking) {
    GArray* ids = ids_of(tracking);
    gboolean good = TRUE;
    for (guint i = 0; i < ids->len && good; i++) {
        samlet_result result;
        samlet_result_init(&result);
        good = samlet_tracker_result(tracking->tracker, g_array_index(ids, int32_t, i), &result) == SAMLET_OK;
        if (good) g_array_append_val(tracking->results, result);
    }
    g_array_unref(ids);
    return good;
}

/* New objects start here without a memory; known ones are found first, so that a prompt corrects what was
 * found. The second call of track() stores the corrections and costs nothing without any. */
static gboolean find_objects(Tracking* tracking, const samlet_frame* frame, int64_t number,
                             const GQueue* prompts, const GArray* known, TrackingWarning warn,
                             gpointer context) {
    return samlet_tracker_set_frame(tracking->tracker, frame, number) == SAMLET_OK &&
           apply_prompts(tracking, prompts, known, FALSE, warn, context) && track(tracking) &&
           apply_prompts(tracking, prompts, known, TRUE, warn, context) && track(tracking) &&
           collect(tracking);
}

gboolean tracking_step(Tracking* tracking, const samlet_frame* frame, int64_t number, GQueue* commands,
                       TrackingWarning warn, gpointer context) {
    GQueue prompts = G_QUEUE_INIT;
    GArray* known;
    gboolean good = TRUE;
    remove_objects(tracking, commands, &prompts, warn, context);
    known = ids_of(tracking);
    g_array_set_size(tracking->results, 0);
    if (known->len || prompts.length)
        good = find_objects(tracking, frame, number, &prompts, known, warn, context);
    g_array_unref(known);
    commands_clear(&prompts);
    return good;
}

gchar* tracking_rle(const Tracking* tracking, int32_t object) {
    size_t length = 0;
    gchar* text;
    const samlet_status status = samlet_tracker_rle(tracking->tracker, object, NULL, 0, &length);
    if (status != SAMLET_OK && status != SAMLET_ERROR_BUFFER_TOO_SMALL) return NULL;
    text = g_malloc(length + 1);
    if (samlet_tracker_rle(tracking->tracker, object, text, length + 1, &length)) {
        g_free(text);
        return NULL;
    }
    return text;
}
