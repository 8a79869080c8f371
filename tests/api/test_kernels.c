/* Which kernels run is what the library says. SAMLET_EXPECTED_KERNELS names the level that this machine must
 * choose by itself; without it any will do.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

static void expect_report(const char* forced, const char* expected) {
    samlet_model_config config;
    samlet_model_info info;
    samlet_model* model = NULL;
    samlet_error error;
    samlet_model_config_init(&config);
    config.path = scene_model_path();
    config.kernels = forced;
    if (samlet_model_open(&config, &model, &error) != SAMLET_OK) fail_msg("%s", error.message);
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(model, &info), SAMLET_OK);
    if (!forced) print_message("kernels: %s\n", info.kernels);
    if (expected) assert_string_equal(info.kernels, expected);
    assert_true(strlen(info.kernels) > 0);
    samlet_model_close(model);
}

static void the_expected_level_is_chosen(void** state) {
    const char* expected = getenv("SAMLET_EXPECTED_KERNELS");
    (void)state;
    expect_report(NULL, expected && *expected ? expected : NULL);
}

static void a_forced_level_is_reported(void** state) {
    (void)state;
    expect_report("generic", "generic");
}

/* Every level that a header of the library names either runs or is refused by name. */
static void levels_run_or_are_refused(void** state) {
    static const char* const levels[] = {"avx2", "avx512", "neon", "neon_fp16"};
    (void)state;
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        samlet_model_config config;
        samlet_model* model = NULL;
        samlet_error error;
        samlet_model_config_init(&config);
        config.path = scene_model_path();
        config.kernels = levels[i];
        if (samlet_model_open(&config, &model, &error) == SAMLET_OK) {
            samlet_model_close(model);
            expect_report(levels[i], levels[i]);
        } else {
            assert_non_null(strstr(error.message, levels[i]));
        }
    }
}

/* On a machine whose best level is known, the one below it can be had too. */
static void the_level_below_runs(void** state) {
    const char* expected = getenv("SAMLET_EXPECTED_KERNELS");
    (void)state;
    if (!expected || strcmp(expected, "neon_fp16") != 0) skip();
    expect_report("neon", "neon");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_expected_level_is_chosen),
        cmocka_unit_test(a_forced_level_is_reported),
        cmocka_unit_test(levels_run_or_are_refused),
        cmocka_unit_test(the_level_below_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
