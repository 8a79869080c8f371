// The live view in a terminal with 24-bit colours and a mouse: every cell is an upper half block, two dots of
// the picture, one above the other. Only cells that changed are sent.
//
// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.h"
#include "interrupt.h"
#include "live_fit.h"
#include "live_view.h"
#include "terminal_input.h"

namespace cli {
namespace {

// The second screen, no cursor, mouse reports while a button is held (1002) in SGR form (1006); and back.
constexpr char kEnter[] = "\033[?1049h\033[?25l\033[?1002h\033[?1006h\033[2J";
constexpr char kLeave[] = "\033[0m\033[?1006l\033[?1002l\033[?25h\033[?1049l";
// A terminal that knows how shows what is in between at once.
constexpr char kBeginUpdate[] = "\033[?2026h", kEndUpdate[] = "\033[?2026l";

constexpr Colour kBlack = {0, 0, 0}, kGrey = {204, 204, 204}, kYellow = {255, 255, 0};

// How the terminal was; a signal handler needs it where it finds it.
termios before;

bool write_all(const char* bytes, size_t count) {
    while (count > 0) {
        const ssize_t written = write(STDOUT_FILENO, bytes, count);
        if (written < 0 && errno == EINTR && !interrupted()) continue;
        if (written <= 0) return false;
        bytes += written;
        count -= static_cast<size_t>(written);
    }
    return true;
}

// Safe in a signal handler.
void leave_terminal() {
    const ssize_t written = write(STDOUT_FILENO, kLeave, sizeof(kLeave) - 1);
    (void)written;
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

bool same(Colour a, Colour b) {
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

struct Cell {
    char letter = 0;  // 0: a half block of two dots, upper in `front`, lower in `back`
    Colour front = kBlack, back = kBlack;

    bool operator==(const Cell& other) const {
        return letter == other.letter && same(front, other.front) && same(back, other.back);
    }
};

// The mean of the picture's pixels that a dot covers.
Colour mean(const Picture& picture, const Fit& fit, int x, int y) {
    const auto range = [](int dot, float pixels, uint32_t size) {
        const uint32_t first = std::min(static_cast<uint32_t>(static_cast<float>(dot) * pixels), size - 1);
        const uint32_t last = std::min(static_cast<uint32_t>(static_cast<float>(dot + 1) * pixels), size);
        return std::make_pair(first, std::max(last, first + 1));
    };
    const auto [x0, x1] = range(x - fit.left, fit.columns, picture.width);
    const auto [y0, y1] = range(y - fit.top, fit.rows, picture.height);
    uint32_t red = 0, green = 0, blue = 0;
    for (uint32_t row = y0; row < y1; row++) {
        const uint8_t* pixel = picture.row(row) + size_t{3} * x0;
        for (uint32_t i = x0; i < x1; i++, pixel += 3) {
            red += pixel[0];
            green += pixel[1];
            blue += pixel[2];
        }
    }
    const uint32_t count = (x1 - x0) * (y1 - y0);
    return {static_cast<uint8_t>(red / count), static_cast<uint8_t>(green / count),
            static_cast<uint8_t>(blue / count)};
}

class Terminal : public View {
  public:
    Terminal() {
        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
            throw Error("standard input and output are no terminal");
        termios raw = before;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Ctrl-C stays what it is
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // who comes back from a suspension finds a broken screen
        at_hard_end(leave_terminal);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        write_all(kEnter, sizeof(kEnter) - 1);
    }
    ~Terminal() override {
        leave_terminal();
        at_hard_end(nullptr);
    }

    void show(const Scene& scene) override {
        resize();
        lines_ = std::clamp(static_cast<int>(scene.lines.size()), 0, rows_ - 1);
        fit_ = Fit::of(scene.picture.width, scene.picture.height, columns_, 2 * (rows_ - lines_));
        cells_.assign(cells_.size(), Cell());
        draw_picture(scene.picture);
        if (scene.box) draw_box(*scene.box);
        for (const Label& label : scene.labels) draw_label(label);
        for (int i = 0; i < lines_; i++)
            draw_text(0, rows_ - lines_ + i, scene.lines[static_cast<size_t>(i)], kGrey);
        send();
    }

    std::vector<ViewEvent> poll(std::chrono::milliseconds wait) override {
        std::vector<ViewEvent> events;
        pollfd ready = {STDIN_FILENO, POLLIN, 0};
        if (::poll(&ready, 1, static_cast<int>(wait.count())) > 0) {
            char bytes[256];
            const ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
            if (count > 0) events = input_.feed(bytes, static_cast<size_t>(count));
            if (count <= 0 && !(count < 0 && errno == EINTR)) events.push_back(closed());
        }
        for (ViewEvent& event : events) {
            // The middle of the cell.
            event.x = fit_.picture_x(event.x + 0.5f);
            event.y = fit_.picture_y(2 * event.y + 1);
        }
        int columns = 0, rows = 0;
        if (read_size(columns, rows) && (columns != columns_ || rows != rows_)) events.push_back({});
        return events;
    }

    // Within a cell: the next one is 1 dot to the side, or 2 dots up or down.
    float slack() const override { return 0.5f * std::min(fit_.columns, 2 * fit_.rows); }

  private:
    static ViewEvent closed() {
        ViewEvent event;
        event.kind = ViewEvent::Kind::close;
        return event;
    }

    static bool read_size(int& columns, int& rows) {
        winsize size = {};
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
            return false;
        columns = size.ws_col;
        rows = size.ws_row;
        return true;
    }
    void resize() {
        int columns = 80, rows = 24;
        read_size(columns, rows);
        if (columns == columns_ && rows == rows_) return;
        columns_ = columns;
        rows_ = rows;
        cells_.assign(static_cast<size_t>(columns) * static_cast<size_t>(rows), Cell());
        sent_.clear();  // everything is to be sent again
    }

    Cell& cell(int column, int row) { return cells_[static_cast<size_t>(row * columns_ + column)]; }
    void set_dot(int x, int y, Colour colour) {
        if (x < 0 || x >= columns_ || y < 0 || y >= 2 * (rows_ - lines_)) return;
        (y % 2 == 0 ? cell(x, y / 2).front : cell(x, y / 2).back) = colour;
    }
    void draw_picture(const Picture& picture) {
        for (int y = fit_.top; y < fit_.top + fit_.height; y++)
            for (int x = fit_.left; x < fit_.left + fit_.width; x++) set_dot(x, y, mean(picture, fit_, x, y));
    }
    void draw_box(const samlet_box& box) {
        const int x0 = static_cast<int>(fit_.screen_x(box.x0)), x1 = static_cast<int>(fit_.screen_x(box.x1));
        const int y0 = static_cast<int>(fit_.screen_y(box.y0)), y1 = static_cast<int>(fit_.screen_y(box.y1));
        for (int x = x0; x <= x1; x++) {
            set_dot(x, y0, kYellow);
            set_dot(x, y1, kYellow);
        }
        for (int y = y0; y <= y1; y++) {
            set_dot(x0, y, kYellow);
            set_dot(x1, y, kYellow);
        }
    }
    void draw_label(const Label& label) {
        const int row = std::clamp(static_cast<int>(fit_.screen_y(label.y)) / 2 - 1, 0, rows_ - lines_ - 1);
        const int last = std::max(0, columns_ - static_cast<int>(label.text.size()));
        draw_text(std::clamp(static_cast<int>(fit_.screen_x(label.x)), 0, last), row, label.text,
                  label.colour);
    }
    void draw_text(int column, int row, const std::string& text, Colour colour) {
        for (const char letter : printable(text)) {
            if (column >= columns_) return;
            cell(column++, row) = {letter, colour, kBlack};
        }
    }

    void send() {
        std::string out = kBeginUpdate;
        const bool all = sent_.size() != cells_.size();
        const Cell* pen = nullptr;  // whose colours are set
        for (int row = 0; row < rows_; row++) {
            bool here = false;  // the cursor
            for (int column = 0; column < columns_; column++) {
                const Cell& now = cell(column, row);
                const size_t index = static_cast<size_t>(row * columns_ + column);
                if (!all && sent_[index] == now) {
                    here = false;
                    continue;
                }
                if (!here) out += "\033[" + std::to_string(row + 1) + ";" + std::to_string(column + 1) + "H";
                here = true;
                if (!pen || !same(pen->front, now.front)) add_colour(out, 38, now.front);
                if (!pen || !same(pen->back, now.back)) add_colour(out, 48, now.back);
                pen = &now;
                if (now.letter)
                    out += now.letter;
                else
                    out += "\u2580";
            }
        }
        out += kEndUpdate;
        write_all(out.data(), out.size());
        sent_ = cells_;
    }
    static void add_colour(std::string& out, int what, Colour colour) {
        out += "\033[" + std::to_string(what) + ";2;" + std::to_string(colour.red) + ";" +
               std::to_string(colour.green) + ";" + std::to_string(colour.blue) + "m";
    }

    int columns_ = 0, rows_ = 0;
    int lines_ = 0;  // of text, below the picture
    Fit fit_;
    std::vector<Cell> cells_, sent_;
    TerminalInput input_;
};

}  // namespace

std::unique_ptr<View> open_terminal() {
    return std::make_unique<Terminal>();
}

}  // namespace cli
