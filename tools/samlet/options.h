// The options of the command line, as CLI11 reads them. main.cpp has those of the smaller commands.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "commands.h"

namespace cli {

inline constexpr char kModelHelp[] = "Model file (default: $SAMLET_MODEL, else the bundled model)";
inline constexpr char kImageSizeHelp[] = "Side of the model's square, a multiple of 32 (default: as trained)";
inline constexpr char kThreadsHelp[] = "Threads (default: one a processor, at most 4)";

inline constexpr char kSpinHelp[] =
    "Spin while waiting for work: a little faster where nobody else needs the processors, far slower where "
    "they do";
inline constexpr char kYieldHelp[] =
    "Yield while waiting for work: where other programs need the same processors";

// ---- What several commands take

// A check of whole numbers without an upper limit.
CLI::Validator at_least(int64_t lowest);

void add_point_and_box(CLI::App* command, PromptOptions& prompts);
void add_arithmetic(CLI::App* command, Arithmetic& arithmetic);
void add_cleaning(CLI::App* command, uint32_t& holes, uint32_t& sprinkles);
// Refused without `everything`.
void add_everything(CLI::App* command, const CLI::Option* everything, EverythingOptions& options);

// ---- samlet track

// Options that are texts for CLI11 and more for us.
struct TrackTexts {
    std::string camera_size, direction, live;
};

CLI::App* add_track(CLI::App& app, TrackOptions& options, TrackTexts& texts);
// Takes over what was parsed. Throws UsageError.
void read_texts(const TrackTexts& texts, TrackOptions& options);

}  // namespace cli
