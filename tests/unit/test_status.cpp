// How a status becomes a sentence, and the checks that all entry points share.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>

#include "c_api/api.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace samlet;

namespace {

std::string sentence(const Status& status, size_t capacity = 256) {
    std::string text(capacity + 8, '#');
    format(status, &text[0], capacity);
    for (size_t i = capacity; i < text.size(); i++) assert_int_equal(text[i], '#');
    const size_t length = text.find('\0');
    assert_true(length < capacity);
    return text.substr(0, length);
}

Status make(const char* text, int64_t a = 0, int64_t b = 0, const char* name = nullptr) {
    return (fail)(SAMLET_ERROR_STATE, text, a, b, name);  // in brackets: not cmocka's macro
}

void expect(const Status& status, const char* want) {
    assert_string_equal(sentence(status).c_str(), want);
}

void numbers_and_names_are_put_in(void**) {
    expect(make("plain"), "plain");
    expect(make("%a of %b in %s", 3, 40, "here"), "3 of 40 in here");
    expect(make("%b%a%s%s%a", 1, 2, "x"), "21xx1");
    expect(make("%a", 0), "0");
    expect(make("%a and %b", -7, INT64_MAX), "-7 and 9223372036854775807");
    expect(make("%a", INT64_MIN), "-9223372036854775808");
    expect(make("<%s>"), "<>");
    expect(make("%s", 0, 0, "%a %s"), "%a %s");  // names are no patterns
}

void thousandths_are_decimals(void**) {
    expect(make("%A %B", 1500, -250), "1.5 -0.25");
    expect(make("%A %B", 0, 3000), "0 3");
    expect(make("%A %B", 7, -1001), "0.007 -1.001");
    expect(make("%A %B", 120, 10), "0.12 0.01");
    expect(make("%A", INT64_MIN), "-9223372036854775.808");
}

void other_percent_signs_stay(void**) {
    expect(make("100 % of %", 1), "100 % of %");
    expect(make("%d %%a %c", 5), "%d %5 %c");
}

void long_sentences_are_cut(void**) {
    const std::string text(400, 'x');
    for (size_t capacity : {size_t{1}, size_t{2}, size_t{16}, size_t{252}, size_t{256}}) {
        assert_int_equal(sentence(make(text.c_str()), capacity).size(), capacity - 1);
        assert_int_equal(sentence(make((text + "%a%s").c_str(), 5, 5, "name"), capacity).size(),
                         capacity - 1);
    }
    assert_string_equal(sentence(make("ab%acd", 12345), 5).c_str(), "ab12");
    assert_string_equal(sentence(make("ab%scd", 0, 0, "xyz"), 5).c_str(), "abxy");
    assert_string_equal(sentence(make("ab%A", -1500), 6).c_str(), "ab-1.");
}

void long_names_show_that_they_are_cut(void**) {
    const size_t room = sizeof(Status::name) - 1;
    for (size_t length : {room - 1, room}) {
        const std::string name(length, 'n');
        expect(make("%s", 0, 0, name.c_str()), name.c_str());
    }
    for (size_t length : {room + 1, room + 2, size_t{4000}}) {
        const std::string name(length, 'n'), want = std::string(room - 3, 'n') + "...";
        expect(make("%s", 0, 0, name.c_str()), want.c_str());
    }
    expect(make("<%s>", 0, 0, ""), "<>");
}

void names_cannot_command_terminals(void**) {
    expect(make("%s", 0, 0, "a\033[31m\n\r\t\177b"), "a?[31m????b");
    expect(make("%s", 0, 0, "sch\xc3\xb6n"), "sch\xc3\xb6n");  // UTF-8 stays
}

void reports_reach_the_caller(void**) {
    samlet_error error;
    std::memset(&error, '#', sizeof error);
    assert_int_equal(report(make("no %a", 5), &error), SAMLET_ERROR_STATE);
    assert_int_equal(error.status, SAMLET_ERROR_STATE);
    assert_string_equal(error.message, "no 5");
    assert_int_equal(report(Status(), &error), SAMLET_OK);
    assert_int_equal(error.status, SAMLET_OK);
    assert_string_equal(error.message, "");
    assert_int_equal(report(make("nobody listens"), static_cast<samlet_error*>(nullptr)), SAMLET_ERROR_STATE);
}

// A handle keeps the sentence of its last failure.
void handles_keep_the_last_failure(void**) {
    char message[256] = "";
    assert_int_equal(report(make("first"), message), SAMLET_ERROR_STATE);
    assert_int_equal(report(Status(), message), SAMLET_OK);
    assert_string_equal(message, "first");
    report(make("second"), message);
    assert_string_equal(message, "second");
}

void sizes_of_structs(void**) {
    assert_true(check_size(40, 40, "s").ok());
    assert_true(check_size(4000, 40, "s").ok());  // of a newer program
    expect(check_size(39, 40, "samlet_thing"),
           "the size field of samlet_thing is 39; it must be at least 40: call its _init function first");
    expect(null_argument("thing"), "thing must not be NULL");
}

void any_size_can_be_shown(void**) {
    assert_int_equal(shown(0), 0);
    assert_int_equal(shown(uint64_t{INT64_MAX}), INT64_MAX);
    assert_int_equal(shown(uint64_t{INT64_MAX} + 1), INT64_MAX);
    assert_int_equal(shown(UINT64_MAX), INT64_MAX);
}

void rows_must_lie_in_the_address_space(void**) {
    assert_true(check_reach(UINT64_MAX, 100, 1).ok());  // one row has no next
    assert_true(check_reach(1 << 20, 100, 4000000).ok());
    assert_true(check_reach(INT64_MAX - 100, 100, 2).ok());
    assert_false(check_reach(uint64_t{INT64_MAX} - 99, 100, 2).ok());
    assert_false(check_reach(uint64_t{1} << 62, 100, 3).ok());
    assert_false(check_reach(UINT64_MAX, 1, UINT32_MAX).ok());
}

void blocks_are_checked(void**) {
    alignas(64) static uint8_t memory[256];
    void *block, *owned;
    assert_true(find_block(memory, 256, 256, &block, &owned).ok());
    assert_true(block == memory && owned == nullptr);
    assert_int_equal(find_block(memory, 255, 256, &block, &owned).code, SAMLET_ERROR_MEMORY);
    assert_int_equal(find_block(memory, UINT64_MAX, 256, &block, &owned).code, SAMLET_OK);
    for (int off = 1; off < 64; off++)
        assert_int_equal(find_block(memory + off, 1000, 64, &block, &owned).code, SAMLET_ERROR_MEMORY);
    expect(find_block(memory + 8, 10, 64, &block, &owned),
           "the block begins 8 bytes after a multiple of 64, to which it must be aligned");
    assert_true(find_block(nullptr, 0, 256, &block, &owned).ok());
    assert_true(block != nullptr && block == owned && reinterpret_cast<uintptr_t>(block) % 64 == 0);
    port::give_back(owned, 256);
    if (SCENE_SANITIZED) return;  // the address sanitizer ends programs that ask for too much
    const Status none = find_block(nullptr, 0, uint64_t{1} << 62, &block, &owned);
    assert_int_equal(none.code, SAMLET_ERROR_MEMORY);
    assert_non_null(std::strstr(sentence(none).c_str(), "4611686018427387904"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_names_are_put_in),
        cmocka_unit_test(thousandths_are_decimals),
        cmocka_unit_test(other_percent_signs_stay),
        cmocka_unit_test(long_sentences_are_cut),
        cmocka_unit_test(long_names_show_that_they_are_cut),
        cmocka_unit_test(names_cannot_command_terminals),
        cmocka_unit_test(reports_reach_the_caller),
        cmocka_unit_test(handles_keep_the_last_failure),
        cmocka_unit_test(sizes_of_structs),
        cmocka_unit_test(any_size_can_be_shown),
        cmocka_unit_test(rows_must_lie_in_the_address_space),
        cmocka_unit_test(blocks_are_checked),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
