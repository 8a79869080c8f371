// The public header as C++11, first and alone: it compiles, and its functions have C names.
//
// SPDX-License-Identifier: Apache-2.0
#include "samlet/samlet.h"
#include "scene.h"

static_assert(__cplusplus < 201402L, "this file must be compiled as C++11");

// Links only if the header declares C names.
static void functions_have_c_names(void**) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    samlet_tracker* tracker = nullptr;
    samlet_error error;
    assert_int_equal(samlet_tracker_create(nullptr, &config, &tracker, &error),
                     SAMLET_ERROR_INVALID_ARGUMENT);
    assert_null(tracker);
    assert_int_equal(error.status, SAMLET_ERROR_INVALID_ARGUMENT);
    assert_int_equal(samlet_abi_version(), SAMLET_ABI_VERSION);
}

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(functions_have_c_names)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
