// SPDX-License-Identifier: Apache-2.0
#include "live_view.h"

#include <cstdlib>

#include "error.h"

namespace cli {
namespace {

bool is_set(const char* variable) {
    const char* value = getenv(variable);
    return value && *value;
}

// Without one of these SDL would take over a Linux console.
bool has_display() {
    return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || is_set("SDL_VIDEODRIVER");
}

}  // namespace

#ifndef SAMLET_HAVE_SDL
std::unique_ptr<View> open_window(uint32_t, uint32_t) {
    throw Error("this samlet was built without SDL2 and has no window");
}
#endif

std::unique_ptr<View> open_view(ViewKind kind, uint32_t width, uint32_t height) {
    if (kind == ViewKind::terminal) return open_terminal();
    if (kind == ViewKind::window) return open_window(width, height);
    std::string trouble = "there is no display (DISPLAY and WAYLAND_DISPLAY are not set)";
    if (has_display()) {
        try {
            return open_window(width, height);
        } catch (const Error& error) {
            trouble = error.what();
        }
    }
    try {
        return open_terminal();
    } catch (const Error& error) {
        throw Error(trouble + ", and " + error.what());
    }
}

std::string printable(std::string text) {
    for (char& c : text)
        if (c < ' ' || c > '~') c = '?';
    return text;
}

}  // namespace cli
