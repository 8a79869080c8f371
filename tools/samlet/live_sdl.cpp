// The live view in a window, through SDL2.
//
// SPDX-License-Identifier: Apache-2.0
#include <SDL.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "error.h"
#include "live_fit.h"
#include "live_font.h"
#include "live_view.h"

namespace cli {
namespace {

constexpr int kLetter = 2;  // dots of the screen to one of the font
constexpr int kAdvance = (kGlyphWidth + 1) * kLetter, kLine = (kGlyphHeight + 2) * kLetter;
constexpr int kMargin = 4;
constexpr int kUsualLines = 3;
constexpr int kSmallest = 640;  // a window's width: pictures may be tiny
constexpr float kSlack = 4;     // dots of the screen
constexpr Colour kGrey = {204, 204, 204}, kYellow = {255, 255, 0};

struct Destroy {
    void operator()(SDL_Window* p) const { SDL_DestroyWindow(p); }
    void operator()(SDL_Renderer* p) const { SDL_DestroyRenderer(p); }
    void operator()(SDL_Texture* p) const { SDL_DestroyTexture(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Destroy>;

[[noreturn]] void fail(const char* doing) {
    throw Error(std::string("SDL cannot ") + doing + ": " + SDL_GetError());
}

// Where there is no display, SDL is content with a driver that shows nothing.
bool unseen() {
    const char* const asked = SDL_getenv("SDL_VIDEODRIVER");
    const std::string driver = SDL_GetCurrentVideoDriver();
    return !(asked && *asked) && (driver == "offscreen" || driver == "dummy");
}

// Lasts as long as the window.
struct Video {
    Video() {
        // Ctrl-C is ours.
        SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
        SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
        if (SDL_Init(SDL_INIT_VIDEO) != 0) fail("open the display");
        if (!unseen()) return;
        SDL_Quit();
        throw Error("SDL cannot open the display: there is none");
    }
    ~Video() { SDL_Quit(); }
    Video(const Video&) = delete;
    Video& operator=(const Video&) = delete;
};

struct Size {
    int width, height;
};

// As large as the picture, if that is neither tiny nor too large for the screen.
Size window_size(uint32_t width, uint32_t height) {
    const int bar = kUsualLines * kLine + 2 * kMargin;
    SDL_Rect screen = {0, 0, 1280, 800};
    SDL_GetDisplayUsableBounds(0, &screen);
    const float w = static_cast<float>(width), h = static_cast<float>(height);
    float scale = std::max(1.0f, kSmallest / w);
    // A little less than the screen: windows have frames.
    scale = std::min(scale, 0.95f * static_cast<float>(screen.w) / w);
    scale = std::min(scale, (0.9f * static_cast<float>(screen.h) - static_cast<float>(bar)) / h);
    return {std::max(1, static_cast<int>(scale * w)), std::max(1, static_cast<int>(scale * h)) + bar};
}

class Window : public View {
  public:
    Window(uint32_t width, uint32_t height) {
        const Size size = window_size(width, height);
        window_.reset(SDL_CreateWindow("samlet", SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, size.width,
                                       size.height, SDL_WINDOW_RESIZABLE));
        if (!window_) fail("open a window");
        renderer_.reset(SDL_CreateRenderer(window_.get(), -1, 0));
        if (!renderer_) fail("draw in a window");
        make_font();
    }

    void show(const Scene& scene) override {
        int width = 0, height = 0;
        if (SDL_GetRendererOutputSize(renderer_.get(), &width, &height) != 0) fail("tell the window's size");
        const int bar = static_cast<int>(scene.lines.size()) * kLine + 2 * kMargin;
        fit_ = Fit::of(scene.picture.width, scene.picture.height, width, std::max(1, height - bar));
        SDL_SetRenderDrawColor(renderer_.get(), 0, 0, 0, 255);
        SDL_RenderClear(renderer_.get());
        draw_picture(scene.picture);
        if (scene.box) draw_box(*scene.box);
        for (const Label& label : scene.labels) draw_label(label);
        for (size_t i = 0; i < scene.lines.size(); i++)
            draw_text(kMargin, height - bar + kMargin + static_cast<int>(i) * kLine, scene.lines[i], kGrey);
        SDL_RenderPresent(renderer_.get());
    }

    std::vector<ViewEvent> poll(std::chrono::milliseconds wait) override {
        std::vector<ViewEvent> events;
        SDL_Event from;
        int more = wait.count() > 0 ? SDL_WaitEventTimeout(&from, static_cast<int>(wait.count()))
                                    : SDL_PollEvent(&from);
        for (; more; more = SDL_PollEvent(&from)) {
            ViewEvent event;
            if (read_event(from, event)) events.push_back(event);
        }
        return events;
    }

    float slack() const override { return kSlack * std::max(fit_.columns, fit_.rows); }

  private:
    bool read_event(const SDL_Event& from, ViewEvent& event) const {
        switch (from.type) {
            case SDL_QUIT:
                event.kind = ViewEvent::Kind::close;
                return true;
            case SDL_KEYDOWN:
                event.kind = ViewEvent::Kind::key;
                return from.key.repeat == 0 && read_key(from.key.keysym.sym, event.key);
            case SDL_MOUSEBUTTONDOWN:
            case SDL_MOUSEBUTTONUP:
                event.kind =
                    from.type == SDL_MOUSEBUTTONDOWN ? ViewEvent::Kind::press : ViewEvent::Kind::release;
                event.shift = (SDL_GetModState() & (KMOD_SHIFT | KMOD_CTRL | KMOD_ALT)) != 0;
                place(from.button.x, from.button.y, event);
                return read_button(from.button.button, event.button);
            case SDL_MOUSEMOTION:
                if (!(from.motion.state & SDL_BUTTON_LMASK)) return false;
                event.kind = ViewEvent::Kind::move;
                place(from.motion.x, from.motion.y, event);
                return true;
            case SDL_WINDOWEVENT:
                return from.window.event == SDL_WINDOWEVENT_EXPOSED ||
                       from.window.event == SDL_WINDOWEVENT_SIZE_CHANGED;
            default:
                return false;
        }
    }
    static bool read_key(SDL_Keycode code, char& key) {
        if (code == SDLK_BACKSPACE) code = SDLK_DELETE;
        if (code <= 0 || code > SDLK_DELETE) return false;
        key = static_cast<char>(code);
        return true;
    }
    static bool read_button(uint8_t number, ViewEvent::Button& button) {
        button = number == SDL_BUTTON_LEFT     ? ViewEvent::Button::left
                 : number == SDL_BUTTON_MIDDLE ? ViewEvent::Button::middle
                                               : ViewEvent::Button::right;
        return number == SDL_BUTTON_LEFT || number == SDL_BUTTON_MIDDLE || number == SDL_BUTTON_RIGHT;
    }
    // The middle of the dot.
    void place(int x, int y, ViewEvent& event) const {
        event.x = fit_.picture_x(static_cast<float>(x) + 0.5f);
        event.y = fit_.picture_y(static_cast<float>(y) + 0.5f);
    }

    void draw_picture(const Picture& picture) {
        const int width = static_cast<int>(picture.width), height = static_cast<int>(picture.height);
        if (!texture_ || texture_size_.width != width || texture_size_.height != height) {
            texture_.reset(SDL_CreateTexture(renderer_.get(), SDL_PIXELFORMAT_RGB24,
                                             SDL_TEXTUREACCESS_STREAMING, width, height));
            if (!texture_) fail("show a picture of this size");
            texture_size_ = {width, height};
        }
        SDL_UpdateTexture(texture_.get(), nullptr, picture.bytes.data(), static_cast<int>(picture.stride[0]));
        const SDL_Rect place = {fit_.left, fit_.top, fit_.width, fit_.height};
        SDL_RenderCopy(renderer_.get(), texture_.get(), nullptr, &place);
    }

    void draw_box(const samlet_box& box) {
        SDL_SetRenderDrawColor(renderer_.get(), kYellow.red, kYellow.green, kYellow.blue, 255);
        const int x0 = static_cast<int>(fit_.screen_x(box.x0)), x1 = static_cast<int>(fit_.screen_x(box.x1));
        const int y0 = static_cast<int>(fit_.screen_y(box.y0)), y1 = static_cast<int>(fit_.screen_y(box.y1));
        const SDL_Rect outer = {x0, y0, x1 - x0, y1 - y0};
        const SDL_Rect inner = {x0 + 1, y0 + 1, x1 - x0 - 2, y1 - y0 - 2};
        SDL_RenderDrawRect(renderer_.get(), &outer);
        SDL_RenderDrawRect(renderer_.get(), &inner);
    }

    // On a dark ground, inside the picture.
    void draw_label(const Label& label) {
        const int width = static_cast<int>(label.text.size()) * kAdvance + kMargin;
        const int right = std::max(fit_.left, fit_.left + fit_.width - width);
        const SDL_Rect ground = {std::clamp(static_cast<int>(fit_.screen_x(label.x)), fit_.left, right),
                                 std::max(fit_.top, static_cast<int>(fit_.screen_y(label.y)) - kLine), width,
                                 kLine};
        SDL_SetRenderDrawColor(renderer_.get(), 0, 0, 0, 255);
        SDL_RenderFillRect(renderer_.get(), &ground);
        draw_text(ground.x + kMargin / 2, ground.y + kLetter, label.text, label.colour);
    }

    void draw_text(int x, int y, const std::string& text, Colour colour) {
        SDL_SetTextureColorMod(font_.get(), colour.red, colour.green, colour.blue);
        for (const char letter : printable(text)) {
            const SDL_Rect glyph = {(letter - ' ') * kGlyphWidth, 0, kGlyphWidth, kGlyphHeight};
            const SDL_Rect place = {x, y, kGlyphWidth * kLetter, kGlyphHeight * kLetter};
            SDL_RenderCopy(renderer_.get(), font_.get(), &glyph, &place);
            x += kAdvance;
        }
    }

    // All glyphs in a row, white on nothing.
    void make_font() {
        constexpr int kGlyphs = '~' - ' ' + 1, kWidth = kGlyphs * kGlyphWidth;
        std::array<uint32_t, size_t{kWidth} * kGlyphHeight> pixels;
        for (int y = 0; y < kGlyphHeight; y++)
            for (int x = 0; x < kWidth; x++) {
                const bool set = glyph_pixel(static_cast<char>(' ' + x / kGlyphWidth), x % kGlyphWidth, y);
                pixels[static_cast<size_t>(y * kWidth + x)] = set ? 0xffffffff : 0x00ffffff;
            }
        font_.reset(SDL_CreateTexture(renderer_.get(), SDL_PIXELFORMAT_ARGB8888, SDL_TEXTUREACCESS_STATIC,
                                      kWidth, kGlyphHeight));
        if (!font_) fail("draw in a window");
        SDL_UpdateTexture(font_.get(), nullptr, pixels.data(), kWidth * static_cast<int>(sizeof(uint32_t)));
        SDL_SetTextureBlendMode(font_.get(), SDL_BLENDMODE_BLEND);
        SDL_SetTextureScaleMode(font_.get(), SDL_ScaleModeNearest);
    }

    Video video_;
    Owned<SDL_Window> window_;
    Owned<SDL_Renderer> renderer_;
    Owned<SDL_Texture> font_, texture_;
    Size texture_size_ = {0, 0};
    Fit fit_;
};

}  // namespace

std::unique_ptr<View> open_window(uint32_t width, uint32_t height) {
    return std::make_unique<Window>(width, height);
}

}  // namespace cli
