// SPDX-License-Identifier: Apache-2.0
#include "core/two_way_transformer.h"

#include <cstring>

#include "core/attention.h"

namespace samlet {
namespace {

constexpr float kEps = 1e-5f;

DecoderAttention read_attention(WeightReader& reader, const TensorName& p, uint32_t d_model, uint32_t inner) {
    DecoderAttention a;
    a.inner = inner;
    a.q = reader.linear(TensorName(p, ".q_proj"), d_model, inner);
    a.k = reader.linear(TensorName(p, ".k_proj"), d_model, inner);
    a.v = reader.linear(TensorName(p, ".v_proj"), d_model, inner);
    a.out = reader.linear(TensorName(p, ".out_proj"), inner, d_model);
    return a;
}

}  // namespace

void TwoWayTransformer::read(WeightReader& reader, const Config& config) {
    d_model = config.d_model;
    heads = config.decoder_heads;
    layer_count = config.decoder_layers;
    layers = reader.objects<TwoWayLayer>(layer_count);
    for (uint32_t i = 0; i < layer_count; i++) {
        TwoWayLayer l = {};
        const TensorName p("sam_mask_decoder.transformer.layers.%u", i);
        l.self = read_attention(reader, TensorName(p, ".self_attn"), d_model, d_model);
        l.token_to_image =
            read_attention(reader, TensorName(p, ".cross_attn_token_to_image"), d_model, d_model / 2);
        l.image_to_token =
            read_attention(reader, TensorName(p, ".cross_attn_image_to_token"), d_model, d_model / 2);
        for (uint32_t n = 0; n < 4; n++) {
            const TensorName norm(p, TensorName(".norm%u", n + 1).text());
            l.norm_gamma[n] = reader.values(TensorName(norm, ".weight"), d_model);
            l.norm_beta[n] = reader.values(TensorName(norm, ".bias"), d_model);
        }
        l.hidden = reader.extent(TensorName(p, ".mlp.layers.0.weight"), 0);
        l.mlp_in = reader.linear(TensorName(p, ".mlp.layers.0"), d_model, l.hidden, Activation::relu);
        l.mlp_out = reader.linear(TensorName(p, ".mlp.layers.1"), l.hidden, d_model);
        if (!reader.measuring() && layers) layers[i] = l;
    }
    final_attention = read_attention(reader, "sam_mask_decoder.transformer.final_attn_token_to_image",
                                     d_model, d_model / 2);
    final_gamma = reader.values("sam_mask_decoder.transformer.norm_final_attn.weight", d_model);
    final_beta = reader.values("sam_mask_decoder.transformer.norm_final_attn.bias", d_model);
}

void TwoWayTransformer::run(Exec& exec, float* tokens, size_t count, float* image,
                            const float* image_position, size_t cells) const {
    Arena::Scope scope(exec.scratch);
    const size_t c = d_model;
    float* position = exec.floats(count * c);
    float* token_q = exec.floats(count * c);  // tokens with their position
    float* token_result = exec.floats(count * c);
    float* image_k = exec.floats(cells * c);  // image with its position
    float* small[4] = {exec.floats(count * c), exec.floats(count * c), exec.floats(count * c),
                       exec.floats(count * c)};
    float* large[2] = {exec.floats(cells * (c / 2)), exec.floats(cells * (c / 2))};

    const auto copy = [&](const float* from, size_t n, float* to) {
        exec.parallel_chunks(n, 16384, [&](size_t first, size_t last, size_t) {
            memcpy(to + first, from + first, (last - first) * sizeof(float));
        });
    };
    const auto sum = [&](const float* a, const float* b, size_t n, float* to) {
        copy(a, n, to);
        exec.add(b, n, to);
    };
    const auto attend = [&](const DecoderAttention& w, const float* q, size_t queries, const float* k,
                            const float* v, size_t keys, float* out) {
        Attention a;
        a.q = q;
        a.k = k;
        a.v = v;
        a.q_stride = a.k_stride = a.v_stride = a.out_stride = w.inner;
        a.queries = queries;
        a.keys = keys;
        a.heads = heads;
        a.dk = a.dv = w.inner / heads;
        a.out = out;
        run_attention(exec, a);
    };
    // result = attention of `q` tokens to the image
    const auto attend_to_image = [&](const DecoderAttention& w, const float* q, float* result) {
        exec.linear(w.q, q, count, small[0]);
        exec.linear(w.k, image_k, cells, large[0]);
        exec.linear(w.v, image, cells, large[1]);
        attend(w, small[0], count, large[0], large[1], cells, small[1]);
        exec.linear(w.out, small[1], count, result);
    };

    copy(tokens, count * c, position);
    sum(image, image_position, cells * c, image_k);
    for (uint32_t i = 0; i < layer_count; i++) {
        const TwoWayLayer& l = layers[i];
        // Tokens among themselves. The first layer has neither position nor residual.
        if (i == 0)
            copy(tokens, count * c, token_q);
        else
            sum(tokens, position, count * c, token_q);
        exec.linear(l.self.q, token_q, count, small[0]);
        exec.linear(l.self.k, token_q, count, small[1]);
        exec.linear(l.self.v, tokens, count, small[2]);
        attend(l.self, small[0], count, small[1], small[2], count, small[3]);
        exec.linear(l.self.out, small[3], count, token_result);
        if (i == 0)
            copy(token_result, count * c, tokens);
        else
            exec.add(token_result, count * c, tokens);
        exec.layer_norm(tokens, count, c, l.norm_gamma[0], l.norm_beta[0], kEps, tokens);

        // Tokens to image.
        sum(tokens, position, count * c, token_q);
        attend_to_image(l.token_to_image, token_q, token_result);
        exec.add(token_result, count * c, tokens);
        exec.layer_norm(tokens, count, c, l.norm_gamma[1], l.norm_beta[1], kEps, tokens);

        {
            Arena::Scope mlp(exec.scratch);
            float* hidden = exec.floats(count * l.hidden);
            exec.linear(l.mlp_in, tokens, count, hidden);
            exec.linear(l.mlp_out, hidden, count, token_result);
            exec.add(token_result, count * c, tokens);
            exec.layer_norm(tokens, count, c, l.norm_gamma[2], l.norm_beta[2], kEps, tokens);
        }

        // Image to tokens. What it adds to the image is formed where the next keys will be.
        sum(tokens, position, count * c, token_q);
        exec.linear(l.image_to_token.q, image_k, cells, large[0]);
        exec.linear(l.image_to_token.k, token_q, count, small[0]);
        exec.linear(l.image_to_token.v, tokens, count, small[1]);
        attend(l.image_to_token, large[0], cells, small[0], small[1], count, large[1]);
        exec.linear(l.image_to_token.out, large[1], cells, image_k);
        exec.add(image_k, cells * c, image);
        exec.layer_norm(image, cells, c, l.norm_gamma[3], l.norm_beta[3], kEps, image);
        sum(image, image_position, cells * c, image_k);
    }
    sum(tokens, position, count * c, token_q);
    attend_to_image(final_attention, token_q, token_result);
    exec.add(token_result, count * c, tokens);
    exec.layer_norm(tokens, count, c, final_gamma, final_beta, kEps, tokens);
}

}  // namespace samlet
