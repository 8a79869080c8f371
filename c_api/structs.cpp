// The _init functions: zero, which means default, and the size.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "samlet/samlet.h"

namespace {

template <typename T>
void init(T* object) {
    if (!object) return;
    memset(object, 0, sizeof(T));
    object->size = sizeof(T);
}

}  // namespace

extern "C" {

void samlet_memory_plan_init(samlet_memory_plan* plan) {
    init(plan);
}
void samlet_model_config_init(samlet_model_config* config) {
    init(config);
}
void samlet_model_info_init(samlet_model_info* info) {
    init(info);
}
void samlet_tensor_info_init(samlet_tensor_info* info) {
    init(info);
}
void samlet_layer_init(samlet_layer* layer) {
    init(layer);
}
void samlet_frame_init(samlet_frame* frame) {
    init(frame);
}
void samlet_prompt_init(samlet_prompt* prompt) {
    init(prompt);
}
void samlet_tracker_config_init(samlet_tracker_config* config) {
    init(config);
}
void samlet_result_init(samlet_result* result) {
    init(result);
}
void samlet_profile_init(samlet_profile* profile) {
    init(profile);
}
void samlet_explanation_init(samlet_explanation* explanation) {
    init(explanation);
}
void samlet_memory_share_init(samlet_memory_share* share) {
    init(share);
}
void samlet_tensor_view_init(samlet_tensor_view* view) {
    init(view);
}
void samlet_memory_attention_args_init(samlet_memory_attention_args* args) {
    init(args);
}
void samlet_segmenter_config_init(samlet_segmenter_config* config) {
    init(config);
}
void samlet_prediction_init(samlet_prediction* prediction) {
    init(prediction);
}
void samlet_mask_measure_init(samlet_mask_measure* measure) {
    init(measure);
}

}  // extern "C"
