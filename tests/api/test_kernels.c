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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_expected_level_is_chosen),
        cmocka_unit_test(a_forced_level_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
