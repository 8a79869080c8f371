// SPDX-License-Identifier: Apache-2.0
#include "core/memory_attention.h"

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
        l.cross_k = reader.linear(TensorName(p, ".cross_attn_image.k_proj"), memory_dim, d_model);
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
    const Rotary& rotary;
    size_t tokens;
    float *x, *normed, *q, *k;  // [tokens][d_model]
};

void self_attention(const Frame& f, const MemoryAttentionLayer& l) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const size_t c = f.model.d_model;
    float* v = exec.floats(f.tokens * c);
    exec.layer_norm(f.x, f.tokens, c, l.norm1_gamma, l.norm1_beta, kEps, f.normed);
    exec.linear(l.self_q, f.normed, f.tokens, f.q);
    exec.linear(l.self_k, f.normed, f.tokens, f.k);
    exec.linear(l.self_v, f.normed, f.tokens, v);
    f.rotary.run(exec, f.q);
    f.rotary.run(exec, f.k);
    Attention a;
    a.q = f.q;
    a.k = f.k;
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

void cross_attention(const Frame& f, const MemoryAttentionLayer& l, const MemoryTokens& memory) {
    Exec& exec = f.exec;
    Arena::Scope scope(exec.scratch);
    const size_t c = f.model.d_model, m = f.model.memory_dim;
    float* values = exec.floats(f.tokens * m);
    float* keys = exec.floats(f.tokens * m);
    float* sums = exec.floats(f.tokens * m);
    float* running = exec.floats(f.tokens * 2);
    exec.layer_norm(f.x, f.tokens, c, l.norm2_gamma, l.norm2_beta, kEps, f.normed);
    exec.linear(l.cross_q, f.normed, f.tokens, f.q);
    f.rotary.run(exec, f.q);

    Attention a;
    a.q = f.q;
    a.q_stride = a.k_stride = c;
    a.queries = f.tokens;
    a.v_stride = a.out_stride = m;
    a.heads = 1;
    a.dk = c;
    a.dv = m;
    a.out = sums;
    a.running = running;
    // One memory after the other: neither their keys nor their scores exist all at once.
    for (size_t frame = 0; frame < memory.frames; frame++) {
        exec.parallel_chunks(f.tokens, 256, [&](size_t first, size_t last, size_t) {
            memory.load(memory.context, frame, first, last - first, values + first * m, keys + first * m);
        });
        exec.linear(l.cross_k, keys, f.tokens, f.k);
        f.rotary.run(exec, f.k);
        a.k = f.k;
        a.v = values;
        a.keys = f.tokens;
        a.first = frame == 0;
        a.last = frame + 1 == memory.frames && memory.pointers == 0;
        run_attention(exec, a);
    }
    if (memory.pointers) {
        float* pointer_k = exec.floats(memory.pointers * c);
        exec.linear(l.cross_k, memory.pointer_keys, memory.pointers, pointer_k);
        a.k = pointer_k;
        a.v = memory.pointer_values;
        a.keys = memory.pointers;
        a.first = memory.frames == 0;
        a.last = true;
        run_attention(exec, a);
    }
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

void MemoryAttention::run(Exec& exec, float* x, size_t grid, const MemoryTokens& memory, const float* cosine,
                          const float* sine) const {
    Arena::Scope scope(exec.scratch);
    const size_t tokens = grid * grid;
    const Rotary rotary = {grid, d_model, cosine, sine};
    float* normed = exec.floats(tokens * d_model);
    float* q = exec.floats(tokens * d_model);
    float* k = exec.floats(tokens * d_model);
    const Frame frame = {exec, *this, rotary, tokens, x, normed, q, k};
    for (uint32_t i = 0; i < layer_count; i++) {
        self_attention(frame, layers[i]);
        cross_attention(frame, layers[i], memory);
        feed_forward(frame, layers[i]);
    }
    exec.layer_norm(x, tokens, d_model, norm_gamma, norm_beta, kEps, x);
}

}  // namespace samlet
