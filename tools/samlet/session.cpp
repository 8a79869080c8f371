// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "error.h"
#include "files.h"

#ifndef SAMLET_INSTALLED_MODEL
#define SAMLET_INSTALLED_MODEL ""
#endif
#ifndef SAMLET_SOURCE_MODEL
#define SAMLET_SOURCE_MODEL ""
#endif

namespace cli {
namespace {

void log_to_stderr(void*, samlet_log_level level, const char* text) {
    if (level >= SAMLET_LOG_WARNING) fprintf(stderr, "samlet: warning: %s\n", text);
}

[[noreturn]] void raise(const std::string& context, const char* message, samlet_status status) {
    const std::string text = message && *message ? message : samlet_status_name(status);
    throw Error(context.empty() ? text : context + ": " + text);
}

void check(samlet_status status, const samlet_error& error, const std::string& context = "") {
    if (status != SAMLET_OK) raise(context, error.message, status);
}

std::string name_of(const samlet_model_config& config) {
    return config.path ? "model '" + std::string(config.path) + "'" : "model";
}

// Where the model lies if this program is installed, in whatever folder the tree is now.
// SAMLET_INSTALLED_MODEL starts from the program's folder.
std::string installed_model() {
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error || !*SAMLET_INSTALLED_MODEL) return "";
    return (program.parent_path() / SAMLET_INSTALLED_MODEL).lexically_normal().string();
}

}  // namespace

std::string bundled_model_hint(const std::string& path) {
    if (!same_file(path, installed_model()) && !same_file(path, SAMLET_SOURCE_MODEL)) return "";
    return "; the bundled model is a demonstration: a published checkpoint finds objects (--model)";
}

std::string find_model(const std::string& path) {
    if (!path.empty()) return path;
    const char* from_environment = getenv("SAMLET_MODEL");
    if (from_environment && *from_environment) return from_environment;
    for (const std::string& bundled : {installed_model(), std::string(SAMLET_SOURCE_MODEL)})
        if (!bundled.empty() && file_exists(bundled)) return bundled;
    throw Error("no model: give --model FILE.gguf or set SAMLET_MODEL");
}

samlet_model_config model_config(const std::string& path, samlet_precision precision) {
    samlet_model_config config;
    samlet_model_config_init(&config);
    config.path = path.c_str();
    config.precision = precision;
    config.log = log_to_stderr;
    return config;
}

Model open_model(const samlet_model_config& config) {
    samlet_model* model = nullptr;
    samlet_error error = {};
    check(samlet_model_open(&config, &model, &error), error, name_of(config));
    return Model(model);
}

samlet_model_info info_of(const Model& model) {
    samlet_model_info info;
    samlet_model_info_init(&info);
    const samlet_status status = samlet_model_get_info(model.get(), &info);
    if (status != SAMLET_OK) raise("", nullptr, status);
    return info;
}

Tracker create_tracker(const Model& model, const samlet_tracker_config& config) {
    samlet_tracker* tracker = nullptr;
    samlet_error error = {};
    check(samlet_tracker_create(model.get(), &config, &tracker, &error), error);
    return Tracker(tracker);
}

Segmenter create_segmenter(const Model& model, const samlet_segmenter_config& config) {
    samlet_segmenter* segmenter = nullptr;
    samlet_error error = {};
    check(samlet_segmenter_create(model.get(), &config, &segmenter, &error), error);
    return Segmenter(segmenter);
}

samlet_memory_plan plan_of(const samlet_model_config& config) {
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    samlet_error error = {};
    check(samlet_model_memory(&config, &plan, &error), error, name_of(config));
    return plan;
}

samlet_memory_plan plan_of(const Model& model, const samlet_tracker_config& config) {
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    samlet_error error = {};
    check(samlet_tracker_memory(model.get(), &config, &plan, &error), error);
    return plan;
}

samlet_memory_plan plan_of(const Model& model, const samlet_segmenter_config& config) {
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    samlet_error error = {};
    check(samlet_segmenter_memory(model.get(), &config, &plan, &error), error);
    return plan;
}

void check(const Tracker& tracker, samlet_status status, const std::string& context) {
    if (status != SAMLET_OK) raise(context, samlet_tracker_message(tracker.get()), status);
}

void check(const Segmenter& segmenter, samlet_status status, const std::string& context) {
    if (status != SAMLET_OK) raise(context, samlet_segmenter_message(segmenter.get()), status);
}

uint32_t default_threads() {
    cpu_set_t processors;
    CPU_ZERO(&processors);
    if (sched_getaffinity(0, sizeof(processors), &processors) != 0) return 1;
    return static_cast<uint32_t>(std::clamp(CPU_COUNT(&processors), 1, 4));
}

}  // namespace cli
