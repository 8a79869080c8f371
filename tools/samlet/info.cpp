// samlet info: what a model file holds, and how much memory it needs.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "error.h"
#include "files.h"
#include "results.h"
#include "session.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

ordered_json list(const uint32_t* values, uint32_t count) {
    return std::vector<uint32_t>(values, values + count);
}

ordered_json model_json(const std::string& path, const samlet_model_info& info) {
    return {{"file", path},
            {"name", info.name},
            {"family", info.family},
            {"weight_type", info.weight_type},
            {"has_video", info.has_video != 0},
            {"kernels", info.kernels},
            {"image_size", info.image_size},
            {"stride", info.stride},
            {"d_model", info.d_model},
            {"memory_dim", info.memory_dim},
            {"memory_frames", info.memory_frames},
            {"memory_layers", info.memory_layers},
            {"object_pointers", info.object_pointers},
            {"mask_count", info.mask_count},
            {"stage_blocks", list(info.stage_blocks, info.stage_count)},
            {"stage_channels", list(info.stage_channels, info.stage_count)},
            {"stage_heads", list(info.stage_heads, info.stage_count)},
            {"stage_window", list(info.stage_window, info.stage_count)},
            {"global_blocks", list(info.global_blocks, info.global_block_count)},
            {"tensors", info.tensor_count},
            {"parameters", info.parameter_count},
            {"file_bytes", info.file_bytes}};
}

ordered_json plan_json(const samlet_memory_plan& plan) {
    ordered_json parts = ordered_json::array();
    for (uint32_t i = 0; i < plan.part_count; i++)
        parts.push_back({{"name", plan.parts[i].name}, {"bytes", plan.parts[i].bytes}});
    return {{"bytes", plan.bytes}, {"alignment", plan.alignment}, {"parts", parts}};
}

ordered_json tensors_json(const Model& model, uint32_t count) {
    ordered_json tensors = ordered_json::array();
    for (uint32_t i = 0; i < count; i++) {
        samlet_tensor_info info;
        samlet_tensor_info_init(&info);
        const samlet_status status = samlet_model_get_tensor(model.get(), i, &info);
        if (status != SAMLET_OK)
            throw Error("tensor " + std::to_string(i) + ": " + samlet_status_name(status));
        tensors.push_back({{"name", info.name},
                           {"type", info.type},
                           {"shape", std::vector<uint64_t>(info.shape, info.shape + info.rank)},
                           {"bytes", info.bytes}});
    }
    return tensors;
}

ordered_json memory_json(const samlet_model_config& config, const Model& model, bool has_video,
                         const InfoOptions& options) {
    ordered_json memory = {{"model", plan_json(plan_of(config))}};
    if (has_video) {
        samlet_tracker_config tracker;
        samlet_tracker_config_init(&tracker);
        tracker.image_size = options.image_size;
        tracker.max_objects = options.objects;
        tracker.prompted_frames = options.prompted_frames;
        tracker.threads = options.threads;
        tracker.flags |= options.arithmetic.flags();
        memory["tracker"] = plan_json(plan_of(model, tracker));
    }
    samlet_segmenter_config segmenter;
    samlet_segmenter_config_init(&segmenter);
    segmenter.image_size = options.image_size;
    segmenter.threads = options.threads;
    segmenter.flags |= options.arithmetic.flags();
    memory["segmenter"] = plan_json(plan_of(model, segmenter));
    return memory;
}

// A grey picture: what it shows does not matter for what runs.
struct Picture {
    std::vector<uint8_t> pixels;
    samlet_frame frame;
    explicit Picture(uint32_t side) : pixels(size_t{side} * side, 128) {
        samlet_frame_init(&frame);
        frame.format = SAMLET_PIXEL_GREY;
        frame.width = frame.height = side;
        frame.plane[0] = pixels.data();
        frame.stride[0] = side;
    }
};

// The layers of `session` as `get` tells them.
template <typename Session>
ordered_json layers_json(const Session& session,
                         samlet_status (*get)(typename Session::pointer, uint32_t, samlet_layer*)) {
    ordered_json layers = ordered_json::array();
    samlet_layer layer;
    samlet_layer_init(&layer);
    for (uint32_t i = 0; get(session.get(), i, &layer) == SAMLET_OK; i++)
        layers.push_back({{"name", layer.name},
                          {"in", layer.in},
                          {"out", layer.out},
                          {"stored", layer.stored},
                          {"precision", layer.precision},
                          {"packed_bytes", layer.packed_bytes},
                          {"rows", layer.rows}});
    return layers;
}

// Tracks an object over two frames (or segments one image) and tells which layers ran in what.
ordered_json run_json(const Model& model, const samlet_model_info& info, const InfoOptions& options) {
    const uint32_t side = options.image_size ? options.image_size : info.image_size;
    const Picture picture(side);
    const samlet_box box = {side * 0.25f, side * 0.25f, side * 0.75f, side * 0.75f};
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.box = &box;
    if (info.has_video) {
        samlet_tracker_config config;
        samlet_tracker_config_init(&config);
        config.image_size = options.image_size;
        config.threads = options.threads;
        config.flags = options.arithmetic.flags() | SAMLET_TRACKER_YIELD;
        const Tracker tracker = create_tracker(model, config);
        for (int64_t n = 0; n < 2; n++) {
            check(tracker, samlet_tracker_set_frame(tracker.get(), &picture.frame, n));
            if (n == 0) check(tracker, samlet_tracker_prompt(tracker.get(), 1, &prompt));
            check(tracker, samlet_tracker_track(tracker.get()));
        }
        return layers_json<Tracker>(tracker, [](samlet_tracker* t, uint32_t i, samlet_layer* layer) {
            return samlet_tracker_layer(t, i, layer);
        });
    }
    samlet_segmenter_config config;
    samlet_segmenter_config_init(&config);
    config.image_size = options.image_size;
    config.threads = options.threads;
    config.flags = options.arithmetic.flags() | SAMLET_TRACKER_YIELD;
    const Segmenter segmenter = create_segmenter(model, config);
    check(segmenter, samlet_segmenter_set_image(segmenter.get(), &picture.frame));
    samlet_prediction prediction;
    samlet_prediction_init(&prediction);
    check(segmenter, samlet_segmenter_predict(segmenter.get(), &prompt, 1, &prediction));
    return layers_json<Segmenter>(segmenter, [](samlet_segmenter* s, uint32_t i, samlet_layer* layer) {
        return samlet_segmenter_layer(s, i, layer);
    });
}

// ---- For people
// ----------------------------------------------------------------------------------------------------

void print_plan(const char* title, const ordered_json& plan) {
    printf("\n%s: %llu bytes (%.1f MiB), alignment %llu\n", title,
           static_cast<unsigned long long>(plan["bytes"].get<uint64_t>()),
           plan["bytes"].get<double>() / (1 << 20),
           static_cast<unsigned long long>(plan["alignment"].get<uint64_t>()));
    for (const ordered_json& part : plan["parts"])
        printf("  %-40s %14llu\n", part["name"].get<std::string>().c_str(),
               static_cast<unsigned long long>(part["bytes"].get<uint64_t>()));
}

void print_layers(const ordered_json& report) {
    if (!report.contains("layers")) return;
    printf("\n%-6s %-6s %11s %9s  layers that ran: in, of weights stored in, channels, rows\n", "in", "stored",
           "channels", "rows");
    for (const ordered_json& layer : report["layers"]) {
        const uint64_t rows = layer["rows"].get<uint64_t>();
        if (rows == 0) continue;
        const std::string channels =
            std::to_string(layer["in"].get<uint32_t>()) + ">" + std::to_string(layer["out"].get<uint32_t>());
        printf("%-6s %-6s %11s %9llu  %s\n", layer["precision"].get<std::string>().c_str(),
               layer["stored"].get<std::string>().c_str(), channels.c_str(), static_cast<unsigned long long>(rows),
               layer["name"].get<std::string>().c_str());
    }
}

void print(const ordered_json& report) {
    for (const auto& field : report["model"].items())
        printf("%-16s %s\n", field.key().c_str(),
               field.value().is_string() ? field.value().get<std::string>().c_str()
                                         : field.value().dump().c_str());
    for (const auto& plan : report["memory"].items())
        print_plan((plan.key() + " memory").c_str(), plan.value());
    print_layers(report);
    if (!report.contains("tensors")) return;
    printf("\n");
    for (const ordered_json& tensor : report["tensors"])
        printf("%-4s %-20s %s\n", tensor["type"].get<std::string>().c_str(), tensor["shape"].dump().c_str(),
               tensor["name"].get<std::string>().c_str());
}

}  // namespace

int run_info(const InfoOptions& options) {
    const std::string path = find_model(options.model);
    const samlet_model_config config = model_config(path, options.arithmetic.precision);
    const Model model = open_model(config);
    const samlet_model_info info = info_of(model);
    ordered_json report = {{"model", model_json(path, info)},
                           {"memory", memory_json(config, model, info.has_video != 0, options)}};
    if (options.tensors) report["tensors"] = tensors_json(model, info.tensor_count);
    if (options.run) report["layers"] = run_json(model, info, options);
    if (options.json)
        print_text(json_text(report, 1) + "\n");
    else
        print(report);
    return 0;
}

}  // namespace cli
