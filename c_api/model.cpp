// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <new>

#include "c_api/api.h"
#include "ports/port.h"

namespace samlet {
namespace {

// The bytes of a model: mapped, or the caller's.
struct Source {
    FileMapping mapping;
    const void* data = nullptr;
    size_t size = 0;

    Status open(const samlet_model_config& config) {
        if (!config.path == !config.data)
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "give either the path of a model file or its bytes as data");
        if (config.path) {
            if (Status status = map(config.path); !status.ok()) return status;
            data = mapping.data;
            size = mapping.size;
            return {};
        }
        if (reinterpret_cast<uintptr_t>(config.data) % 32 != 0)
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "the bytes of the model begin %a bytes after a multiple of 32, to which they "
                        "must be aligned",
                        static_cast<int64_t>(reinterpret_cast<uintptr_t>(config.data) % 32));
        data = config.data;
        size = static_cast<size_t>(config.data_size);
        return {};
    }
    Status map(const char* path) {
        switch (port::map_file(path, &mapping)) {
            case port::MapResult::mapped: return {};
            case port::MapResult::unreadable:
                return fail(SAMLET_ERROR_FILE, "the model file %s cannot be opened for reading", 0, 0, path);
            case port::MapResult::irregular:
                return fail(SAMLET_ERROR_FILE, "the model file %s is not a regular file", 0, 0, path);
            case port::MapResult::empty: return fail(SAMLET_ERROR_FILE, "the model file %s is empty", 0, 0, path);
            case port::MapResult::unmappable:
                return fail(SAMLET_ERROR_FILE, "the model file %s cannot be mapped into memory", 0, 0, path);
            case port::MapResult::no_files: break;
        }
        return fail(SAMLET_ERROR_UNSUPPORTED,
                    "the model file %s cannot be opened: this build knows no files; give the model's bytes as data", 0, 0,
                    path);
    }
    void close() { port::unmap_file(mapping); }
};

Status choose_kernels(const samlet_model_config& config, const Kernels** kernels) {
    if (!start_xnnpack()) return fail(SAMLET_ERROR_UNSUPPORTED, "XNNPACK cannot run on this CPU or system");
    const char* name = config.kernels && config.kernels[0] ? config.kernels : nullptr;
    if (!name) name = port::environment("SAMLET_KERNELS");
    if (name && !name[0]) name = nullptr;
    *kernels = find_kernels(name);
    if (!*kernels)
        return fail(SAMLET_ERROR_UNSUPPORTED,
                    "there are no kernels \"%s\" for this CPU and build (generic, avx2, avx512, neon, neon_fp16)", 0, 0,
                    name);
    return {};
}

// What layers compute in: by the type in the file and by what the caller allows.
Status choose_precisions(const samlet_model_config& config, const Kernels& kernels, Precisions* precisions) {
    *precisions = Precisions();
    precisions->half_gemm = kernels.half_gemm;
    uint32_t precision = config.precision;
    const char* forced = precision == SAMLET_PRECISION_AUTO ? port::environment("SAMLET_PRECISION") : nullptr;
    if (forced && forced[0]) {
        if (strcmp(forced, "f32") != 0 && strcmp(forced, "f16") != 0)
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "the environment variable SAMLET_PRECISION is \"%s\"; it must be f32 or f16", 0, 0,
                        forced);
        precision = strcmp(forced, "f16") == 0 ? SAMLET_PRECISION_F16 : SAMLET_PRECISION_F32;
    }
    switch (precision) {
        case SAMLET_PRECISION_F32: return {};
        case SAMLET_PRECISION_AUTO:
            precisions->of_int8 = Precision::int8;
            precisions->f16_unasked = kernels.half_gemm != nullptr;
            if (precisions->f16_unasked) precisions->of_f16 = Precision::f16;
            return {};
        case SAMLET_PRECISION_F16:
            if (!kernels.half_gemm && !can_compute(Precision::f16))
                return fail(SAMLET_ERROR_UNSUPPORTED,
                            "XNNPACK cannot compute in f16 on this CPU; choose SAMLET_PRECISION_AUTO or "
                            "SAMLET_PRECISION_F32");
            precisions->of_int8 = Precision::int8;
            precisions->of_f32 = precisions->of_f16 = Precision::f16;
            precisions->half_maps = true;
            return {};
        default:
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "precision is %a; it must be SAMLET_PRECISION_AUTO (0), _F32 (1) or _F16 (2)",
                        precision);
    }
}

// The caller's block before it becomes the model's.
Arena spare_of(const samlet_model_config& config) {
    const size_t off = (0 - reinterpret_cast<uintptr_t>(config.memory)) % Arena::kAlignment;
    if (!config.memory || config.memory_size < off) return {};
    return Arena(static_cast<uint8_t*>(config.memory) + off, static_cast<size_t>(config.memory_size) - off);
}

void log_kernels(const Model& model) {
    if (!model.log) return;
    char text[64];
    // A sentence like those of failures.
    format(fail(SAMLET_OK, "kernels: %s", 0, 0, model.kernels->name), text, sizeof(text));
    model.log(model.log_context, SAMLET_LOG_INFO, text);
}

Status check_config(const samlet_model_config* config) {
    if (!config) return null_argument("config");
    return check_size(config->size, sizeof(*config), "samlet_model_config");
}

}  // namespace
}  // namespace samlet

using namespace samlet;

extern "C" {

samlet_status samlet_model_memory(const samlet_model_config* config, samlet_memory_plan* plan,
                                  samlet_error* error) {
    Status status = check_config(config);
    if (status.ok() && !plan) status = null_argument("plan");
    if (status.ok()) status = check_size(plan->size, sizeof(*plan), "samlet_memory_plan");
    const Kernels* kernels = nullptr;
    if (status.ok()) status = choose_kernels(*config, &kernels);
    Precisions precisions;
    if (status.ok()) status = choose_precisions(*config, *kernels, &precisions);
    Source source;
    if (status.ok()) status = source.open(*config);
    Model::Plan bytes = {};
    if (status.ok()) status = Model::plan(source.data, source.size, kernels, precisions, spare_of(*config), &bytes);
    source.close();
    if (!status.ok()) return report(status, error);
    Arena arena = Arena::measuring();
    Plan parts(arena);
    arena.take_bytes(bytes.tables);
    parts.close_part("tables and small tensors");
    arena.take_bytes(bytes.packed);
    parts.close_part("packed weights");
    arena.take_bytes(bytes.loading);
    parts.close_part("while loading");
    parts.report(plan);
    return report(status, error);
}

samlet_status samlet_model_open(const samlet_model_config* config, samlet_model** model,
                                samlet_error* error) {
    Status status = model ? check_config(config) : null_argument("model");
    if (model) *model = nullptr;
    const Kernels* kernels = nullptr;
    if (status.ok()) status = choose_kernels(*config, &kernels);
    Precisions precisions;
    if (status.ok()) status = choose_precisions(*config, *kernels, &precisions);
    Source source;
    if (status.ok()) status = source.open(*config);
    Model::Plan bytes = {};
    if (status.ok()) status = Model::plan(source.data, source.size, kernels, precisions, spare_of(*config), &bytes);
    void *block = nullptr, *owned = nullptr;
    if (status.ok()) status = find_block(config->memory, config->memory_size, bytes.total, &block, &owned);
    if (status.ok()) {
        Arena arena(block, bytes.total);
        samlet_model* handle = new (arena.take_bytes(sizeof(samlet_model))) samlet_model{};
        Model& m = handle->impl;
        m.kernels = kernels;
        m.precisions = precisions;
        m.mapping = source.mapping;
        m.owned_block = owned;
        m.block_bytes = bytes.total;
        m.log = config->log;
        m.log_context = config->log_context;
        status = m.bind(source.data, source.size, arena);
        if (status.ok()) {
            *model = handle;
            log_kernels(m);
            return report(status, error);
        }
    }
    port::give_back(owned, bytes.total);
    source.close();
    return report(status, error);
}

void samlet_model_close(samlet_model* model) {
    if (!model) return;
    const FileMapping mapping = model->impl.mapping;
    void* owned = model->impl.owned_block;  // the model lies in it
    const size_t bytes = static_cast<size_t>(model->impl.block_bytes);
    port::unmap_file(mapping);
    port::give_back(owned, bytes);
}

samlet_status samlet_model_get_info(const samlet_model* model, samlet_model_info* info) {
    if (!model || !info || info->size < sizeof(*info)) return SAMLET_ERROR_INVALID_ARGUMENT;
    const Model& m = model->impl;
    const Config& c = m.config;
    const uint32_t size = info->size;
    *info = samlet_model_info{};
    info->size = size;
    info->has_video = c.has_video;
    info->name = c.name;
    info->family = c.family;
    info->weight_type = type_name(m.file.main_type());
    info->kernels = m.kernels->name;
    info->image_size = c.image_size;
    info->stride = kTopStride;
    info->d_model = c.d_model;
    info->memory_dim = c.memory_dim;
    info->memory_frames = c.memory_frames;
    info->object_pointers = c.max_pointers;
    info->mask_count = kMaxMaskTokens - 1;
    info->stage_count = kStages;
    for (uint32_t s = 0; s < kStages; s++) {
        info->stage_blocks[s] = c.stages[s];
        info->stage_channels[s] = c.channels(s);
        info->stage_heads[s] = c.heads(s);
        info->stage_window[s] = c.window_spec[s];
    }
    info->global_block_count = c.global_block_count;
    for (uint32_t i = 0; i < c.global_block_count; i++) info->global_blocks[i] = c.global_blocks[i];
    info->memory_layers = c.memory_layers;
    info->tensor_count = static_cast<uint32_t>(m.file.tensor_count());
    info->parameter_count = m.file.parameter_count();
    info->file_bytes = m.file.size();
    info->memory_bytes = m.block_bytes;
    return SAMLET_OK;
}

samlet_status samlet_model_get_tensor(const samlet_model* model, uint32_t index, samlet_tensor_info* info) {
    if (!model || !info || info->size < sizeof(*info) || index >= model->impl.file.tensor_count())
        return SAMLET_ERROR_INVALID_ARGUMENT;
    const TensorEntry& entry = model->impl.file.tensor(index);
    info->rank = entry.rank;
    info->name = entry.name;
    info->type = type_name(entry.type);
    for (int d = 0; d < 4; d++) info->shape[d] = entry.shape[d];
    info->bytes = entry.bytes;
    return SAMLET_OK;
}

}  // extern "C"
