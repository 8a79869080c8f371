// Overlays play as long as what they show took.
//
// SPDX-License-Identifier: Apache-2.0
#include "tools/samlet/play_time.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using cli::PlayTime;

namespace {

void numbers_leave_gaps(void**) {
    PlayTime time(25);
    assert_int_equal(time.next(7), 0);
    assert_int_equal(time.next(8), 1);
    assert_int_equal(time.next(12), 5);
}

void times_count_where_they_are_known(void**) {
    PlayTime time(30);
    assert_int_equal(time.next(0, 3.0), 0);
    assert_int_equal(time.next(1, 3.5), 15);
    assert_int_equal(time.next(2, 13.0), 300);
}

// Encoders want times that rise.
void no_two_frames_at_once(void**) {
    PlayTime time(10);
    assert_int_equal(time.next(0, 0.0), 0);
    assert_int_equal(time.next(1, 0.01), 1);
    assert_int_equal(time.next(2, 0.02), 2);
    assert_int_equal(time.next(3, 1.0), 10);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(numbers_leave_gaps),
        cmocka_unit_test(times_count_where_they_are_known),
        cmocka_unit_test(no_two_frames_at_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
