// Bytes of a terminal become events, however they are cut.
//
// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "tools/samlet/terminal_input.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace cli;

namespace {

std::string shown(const ViewEvent& event) {
    if (event.kind == ViewEvent::Kind::key) return "key " + std::to_string(int{event.key});
    const char* kind = event.kind == ViewEvent::Kind::press     ? "press"
                       : event.kind == ViewEvent::Kind::release ? "release"
                       : event.kind == ViewEvent::Kind::move    ? "move"
                                                                : "?";
    const char* button = event.button == ViewEvent::Button::left     ? "left"
                         : event.button == ViewEvent::Button::middle ? "middle"
                                                                     : "right";
    return std::string(kind) + " " + (event.shift ? "shift " : "") + button + " " +
           std::to_string(static_cast<int>(event.x)) + "," + std::to_string(static_cast<int>(event.y));
}

std::string shown(const std::vector<ViewEvent>& events) {
    std::string text;
    for (const ViewEvent& event : events) text += (text.empty() ? "" : "; ") + shown(event);
    return text;
}

// In one piece, byte by byte, and in two pieces wherever they are cut.
void expect(const std::string& bytes, const char* want) {
    assert_string_equal(shown(TerminalInput().feed(bytes.data(), bytes.size())).c_str(), want);
    TerminalInput single;
    std::vector<ViewEvent> events;
    for (const char byte : bytes)
        for (const ViewEvent& event : single.feed(&byte, 1)) events.push_back(event);
    assert_string_equal(shown(events).c_str(), want);
    for (size_t cut = 0; cut <= bytes.size(); cut++) {
        TerminalInput input;
        events = input.feed(bytes.data(), cut);
        for (const ViewEvent& event : input.feed(bytes.data() + cut, bytes.size() - cut))
            events.push_back(event);
        assert_string_equal(shown(events).c_str(), want);
    }
}

void keys(void**) {
    expect("q X", "key 113; key 32; key 120");
    expect("\t", "key 9");
    expect("\x7f\b\033[3~", "key 127; key 127; key 127");
}

void mouse(void**) {
    expect("\033[<0;1;1M\033[<0;1;1m", "press left 0,0; release left 0,0");
    expect("\033[<0;80;24M\033[<32;300;100M\033[<0;300;100m",
           "press left 79,23; move left 299,99; release left 299,99");
    expect("\033[<1;5;6M\033[<2;7;8M\033[<2;7;8m", "press middle 4,5; press right 6,7; release right 6,7");
    expect("\033[<4;5;6M\033[<16;5;6M\033[<8;5;6M",
           "press shift left 4,5; press shift left 4,5; press shift left 4,5");
}

void what_nobody_asked_for_is_skipped(void**) {
    expect("\033[<64;5;6M\033[<65;5;6Mq", "key 113");  // the wheel
    expect("\033[<35;5;6Mq", "key 113");               // moved without a button
    expect("\033[A\033OP\033[15;2~q", "key 113");      // an arrow, F1, shift + F5
    expect("\033[<0;0;5M\033[<0;5M\033[<;;Mq", "key 113");
    expect("\033q", "key 113");
    expect("\xc3\xa4q", "key 113");  // a letter beyond ASCII
    expect("\033[1\033[<0;3;4M", "press left 2,3");
}

void endless_sequences_end(void**) {
    const std::string digits = "\033[" + std::string(500, '1');
    const std::vector<ViewEvent> events = TerminalInput().feed(digits.data(), digits.size());
    assert_true(!events.empty() && events.back().key == '1');
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(mouse),
        cmocka_unit_test(what_nobody_asked_for_is_skipped),
        cmocka_unit_test(endless_sequences_end),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
