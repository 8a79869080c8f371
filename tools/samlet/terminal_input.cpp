// SPDX-License-Identifier: Apache-2.0
#include "terminal_input.h"

#include <cctype>
#include <cstdio>

namespace cli {
namespace {

constexpr char kEscape = 27, kBackspace = 8, kDelete = 127;
constexpr size_t kLongest = 64;  // no sequence that we ask for comes near

// The number that xterm calls Cb.
constexpr unsigned kButtonMask = 3, kModifiers = 4 + 8 + 16, kMotion = 32, kNotAButton = 64 + 128;

bool read_mouse(const std::string& sequence, ViewEvent& event) {
    unsigned code = 0, column = 0, row = 0;
    char end = 0;
    if (sscanf(sequence.c_str(), "\033[<%4u;%6u;%6u%c", &code, &column, &row, &end) != 4) return false;
    if ((end != 'M' && end != 'm') || column == 0 || row == 0 || code & kNotAButton) return false;
    const unsigned button = code & kButtonMask;
    if (button > 2) return false;  // moved without a button
    event.button = button == 0   ? ViewEvent::Button::left
                   : button == 1 ? ViewEvent::Button::middle
                                 : ViewEvent::Button::right;
    event.kind = end == 'm'       ? ViewEvent::Kind::release
                 : code & kMotion ? ViewEvent::Kind::move
                                  : ViewEvent::Kind::press;
    event.shift = (code & kModifiers) != 0;
    event.x = static_cast<float>(column - 1);
    event.y = static_cast<float>(row - 1);
    return true;
}

bool read_key(const std::string& sequence, ViewEvent& event) {
    event.kind = ViewEvent::Kind::key;
    if (sequence == "\033[3~") {
        event.key = kDelete;
        return true;
    }
    if (sequence.size() != 1 || static_cast<unsigned char>(sequence[0]) >= 0x80 || sequence[0] == kEscape) return false;
    event.key = sequence[0] == kBackspace
                    ? kDelete
                    : static_cast<char>(std::tolower(static_cast<unsigned char>(sequence[0])));
    return true;
}

}  // namespace

size_t TerminalInput::sequence_length() const {
    if (pending_[0] != kEscape) return 1;
    if (pending_.size() < 2) return 0;
    if (pending_[1] == 'O') return pending_.size() < 3 ? 0 : 3;
    if (pending_[1] != '[') return 1;
    for (size_t i = 2; i < pending_.size(); i++) {
        if (pending_[i] >= '@' && pending_[i] <= '~') return i + 1;
        if (pending_[i] < ' ') return i;  // broken off
    }
    return pending_.size() < kLongest ? 0 : kLongest;
}

std::vector<ViewEvent> TerminalInput::feed(const char* bytes, size_t count) {
    std::vector<ViewEvent> events;
    pending_.append(bytes, count);
    while (!pending_.empty()) {
        const size_t length = sequence_length();
        if (length == 0) break;
        const std::string sequence = pending_.substr(0, length);
        pending_.erase(0, length);
        ViewEvent event;
        if (read_mouse(sequence, event) || read_key(sequence, event)) events.push_back(event);
    }
    return events;
}

}  // namespace cli
