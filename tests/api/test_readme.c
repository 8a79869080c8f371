/* The C program of README.md: it compiles as C99 without a warning and tracks the disc of the synthetic clip.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "readme_snippet.c" /* what tests/CMakeLists.txt cut out of README.md */
#include "scene.h"

enum { FRAMES = 2 };
static int given;

static const unsigned char* next_frame(void) {
    return given < FRAMES ? scene_clip(given++).plane[0] : NULL;
}

static void it_follows_the_disc(void** state) {
    const samlet_point disc = scene_disc(SCENE_WIDTH, SCENE_HEIGHT, 0);
    (void)state;
    assert_int_equal(follow(scene_model_path(), disc.x, disc.y, next_frame, SCENE_WIDTH, SCENE_HEIGHT), 0);
    assert_int_equal(given, FRAMES);
}

static void it_says_what_is_wrong(void** state) {
    (void)state;
    assert_int_not_equal(follow("no such file", 1, 1, next_frame, SCENE_WIDTH, SCENE_HEIGHT), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_the_disc),
        cmocka_unit_test(it_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
