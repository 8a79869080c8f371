// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace cli {
namespace {

constexpr std::chrono::milliseconds kBarInterval(100);
constexpr std::chrono::seconds kLineInterval(5);
constexpr int kBarWidth = 30;

}  // namespace

Progress::Progress(int64_t total, bool silent, const char* unit)
    : unit_(unit),
      total_(total),
      silent_(silent),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
    finish();
}

double Progress::seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
}

double Progress::frames_per_second() const {
    return static_cast<double>(done_) / std::max(seconds(), 1e-9);
}

void Progress::step() {
    done_++;
    if (silent_) return;
    const Clock::time_point now = Clock::now();
    const bool due =
        terminal_ ? now - last_ >= kBarInterval || done_ == total_ : now - last_ >= kLineInterval;
    if (!due) return;
    last_ = now;
    if (terminal_) {
        draw_bar();
        drawn_ = true;
    } else {
        print_line();
    }
}

void Progress::finish() {
    if (drawn_) fputc('\n', stderr);
    drawn_ = false;
}

void Progress::draw_bar() const {
    if (total_ <= 0) {
        fprintf(stderr, "\r%lld %ss  %.2f %ss/s ", static_cast<long long>(done_), unit_, frames_per_second(),
                unit_);
        return;
    }
    const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
    const int filled = static_cast<int>(part * kBarWidth);
    const double left =
        static_cast<double>(std::max<int64_t>(total_ - done_, 0)) / std::max(frames_per_second(), 1e-9);
    fprintf(stderr, "\r[%s%s] %lld/%lld  %.2f %ss/s  %.0f s left   ", std::string(filled, '#').c_str(),
            std::string(kBarWidth - filled, '.').c_str(), static_cast<long long>(done_),
            static_cast<long long>(total_), frames_per_second(), unit_, left);
}

void Progress::print_line() const {
    if (total_ > 0)
        fprintf(stderr, "%s %lld of %lld, %.2f %ss/s\n", unit_, static_cast<long long>(done_),
                static_cast<long long>(total_), frames_per_second(), unit_);
    else
        fprintf(stderr, "%s %lld, %.2f %ss/s\n", unit_, static_cast<long long>(done_), frames_per_second(),
                unit_);
}

}  // namespace cli
