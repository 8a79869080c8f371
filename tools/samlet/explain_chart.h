// Charts over the frames of a video, as SVG to be put into an HTML page.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

// What is not finite makes a gap.
struct Series {
    std::string label, colour;   // a CSS colour
    std::vector<double> values;  // one a frame
};

class Chart {
  public:
    // `frames`: their numbers, ascending. The vertical axis goes from `low` to `high`.
    Chart(const std::vector<int64_t>& frames, double low, double high);

    // Each shows the series and adds it to the legend.
    void line(const Series& series);
    // Columns on top of those before.
    void stack(const Series& series);
    // A strip under the chart, coloured where the value is above 0.
    void strip(const Series& series);
    // What the pointer over a frame tells, one text a frame.
    void hint(const std::vector<std::string>& texts) { hints_ = texts; }

    // With its legend.
    std::string html() const;

  private:
    double x(size_t index) const;
    double y(double value) const;
    void add_legend(const Series& series);
    std::string axes() const;

    const std::vector<int64_t>& frames_;
    double low_, high_;
    std::vector<double> tops_;  // of the stack
    std::vector<std::string> hints_;
    std::string body_, legend_;
    int strips_ = 0;
};

// Text for HTML: & < > " become entities.
std::string escaped(const std::string& text);
// As printf does.
std::string formatted(const char* format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace cli
