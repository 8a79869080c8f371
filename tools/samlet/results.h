// results.json, valid after every frame, however the program ends: each addition overwrites the closing
// brackets.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cli {

// Like dump(), but also of names that are not UTF-8: what JSON cannot hold becomes U+FFFD.
std::string json_text(const nlohmann::ordered_json& json, int indent = -1);

class ResultsFile {
  public:
    // `header` is an object; "results", "complete" and what finish() adds follow its fields.
    ResultsFile(const std::string& path, const nlohmann::ordered_json& header);
    // Entries of one frame.
    void add(const std::vector<nlohmann::ordered_json>& entries);
    // Sets "complete" and, unless empty, "error".
    void finish(bool complete, const std::string& error = "");

  private:
    void write(const std::string& text, bool complete, const std::string& error);

    std::string path_;
    std::ofstream file_;
    std::streamoff tail_ = 0;  // where the closing brackets begin
    bool first_ = true;
};

// Enough digits to compare results, not all that a float turned into a double would show.
double rounded(double value);

}  // namespace cli
