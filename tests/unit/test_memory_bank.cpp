// The memory bank of an object: what a frame reads, which slot a new memory takes, what is given up.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <vector>

#include "core/memory_bank.h"

// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace samlet;

namespace {

constexpr size_t kValues = 5, kPointer = 3, kReach = 6;

// A bank whose memories and pointers hold the number of their frame.
class Bank {
  public:
    Bank(size_t prompted, size_t recent, size_t pointers = 15) {
        const BankSizes sizes = {prompted, recent, pointers, kValues, kPointer};
        Arena measuring = Arena::measuring();
        MemoryBank().lay_out(sizes, measuring, true);
        memory_.resize(measuring.used() + 64);
        void* base = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(memory_.data()) + 63) / 64 * 64);
        Arena arena(base, measuring.used());
        bank_.lay_out(sizes, arena, false);
        assert_int_equal(arena.available(), 0);
        bank_.clear();
    }
    MemoryBank& operator*() { return bank_; }

    void recent(int64_t frame, bool reverse = false) {
        write(bank_.store_recent(frame, reverse, pointer(frame)), frame);
    }
    void prompt(int64_t frame, bool reverse = false) {
        write(bank_.store_prompted(frame, reverse, pointer(frame)), frame);
    }
    void forward(int64_t first, int64_t last) {
        for (int64_t i = first; i <= last; i++) recent(i);
    }
    void backward(int64_t first, int64_t last) {
        for (int64_t i = first; i >= last; i--) recent(i, true);
    }

    // What `frame` reads, as "frame:row frame:row ...".
    std::string memories(int64_t frame, bool reverse = false, size_t reach = kReach) {
        MemoryRead reads[32];
        std::string text;
        const size_t count = bank_.read_memories(frame, reverse, reach, reads);
        for (size_t i = 0; i < count; i++) {
            for (size_t k = 1; k < kValues; k++) assert_int_equal(reads[i].memory[k], reads[i].memory[0]);
            if (i) text += " ";
            text += std::to_string(reads[i].memory[0]) + ":" + std::to_string(reads[i].time_row);
        }
        return text;
    }
    // The same for pointers, as "frame:distance ...".
    std::string pointers(int64_t frame, bool reverse = false, size_t reach = 15) {
        PointerRead reads[32];
        std::string text;
        const size_t count = bank_.read_pointers(frame, reverse, reach, reads);
        for (size_t i = 0; i < count; i++) {
            assert_true(reads[i].pointer[1] == -reads[i].pointer[0]);
            if (i) text += " ";
            text += std::to_string(static_cast<int>(reads[i].pointer[0])) + ":" +
                    std::to_string(static_cast<int>(reads[i].distance));
        }
        return text;
    }

  private:
    static const float* pointer(int64_t frame) {
        static float values[kPointer];
        values[0] = static_cast<float>(frame);
        values[1] = -values[0];
        values[2] = 1;
        return values;
    }
    static void write(uint16_t* memory, int64_t frame) {
        for (size_t k = 0; memory && k < kValues; k++) memory[k] = static_cast<uint16_t>(frame);
    }

    std::vector<uint8_t> memory_;
    MemoryBank bank_;
};

#define EXPECT(got, want) assert_string_equal((got).c_str(), want)

// ---- Reading ----------------------------------------------------------------------------------------------

void an_empty_bank_gives_nothing(void**) {
    Bank bank(1, 6);
    assert_false((*bank).can_be_read(5, false, kReach, 15));
    EXPECT(bank.memories(5), "");
    EXPECT(bank.pointers(5), "");
}

void prompted_frames_first_then_oldest_to_newest(void**) {
    Bank bank(1, 6);
    bank.prompt(0);
    bank.forward(1, 8);
    EXPECT(bank.memories(9), "0:6 3:5 4:4 5:3 6:2 7:1 8:0");
    EXPECT(bank.memories(9, false, 2), "0:2 7:1 8:0");  // of a model with fewer memories
}

void the_other_direction_is_the_mirror_image(void**) {
    Bank bank(1, 6);
    bank.prompt(20, true);
    bank.backward(19, 12);
    EXPECT(bank.memories(11, true), "20:6 17:5 16:4 15:3 14:2 13:1 12:0");
    EXPECT(bank.memories(11, false), "20:6");  // looking the other way, nothing is behind
}

void frames_that_are_not_there_are_skipped(void**) {
    Bank bank(2, 6);
    bank.prompt(1);
    bank.recent(2);
    bank.recent(5);
    EXPECT(bank.memories(7), "1:6 2:4 5:1");
    EXPECT(bank.memories(8), "1:6 2:5 5:2");
    EXPECT(bank.memories(9), "1:6 5:3");  // 2 is out of reach
    EXPECT(bank.memories(100), "1:6");
}

void a_frame_does_not_read_its_own_recent_memory(void**) {
    Bank bank(1, 6);
    bank.forward(1, 4);
    EXPECT(bank.memories(4), "1:2 2:1 3:0");
    EXPECT(bank.pointers(4), "3:1 2:2 1:3");
}

void prompted_frames_are_read_at_any_distance_also_from_the_future(void**) {
    Bank bank(3, 6);
    bank.prompt(100);
    bank.prompt(7);
    bank.prompt(50);
    EXPECT(bank.memories(8), "100:6 7:6 50:6");
    EXPECT(bank.memories(8, true), "100:6 7:6 50:6");
}

void pointers_come_from_the_past_only(void**) {
    Bank bank(3, 6);
    bank.prompt(100);
    bank.prompt(7);
    bank.prompt(50);
    EXPECT(bank.pointers(60), "7:53 50:10");
    EXPECT(bank.pointers(60, true), "100:40");
    EXPECT(bank.pointers(7), "7:0");  // its own, when it is looked at again
    EXPECT(bank.pointers(6), "");
}

void pointers_reach_further_than_memories(void**) {
    Bank bank(1, 2, 15);
    bank.prompt(0);
    bank.forward(1, 20);
    EXPECT(bank.memories(21), "0:6 19:1 20:0");
    EXPECT(bank.pointers(21),
           "0:21 20:1 19:2 18:3 17:4 16:5 15:6 14:7 13:8 12:9 11:10 10:11 9:12 8:13 7:14 6:15");
    EXPECT(bank.pointers(21, false, 3), "0:21 20:1 19:2 18:3");  // of a short clip
    EXPECT(bank.pointers(21, false, 0), "0:21");
}

// ---- Giving up --------------------------------------------------------------------------------------------

void the_farthest_from_where_the_track_goes_is_given_up(void**) {
    Bank bank(1, 3, 4);
    bank.forward(1, 5);
    EXPECT(bank.memories(6), "3:2 4:1 5:0");
    EXPECT(bank.pointers(6), "5:1 4:2 3:3 2:4");
    Bank mirrored(1, 3, 4);
    mirrored.backward(10, 6);
    EXPECT(mirrored.memories(5, true), "8:2 7:1 6:0");
    EXPECT(mirrored.pointers(5, true), "6:1 7:2 8:3 9:4");
}

void a_jump_gives_up_what_it_leaves_behind(void**) {
    Bank bank(1, 3);
    bank.forward(1, 3);
    bank.recent(50);  // the track goes to 51: frame 1 is farthest
    EXPECT(bank.memories(4), "2:1 3:0");
    EXPECT(bank.memories(51), "50:0");
    bank.recent(10);  // back again: 50 is farthest from 11
    EXPECT(bank.memories(51), "");
    EXPECT(bank.memories(11), "10:0");
    EXPECT(bank.memories(4), "2:1 3:0");
}

void turning_round_keeps_what_lies_ahead(void**) {
    Bank bank(1, 3);
    bank.forward(5, 10);   // 8, 9, 10
    bank.recent(9, true);  // again: in its own slot
    EXPECT(bank.memories(7, true), "10:2 9:1 8:0");
    bank.recent(7, true);  // 10 is farthest from 6
    EXPECT(bank.memories(6, true), "9:2 8:1 7:0");
    EXPECT(bank.memories(11), "7:3 8:2 9:1");
}

void a_frame_stored_again_takes_its_own_slot(void**) {
    Bank bank(1, 3);
    bank.forward(1, 3);
    for (int i = 0; i < 10; i++) bank.recent(2);
    EXPECT(bank.memories(4), "1:2 2:1 3:0");
}

void what_is_tracked_always_finds_a_place(void**) {
    Bank bank(1, 1, 1), none(1, 0, 0);
    bank.recent(6);
    bank.recent(5);  // goes to 6, whose own memory is of no use there
    EXPECT(bank.memories(6), "5:0");
    EXPECT(bank.pointers(6), "5:1");
    bank.recent(4, true);
    EXPECT(bank.memories(3, true), "4:0");
    assert_null((*none).store_recent(1, false, std::vector<float>{1, -1, 1}.data()));
}

void extreme_frame_numbers(void**) {
    const int64_t edge = int64_t{1} << 53;
    Bank bank(1, 2, 2);
    bank.recent(-edge);
    bank.recent(edge);
    bank.recent(edge - 1);
    assert_false((*bank).has_recent(-edge));
    assert_true((*bank).has_recent(edge) && (*bank).has_recent(edge - 1));
    bank.recent(-edge, true);
    assert_true((*bank).has_recent(-edge));
}

// ---- Prompted frames --------------------------------------------------------------------------------------

void one_slot_keeps_the_latest_prompt(void**) {
    Bank bank(1, 6);
    bank.prompt(0);
    bank.forward(1, 2);
    bank.prompt(3);
    // The earlier one goes on as a recent frame, memory and pointer.
    EXPECT(bank.memories(4), "3:6 0:3 1:2 2:1");
    EXPECT(bank.pointers(4), "3:1 2:2 1:3 0:4");
    bank.prompt(4);
    EXPECT(bank.memories(5), "4:6 0:4 1:3 2:2 3:1");
}

void two_slots_keep_the_first_prompt(void**) {
    Bank bank(2, 6);
    bank.prompt(0);
    bank.prompt(10);
    bank.prompt(20);
    EXPECT(bank.memories(40), "0:6 20:6");
    bank.prompt(30);
    EXPECT(bank.memories(40), "0:6 30:6");
}

void three_slots_keep_the_first_and_the_closest(void**) {
    Bank bank(3, 6);
    bank.prompt(50);  // the first, though not the lowest
    bank.prompt(10);
    bank.prompt(40);
    bank.prompt(12);  // 40 is farther from 12 than 10 is
    EXPECT(bank.memories(200), "50:6 10:6 12:6");
    bank.prompt(60);
    EXPECT(bank.memories(200), "50:6 60:6 12:6");
}

void the_first_is_the_one_that_came_first_also_in_reverse(void**) {
    Bank bank(2, 6);
    bank.prompt(20, true);
    bank.prompt(10, true);
    bank.prompt(0, true);
    EXPECT(bank.memories(30), "20:6 0:6");
}

void a_prompt_given_up_becomes_a_recent_frame_if_it_is_near(void**) {
    Bank near(2, 2), far(2, 2);
    near.prompt(0);
    near.prompt(5);
    near.recent(3);
    near.prompt(6);
    EXPECT(near.memories(7), "0:6 6:6 3:3 5:1");
    far.prompt(0);
    far.prompt(5);
    far.recent(58);
    far.recent(59);
    far.prompt(60);  // 5 would be the farthest from 61: it is forgotten
    EXPECT(far.memories(61), "0:6 60:6 58:2 59:1");
    EXPECT(far.memories(6), "0:6 60:6");
}

void a_prompted_frame_is_not_recent_too(void**) {
    Bank bank(1, 6);
    bank.forward(1, 3);
    bank.prompt(2);
    EXPECT(bank.memories(4), "2:6 1:2 3:0");
    EXPECT(bank.pointers(4), "2:2 3:1 1:3");
    assert_true((*bank).has_prompted(2));
    assert_false((*bank).has_recent(2));
}

void prompting_again_keeps_slot_and_seniority(void**) {
    Bank bank(2, 6);
    bank.prompt(0);
    bank.prompt(10);
    bank.prompt(0);  // corrected: still the first
    EXPECT(bank.memories(50), "0:6 10:6");
    bank.prompt(20);
    EXPECT(bank.memories(50), "0:6 20:6");
}

void prompts_can_be_forgotten(void**) {
    Bank bank(2, 6);
    bank.prompt(0);
    bank.prompt(10);
    (*bank).forget_prompted(0);
    (*bank).forget_prompted(77);  // never was
    EXPECT(bank.memories(50), "10:6");
    bank.prompt(20);  // takes the free slot
    EXPECT(bank.memories(50), "20:6 10:6");
    bank.prompt(30);  // 10 came first now
    EXPECT(bank.memories(50), "30:6 10:6");
}

void forgetting_tells_whether_there_was_a_prompt(void**) {
    Bank bank(1, 6);
    bank.prompt(0);
    bank.recent(1);
    assert_false((*bank).forget_prompted(1));
    assert_false((*bank).forget_prompted(2));
    assert_true((*bank).forget_prompted(0));
    assert_false((*bank).forget_prompted(0));
}

void a_prompt_given_up_comes_back_when_the_later_one_is_forgotten(void**) {
    Bank bank(1, 6);
    bank.prompt(0);
    bank.forward(1, 2);
    bank.prompt(3);
    bank.prompt(5);
    assert_true((*bank).forget_prompted(5));
    EXPECT(bank.memories(6), "3:6 0:5 1:4 2:3");
    EXPECT(bank.pointers(6), "3:3 2:4 1:5 0:6");
    assert_true((*bank).has_prompted(3));
    assert_true((*bank).forget_prompted(3));
    EXPECT(bank.memories(6), "0:6 1:4 2:3");
    assert_true((*bank).forget_prompted(0));
    EXPECT(bank.memories(6), "1:4 2:3");
}

void the_prompt_given_up_last_comes_back_not_the_one_prompted_last(void**) {
    Bank bank(3, 6);
    bank.prompt(0);
    bank.prompt(2);
    bank.prompt(5);
    bank.prompt(3);  // 5 gives way
    bank.prompt(4);  // 2 gives way
    assert_true((*bank).forget_prompted(4));
    EXPECT(bank.memories(6), "0:6 2:6 3:6 5:0");
    assert_true((*bank).forget_prompted(3));
    EXPECT(bank.memories(6), "0:6 2:6 5:6");
}

void a_prompt_of_which_only_the_pointer_is_left_can_be_forgotten(void**) {
    for (const size_t recent : {6, 1}) {
        Bank bank(1, recent);
        bank.prompt(0);
        bank.forward(1, 9);
        bank.prompt(10);
        EXPECT(bank.pointers(11, false, 2), "10:1 9:2");
        assert_false((*bank).has_recent(0));
        EXPECT(bank.pointers(11), "10:1 9:2 8:3 7:4 6:5 5:6 4:7 3:8 2:9 1:10 0:11");
        assert_true((*bank).forget_prompted(0));
        EXPECT(bank.pointers(11), "10:1 9:2 8:3 7:4 6:5 5:6 4:7 3:8 2:9 1:10");
        assert_false((*bank).forget_prompted(0));
        assert_false((*bank).forget_prompted(1));  // was tracked only
        EXPECT(bank.memories(11, false, 1), "10:1");
    }
}

void a_prompt_that_came_back_keeps_its_seniority(void**) {
    Bank bank(2, 6);
    bank.prompt(0);
    bank.prompt(10);
    bank.prompt(12);
    assert_true((*bank).forget_prompted(12));
    EXPECT(bank.memories(50), "0:6 10:6");
    assert_true((*bank).forget_prompted(0));
    bank.prompt(20);
    bank.prompt(21);  // 10 is the first
    EXPECT(bank.memories(50), "21:6 10:6");
}

void what_was_prompted_and_tracked_since_does_not_come_back(void**) {
    Bank bank(1, 6), taken_back(1, 6), lost(1, 1);
    bank.prompt(0);
    bank.prompt(3);
    bank.recent(0);
    assert_true((*bank).forget_prompted(3));
    assert_false((*bank).has_prompted(0));
    EXPECT(bank.memories(1), "0:0");
    taken_back.prompt(0);
    taken_back.prompt(3);
    assert_true((*taken_back).forget_prompted(0));
    assert_true((*taken_back).forget_prompted(3));
    assert_false((*taken_back).can_be_read(4, false, kReach, 15));
    lost.recent(50);
    lost.prompt(0);
    lost.prompt(51);  // the recent slot is 50's
    assert_true((*lost).forget_prompted(51));
    EXPECT(lost.memories(52), "50:1");
}

void only_what_a_frame_reads_counts(void**) {
    Bank bank(1, 6, 15);
    bank.recent(10);
    for (int64_t frame = 0; frame < 40; frame++)
        for (const bool reverse : {false, true}) {
            const bool any = bank.memories(frame, reverse) != "" || bank.pointers(frame, reverse) != "";
            assert_int_equal((*bank).can_be_read(frame, reverse, kReach, 15), any);
        }
    assert_false((*bank).can_be_read(17, false, kReach, 6));
    bank.prompt(1000);
    assert_true((*bank).can_be_read(0, false, kReach, 15));
}

void a_bank_can_be_cleared(void**) {
    Bank bank(2, 3);
    bank.prompt(0);
    bank.prompt(9);
    bank.forward(1, 8);
    (*bank).clear();
    assert_false((*bank).can_be_read(9, false, kReach, 15));
    EXPECT(bank.memories(9), "");
    EXPECT(bank.pointers(9), "");
    bank.forward(1, 2);
    bank.prompt(3);
    EXPECT(bank.memories(4), "3:6 1:2 2:1");
}

// Whatever happens, each frame is held once, and what is read belongs to its frame.
void long_random_play_keeps_the_books(void**) {
    for (uint32_t seed = 1; seed <= 40; seed++) {
        Bank bank(1 + seed % 3, 1 + seed % 6, 15);
        uint32_t state = seed;
        int64_t frame = 500;
        for (int step = 0; step < 300; step++) {
            state = state * 1664525u + 1013904223u;
            const uint32_t choice = state >> 24;
            const bool reverse = choice % 2 == 1;
            frame += reverse ? -1 : 1;
            if (choice % 16 == 0) frame += static_cast<int64_t>(state >> 16 & 31) - 15;
            if (choice % 8 == 1) (*bank).forget_prompted(frame - 3);
            if (choice % 8 == 2)
                bank.prompt(frame, reverse);
            else if (!(*bank).has_prompted(frame))
                bank.recent(frame, reverse);
            assert_false((*bank).has_prompted(frame) && (*bank).has_recent(frame));
            MemoryRead reads[32];
            const size_t count = (*bank).read_memories(frame + 1, false, kReach, reads);
            assert_true(count <= 1 + seed % 3 + 1 + seed % 6);
            for (size_t i = 0; i < count; i++) {
                for (size_t j = 0; j < i; j++) assert_ptr_not_equal(reads[i].memory, reads[j].memory);
                assert_int_equal(reads[i].memory[0], reads[i].frame);
                if (reads[i].time_row == kReach) continue;
                assert_int_equal(reads[i].memory[0], frame - static_cast<int64_t>(reads[i].time_row));
            }
            bank.pointers(frame + 1);
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_bank_gives_nothing),
        cmocka_unit_test(prompted_frames_first_then_oldest_to_newest),
        cmocka_unit_test(the_other_direction_is_the_mirror_image),
        cmocka_unit_test(frames_that_are_not_there_are_skipped),
        cmocka_unit_test(a_frame_does_not_read_its_own_recent_memory),
        cmocka_unit_test(prompted_frames_are_read_at_any_distance_also_from_the_future),
        cmocka_unit_test(pointers_come_from_the_past_only),
        cmocka_unit_test(pointers_reach_further_than_memories),
        cmocka_unit_test(the_farthest_from_where_the_track_goes_is_given_up),
        cmocka_unit_test(a_jump_gives_up_what_it_leaves_behind),
        cmocka_unit_test(turning_round_keeps_what_lies_ahead),
        cmocka_unit_test(a_frame_stored_again_takes_its_own_slot),
        cmocka_unit_test(what_is_tracked_always_finds_a_place),
        cmocka_unit_test(extreme_frame_numbers),
        cmocka_unit_test(one_slot_keeps_the_latest_prompt),
        cmocka_unit_test(two_slots_keep_the_first_prompt),
        cmocka_unit_test(three_slots_keep_the_first_and_the_closest),
        cmocka_unit_test(the_first_is_the_one_that_came_first_also_in_reverse),
        cmocka_unit_test(a_prompt_given_up_becomes_a_recent_frame_if_it_is_near),
        cmocka_unit_test(a_prompted_frame_is_not_recent_too),
        cmocka_unit_test(prompting_again_keeps_slot_and_seniority),
        cmocka_unit_test(prompts_can_be_forgotten),
        cmocka_unit_test(forgetting_tells_whether_there_was_a_prompt),
        cmocka_unit_test(a_prompt_given_up_comes_back_when_the_later_one_is_forgotten),
        cmocka_unit_test(the_prompt_given_up_last_comes_back_not_the_one_prompted_last),
        cmocka_unit_test(a_prompt_of_which_only_the_pointer_is_left_can_be_forgotten),
        cmocka_unit_test(a_prompt_that_came_back_keeps_its_seniority),
        cmocka_unit_test(what_was_prompted_and_tracked_since_does_not_come_back),
        cmocka_unit_test(only_what_a_frame_reads_counts),
        cmocka_unit_test(a_bank_can_be_cleared),
        cmocka_unit_test(long_random_play_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
