// Models and sessions of the library with destructors and exceptions.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <samlet/samlet.h>

#include <memory>
#include <string>

namespace cli {

struct FreeSession {
    void operator()(samlet_model* p) const { samlet_model_close(p); }
    void operator()(samlet_tracker* p) const { samlet_tracker_destroy(p); }
    void operator()(samlet_segmenter* p) const { samlet_segmenter_destroy(p); }
};
using Model = std::unique_ptr<samlet_model, FreeSession>;
using Tracker = std::unique_ptr<samlet_tracker, FreeSession>;
using Segmenter = std::unique_ptr<samlet_segmenter, FreeSession>;

// `path` as given by --model, "" if it was not: then $SAMLET_MODEL, the installed and the bundled model in
// turn.
std::string find_model(const std::string& path);

// What to add to the news that nothing was found: "" unless the model is the bundled one, which finds little.
std::string bundled_model_hint(const std::string& path);

// A config for a file; warnings of the library go to stderr. It points at `path`, which must live as long.
samlet_model_config model_config(const std::string& path, samlet_precision precision);
Model open_model(const samlet_model_config& config);
samlet_model_info info_of(const Model& model);
Tracker create_tracker(const Model& model, const samlet_tracker_config& config);
Segmenter create_segmenter(const Model& model, const samlet_segmenter_config& config);

samlet_memory_plan plan_of(const samlet_model_config& config);
samlet_memory_plan plan_of(const Model& model, const samlet_tracker_config& config);
samlet_memory_plan plan_of(const Model& model, const samlet_segmenter_config& config);

// Throws the session's message, after `context` if there is one.
void check(const Tracker& tracker, samlet_status status, const std::string& context = "");
void check(const Segmenter& segmenter, samlet_status status, const std::string& context = "");

// What the library takes for threads = 0.
uint32_t default_threads();

}  // namespace cli
