// SPDX-License-Identifier: Apache-2.0
#include "core/mask_decoder.h"

#include <cmath>
#include <cstring>

namespace samlet {

constexpr float kEps = 1e-6f;
constexpr size_t kStripRows =
    8;  // rows of the grid that are upscaled at a time: the upscaled map never exists whole

void MaskDecoder::read(WeightReader& reader, const Config& config) {
    d_model = config.d_model;
    stability_delta = config.stability_delta;
    stability_thresh = config.stability_thresh;
    transformer.read(reader, config);
    iou_token = reader.values("sam_mask_decoder.iou_token.weight", 1, d_model);
    mask_count = kMaxMaskTokens;  // one plus three candidates: the multimask rules are written for that
    mask_token = reader.values("sam_mask_decoder.mask_tokens.weight", mask_count, d_model);
    // Image-only checkpoints may carry the token without its head, or neither; the head never comes without
    // the token.
    has_object_head = config.has_video || reader.has("sam_mask_decoder.pred_obj_score_head.layers.0.weight");
    object_token = nullptr;
    if (has_object_head || reader.has("sam_mask_decoder.obj_score_token.weight"))
        object_token = reader.values("sam_mask_decoder.obj_score_token.weight", 1, d_model);
    if (has_object_head) object_head.read(reader, "sam_mask_decoder.pred_obj_score_head", d_model, 1);
    iou_head.read(reader, "sam_mask_decoder.iou_prediction_head", d_model, mask_count);
    upscale1 = reader.deconvolution("sam_mask_decoder.output_upscaling.0", d_model, d_model / 4);
    upscale_gamma = reader.values("sam_mask_decoder.output_upscaling.1.weight", d_model / 4);
    upscale_beta = reader.values("sam_mask_decoder.output_upscaling.1.bias", d_model / 4);
    upscale2 = reader.deconvolution("sam_mask_decoder.output_upscaling.3", d_model / 4, d_model / 8);
    for (uint32_t i = 0; i < mask_count; i++)
        hyper[i].read(reader, TensorName("sam_mask_decoder.output_hypernetworks_mlps.%u", i), d_model,
                      d_model / 8);
}

void MaskDecoder::run(Exec& exec, float* image, const float* image_position, size_t grid,
                      const Features& features, const float* prompts, size_t prompt_count,
                      DecodedMasks* out) const {
    Arena::Scope scope(exec.scratch);
    const size_t c = d_model, c1 = c / 4, c2 = c / 8, own = own_tokens(), count = own + prompt_count;
    const size_t iou_index = object_token ? 1 : 0;
    float* tokens = exec.floats(count * c);
    float* filters = exec.floats(mask_count * c2);
    float* scores = exec.floats(mask_count + 1);
    exec.parallel(1, [&](size_t, size_t) {
        if (object_token) memcpy(tokens, object_token, c * sizeof(float));
        memcpy(tokens + iou_index * c, iou_token, c * sizeof(float));
        memcpy(tokens + (iou_index + 1) * c, mask_token, mask_count * c * sizeof(float));
        memcpy(tokens + own * c, prompts, prompt_count * c * sizeof(float));
    });
    transformer.run(exec, tokens, count, image, image_position, grid * grid);

    const float* mask_tokens = tokens + (iou_index + 1) * c;
    for (uint32_t i = 0; i < mask_count; i++) hyper[i].run(exec, mask_tokens + i * c, filters + i * c2);
    iou_head.run(exec, tokens + iou_index * c, scores);
    if (has_object_head) object_head.run(exec, tokens, scores + mask_count);

    // Upscaling by two deconvolutions. Their outputs stay in the order [row][column][ky][kx]; only the
    // features that are added and the final logits are addressed by pixel.
    const size_t strip = grid < kStripRows ? grid : kStripRows;
    float* first = exec.floats(strip * grid * 4 * c1);
    float* second = exec.floats(strip * grid * 16 * c2);
    float* widened = exec.floats(exec.threads * c1);  // features of one pixel
    const size_t side1 = 2 * grid, side2 = 4 * grid;
    for (size_t row = 0; row < grid; row += strip) {
        const size_t rows = grid - row < strip ? grid - row : strip, cells = rows * grid;
        exec.linear(upscale1, image + row * grid * c, cells, first);
        exec.parallel(rows, [&](size_t r, size_t thread) {
            float* pixel = widened + thread * c1;
            for (size_t x = 0; x < grid; x++)
                for (size_t k = 0; k < 4; k++) {
                    const size_t py = 2 * (row + r) + k / 2, px = 2 * x + k % 2;
                    features.stride8.from((py * side1 + px) * c1).load(*exec.kernels, c1, pixel);
                    exec.kernels->add(pixel, c1, first + ((r * grid + x) * 4 + k) * c1);
                }
        });
        exec.layer_norm(first, cells * 4, c1, upscale_gamma, upscale_beta, kEps, first);
        exec.gelu(first, cells * 4 * c1);
        exec.linear(upscale2, first, cells * 4, second);
        exec.parallel(rows, [&](size_t r, size_t thread) {
            float* pixel = widened + thread * c1;
            for (size_t x = 0; x < grid; x++) {
                float* pixels = second + (r * grid + x) * 16 * c2;
                for (size_t k = 0; k < 16; k++) {
                    const size_t py = 4 * (row + r) + k / 8 * 2 + k % 4 / 2,
                                 px = 4 * x + k / 4 % 2 * 2 + k % 2;
                    features.stride4.from((py * side2 + px) * c2).load(*exec.kernels, c2, pixel);
                    exec.kernels->add(pixel, c2, pixels + k * c2);
                }
                exec.kernels->gelu(pixels, 16 * c2);
                for (size_t k = 0; k < 16; k++) {
                    const size_t py = 4 * (row + r) + k / 8 * 2 + k % 4 / 2,
                                 px = 4 * x + k / 4 % 2 * 2 + k % 2;
                    for (size_t m = 0; m < mask_count; m++) {
                        float sum = 0;
                        for (size_t i = 0; i < c2; i++) sum += filters[m * c2 + i] * pixels[k * c2 + i];
                        out->logits[(m * side2 + py) * side2 + px] = sum;
                    }
                }
            }
        });
    }
    exec.parallel(1, [&](size_t, size_t) {
        memcpy(out->mask_tokens, mask_tokens, mask_count * c * sizeof(float));
        for (uint32_t i = 0; i < mask_count; i++) out->iou[i] = 1.0f / (1.0f + std::exp(-scores[i]));
        out->object_score = has_object_head ? scores[mask_count] : 10.0f;
    });
}

MaskChoice MaskDecoder::choose(const DecodedMasks& masks, size_t cells, bool multimask) const {
    uint32_t best = 1;
    for (uint32_t i = 2; i < mask_count; i++)
        if (masks.iou[i] > masks.iou[best]) best = i;
    if (multimask) return {best, best};
    // Dynamic multimask via stability: how much the area of mask 0 depends on the exact threshold.
    size_t inner = 0, outer = 0;
    for (size_t i = 0; i < cells; i++) {
        inner += masks.logits[i] > stability_delta;
        outer += masks.logits[i] > -stability_delta;
    }
    const float stability = outer ? static_cast<float>(inner) / static_cast<float>(outer) : 1.0f;
    return {stability >= stability_thresh ? 0u : best, 0};
}

}  // namespace samlet
