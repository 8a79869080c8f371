// SPDX-License-Identifier: Apache-2.0
#include "core/memory_attention.h"

#include <cmath>

#include "core/attention.h"

namespace samlet {
namespace {

constexpr float kEps = 1e-5f;
constexpr size_t kStrip = 1024;  // tokens in the hidden layer of the MLP at a time

struct Rotary {
    size_t grid, channels;
    const float *cosine, *sine;

    void run(Exec& exec, float* rows) const {
        const size_t half = channels / 2;
        exec.parallel(grid, [&](size_t y, size_t) {
            for (size_t x = 0; x < grid; x++) {
                float* row = rows + (y * grid + x) * channels;
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
    float *x, *normed, *q;  // [tokens][d_model]
    float *values, *keys;   // [tokens][frames][memory_dim]: the memories of a place side by side
    const CrossAttentionObserver* observer;
};

void self_attention(const Frame& f, const MemoryAttentionLayer& l) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const size_t c = f.model.d_model;
    float* k = exec.floats(f.tokens * c);
    float* v = exec.floats(f.tokens * c);
    exec.layer_norm(f.x, f.tokens, c, l.norm1_gamma, l.norm1_beta, kEps, f.normed);
    exec.linear(l.self_q, f.normed, f.tokens, f.q);
    exec.linear(l.self_k, f.normed, f.tokens, k);
    exec.linear(l.self_v, f.normed, f.tokens, v);
    f.rotary.run(exec, f.q);
    f.rotary.run(exec, k);
    Attention a;
    a.q = f.q;
    a.k = k;
    a.v = v;
    a.q_stride = a.k_stride = a.v_stride = a.out_stride = c;
    a.queries = a.keys = f.tokens;
    a.heads = 1;
    a.dk = a.dv = c;
    a.out = f.normed;
    run_attention(exec, a);
    exec.linear(l.self_out, f.normed, f.tokens, f.q);
    exec.add(f.q, f.tokens * c, f.x);
}

// Memories in the order in which attention walks over them. The same for all layers.
void gather_memories(const Frame& f, const MemoryTokens& memory) {
    const size_t m = f.model.memory_dim, stride = memory.frames * m;
    f.exec.parallel_chunks(f.tokens, 64, [&](size_t first, size_t last, size_t) {
        for (size_t frame = 0; frame < memory.frames; frame++)
            memory.load(memory.context, frame, first, last - first, stride,
                        f.values + first * stride + frame * m, f.keys + first * stride + frame * m);
    });
}

void cross_attention(const Frame& f, uint32_t index, const MemoryTokens& memory) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const MemoryAttentionLayer& l = f.model.layers[index];
    const Kernels& kernels = *exec.kernels;
    const size_t c = f.model.d_model, m = f.model.memory_dim;
    exec.layer_norm(f.x, f.tokens, c, l.norm2_gamma, l.norm2_beta, kEps, f.normed);
    exec.linear(l.cross_q, f.normed, f.tokens, f.q);
    f.rotary.run(exec, f.q);
    AxialTask all = {};
    all.q = f.q;
    all.q_stride = all.channels = c;
    all.queries = f.tokens;
    all.grid = f.rotary.grid;
    all.cosine = f.rotary.cosine;
    all.sine = f.rotary.sine;
    all.weight = l.cross_k_weight;
    all.bias = l.cross_k_bias;
    all.dim = all.out_stride = m;
    all.frames = memory.frames;
    all.keys = f.keys;
    all.free_count = memory.pointers;
    all.free_keys = memory.pointer_keys;
    all.scale = 1.0f / std::sqrt(static_cast<float>(c));
    if (f.observer) f.observer->see(f.observer->context, exec, index, all);

    // Smaller blocks where a full one would leave threads without work.
    const size_t share = (f.tokens + exec.threads - 1) / exec.threads;
    const size_t block = share < kernels.axial_block ? share : kernels.axial_block;
    const size_t scratch_size =
        Arena::rounded(kernels.axial_scratch(c, f.rotary.grid, m, memory.frames) * sizeof(float)) /
        sizeof(float);
    float* sums = exec.floats(f.tokens * m);
    float* scratch = exec.floats(exec.threads * scratch_size);
    exec.parallel((f.tokens + block - 1) / block, [&](size_t item, size_t thread) {
        const size_t first = item * block;
        AxialTask task = all;
        task.q = f.q + first * c;
        task.queries = f.tokens - first < block ? f.tokens - first : block;
        task.values = f.values;
        task.free_values = memory.pointer_values;
        task.out = sums + first * m;
        task.scratch = scratch + thread * scratch_size;
        kernels.attend_axial(task);
    });
    exec.linear(l.cross_value_out, sums, f.tokens, f.q);
    exec.add(f.q, f.tokens * c, f.x);
}

void feed_forward(const Frame& f, const MemoryAttentionLayer& l) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const size_t c = f.model.d_model, strip = f.tokens < kStrip ? f.tokens : kStrip;
    float* hidden = exec.floats(strip * l.hidden);
    for (size_t first = 0; first < f.tokens; first += strip) {
        const size_t n = f.tokens - first < strip ? f.tokens - first : strip;
        float* rows = f.x + first * c;
        exec.layer_norm(rows, n, c, l.norm3_gamma, l.norm3_beta, kEps, f.normed);
        exec.linear(l.mlp_in, f.normed, n, hidden);
        exec.linear(l.mlp_out, hidden, n, f.normed);
        exec.add(f.normed, n * c, rows);
    }
}

}  // namespace

void MemoryAttention::begin(Exec& exec, float* x, size_t grid, const float* cosine, const float* sine) const {
    Arena::Scope scope(exec.scratch);
    const size_t tokens = grid * grid;
    float* normed = exec.floats(tokens * d_model);
    float* q = exec.floats(tokens * d_model);
    self_attention(
        {exec, *this, {grid, d_model, cosine, sine}, tokens, x, normed, q, nullptr, nullptr, nullptr},
        layers[0]);
}

void MemoryAttention::run(Exec& exec, float* x, size_t grid, const MemoryTokens& memory, const float* cosine,
                          const float* sine, const CrossAttentionObserver* observer) const {
    Arena::Scope scope(exec.scratch);
    const size_t tokens = grid * grid;
    float* normed = exec.floats(tokens * d_model);
    float* q = exec.floats(tokens * d_model);
    float* values = exec.floats(tokens * memory.frames * memory_dim);
    float* keys = exec.floats(tokens * memory.frames * memory_dim);
    const Frame frame = {exec, *this,   {grid, d_model, cosine, sine}, tokens, x, normed, q, values,
                         keys, observer};
    gather_memories(frame, memory);
    for (uint32_t i = 0; i < layer_count; i++) {
        if (i > 0) self_attention(frame, layers[i]);
        cross_attention(frame, i, memory);
        feed_forward(frame, layers[i]);
    }
    exec.layer_norm(x, tokens, d_model, norm_gamma, norm_beta, kEps, x);
}

}  // namespace samlet
