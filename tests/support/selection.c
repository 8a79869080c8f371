/* Runs some of a program's tests only. CMocka filters by one pattern at a time, set in the program; here the
 * environment says which tests run, for all programs that ctest starts, by names with commas between:
 *
 *   SAMLET_TEST_ONLY   the tests to run; a program that has none of them counts as skipped
 *   SAMLET_TEST_SKIP   the tests to leave out
 *
 * The linker sends calls of the wrapped function here (--wrap, see tests/CMakeLists.txt).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
/* cmocka.h wants these before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
/* clang-format on */

enum { SKIPPED = 77 };

int __real__cmocka_run_group_tests(const char* group, const struct CMUnitTest* tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char* group, const struct CMUnitTest* tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);

static int in_list(const char* list, const char* name) {
    const size_t length = strlen(name);
    for (const char* at = list; (at = strstr(at, name)) != NULL; at++)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == 0)) return 1;
    return 0;
}

int __wrap__cmocka_run_group_tests(const char* group, const struct CMUnitTest* tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown) {
    const char *only = getenv("SAMLET_TEST_ONLY"), *skip = getenv("SAMLET_TEST_SKIP");
    struct CMUnitTest* selected;
    size_t kept = 0;
    int status = SKIPPED;
    if (only && !*only) only = NULL;
    if (skip && !*skip) skip = NULL;
    if (!only && !skip) return __real__cmocka_run_group_tests(group, tests, count, setup, teardown);
    selected = malloc(count * sizeof(*selected));
    if (!selected) abort();
    for (size_t i = 0; i < count; i++) {
        if ((only && !in_list(only, tests[i].name)) || (skip && in_list(skip, tests[i].name)))
            printf("left out: %s\n", tests[i].name);
        else
            selected[kept++] = tests[i];
    }
    fflush(stdout);
    if (kept > 0) status = __real__cmocka_run_group_tests(group, selected, kept, setup, teardown);
    free(selected);
    return status;
}
