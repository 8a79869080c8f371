// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

void best_level_has_a_name(void**) {
    const Kernels* best = find_kernels(nullptr);
    assert_non_null(best);
    assert_ptr_equal(find_kernels(best->name), best);
    print_message("best level: %s\n", best->name);
}

void generic_is_everywhere(void**) {
    assert_ptr_equal(find_kernels("generic"), &generic_kernels);
}

void unknown_names_are_refused(void**) {
    assert_null(find_kernels(""));
    assert_null(find_kernels("avx"));
    assert_null(find_kernels("avx2 "));
}

void tables_are_complete(void**) {
    each_level([](const Kernels& kernels) {
        assert_true(kernels.key_panel > 0 && kernels.attend_block > 0);
        const char* bytes = reinterpret_cast<const char*>(&kernels);
        for (size_t at = offsetof(Kernels, attend_scratch); at < sizeof kernels; at += sizeof(void*)) {
            void* function;
            std::memcpy(&function, bytes + at, sizeof function);
            assert_non_null(function);
        }
    });
}

void f16_arithmetic_multiplies_matrices(void**) {
    each_level([](const Kernels& kernels) { assert_true(multiplies_halves(kernels) == (kernels.half_gemm != nullptr)); });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(best_level_has_a_name),
        cmocka_unit_test(generic_is_everywhere),
        cmocka_unit_test(unknown_names_are_refused),
        cmocka_unit_test(tables_are_complete),
        cmocka_unit_test(f16_arithmetic_multiplies_matrices),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
