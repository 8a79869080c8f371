// SPDX-License-Identifier: Apache-2.0
#include "core/model.h"

#include <cstring>
#include <new>

namespace samlet {

// Small layers come last: what a layer needs while it is packed then fits where others will lie.
void Model::read(WeightReader& reader) {
    reader.set_group(LayerGroup::image);
    image_encoder.read(reader, config);
    no_memory = reader.values("no_mem_embed", 1, 1, config.d_model);
    if (config.has_video) {
        reader.set_group(LayerGroup::memory);
        memory_attention.read(reader, config);
        memory_encoder.read(reader, config);
        memory_time = reader.values("maskmem_tpos_enc", config.memory_frames, 1, 1, config.memory_dim);
        mask_downsample = reader.values("mask_downsample.weight", 1, 1, 4, 4);
        mask_downsample_bias = reader.values("mask_downsample.bias", 1);
        object_pointer.read(reader, config);
        reader.ignore("no_mem_pos_enc");  // only for models that put a dummy token into an empty memory
        reader.set_group(LayerGroup::image);
    }
    reader.set_sensitive(true);
    mask_decoder.read(reader, config);
    prompt_encoder.read(reader, config);
    reader.finish();
}

namespace {

// What XNNPACK takes for one operator.
size_t measure_operator(const LinearWeights& weights) {
    OperatorRoom room;
    Linear linear;
    if (linear.create(weights, 0)) linear.destroy();
    return room.used();
}

// Everything that the reader puts into the block.
struct Tables {
    bool* used;
    LinearWeights* linears;
    LayerLabel* labels;
    static Tables take(Arena& arena, size_t tensors, size_t linears) {
        return {arena.take<bool>(tensors), arena.take<LinearWeights>(linears),
                arena.take<LayerLabel>(linears)};
    }
};

}  // namespace

Status Model::plan(const void* data, size_t size, const Kernels* kernels, const Precisions& precisions,
                   Arena spare, Plan* plan) {
    // The table of tensors is needed to measure the rest, and has no place yet.
    Arena table = Arena::measuring();
    ModelFile probe;
    SAMLET_TRY(probe.open(data, size, table, true));
    const size_t table_bytes = table.used();
    const size_t flags = Arena::rounded(probe.tensor_count() * sizeof(bool));
    const size_t bytes = table_bytes + flags + sizeof(Model);
    void* const borrowed = port::borrow(bytes);
    void* const memory = borrowed ? borrowed : spare.take_bytes(bytes);
    if (!memory)
        return fail(
            SAMLET_ERROR_MEMORY,
            "reading the model file takes %a bytes, which the system does not have: give a block as memory",
            static_cast<int64_t>(bytes + Arena::kAlignment));
    Arena real(memory, table_bytes + flags);
    Model* model = new (static_cast<uint8_t*>(memory) + table_bytes + flags) Model{};
    model->kernels = kernels;
    Status status = model->file.open(data, size, real, false);
    if (status.ok()) status = model->config.read(model->file);
    if (status.ok()) {
        Arena measure = Arena::measuring();
        WeightReader reader(model->file, precisions, measure, real.take<bool>(model->file.tensor_count()),
                            nullptr, nullptr);
        model->read(reader);
        status = reader.status();
        Arena rest = Arena::measuring();
        Tables::take(rest, model->file.tensor_count(), reader.linear_count());
        const size_t before = Arena::rounded(sizeof(Model)) + table_bytes + rest.used();
        plan->packed = reader.packed_bytes();
        plan->tables = before + measure.used() - plan->packed;
        plan->loading = borrowed ? 0 : measure.peak() - measure.used();
        plan->total = plan->tables + plan->packed + plan->loading;
    }
    port::give_back(borrowed, bytes);
    return status;
}

Status Model::bind(const void* data, size_t size, Arena& arena) {
    SAMLET_TRY(file.open(data, size, arena, false));
    SAMLET_TRY(config.read(file));
    // Measured again for the number of layers: their table comes before what they point to.
    Arena measure = Arena::measuring();
    size_t count;
    {
        const size_t before = arena.used();
        bool* used = arena.take<bool>(file.tensor_count());
        if (!used) return fail(SAMLET_ERROR_MEMORY, "the block is too small for the model");
        WeightReader reader(file, precisions, measure, used, nullptr, nullptr);
        read(reader);
        if (!reader.status().ok()) return reader.status();
        count = reader.linear_count();
        arena.rewind(before);
    }
    const Tables tables = Tables::take(arena, file.tensor_count(), count);
    if (!tables.labels) return fail(SAMLET_ERROR_MEMORY, "the block is too small for the model");
    for (size_t i = 0; i < count; i++) new (&tables.linears[i]) LinearWeights();
    WeightReader reader(file, precisions, arena, tables.used, tables.linears, tables.labels);
    reader.set_mapped(mapping.data != nullptr);
    read(reader);
    if (!reader.status().ok()) return reader.status();
    linears = tables.linears;
    labels = tables.labels;
    linear_count = count;
    packed_bytes = reader.packed_bytes();
    for (size_t i = 0; i < count; i++) {
        quantises |= linears[i].precision() == Precision::int8;
        // All operators are of one size: XNNPACK has one struct for whatever they do.
        if (!operator_bytes && !linears[i].half_gemm()) operator_bytes = measure_operator(linears[i]);
    }
    return {};
}

}  // namespace samlet
