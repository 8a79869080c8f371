// SPDX-License-Identifier: Apache-2.0
#include "c_api/api.h"
#include "c_api/placement.h"

namespace samlet {
namespace {

Status read_config(const samlet_model* model, const samlet_tracker_config* given, TrackerConfig* config) {
    if (!model) return null_argument("model");
    if (!given) return null_argument("config");
    SAMLET_TRY(check_size(given->size, sizeof(*given), "samlet_tracker_config"));
    constexpr uint32_t kFlags = SAMLET_TRACKER_YIELD | SAMLET_TRACKER_PIN_THREADS |
                                SAMLET_TRACKER_NON_OVERLAPPING | SAMLET_TRACKER_EXPLAIN | SAMLET_TRACKER_F16_MAPS;
    if (given->flags & ~kFlags)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "flags is %a; known are %b", given->flags, kFlags);
    config->session.image_size = given->image_size;
    config->session.threads = given->threads;
    config->session.max_points = given->max_points;
    config->session.max_frame_width = given->max_frame_width;
    config->session.max_frame_height = given->max_frame_height;
    config->session.yield = (given->flags & SAMLET_TRACKER_YIELD) != 0;
    config->session.pin_threads = (given->flags & SAMLET_TRACKER_PIN_THREADS) != 0;
    config->session.half_maps = (given->flags & SAMLET_TRACKER_F16_MAPS) != 0;
    config->session.clean.hole_area = given->fill_hole_area;
    config->session.clean.sprinkle_area = given->remove_sprinkle_area;
    config->max_objects = given->max_objects;
    config->prompted_frames = given->prompted_frames;
    config->recent_frames = given->recent_frames;
    config->clip_length = given->clip_length;
    config->non_overlapping = (given->flags & SAMLET_TRACKER_NON_OVERLAPPING) != 0;
    config->explain = (given->flags & SAMLET_TRACKER_EXPLAIN) != 0;
    return config->complete(model->impl);
}

}  // namespace
}  // namespace samlet

using namespace samlet;

// Calls of a session that only hand arguments on.
#define SAMLET_TRACKER_CALL(expression)                 \
    if (!tracker) return SAMLET_ERROR_INVALID_ARGUMENT; \
    return report((expression), tracker->message)

extern "C" {

samlet_status samlet_tracker_memory(const samlet_model* model, const samlet_tracker_config* config,
                                    samlet_memory_plan* plan, samlet_error* error) {
    TrackerConfig full;
    Status status = read_config(model, config, &full);
    if (status.ok()) status = plan_session<samlet_tracker>(model->impl, full, plan);
    return report(status, error);
}

samlet_status samlet_tracker_create(const samlet_model* model, const samlet_tracker_config* config,
                                    samlet_tracker** tracker, samlet_error* error) {
    if (!tracker) return report(null_argument("tracker"), error);
    *tracker = nullptr;
    TrackerConfig full;
    Status status = read_config(model, config, &full);
    if (status.ok()) status = create_session(model->impl, full, config->memory, config->memory_size, tracker);
    return report(status, error);
}

void samlet_tracker_destroy(samlet_tracker* tracker) {
    destroy_session(tracker);
}

const char* samlet_tracker_message(const samlet_tracker* tracker) {
    return tracker ? tracker->message : "tracker is NULL";
}

static Status set_frame(samlet_tracker* tracker, const samlet_frame* frame, int64_t number) {
    if (!frame) return null_argument("frame");
    SAMLET_TRY(check_size(frame->size, sizeof(*frame), "samlet_frame"));
    return tracker->impl.set_frame(*frame, number);
}
samlet_status samlet_tracker_set_frame(samlet_tracker* tracker, const samlet_frame* frame, int64_t number) {
    SAMLET_TRACKER_CALL(set_frame(tracker, frame, number));
}

static Status prompt_object(samlet_tracker* tracker, int32_t object, const samlet_prompt* prompt) {
    if (!prompt) return null_argument("prompt");
    SAMLET_TRY(check_size(prompt->size, sizeof(*prompt), "samlet_prompt"));
    return tracker->impl.prompt(object, *prompt);
}
samlet_status samlet_tracker_prompt(samlet_tracker* tracker, int32_t object, const samlet_prompt* prompt) {
    SAMLET_TRACKER_CALL(prompt_object(tracker, object, prompt));
}

samlet_status samlet_tracker_clear_prompts(samlet_tracker* tracker, int32_t object) {
    SAMLET_TRACKER_CALL(tracker->impl.clear_prompts(object));
}
samlet_status samlet_tracker_track(samlet_tracker* tracker) {
    SAMLET_TRACKER_CALL(tracker->impl.track());
}
samlet_status samlet_tracker_remove_object(samlet_tracker* tracker, int32_t object) {
    SAMLET_TRACKER_CALL(tracker->impl.remove(object));
}

samlet_status samlet_tracker_reset(samlet_tracker* tracker) {
    if (!tracker) return SAMLET_ERROR_INVALID_ARGUMENT;
    tracker->impl.reset();
    return SAMLET_OK;
}

samlet_status samlet_tracker_set_clip_length(samlet_tracker* tracker, uint32_t frames) {
    if (!tracker) return SAMLET_ERROR_INVALID_ARGUMENT;
    tracker->impl.set_clip_length(frames);
    return SAMLET_OK;
}

static Status get_result(samlet_tracker* tracker, int32_t id, samlet_result* result) {
    if (!result) return null_argument("result");
    SAMLET_TRY(check_size(result->size, sizeof(*result), "samlet_result"));
    TrackedObject* object;
    SAMLET_TRY(tracker->impl.find_result(id, &object));
    const MaskExtent& extent = tracker->impl.extent(*object);
    result->object = id;
    result->frame = tracker->impl.frame_number();
    result->logits = object->logits;
    result->low_res_size = static_cast<uint32_t>(tracker->impl.low_res());
    result->iou = object->iou;
    result->object_score = object->score;
    result->visible = object->score > 0;
    result->prompted = object->prompted;
    result->empty = extent.area == 0;
    result->box = {static_cast<float>(extent.x0), static_cast<float>(extent.y0),
                   static_cast<float>(extent.x1), static_cast<float>(extent.y1)};
    result->area = extent.area;
    return {};
}
samlet_status samlet_tracker_result(samlet_tracker* tracker, int32_t object, samlet_result* result) {
    SAMLET_TRACKER_CALL(get_result(tracker, object, result));
}

static Status get_mask(samlet_tracker* tracker, int32_t object, uint8_t* mask, uint64_t stride) {
    SAMLET_TRY(check_map(tracker->impl, mask, stride, 1));
    return tracker->impl.mask(object, mask, static_cast<size_t>(stride));
}
samlet_status samlet_tracker_mask(samlet_tracker* tracker, int32_t object, uint8_t* mask, uint64_t stride) {
    SAMLET_TRACKER_CALL(get_mask(tracker, object, mask, stride));
}

static Status get_logits(samlet_tracker* tracker, int32_t object, float* logits, uint64_t stride) {
    SAMLET_TRY(check_map(tracker->impl, logits, stride, sizeof(float)));
    return tracker->impl.logits(object, logits, static_cast<size_t>(stride));
}
samlet_status samlet_tracker_logits(samlet_tracker* tracker, int32_t object, float* logits, uint64_t stride) {
    SAMLET_TRACKER_CALL(get_logits(tracker, object, logits, stride));
}

static Status get_rle(samlet_tracker* tracker, int32_t object, char* text, size_t capacity, size_t* length) {
    if (!length) return null_argument("length");
    if (!text && capacity) return null_argument("text");
    return tracker->impl.rle(object, text, capacity, length);
}
samlet_status samlet_tracker_rle(samlet_tracker* tracker, int32_t object, char* text, size_t capacity,
                                 size_t* length) {
    SAMLET_TRACKER_CALL(get_rle(tracker, object, text, capacity, length));
}

static Status list_objects(const samlet_tracker* tracker, int32_t* ids, uint32_t capacity, uint32_t* count) {
    if (!count) return null_argument("count");
    if (!ids && capacity) return null_argument("ids");
    *count = static_cast<uint32_t>(tracker->impl.list_objects(ids, capacity));
    return {};
}
samlet_status samlet_tracker_objects(const samlet_tracker* tracker, int32_t* ids, uint32_t capacity,
                                     uint32_t* count) {
    SAMLET_TRACKER_CALL(list_objects(tracker, ids, capacity, count));
}

static Status get_profile(const samlet_tracker* tracker, samlet_profile* profile) {
    if (!profile) return null_argument("profile");
    SAMLET_TRY(check_size(profile->size, sizeof(*profile), "samlet_profile"));
    double gmac[SAMLET_STAGE_COUNT];
    tracker->impl.nominal_gmac(gmac);
    for (int i = 0; i < SAMLET_STAGE_COUNT; i++) {
        profile->milliseconds[i] = tracker->impl.stage_milliseconds(static_cast<samlet_stage>(i));
        profile->nominal_gmac[i] = gmac[i];
    }
    return {};
}
samlet_status samlet_tracker_get_profile(const samlet_tracker* tracker, samlet_profile* profile) {
    SAMLET_TRACKER_CALL(get_profile(tracker, profile));
}

samlet_status samlet_tracker_layer(const samlet_tracker* tracker, uint32_t index, samlet_layer* layer) {
    SAMLET_TRACKER_CALL(get_layer(tracker->impl, index, layer));
}

samlet_status samlet_tracker_features(samlet_tracker* tracker, samlet_feature_level level,
                                      samlet_tensor_view* view) {
    SAMLET_TRACKER_CALL(get_features(tracker->impl, level, view));
}

static Status run_memory_attention(samlet_tracker* tracker, const samlet_memory_attention_args* args) {
    if (!args) return null_argument("args");
    SAMLET_TRY(check_size(args->size, sizeof(*args), "samlet_memory_attention_args"));
    return tracker->impl.run_memory_attention(*args);
}
samlet_status samlet_tracker_run_memory_attention(samlet_tracker* tracker,
                                                  const samlet_memory_attention_args* args) {
    SAMLET_TRACKER_CALL(run_memory_attention(tracker, args));
}

}  // extern "C"
