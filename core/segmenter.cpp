// SPDX-License-Identifier: Apache-2.0
#include "core/segmenter.h"

#include <cmath>
#include <cstring>

namespace samlet {

constexpr uint32_t kCandidates = kMaxMaskTokens - 1;
constexpr float kClamp = 32.0f;

Status Segmenter::lay_out(const Model& model, const SessionConfig& config, Arena& arena, Plan& plan,
                          bool measuring) {
    SAMLET_TRY(Session::lay_out(model, config, arena, plan, measuring));
    logits_ = arena.take<float>(kCandidates * low_res_cells());
    clamped_ = arena.take<float>(kCandidates * low_res_cells());
    plan.close_part("results");
    begin_rehearsal();
    rehearse_picture();
    rehearse();
    return take_scratch(arena, plan);
}

DecodedMasks Segmenter::take_masks() {
    DecodedMasks masks = {};
    masks.logits = exec_.floats(kMaxMaskTokens * low_res_cells());
    masks.mask_tokens = exec_.floats(kMaxMaskTokens * model_->config.d_model);
    return masks;
}

void Segmenter::rehearse() {
    Arena::Scope scope(exec_.scratch);
    const uint32_t side = static_cast<uint32_t>(low_res());
    float* image = exec_.floats(cells() * model_->config.d_model);
    PromptPoint* points = exec_.scratch.take<PromptPoint>(config_.max_points);
    DecodedMasks masks = take_masks();
    decode(image, points, config_.max_points, 1, exec_.floats(low_res_cells()), &masks);
    exec_.scratch.take_bytes(clean_scratch_bytes(side, side));
}

Status Segmenter::set_image(const samlet_frame& frame) {
    SAMLET_TRY(check(frame));
    reset_clock();
    SAMLET_TRY(encode(frame));
    mask_count_ = 0;
    return {};
}

Status Segmenter::predict(const samlet_prompt& p, bool multimask, samlet_prediction* prediction) {
    if (!has_picture_)
        return fail(SAMLET_ERROR_STATE, "there is no image: call samlet_segmenter_set_image first");
    if (p.flags)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "the prompt has flags %a; a segmenter knows none",
                    p.flags);
    if (p.mask)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "a segmenter takes low-res logits as mask prompt, not a mask (a tracker does)");
    if (p.point_count && !p.points)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "points is NULL but point_count is %a", p.point_count);
    if (p.point_count == 0 && !p.box && !p.logits)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "the prompt is empty: give points, a box or logits");
    SAMLET_TRY(check_points(p, 0));
    for (size_t i = 0; p.logits && i < low_res_cells(); i++)
        if (!std::isfinite(p.logits[i]))
            return fail(SAMLET_ERROR_INVALID_ARGUMENT, "logit %a of the prompt is not a number",
                        static_cast<int64_t>(i));

    Arena::Scope scope(exec_.scratch);
    const size_t d = model_->config.d_model;
    float* image = exec_.floats(cells() * d);
    PromptPoint* points = exec_.scratch.take<PromptPoint>(config_.max_points);
    DecodedMasks masks = take_masks();
    size_t count = 0;
    if (p.box) {
        points[count++] = to_square(p.box->x0, p.box->y0, PromptPoint::box_first);
        points[count++] = to_square(p.box->x1, p.box->y1, PromptPoint::box_second);
    }
    for (uint32_t i = 0; i < p.point_count; i++)
        points[count++] = to_square(p.points[i].x, p.points[i].y, p.points[i].label);
    exec_.parallel_chunks(cells(), 256, [&](size_t first, size_t last, size_t) {
        for (size_t i = first; i < last; i++) {
            features_.top.from(i * d).load(*exec_.kernels, d, image + i * d);
            exec_.kernels->add(model_->no_memory, d, image + i * d);
        }
    });
    decode(image, points, count, count ? 1 : 0, p.logits, &masks);
    SAMLET_TRY(check_defect());

    const size_t map = low_res_cells();
    const uint32_t side = static_cast<uint32_t>(low_res());
    const MaskChoice choice = model_->mask_decoder.choose(masks, map, false);
    mask_count_ = multimask ? kCandidates : 1;
    prediction->mask_count = mask_count_;
    prediction->best = 0;
    prediction->low_res_size = side;
    prediction->object_score = masks.object_score;
    for (uint32_t i = 0; i < kMaxMaskTokens; i++) {
        prediction->iou[i] = 0;
        prediction->logits[i] = nullptr;
    }
    for (uint32_t i = 0; i < mask_count_; i++) {
        const uint32_t index = multimask ? i + 1 : choice.mask;
        float *logits = logits_ + i * map, *clamped = clamped_ + i * map;
        memcpy(logits, masks.logits + index * map, map * sizeof(float));
        for (size_t k = 0; k < map; k++)
            clamped[k] = logits[k] < -kClamp ? -kClamp : logits[k] > kClamp ? kClamp : logits[k];
        if (config_.clean.hole_area || config_.clean.sprinkle_area) {
            Arena::Scope clean_scope(exec_.scratch);
            clean_logits(logits, side, side, config_.clean,
                         exec_.scratch.take_bytes(clean_scratch_bytes(side, side)));
        }
        prediction->iou[i] = masks.iou[index];
        prediction->logits[i] = clamped;
        if (prediction->iou[i] > prediction->iou[prediction->best]) prediction->best = i;
    }
    return {};
}

Status Segmenter::find_mask(uint32_t index, const float** logits) const {
    if (mask_count_ == 0)
        return fail(SAMLET_ERROR_STATE, "there is no prediction: call samlet_segmenter_predict first");
    if (index >= mask_count_)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "there is no mask %a; the last prediction has %b", index,
                    mask_count_);
    *logits = logits_ + index * low_res_cells();
    return {};
}

}  // namespace samlet
