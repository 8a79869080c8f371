// SPDX-License-Identifier: Apache-2.0
#include "core/memory_attention.h"

#include <cmath>

#include "core/attention.h"

namespace samlet {
namespace {

constexpr float kEps = 1e-5f;
constexpr size_t kCrossRows = 16;  // of the grid, in cross-attention of sessions that save memory
constexpr size_t kStrip = 1024;  // tokens in the hidden layer of the MLP at a time

struct Rotary {
    size_t grid, channels;
    const float *cosine, *sine;

    // `rows` [count * grid][channels]: tokens of rows first .. first + count - 1 of the grid.
    void run(Exec& exec, float* rows, size_t first, size_t count) const {
        const size_t half = channels / 2;
        exec.parallel(count, [&](size_t item, size_t) {
            const size_t y = first + item;
            for (size_t x = 0; x < grid; x++) {
                float* row = rows + (item * grid + x) * channels;
                exec.kernels->rotate(row, cosine + x * half, sine + x * half, half);
                exec.kernels->rotate(row + half, cosine + y * half, sine + y * half, half);
            }
        });
    }
};

}  // namespace

void MemoryAttention::read(WeightReader& reader, const Config& config) {
    d_model = config.d_model;
    memory_dim = config.memory_dim;
    layer_count = config.memory_layers;
    layers = reader.objects<MemoryAttentionLayer>(layer_count);
    for (uint32_t i = 0; i < layer_count; i++) {
        MemoryAttentionLayer l = {};
        const TensorName p("memory_attention.layers.%u", i);
        l.norm1_gamma = reader.values(TensorName(p, ".norm1.weight"), d_model);
        l.norm1_beta = reader.values(TensorName(p, ".norm1.bias"), d_model);
        l.norm2_gamma = reader.values(TensorName(p, ".norm2.weight"), d_model);
        l.norm2_beta = reader.values(TensorName(p, ".norm2.bias"), d_model);
        l.norm3_gamma = reader.values(TensorName(p, ".norm3.weight"), d_model);
        l.norm3_beta = reader.values(TensorName(p, ".norm3.bias"), d_model);
        l.self_q = reader.linear(TensorName(p, ".self_attn.q_proj"), d_model, d_model);
        l.self_k = reader.linear(TensorName(p, ".self_attn.k_proj"), d_model, d_model);
        l.self_v = reader.linear(TensorName(p, ".self_attn.v_proj"), d_model, d_model);
        l.self_out = reader.linear(TensorName(p, ".self_attn.out_proj"), d_model, d_model);
        l.cross_q = reader.linear(TensorName(p, ".cross_attn_image.q_proj"), d_model, d_model);
        l.cross_k_weight =
            reader.values(TensorName(p, ".cross_attn_image.k_proj.weight"), d_model, memory_dim);
        l.cross_k_bias = reader.values(TensorName(p, ".cross_attn_image.k_proj.bias"), d_model);
        l.cross_value_out = reader.folded(TensorName(p, ".cross_attn_image.v_proj"), memory_dim, d_model,
                                          TensorName(p, ".cross_attn_image.out_proj"), d_model);
        l.hidden = reader.extent(TensorName(p, ".linear1.weight"), 0);
        l.mlp_in = reader.linear(TensorName(p, ".linear1"), d_model, l.hidden, Activation::relu);
        l.mlp_out = reader.linear(TensorName(p, ".linear2"), l.hidden, d_model);
        if (!reader.measuring() && layers) layers[i] = l;
    }
    norm_gamma = reader.values("memory_attention.norm.weight", d_model);
    norm_beta = reader.values("memory_attention.norm.bias", d_model);
}

namespace {

struct Frame {
    Exec& exec;
    const MemoryAttention& model;
    Rotary rotary;
    size_t tokens;
    float* x;  // [tokens][d_model]
    const CrossAttentionObserver* observer;
};

void self_attention(const Frame& f, const MemoryAttentionLayer& l) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const size_t c = f.model.d_model;
    float* q = exec.floats(f.tokens * c);
    float* k = exec.floats(f.tokens * c);
    float* v = exec.floats(f.tokens * c);
    {
        Arena::Scope projection(exec.scratch);
        float* normed = exec.floats(f.tokens * c);
        exec.layer_norm(f.x, f.tokens, c, l.norm1_gamma, l.norm1_beta, kEps, normed);
        exec.linear(l.self_q, normed, f.tokens, q);
        exec.linear(l.self_k, normed, f.tokens, k);
        exec.linear(l.self_v, normed, f.tokens, v);
    }
    f.rotary.run(exec, q, 0, f.rotary.grid);
    f.rotary.run(exec, k, 0, f.rotary.grid);
    Attention a;
    a.q = q;
    a.k = k;
    a.v = v;
    a.q_stride = a.k_stride = a.v_stride = a.out_stride = c;
    a.queries = a.keys = f.tokens;
    a.heads = 1;
    a.dk = a.dv = c;
    a.out = k;  // which attention reads in packed form only
    run_attention(exec, a);
    exec.linear(l.self_out, k, f.tokens, q);
    exec.add(q, f.tokens * c, f.x);
}

// Memories in the order in which attention walks over them, [tokens][frames][memory_dim]: those of a place lie side by
// side. They are the same for all layers and yet fetched by each: that takes half a percent of a frame's time, and
// keeping them through the self-attention in between would make it the largest user of scratch.
void gather_memories(const Frame& f, const MemoryTokens& memory, float* values, float* keys) {
    const size_t m = f.model.memory_dim, stride = memory.frames * m;
    f.exec.parallel_chunks(f.tokens, 64, [&](size_t first, size_t last, size_t) {
        for (size_t frame = 0; frame < memory.frames; frame++)
            memory.load(memory.context, frame, first, last - first, stride, values + first * stride + frame * m,
                        keys + first * stride + frame * m);
    });
}

void cross_attention(const Frame& f, uint32_t index, const MemoryTokens& memory) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const MemoryAttentionLayer& l = f.model.layers[index];
    const Kernels& kernels = *exec.kernels;
    const size_t c = f.model.d_model, m = f.model.memory_dim, grid = f.rotary.grid;
    // Queries do not see each other. All of them at once keep the threads busy best; strips and smaller blocks save
    // a sixth of the scratch and cost some 5 % of the stage. An observer wants to see all.
    const bool saves = exec.half_maps && !f.observer;
    const size_t rows = saves && grid > kCrossRows ? kCrossRows : grid, strip = rows * grid;
    const size_t most = kernels.axial_block / (saves ? 2 : 1);
    // Smaller blocks, too, where a full one would leave threads without work.
    const size_t share = (strip + exec.threads - 1) / exec.threads, block = share < most ? share : most;
    float* values = exec.floats(f.tokens * memory.frames * m);
    float* keys = exec.floats(f.tokens * memory.frames * m);
    gather_memories(f, memory, values, keys);
    float* q = exec.floats(strip * c);
    AxialTask all = {};
    all.q = q;
    all.q_stride = all.channels = c;
    all.grid = grid;
    all.cosine = f.rotary.cosine;
    all.sine = f.rotary.sine;
    all.weight = l.cross_k_weight;
    all.bias = l.cross_k_bias;
    all.dim = all.out_stride = m;
    all.frames = memory.frames;
    all.keys = keys;
    all.values = values;
    all.free_count = memory.pointers;
    all.free_keys = memory.pointer_keys;
    all.free_values = memory.pointer_values;
    all.scale = 1.0f / std::sqrt(static_cast<float>(c));
    for (size_t first = 0; first < f.tokens; first += strip) {
        Arena::Scope turn(exec.scratch);
        all.queries = f.tokens - first < strip ? f.tokens - first : strip;
        float* x = f.x + first * c;
        {
            Arena::Scope projection(exec.scratch);
            float* normed = exec.floats(all.queries * c);
            exec.layer_norm(x, all.queries, c, l.norm2_gamma, l.norm2_beta, kEps, normed);
            exec.linear(l.cross_q, normed, all.queries, q);
        }
        f.rotary.run(exec, q, first / grid, all.queries / grid);
        if (f.observer) f.observer->see(f.observer->context, exec, index, all);

        float* sums = exec.floats(all.queries * m);
        const size_t scratch_size =
            Arena::rounded(kernels.axial_scratch(c, grid, m, memory.frames, block) * sizeof(float)) /
            sizeof(float);
        float* scratch = exec.floats(exec.threads * scratch_size);
        exec.parallel((all.queries + block - 1) / block, [&](size_t item, size_t thread) {
            const size_t at = item * block;
            AxialTask task = all;
            task.q = q + at * c;
            task.queries = all.queries - at < block ? all.queries - at : block;
            task.out = sums + at * m;
            task.scratch = scratch + thread * scratch_size;
            kernels.attend_axial(task);
        });
        exec.linear(l.cross_value_out, sums, all.queries, q);
        exec.add(q, all.queries * c, x);
    }
}

void feed_forward(const Frame& f, const MemoryAttentionLayer& l) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const size_t c = f.model.d_model, strip = f.tokens < kStrip ? f.tokens : kStrip;
    float* normed = exec.floats(strip * c);
    float* hidden = exec.floats(strip * l.hidden);
    for (size_t first = 0; first < f.tokens; first += strip) {
        const size_t n = f.tokens - first < strip ? f.tokens - first : strip;
        float* rows = f.x + first * c;
        exec.layer_norm(rows, n, c, l.norm3_gamma, l.norm3_beta, kEps, normed);
        exec.linear(l.mlp_in, normed, n, hidden);
        exec.linear(l.mlp_out, hidden, n, normed);
        exec.add(normed, n * c, rows);
    }
}

}  // namespace

void MemoryAttention::begin(Exec& exec, float* x, size_t grid, const float* cosine, const float* sine) const {
    const size_t tokens = grid * grid;
    self_attention({exec, *this, {grid, d_model, cosine, sine}, tokens, x, nullptr}, layers[0]);
}

void MemoryAttention::run(Exec& exec, float* x, size_t grid, const MemoryTokens& memory, const float* cosine,
                          const float* sine, const CrossAttentionObserver* observer) const {
    const size_t tokens = grid * grid;
    const Frame frame = {exec, *this, {grid, d_model, cosine, sine}, tokens, x, observer};
    for (uint32_t i = 0; i < layer_count; i++) {
        if (i > 0) self_attention(frame, layers[i]);
        cross_attention(frame, i, memory);
        feed_forward(frame, layers[i]);
    }
    exec.layer_norm(x, tokens, d_model, norm_gamma, norm_beta, kEps, x);
}

}  // namespace samlet
