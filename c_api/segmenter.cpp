// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "c_api/api.h"
#include "c_api/placement.h"

namespace samlet {
namespace {

Status read_config(const samlet_model* model, const samlet_segmenter_config* given, SessionConfig* config) {
    if (!model) return null_argument("model");
    if (!given) return null_argument("config");
    SAMLET_TRY(check_size(given->size, sizeof(*given), "samlet_segmenter_config"));
    constexpr uint32_t kFlags = SAMLET_TRACKER_YIELD | SAMLET_TRACKER_PIN_THREADS | SAMLET_TRACKER_F16_MAPS;
    if (given->flags & ~kFlags)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "flags is %a; known are %b", given->flags, kFlags);
    config->image_size = given->image_size;
    config->threads = given->threads;
    config->max_points = given->max_points;
    config->max_frame_width = given->max_frame_width;
    config->max_frame_height = given->max_frame_height;
    config->yield = (given->flags & SAMLET_TRACKER_YIELD) != 0;
    config->pin_threads = (given->flags & SAMLET_TRACKER_PIN_THREADS) != 0;
    config->half_maps = (given->flags & SAMLET_TRACKER_F16_MAPS) != 0;
    config->filter = ResizeFilter::bilinear;
    config->clean.hole_area = given->fill_hole_area;
    config->clean.sprinkle_area = given->remove_sprinkle_area;
    config->clean.hole_value = 10.0f;
    config->clean.sprinkle_value = -10.0f;
    return config->complete(model->impl);
}

}  // namespace
}  // namespace samlet

using namespace samlet;

#define SAMLET_SEGMENTER_CALL(expression)                 \
    if (!segmenter) return SAMLET_ERROR_INVALID_ARGUMENT; \
    return report((expression), segmenter->message)

extern "C" {

samlet_status samlet_segmenter_memory(const samlet_model* model, const samlet_segmenter_config* config,
                                      samlet_memory_plan* plan, samlet_error* error) {
    SessionConfig full;
    Status status = read_config(model, config, &full);
    if (status.ok()) status = plan_session<samlet_segmenter>(model->impl, full, plan);
    return report(status, error);
}

samlet_status samlet_segmenter_create(const samlet_model* model, const samlet_segmenter_config* config,
                                      samlet_segmenter** segmenter, samlet_error* error) {
    if (!segmenter) return report(null_argument("segmenter"), error);
    *segmenter = nullptr;
    SessionConfig full;
    Status status = read_config(model, config, &full);
    if (status.ok())
        status = create_session(model->impl, full, config->memory, config->memory_size, segmenter);
    return report(status, error);
}

void samlet_segmenter_destroy(samlet_segmenter* segmenter) {
    destroy_session(segmenter);
}

const char* samlet_segmenter_message(const samlet_segmenter* segmenter) {
    return segmenter ? segmenter->message : "segmenter is NULL";
}

static Status set_image(samlet_segmenter* segmenter, const samlet_frame* image) {
    if (!image) return null_argument("image");
    SAMLET_TRY(check_size(image->size, sizeof(*image), "samlet_frame"));
    return segmenter->impl.set_image(*image);
}
samlet_status samlet_segmenter_set_image(samlet_segmenter* segmenter, const samlet_frame* image) {
    SAMLET_SEGMENTER_CALL(set_image(segmenter, image));
}

static Status predict(samlet_segmenter* segmenter, const samlet_prompt* prompt, uint32_t multimask,
                      samlet_prediction* prediction) {
    if (!prompt) return null_argument("prompt");
    if (!prediction) return null_argument("prediction");
    SAMLET_TRY(check_size(prompt->size, sizeof(*prompt), "samlet_prompt"));
    SAMLET_TRY(check_size(prediction->size, sizeof(*prediction), "samlet_prediction"));
    return segmenter->impl.predict(*prompt, multimask != 0, prediction);
}
samlet_status samlet_segmenter_predict(samlet_segmenter* segmenter, const samlet_prompt* prompt,
                                       uint32_t multimask, samlet_prediction* prediction) {
    SAMLET_SEGMENTER_CALL(predict(segmenter, prompt, multimask, prediction));
}

static Status get_mask(samlet_segmenter* segmenter, uint32_t index, uint8_t* mask, uint64_t stride) {
    SAMLET_TRY(check_map(segmenter->impl, mask, stride, 1));
    const float* logits;
    SAMLET_TRY(segmenter->impl.find_mask(index, &logits));
    segmenter->impl.write_mask(&logits, 1, 0, mask, static_cast<size_t>(stride));
    return {};
}
samlet_status samlet_segmenter_mask(samlet_segmenter* segmenter, uint32_t index, uint8_t* mask,
                                    uint64_t stride) {
    SAMLET_SEGMENTER_CALL(get_mask(segmenter, index, mask, stride));
}

static Status get_logits(samlet_segmenter* segmenter, uint32_t index, float* out, uint64_t stride) {
    SAMLET_TRY(check_map(segmenter->impl, out, stride, sizeof(float)));
    const float* logits;
    SAMLET_TRY(segmenter->impl.find_mask(index, &logits));
    segmenter->impl.write_logits(&logits, 1, 0, out, static_cast<size_t>(stride));
    return {};
}
samlet_status samlet_segmenter_logits(samlet_segmenter* segmenter, uint32_t index, float* logits,
                                      uint64_t stride) {
    SAMLET_SEGMENTER_CALL(get_logits(segmenter, index, logits, stride));
}

static Status get_rle(samlet_segmenter* segmenter, uint32_t index, char* text, size_t capacity,
                      size_t* length) {
    if (!length) return null_argument("length");
    if (!text && capacity) return null_argument("text");
    const float* logits;
    SAMLET_TRY(segmenter->impl.find_mask(index, &logits));
    return segmenter->impl.write_rle(&logits, 1, 0, text, capacity, length);
}
samlet_status samlet_segmenter_rle(samlet_segmenter* segmenter, uint32_t index, char* text, size_t capacity,
                                   size_t* length) {
    SAMLET_SEGMENTER_CALL(get_rle(segmenter, index, text, capacity, length));
}

static Status measure_mask(samlet_segmenter* segmenter, uint32_t index, MaskCut cut,
                           samlet_mask_measure* measure) {
    if (!measure) return null_argument("measure");
    SAMLET_TRY(check_size(measure->size, sizeof(*measure), "samlet_mask_measure"));
    if (!std::isfinite(cut.threshold))
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "threshold is not a finite number; 0 is usual");
    if (!std::isfinite(cut.offset) || cut.offset < 0)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "offset must be finite and not negative; 1 is usual");
    const float* logits;
    SAMLET_TRY(segmenter->impl.find_mask(index, &logits));
    const MaskMeasure found = segmenter->impl.measure(&logits, 1, 0, cut);
    const MaskExtent& extent = found.extent;
    measure->empty = extent.area == 0;
    measure->box = {static_cast<float>(extent.x0), static_cast<float>(extent.y0),
                    static_cast<float>(extent.x1), static_cast<float>(extent.y1)};
    measure->area = extent.area;
    measure->stability = found.stability();
    return {};
}
samlet_status samlet_segmenter_measure(samlet_segmenter* segmenter, uint32_t index, float threshold,
                                       float offset, samlet_mask_measure* measure) {
    SAMLET_SEGMENTER_CALL(measure_mask(segmenter, index, {threshold, offset}, measure));
}

samlet_status samlet_segmenter_features(samlet_segmenter* segmenter, samlet_feature_level level,
                                        samlet_tensor_view* view) {
    SAMLET_SEGMENTER_CALL(get_features(segmenter->impl, level, view));
}

samlet_status samlet_segmenter_layer(const samlet_segmenter* segmenter, uint32_t index, samlet_layer* layer) {
    SAMLET_SEGMENTER_CALL(get_layer(segmenter->impl, index, layer));
}

}  // extern "C"
