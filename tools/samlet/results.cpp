// SPDX-License-Identifier: Apache-2.0
#include "results.h"

#include <cerrno>
#include <cmath>
#include <cstring>

#include "error.h"

namespace cli {

std::string json_text(const nlohmann::ordered_json& json, int indent) {
    return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

ResultsFile::ResultsFile(const std::string& path, const nlohmann::ordered_json& header)
    : path_(path) {
    errno = 0;
    file_.open(path, std::ios::binary | std::ios::trunc);
    std::string text = json_text(header, 1);
    text.resize(text.rfind('\n'));  // without the closing brace
    text += (header.empty() ? "" : ",") + std::string("\n \"results\": [");
    write(text, false, "");
}

void ResultsFile::add(const std::vector<nlohmann::ordered_json>& entries) {
    std::string text;
    for (const nlohmann::ordered_json& entry : entries) {
        text += (first_ ? "\n  " : ",\n  ") + json_text(entry);
        first_ = false;
    }
    write(text, false, "");
}

void ResultsFile::finish(bool complete, const std::string& error) {
    write("", complete, error);
}

void ResultsFile::write(const std::string& text, bool complete, const std::string& error) {
    std::string closing = "\n ],\n \"complete\": ";
    closing += complete ? "true" : "false";
    if (!error.empty()) {
        const nlohmann::json quoted = error;
        closing += ",\n \"error\": " + quoted.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    }
    // Files only grow, and the padding makes up for "true" being shorter than "false".
    closing += complete ? "\n} \n" : "\n}\n";
    if (file_) errno = 0;
    file_.seekp(tail_);
    file_ << text << closing << std::flush;
    tail_ += static_cast<std::streamoff>(text.size());
    if (!file_) throw Error("cannot write '" + path_ + "': " + (errno ? strerror(errno) : "unknown error"));
}

double rounded(double value) {
    if (value == 0 || !std::isfinite(value)) return 0;
    const double unit = std::pow(10.0, 6 - std::ceil(std::log10(std::fabs(value))));
    return std::round(value * unit) / unit;
}

}  // namespace cli
