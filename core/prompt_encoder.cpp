// SPDX-License-Identifier: Apache-2.0
#include "core/prompt_encoder.h"

#include <cmath>

#include "core/patches.h"

namespace samlet {

constexpr float kEps = 1e-6f, kTwoPi = 6.283185307179586f;

void PromptEncoder::read(WeightReader& reader, const Config& config) {
    d_model = config.d_model;
    gaussian =
        reader.values("sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", 2, d_model / 2);
    for (uint32_t i = 0; i < 4; i++)
        point_embeddings[i] =
            reader.values(TensorName("sam_prompt_encoder.point_embeddings.%u.weight", i), 1, d_model);
    not_a_point = reader.values("sam_prompt_encoder.not_a_point_embed.weight", 1, d_model);
    no_mask = reader.values("sam_prompt_encoder.no_mask_embed.weight", 1, d_model);
    const TensorName p("sam_prompt_encoder.mask_downscaling");
    mask_channels1 = reader.extent(TensorName(p, ".0.weight"), 0);
    mask_channels2 = reader.extent(TensorName(p, ".3.weight"), 0);
    mask_conv1 = reader.convolution(TensorName(p, ".0"), 1, mask_channels1, 2);
    mask_norm1_gamma = reader.values(TensorName(p, ".1.weight"), mask_channels1);
    mask_norm1_beta = reader.values(TensorName(p, ".1.bias"), mask_channels1);
    mask_conv2 = reader.convolution(TensorName(p, ".3"), mask_channels1, mask_channels2, 2);
    mask_norm2_gamma = reader.values(TensorName(p, ".4.weight"), mask_channels2);
    mask_norm2_beta = reader.values(TensorName(p, ".4.bias"), mask_channels2);
    mask_out = reader.linear(TensorName(p, ".6"), mask_channels2, d_model);
}

void PromptEncoder::encode_position(float x, float y, float* code) const {
    const size_t half = d_model / 2;
    const float u = 2 * x - 1, v = 2 * y - 1;
    for (size_t i = 0; i < half; i++) {
        const float angle = kTwoPi * (u * gaussian[i] + v * gaussian[half + i]);
        code[i] = std::sin(angle);
        code[half + i] = std::cos(angle);
    }
}

void PromptEncoder::fill_position_tables(size_t grid, float* along_x, float* along_y) const {
    const size_t half = d_model / 2;
    for (size_t p = 0; p < grid; p++) {
        const float at = 2 * (static_cast<float>(p) + 0.5f) / static_cast<float>(grid) - 1;
        for (size_t i = 0; i < half; i++) {
            const double x = static_cast<double>(kTwoPi) * at * gaussian[i],
                         y = static_cast<double>(kTwoPi) * at * gaussian[half + i];
            along_x[p * d_model + i] = static_cast<float>(std::sin(x));
            along_x[p * d_model + half + i] = static_cast<float>(std::cos(x));
            along_y[p * d_model + i] = static_cast<float>(std::sin(y));
            along_y[p * d_model + half + i] = static_cast<float>(std::cos(y));
        }
    }
}

void PromptEncoder::expand_position(Exec& exec, size_t grid, const float* along_x, const float* along_y,
                                    float* codes) const {
    const size_t half = d_model / 2;
    exec.parallel(grid, [&](size_t y, size_t) {
        const float *sin_y = along_y + y * d_model, *cos_y = sin_y + half;
        for (size_t x = 0; x < grid; x++) {
            const float *sin_x = along_x + x * d_model, *cos_x = sin_x + half;
            float *sine = codes + (y * grid + x) * d_model, *cosine = sine + half;
            for (size_t i = 0; i < half; i++) {
                sine[i] = sin_x[i] * cos_y[i] + cos_x[i] * sin_y[i];
                cosine[i] = cos_x[i] * cos_y[i] - sin_x[i] * sin_y[i];
            }
        }
    });
}

void PromptEncoder::embed_points(const PromptPoint* points, size_t count, float size, float* tokens) const {
    for (size_t i = 0; i < count; i++) {
        float* token = tokens + i * d_model;
        const int32_t label = points[i].label;
        if (label == PromptPoint::padding) {
            for (size_t c = 0; c < d_model; c++) token[c] = not_a_point[c];
            continue;
        }
        encode_position((points[i].x + 0.5f) / size, (points[i].y + 0.5f) / size, token);
        for (size_t c = 0; c < d_model; c++) token[c] += point_embeddings[label][c];
    }
}

void PromptEncoder::embed_mask(Exec& exec, const float* logits, size_t grid, float* dense) const {
    Arena::Scope scope(exec.scratch);
    const size_t side1 = 2 * grid, tokens1 = side1 * side1, tokens2 = grid * grid;
    float* patches1 = exec.floats(tokens1 * 4);
    float* map1 = exec.floats(tokens1 * mask_channels1);
    float* patches2 = exec.floats(tokens2 * 4 * mask_channels1);
    float* map2 = exec.floats(tokens2 * mask_channels2);
    exec.parallel(side1, [&](size_t y, size_t) {
        gather_patches(logits, 4 * grid, 1, 2, 0, y, y + 1, patches1 + y * side1 * 4);
    });
    exec.linear(mask_conv1, patches1, tokens1, map1);
    exec.layer_norm(map1, tokens1, mask_channels1, mask_norm1_gamma, mask_norm1_beta, kEps, map1);
    exec.gelu(map1, tokens1 * mask_channels1);
    exec.parallel(grid, [&](size_t y, size_t) {
        gather_patches(map1, side1, mask_channels1, 2, 0, y, y + 1, patches2 + y * grid * 4 * mask_channels1);
    });
    exec.linear(mask_conv2, patches2, tokens2, map2);
    exec.layer_norm(map2, tokens2, mask_channels2, mask_norm2_gamma, mask_norm2_beta, kEps, map2);
    exec.gelu(map2, tokens2 * mask_channels2);
    exec.linear(mask_out, map2, tokens2, dense);
}

}  // namespace samlet
