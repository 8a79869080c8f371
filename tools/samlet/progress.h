// How far the work is, on stderr: a bar for a terminal, else a line every few seconds.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

namespace cli {

class Progress {
  public:
    // `total` 0: unknown. Silent: says nothing at all. `unit`: one of what is counted, a literal.
    Progress(int64_t total, bool silent, const char* unit = "frame");
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void step();
    // Ends the line of the bar; called before anything else is printed.
    void finish();

    int64_t done() const { return done_; }
    double seconds() const;
    double frames_per_second() const;

  private:
    using Clock = std::chrono::steady_clock;
    void draw_bar() const;
    void print_line() const;

    const char* unit_;
    int64_t total_;
    int64_t done_ = 0;
    bool silent_;
    bool terminal_;
    bool drawn_ = false;
    Clock::time_point start_, last_;
};

}  // namespace cli
