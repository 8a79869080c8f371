/* What Go hands to C. SPDX-License-Identifier: Apache-2.0
 *
 * Go memory may hold no pointer to Go memory while C looks at it, and the structs of samlet.h are full of pointers. Here
 * every pointer is an argument of its own, which cgo keeps in place during the call; the struct is built on C's stack.
 * samlet keeps none of them after the call. */
#ifndef SAMLET_GO_SHIM_H
#define SAMLET_GO_SHIM_H

#include <samlet/samlet.h>
#include <stdlib.h>

/* In log.go. A cgo.Handle is a number and stays one on the Go side: Go's stack must not hold it as a pointer. */
extern void samletGoLog(uintptr_t handle, samlet_log_level level, char *text);

static inline void shim_log(void *context, samlet_log_level level, const char *text) {
    samletGoLog((uintptr_t)context, level, (char *)text);
}

static inline samlet_model_config shim_model_config(const char *path, const void *data, uint64_t data_size,
                                                    uint32_t precision, const char *kernels) {
    samlet_model_config config;
    samlet_model_config_init(&config);
    config.path = path;
    config.data = data;
    config.data_size = data_size;
    config.precision = precision;
    config.kernels = kernels;
    return config;
}

static inline samlet_status shim_model_memory(const char *path, const void *data, uint64_t data_size,
                                              uint32_t precision, const char *kernels, samlet_memory_plan *plan,
                                              samlet_error *error) {
    const samlet_model_config config = shim_model_config(path, data, data_size, precision, kernels);
    samlet_memory_plan_init(plan);
    return samlet_model_memory(&config, plan, error);
}

static inline samlet_status shim_model_open(const char *path, const void *data, uint64_t data_size,
                                            uint32_t precision, const char *kernels, void *memory,
                                            uint64_t memory_size, uintptr_t log, samlet_model **model,
                                            samlet_error *error) {
    samlet_model_config config = shim_model_config(path, data, data_size, precision, kernels);
    config.memory = memory;
    config.memory_size = memory_size;
    if (log) {
        config.log = shim_log;
        config.log_context = (void *)log;
    }
    return samlet_model_open(&config, model, error);
}

static inline samlet_frame shim_frame(uint32_t format, uint32_t width, uint32_t height, const uint8_t *plane0,
                                      uint64_t stride0, const uint8_t *plane1, uint64_t stride1, uint32_t output_width,
                                      uint32_t output_height) {
    samlet_frame frame;
    samlet_frame_init(&frame);
    frame.format = (samlet_pixel_format)format;
    frame.width = width;
    frame.height = height;
    frame.plane[0] = plane0;
    frame.plane[1] = plane1;
    frame.stride[0] = stride0;
    frame.stride[1] = stride1;
    frame.output_width = output_width;
    frame.output_height = output_height;
    return frame;
}

static inline samlet_status shim_tracker_set_frame(samlet_tracker *tracker, uint32_t format, uint32_t width,
                                                   uint32_t height, const uint8_t *plane0, uint64_t stride0,
                                                   const uint8_t *plane1, uint64_t stride1, uint32_t output_width,
                                                   uint32_t output_height, int64_t number) {
    const samlet_frame frame = shim_frame(format, width, height, plane0, stride0, plane1, stride1, output_width,
                                          output_height);
    return samlet_tracker_set_frame(tracker, &frame, number);
}

static inline samlet_status shim_segmenter_set_image(samlet_segmenter *segmenter, uint32_t format, uint32_t width,
                                                     uint32_t height, const uint8_t *plane0, uint64_t stride0,
                                                     const uint8_t *plane1, uint64_t stride1, uint32_t output_width,
                                                     uint32_t output_height) {
    const samlet_frame image = shim_frame(format, width, height, plane0, stride0, plane1, stride1, output_width,
                                          output_height);
    return samlet_segmenter_set_image(segmenter, &image);
}

static inline samlet_prompt shim_prompt(uint32_t flags, const samlet_point *points, uint32_t point_count,
                                        const samlet_box *box) {
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.flags = flags;
    prompt.points = points;
    prompt.point_count = point_count;
    prompt.box = box;
    return prompt;
}

static inline samlet_status shim_tracker_prompt(samlet_tracker *tracker, int32_t object, uint32_t flags,
                                                const samlet_point *points, uint32_t point_count,
                                                const samlet_box *box, const uint8_t *mask, uint32_t mask_width,
                                                uint32_t mask_height, uint64_t mask_stride) {
    samlet_prompt prompt = shim_prompt(flags, points, point_count, box);
    prompt.mask = mask;
    prompt.mask_width = mask_width;
    prompt.mask_height = mask_height;
    prompt.mask_stride = mask_stride;
    return samlet_tracker_prompt(tracker, object, &prompt);
}

static inline samlet_status shim_tracker_run_memory_attention(samlet_tracker *tracker, uint32_t memory_tokens,
                                                              uint32_t pointer_tokens, const float *current,
                                                              const float *current_pos, const float *memory,
                                                              const float *memory_pos, float *output) {
    samlet_memory_attention_args args;
    samlet_memory_attention_args_init(&args);
    args.memory_tokens = memory_tokens;
    args.pointer_tokens = pointer_tokens;
    args.current = current;
    args.current_pos = current_pos;
    args.memory = memory;
    args.memory_pos = memory_pos;
    args.output = output;
    return samlet_tracker_run_memory_attention(tracker, &args);
}

static inline samlet_status shim_segmenter_predict(samlet_segmenter *segmenter, uint32_t flags,
                                                   const samlet_point *points, uint32_t point_count,
                                                   const samlet_box *box, const float *logits, uint32_t multimask,
                                                   samlet_prediction *prediction) {
    samlet_prompt prompt = shim_prompt(flags, points, point_count, box);
    prompt.logits = logits;
    samlet_prediction_init(prediction);
    return samlet_segmenter_predict(segmenter, &prompt, multimask, prediction);
}

#endif
