// The bump arena and the plan that is made with it.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <initializer_list>

#include "core/arena.h"
#include "core/plan.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace samlet;

namespace {

constexpr size_t kBlock = 1024;
alignas(64) uint8_t block[kBlock];

void pieces_are_aligned_and_lie_side_by_side(void**) {
    Arena arena(block, kBlock);
    size_t expected = 0;
    for (size_t bytes : {size_t{1}, size_t{64}, size_t{65}, size_t{0}, size_t{128}, size_t{63}}) {
        const uint8_t* piece = static_cast<uint8_t*>(arena.take_bytes(bytes));
        assert_ptr_equal(piece, block + expected);
        expected += (bytes + 63) / 64 * 64;
        assert_int_equal(arena.used(), expected);
        assert_int_equal(arena.available(), kBlock - expected);
    }
}

void the_last_byte_can_be_taken(void**) {
    Arena arena(block, kBlock);
    assert_non_null(arena.take_bytes(kBlock));
    assert_int_equal(arena.available(), 0);
    assert_non_null(arena.take_bytes(0));
    assert_null(arena.take_bytes(1));
    Arena odd(block, 100);  // the rest of a line is no line
    assert_non_null(odd.take_bytes(64));
    assert_null(odd.take_bytes(36));
    assert_int_equal(odd.used(), 64);
}

void a_refusal_changes_nothing(void**) {
    Arena arena(block, kBlock);
    arena.take_bytes(100);
    for (size_t bytes : {kBlock, kBlock - 127, SIZE_MAX, SIZE_MAX - 62, SIZE_MAX / 2}) {
        assert_null(arena.take_bytes(bytes));
        assert_int_equal(arena.used(), 128);
        assert_int_equal(arena.peak(), 128);
    }
    assert_ptr_equal(arena.take_bytes(kBlock - 128), block + 128);
}

void counts_that_overflow_are_refused(void**) {
    Arena arena = Arena::measuring();
    assert_null(arena.take<double>(SIZE_MAX / 8));
    assert_null(arena.take<double>(SIZE_MAX / 8 + 2));
    assert_null(arena.take<uint64_t>(SIZE_MAX));
    assert_int_equal(arena.used(), 0);
    assert_non_null(arena.take<double>(size_t{1} << 40));
}

void scopes_give_back(void**) {
    Arena arena(block, kBlock);
    arena.take_bytes(64);
    void* inner;
    {
        Arena::Scope scope(arena);
        inner = arena.take_bytes(200);
        {
            Arena::Scope nested(arena);
            arena.take_bytes(512);
        }
        assert_int_equal(arena.used(), 64 + 256);
    }
    assert_int_equal(arena.used(), 64);
    assert_int_equal(arena.peak(), 64 + 256 + 512);
    assert_ptr_equal(arena.take_bytes(1), inner);
}

void loans_come_from_the_far_end(void**) {
    Arena arena(block, kBlock);
    void* first = arena.take_bytes(64);
    {
        Arena::Loan loan(arena), none(arena), too_much(arena);
        assert_ptr_equal(loan.take_bytes(100), static_cast<uint8_t*>(first) + kBlock - 128);
        assert_int_equal(arena.used(), 64);
        assert_int_equal(arena.available(), kBlock - 64 - 128);
        assert_null(arena.take_bytes(kBlock - 64 - 127));
        assert_null(too_much.take_bytes(kBlock - 64 - 127));
        assert_non_null(arena.take_bytes(256));  // stays when the loan has ended
    }
    assert_int_equal(arena.used(), 64 + 256);
    assert_int_equal(arena.available(), kBlock - 64 - 256);
    assert_int_equal(arena.peak(), 64 + 256 + 128);
}

// A sequence of steps needs as much as its rehearsal told.
template <class Steps>
void check_rehearsal(Steps steps) {
    Arena measuring = Arena::measuring(), exact(block, 0);
    steps(measuring);
    exact = Arena(block, measuring.peak());
    assert_true(steps(exact));
    assert_int_equal(exact.used(), measuring.used());
    assert_int_equal(exact.peak(), measuring.peak());
    Arena small(block, measuring.peak() - 1);
    assert_false(steps(small));
}

void rehearsals_tell_the_truth(void**) {
    check_rehearsal([](Arena& a) {
        bool all = a.take_bytes(64) != nullptr;
        for (size_t bytes : {1000, 100}) {
            Arena::Loan loan(a), other(a);
            all &= loan.take_bytes(bytes) && other.take_bytes(70) && a.take_bytes(200);
        }
        return all;
    });
    check_rehearsal([](Arena& a) {
        bool all = a.take<float>(33) != nullptr;
        {
            Arena::Scope scope(a);
            all &= a.take<uint8_t>(7) != nullptr && a.take<double>(20) != nullptr;
        }
        all &= a.take<uint16_t>(1) != nullptr;
        return all;
    });
}

void plans_sum_up(void**) {
    Arena arena = Arena::measuring();
    arena.take_bytes(1000);  // what was taken before does not count
    Plan plan(arena);
    arena.take_bytes(10);
    plan.close_part("first");
    plan.close_part("nothing");  // not a part
    arena.take_bytes(65);
    arena.take_bytes(1);
    plan.close_part("a name that is longer than the forty bytes it may take");
    samlet_memory_plan report;
    std::memset(&report, 0x77, sizeof report);
    report.size = sizeof report;
    plan.report(&report);
    assert_int_equal(report.size, sizeof report);
    assert_int_equal(report.part_count, 2);
    assert_int_equal(report.parts[0].bytes, 64);
    assert_int_equal(report.parts[1].bytes, 192);
    assert_string_equal(report.parts[0].name, "first");
    assert_string_equal(report.parts[1].name, "a name that is longer than the forty by");
    assert_int_equal(report.parts[2].bytes, 0);
    assert_int_equal(report.parts[SAMLET_MEMORY_PARTS - 1].name[0], 0);
}

void parts_beyond_the_last_join_it(void**) {
    Arena arena = Arena::measuring();
    Plan plan(arena);
    for (int i = 0; i < SAMLET_MEMORY_PARTS + 3; i++) {
        arena.take_bytes(64);
        plan.close_part("part");
    }
    samlet_memory_plan report;
    plan.report(&report);
    uint64_t sum = 0;
    for (const samlet_memory_part& part : report.parts) sum += part.bytes;
    assert_int_equal(report.part_count, SAMLET_MEMORY_PARTS);
    assert_int_equal(report.parts[SAMLET_MEMORY_PARTS - 1].bytes, 4 * 64);
    assert_int_equal(sum, report.bytes);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_lie_side_by_side),
        cmocka_unit_test(the_last_byte_can_be_taken),
        cmocka_unit_test(a_refusal_changes_nothing),
        cmocka_unit_test(counts_that_overflow_are_refused),
        cmocka_unit_test(scopes_give_back),
        cmocka_unit_test(loans_come_from_the_far_end),
        cmocka_unit_test(rehearsals_tell_the_truth),
        cmocka_unit_test(plans_sum_up),
        cmocka_unit_test(parts_beyond_the_last_join_it),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
