/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <math.h>
#include <string.h>

static Command* command_new(CommandKind kind, gint object) {
    Command* command = g_new0(Command, 1);
    command->kind = kind;
    command->object = object;
    return command;
}

static void add_point(Command* command, samlet_point point) {
    if (!command->points) command->points = g_array_new(FALSE, FALSE, sizeof(samlet_point));
    g_array_append_val(command->points, point);
}

Command* command_point(gint object, samlet_point point) {
    Command* command = command_new(COMMAND_PROMPT, object);
    add_point(command, point);
    return command;
}

Command* command_box(gint object, samlet_box box) {
    Command* command = command_new(COMMAND_PROMPT, object);
    command->has_box = TRUE;
    command->box = box;
    return command;
}

Command* command_remove(gint object) {
    return command_new(COMMAND_REMOVE, object);
}

Command* command_reset(void) {
    return command_new(COMMAND_RESET, 0);
}

void command_free(Command* command) {
    if (command->points) g_array_unref(command->points);
    g_free(command);
}

gboolean commands_add(GQueue* commands, Command* command) {
    if (commands->length >= COMMANDS_LIMIT) {
        command_free(command);
        return FALSE;
    }
    g_queue_push_tail(commands, command);
    return TRUE;
}

void commands_clear(GQueue* commands) {
    g_queue_clear_full(commands, (GDestroyNotify)command_free);
}

/* ---- Text ---------------------------------------------------------------------------------------------- */

/* "1,2.5,3" -> numbers; 0 for anything else, and for more than `capacity`. */
static guint parse_numbers(const gchar* text, gdouble* numbers, guint capacity) {
    for (guint count = 0; count < capacity; text++) {
        gchar* end;
        numbers[count] = g_ascii_strtod(text, &end);
        if (end == text || g_ascii_isspace(*text) || !isfinite(numbers[count])) return 0;
        count++;
        if (*end == '\0') return count;
        if (*end != ',') return 0;
        text = end;
    }
    return 0;
}

/* "7:..." -> 7 and the rest. */
static gboolean parse_object(const gchar** text, gint* object) {
    gint64 number;
    gchar* head;
    const gchar* colon = strchr(*text, ':');
    gboolean good;
    *object = 1;
    if (!colon) return TRUE;
    head = g_strndup(*text, (gsize)(colon - *text));
    good = g_ascii_string_to_signed(head, 10, G_MININT, G_MAXINT, &number, NULL);
    g_free(head);
    if (!good) return FALSE;
    *object = (gint)number;
    *text = colon + 1;
    return TRUE;
}

static gboolean other_object(gconstpointer command, gconstpointer object) {
    return ((const Command*)command)->object != *(const gint*)object;
}

static Command* prompt_of(GQueue* commands, gint object) {
    GList* found = g_queue_find_custom(commands, &object, (GCompareFunc)other_object);
    Command* command;
    if (found) return found->data;
    command = command_new(COMMAND_PROMPT, object);
    g_queue_push_tail(commands, command);
    return command;
}

static gchar* parse_point(const gchar* entry, GQueue* commands) {
    const gchar* text = entry;
    gdouble n[3];
    gint object;
    const guint count = parse_object(&text, &object) ? parse_numbers(text, n, 3) : 0;
    if (count < 2)
        return g_strdup_printf("point: x,y or x,y,label or OBJECT:x,y,label is needed, got '%s'", entry);
    if (count == 3 && n[2] != 0 && n[2] != 1)
        return g_strdup_printf("point: the label must be 1 (inside) or 0 (outside), got '%s'", entry);
    add_point(prompt_of(commands, object),
              (samlet_point){(float)n[0], (float)n[1], count == 3 ? (int32_t)n[2] : SAMLET_POINT_POSITIVE});
    return NULL;
}

static gchar* parse_box(const gchar* entry, GQueue* commands) {
    const gchar* text = entry;
    gdouble n[4];
    gint object;
    Command* command;
    const guint count = parse_object(&text, &object) ? parse_numbers(text, n, 4) : 0;
    if (count != 4)
        return g_strdup_printf("box: x0,y0,x1,y1 or OBJECT:x0,y0,x1,y1 is needed, got '%s'", entry);
    command = prompt_of(commands, object);
    if (command->has_box) return g_strdup_printf("box: object %d has two boxes", object);
    command->has_box = TRUE;
    command->box = (samlet_box){(float)n[0], (float)n[1], (float)n[2], (float)n[3]};
    return NULL;
}

static gchar* parse_entries(const gchar* text, gchar* (*parse)(const gchar*, GQueue*), GQueue* commands) {
    gchar** entries = g_strsplit_set(text ? text : "", "; \t\n", -1);
    gchar* complaint = NULL;
    for (guint i = 0; entries[i] && !complaint; i++)
        if (*entries[i]) complaint = parse(entries[i], commands);
    g_strfreev(entries);
    return complaint;
}

gboolean commands_parse(const gchar* points, const gchar* boxes, GQueue* commands, gchar** complaint) {
    GQueue parsed = G_QUEUE_INIT;
    *complaint = parse_entries(points, parse_point, &parsed);
    if (!*complaint) *complaint = parse_entries(boxes, parse_box, &parsed);
    if (!*complaint && parsed.length + commands->length > COMMANDS_LIMIT)
        *complaint = g_strdup_printf("more than %d prompts wait for the next frame", COMMANDS_LIMIT);
    while (!*complaint && parsed.length) g_queue_push_tail(commands, g_queue_pop_head(&parsed));
    commands_clear(&parsed);
    return !*complaint;
}
