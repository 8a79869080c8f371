// SPDX-License-Identifier: Apache-2.0
#include "explain_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace cli {
namespace {

constexpr double kWidth = 960, kHeight = 190;
constexpr double kLeft = 46, kRight = 8, kTop = 8, kBottom = 24;
constexpr double kStripHeight = 9, kStripGap = 4;
constexpr size_t kMostLabels = 16;

// 1, 2 or 5 times a power of ten, so that about four lines fit.
double step_of(double range) {
    const double unit = std::pow(10, std::floor(std::log10(range / 4)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (range / (unit * factor) <= 5) return unit * factor;
    return unit * 10;
}

}  // namespace

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string formatted(const char* format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return text;
}

Chart::Chart(const std::vector<int64_t>& frames, double low, double high)
    : frames_(frames), low_(low), high_(high > low ? high : low + 1), tops_(frames.size(), 0) {}

double Chart::x(size_t index) const {
    return kLeft + (kWidth - kLeft - kRight) * (static_cast<double>(index) + 0.5) /
                       static_cast<double>(std::max<size_t>(frames_.size(), 1));
}

double Chart::y(double value) const {
    const double held = std::clamp(value, low_, high_);
    return kTop + (kHeight - kTop - kBottom) * (high_ - held) / (high_ - low_);
}

void Chart::add_legend(const Series& series) {
    legend_ += formatted("<span><i style=\"background:%s\"></i>%s</span> ", series.colour.c_str(),
                         escaped(series.label).c_str());
}

void Chart::line(const Series& series) {
    std::string path;
    bool drawing = false;
    for (size_t i = 0; i < series.values.size(); i++) {
        if (!std::isfinite(series.values[i])) {
            drawing = false;
            continue;
        }
        const bool alone =
            !drawing && (i + 1 == series.values.size() || !std::isfinite(series.values[i + 1]));
        path += formatted("%c%.1f %.1f", drawing ? 'L' : 'M', x(i), y(series.values[i]));
        if (alone) path += "h0.1";  // a dot, with round caps
        drawing = true;
    }
    body_ += formatted("<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linecap=\"round\" d=\"",
                       series.colour.c_str()) +
             path + "\"/>\n";
    add_legend(series);
}

void Chart::stack(const Series& series) {
    const double width = (x(1) - x(0)) * (frames_.size() > 150 ? 1.02 : 0.86);
    std::string path;
    for (size_t i = 0; i < series.values.size(); i++) {
        if (!(series.values[i] > 0) || !std::isfinite(series.values[i])) continue;
        const double bottom = y(tops_[i]), top = y(tops_[i] += series.values[i]);
        path += formatted("M%.1f %.2fh%.2fv%.2fh%.2fz", x(i) - width / 2, top, width, bottom - top, -width);
    }
    body_ += "<path fill=\"" + series.colour + "\" d=\"" + path + "\"/>\n";
    add_legend(series);
}

void Chart::strip(const Series& series) {
    const double width = x(1) - x(0), top = kHeight + strips_ * (kStripHeight + kStripGap);
    std::string path;
    for (size_t i = 0; i < series.values.size(); i++)
        if (series.values[i] > 0)
            path += formatted("M%.1f %.1fh%.2fv%.1fh%.2fz", x(i) - width / 2, top, width + 0.05, kStripHeight,
                              -width - 0.05);
    body_ += formatted("<rect class=\"track\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", kLeft,
                       top, kWidth - kLeft - kRight, kStripHeight);
    body_ += "<path fill=\"" + series.colour + "\" d=\"" + path + "\"/>\n";
    add_legend(series);
    strips_++;
}

std::string Chart::axes() const {
    std::string svg;
    const double step = step_of(high_ - low_);
    for (double value = std::ceil(low_ / step) * step; value <= high_ + step / 100; value += step) {
        const bool zero = std::fabs(value) < step / 100;
        svg += formatted(
            "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
            zero ? "zero" : "grid", kLeft, kWidth - kRight, y(value), y(value), kLeft - 6, y(value) + 4,
            zero ? 0.0 : value);
    }
    const size_t every = (frames_.size() + kMostLabels - 1) / kMostLabels;
    for (size_t i = 0; i < frames_.size(); i += std::max<size_t>(every, 1))
        svg += formatted("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%lld</text>\n", x(i),
                         kHeight - 8, static_cast<long long>(frames_[i]));
    return svg;
}

std::string Chart::html() const {
    const double height = kHeight + strips_ * (kStripHeight + kStripGap);
    std::string svg =
        formatted("<div class=\"chart\"><svg viewBox=\"0 0 %g %g\" role=\"img\">\n", kWidth, height);
    svg += axes() + body_;
    const double width = x(1) - x(0);
    for (size_t i = 0; i < hints_.size(); i++)
        svg += formatted("<rect class=\"hint\" x=\"%.1f\" y=\"0\" width=\"%.2f\" height=\"%.1f\"><title>",
                         x(i) - width / 2, width, height) +
               escaped(hints_[i]) + "</title></rect>\n";
    return svg + "</svg><p class=\"legend\">" + legend_ + "</p></div>\n";
}

}  // namespace cli
