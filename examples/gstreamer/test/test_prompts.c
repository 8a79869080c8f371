/* The text of prompts, and the arithmetic of dropping: no stream needed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "../commands.h"
#include "../pace.h"
#include "support.h"

static void check_point(const Command* command, guint index, float x, float y, int label) {
    const samlet_point* point = &g_array_index(command->points, samlet_point, index);
    assert_true(point->x == x);
    assert_true(point->y == y);
    assert_int_equal(point->label, label);
}

static void points_and_box_of_an_object_are_one_prompt(void** state) {
    GQueue commands = G_QUEUE_INIT;
    gchar* complaint;
    const Command *first, *second;
    (void)state;
    assert_true(commands_parse("432,270; 7:1.5,2,0 1:10,20,1", "7:0,1,2.5,3;", &commands, &complaint));
    assert_null(complaint);
    assert_int_equal(commands.length, 2);
    first = g_queue_peek_nth(&commands, 0);
    second = g_queue_peek_nth(&commands, 1);
    assert_int_equal(first->object, 1);
    assert_int_equal(first->points->len, 2);
    check_point(first, 0, 432, 270, 1);
    check_point(first, 1, 10, 20, 1);
    assert_false(first->has_box);
    assert_int_equal(second->object, 7);
    assert_int_equal(second->points->len, 1);
    check_point(second, 0, 1.5, 2, 0);
    assert_true(second->has_box);
    assert_true(second->box.x0 == 0 && second->box.y0 == 1 && second->box.x1 == 2.5f && second->box.y1 == 3);
    commands_clear(&commands);
}

static void nothing_is_no_prompt(void** state) {
    GQueue commands = G_QUEUE_INIT;
    gchar* complaint;
    (void)state;
    assert_true(commands_parse(NULL, " ; ", &commands, &complaint));
    assert_int_equal(commands.length, 0);
}

static void wrong_text_is_refused_as_a_whole(void** state) {
    static const struct {
        const char *points, *boxes, *part;
    } cases[] = {
        {"1", NULL, "x,y or x,y,label"},
        {"1,2,3", NULL, "label must be 1 (inside) or 0 (outside), got '1,2,3'"},
        {"1,2,1,1", NULL, "x,y,label"},
        {"1,2,", NULL, "'1,2,'"},
        {"a,2", NULL, "'a,2'"},
        {"1,inf", NULL, "'1,inf'"},
        {"1,nan", NULL, "'1,nan'"},
        {"x:1,2", NULL, "'x:1,2'"},
        {"99999999999:1,2", NULL, "OBJECT"},
        {":1,2", NULL, "':1,2'"},
        {"5,5", "1,2,3", "x0,y0,x1,y1"},
        {"5,5", "1,2,3,4,5", "x0,y0,x1,y1"},
        {NULL, "1,2,3,4 1:1,2,3,4", "object 1 has two boxes"},
    };
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GQueue commands = G_QUEUE_INIT;
        gchar* complaint;
        assert_false(commands_parse(cases[i].points, cases[i].boxes, &commands, &complaint));
        assert_int_equal(commands.length, 0);
        if (!strstr(complaint, cases[i].part)) fail_msg("'%s' lacks '%s'", complaint, cases[i].part);
        g_free(complaint);
    }
}

static void commands_do_not_pile_up(void** state) {
    GQueue commands = G_QUEUE_INIT;
    gchar* complaint;
    (void)state;
    for (int i = 0; i < COMMANDS_LIMIT; i++) assert_true(commands_add(&commands, command_remove(1)));
    assert_false(commands_add(&commands, command_reset()));
    assert_false(commands_parse("1,1", NULL, &commands, &complaint));
    g_free(complaint);
    assert_int_equal(commands.length, COMMANDS_LIMIT);
    commands_clear(&commands);
}

#define MS GST_MSECOND

static void late_is_what_comes_after_latency_and_tolerance(void** state) {
    Pace pace;
    GstClockTimeDiff excess;
    (void)state;
    pace_reset(&pace);
    pace_learn(&pace, TRUE, 50 * MS);
    assert_int_equal(pace_judge(&pace, 1000 * MS, 1150 * MS, 100 * MS, &excess), PACE_TRACK);
    assert_int_equal(pace_judge(&pace, 1000 * MS, 1151 * MS, 100 * MS, &excess), PACE_DROP);
    assert_int_equal(excess, 1 * MS);
    /* Unknown times are not late. */
    assert_int_equal(pace_judge(&pace, GST_CLOCK_TIME_NONE, 1151 * MS, 100 * MS, &excess), PACE_TRACK);
    assert_int_equal(pace_judge(&pace, 0, GST_CLOCK_TIME_NONE, 100 * MS, &excess), PACE_TRACK);
    /* Nothing for more than a second. */
    pace.last = 1000 * MS;
    assert_int_equal(pace_judge(&pace, 1000 * MS, 2000 * MS, 100 * MS, &excess), PACE_DROP);
    assert_int_equal(pace_judge(&pace, 1000 * MS, 2001 * MS, 100 * MS, &excess), PACE_REVIVE);
    /* A file has no clock to be late by. */
    pace_learn(&pace, FALSE, 0);
    assert_int_equal(pace_judge(&pace, 0, 1500 * MS, 100 * MS, &excess), PACE_TRACK);
}

static void policies(void** state) {
    Pace pace;
    (void)state;
    pace_reset(&pace);
    assert_false(pace_drops(&pace, DROP_AUTO));
    assert_true(pace_drops(&pace, DROP_LATE));
    pace_learn(&pace, TRUE, 0);
    assert_true(pace_drops(&pace, DROP_AUTO));
    assert_false(pace_drops(&pace, DROP_NEVER));
}

static void latency_is_told_when_it_matters(void** state) {
    Pace pace;
    (void)state;
    pace_reset(&pace);
    pace_learn(&pace, TRUE, 0);
    assert_true(pace_tracked(&pace, 40 * MS, 0, 100 * MS));
    assert_int_equal(pace.reported, 150 * MS);
    assert_false(pace_tracked(&pace, 44 * MS, 0, 100 * MS));
    assert_false(pace_tracked(&pace, 36 * MS, 0, 100 * MS));
    for (int i = 0; i < 100; i++) pace_tracked(&pace, 400 * MS, 0, 100 * MS);
    assert_in_range(pace.reported, 500 * MS, 600 * MS);
    for (int i = 0; i < 100; i++) pace_tracked(&pace, 40 * MS, 0, 100 * MS);
    assert_in_range(pace.reported, 140 * MS, 280 * MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_and_box_of_an_object_are_one_prompt),
        cmocka_unit_test(nothing_is_no_prompt),
        cmocka_unit_test(wrong_text_is_refused_as_a_whole),
        cmocka_unit_test(commands_do_not_pile_up),
        cmocka_unit_test(late_is_what_comes_after_latency_and_tolerance),
        cmocka_unit_test(policies),
        cmocka_unit_test(latency_is_told_when_it_matters),
    };
    return run_gst_tests(tests);
}
