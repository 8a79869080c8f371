/* What the user wants of the objects, waiting for the next frame.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_GST_COMMANDS_H
#define SAMLET_GST_COMMANDS_H

#include <glib.h>
#include <samlet/samlet.h>

typedef enum { COMMAND_PROMPT, COMMAND_REMOVE, COMMAND_RESET } CommandKind;

typedef struct Command {
    CommandKind kind;
    gint object;
    GArray* points; /* of samlet_point; NULL: none */
    gboolean has_box;
    samlet_box box;
    /* The properties said so before the stream began: without it the pipeline makes no sense. */
    gboolean required;
} Command;

Command* command_point(gint object, samlet_point point);
Command* command_box(gint object, samlet_box box);
Command* command_remove(gint object);
Command* command_reset(void);
void command_free(Command* command);

/* Nobody may pile up commands while no frame comes. */
#define COMMANDS_LIMIT 1024

/* All are GQueues of Command. Takes the command in any case; FALSE: too many are waiting. */
gboolean commands_add(GQueue* commands, Command* command);
void commands_clear(GQueue* commands);

/* The properties `point` and `box`: entries "[OBJECT:]x,y[,label]" and "[OBJECT:]x0,y0,x1,y1", separated by
 * spaces or semicolons; object 1 without a number. Points and box of an object become one command, as on the
 * command line. NULL is as good as "". On FALSE, *complaint is a sentence to free. */
gboolean commands_parse(const gchar* points, const gchar* boxes, GQueue* commands, gchar** complaint);

#endif
