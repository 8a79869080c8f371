// The screen of a live run, a window or a terminal: shows pictures and reports what hands do. It knows
// nothing of objects and tracking.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <samlet/samlet.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "palette.h"
#include "picture.h"

namespace cli {

struct ViewEvent {
    enum class Kind {
        press,
        move,  // with the left button held
        release,
        key,
        close,  // of the window
        redraw  // the screen lost or resized its picture
    };
    enum class Button { left, middle, right };

    Kind kind = Kind::redraw;
    Button button = Button::left;
    bool shift = false;  // or another modifier; of a press
    char key = 0;        // ASCII, lower case; backspace and delete are both 127
    // Pixels of the picture, mapped back from the screen; beside the picture they lie outside of it.
    float x = 0, y = 0;
};

// A text on the picture.
struct Label {
    float x = 0, y = 0;  // pixels of the picture: the text's bottom-left corner, if there is room
    Colour colour = {255, 255, 255};
    std::string text;
};

struct Scene {
    Picture picture;  // RGB
    std::vector<Label> labels;
    std::optional<samlet_box> box;   // being drawn by hand
    std::vector<std::string> lines;  // below the picture
};

class View {
  public:
    virtual ~View() = default;
    virtual void show(const Scene& scene) = 0;
    // What happened since the last call; waits for something to happen, but no longer than `wait`.
    virtual std::vector<ViewEvent> poll(std::chrono::milliseconds wait) = 0;
    // How far a hand moves within one click, in pixels of the picture: anything farther is a drag.
    virtual float slack() const = 0;
};

enum class ViewKind { any, window, terminal };

// A window that suits pictures of this size, or the terminal where there is no display. Throws an Error that
// says what is missing.
std::unique_ptr<View> open_view(ViewKind kind, uint32_t width, uint32_t height);

// Both fail with an Error where there is no display, or no terminal.
std::unique_ptr<View> open_window(uint32_t width, uint32_t height);
std::unique_ptr<View> open_terminal();

// ASCII, which both can show: '?' for anything else.
std::string printable(std::string text);

}  // namespace cli
