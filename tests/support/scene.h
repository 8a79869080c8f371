/* A synthetic clip, the bundled model and recordings of results: what the tests of sessions share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_TESTS_SCENE_H
#define SAMLET_TESTS_SCENE_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#include <cmocka.h>
#ifdef __cplusplus
}
#endif
/* clang-format on */

#include "samlet/samlet.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SCENE_SANITIZED 1
#else
#define SCENE_SANITIZED 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Pictures ------------------------------------------------------------------------------------------ */

enum { SCENE_WIDTH = 160, SCENE_HEIGHT = 96 };

/* Draws moment `time` of a clip: a red textured disc that goes right and a blue textured square that goes
 * left, over a greenish ground with a slow pattern. width x height RGB pixels, dense. */
void scene_draw(uint8_t* rgb, uint32_t width, uint32_t height, int time);
/* The centre of the disc and of the square at that moment, in pixels. */
samlet_point scene_disc(uint32_t width, uint32_t height, int time);
samlet_point scene_square(uint32_t width, uint32_t height, int time);
samlet_box scene_disc_box(uint32_t width, uint32_t height, int time);

/* A frame around dense pixels of `format`, one of the interleaved ones. */
samlet_frame scene_frame(const void* pixels, samlet_pixel_format format, uint32_t width, uint32_t height);
/* Moment `time` of the clip at SCENE_WIDTH x SCENE_HEIGHT. The picture stays until the program ends. 0 <=
 * time < 64. */
samlet_frame scene_clip(int time);

/* ---- Sessions ------------------------------------------------------------------------------------------ */

/* examples/data/samlet_micro.gguf */
const char* scene_model_path(void);
/* That file's bytes, aligned to 64; stay until the program ends. */
const uint8_t* scene_model_bytes(size_t* size);
/* The bundled model, opened once, never closed. */
const samlet_model* scene_model(void);

/* SAMLET_TEST_IMAGE_SIZE of the environment, for machines on which a frame takes seconds (emulated ones): the
 * image size of the configs below, where a test sets none itself, and a hint to do less of the same. 0 if it is
 * not set: the model's own size. Not every test bears another size; tests/run_arm64.sh names those. */
uint32_t scene_image_size(void);
/* Defaults for tests: one thread, frames up to SCENE_WIDTH x SCENE_HEIGHT. */
samlet_tracker_config scene_tracker_config(void);
samlet_tracker* scene_tracker(const samlet_tracker_config* config);
samlet_segmenter_config scene_segmenter_config(void);
samlet_segmenter* scene_segmenter(const samlet_segmenter_config* config);

samlet_prompt scene_points(const samlet_point* points, uint32_t count);
samlet_prompt scene_box(const samlet_box* box);

/* The calls, with a check that they succeed. */
void scene_set(samlet_tracker* tracker, int time, int64_t number);
void scene_prompt(samlet_tracker* tracker, int32_t object, const samlet_prompt* prompt);
void scene_click(samlet_tracker* tracker, int32_t object, samlet_point point);
void scene_track(samlet_tracker* tracker);
samlet_result scene_result(samlet_tracker* tracker, int32_t object);

#define assert_ok(tracker, call)                                                                           \
    do {                                                                                                   \
        const samlet_status ok_status = (call);                                                            \
        if (ok_status != SAMLET_OK)                                                                        \
            fail_msg("%s: %s: %s", #call, samlet_status_name(ok_status), samlet_tracker_message(tracker)); \
    } while (0)

/* `text` must hold every one of the up to three needles (NULL: none), and be one sentence of sensible length.
 */
void assert_sentence(const char* what, const char* text, const char* needle1, const char* needle2,
                     const char* needle3);

/* ---- Recordings ---------------------------------------------------------------------------------------- */

typedef struct record {
    samlet_result result; /* logits point to a copy */
} record;

typedef struct recording {
    size_t count, capacity;
    record* records;
} recording;

void recording_init(recording* recording);
void recording_free(recording* recording);
/* Appends the result of `object` on the current frame. */
void recording_add(recording* recording, samlet_tracker* tracker, int32_t object);
/* All fields and logits, bit by bit. */
void assert_same_recordings(const recording* a, const recording* b);
/* Largest root mean square of the difference of two logit maps over that of the first one; all records in
 * order. Frame numbers may differ. */
double recording_distance(const recording* a, const recording* b);

/* ---- Masks --------------------------------------------------------------------------------------------- */

/* Decodes COCO's compressed run-length code to 0 and 255, dense. False if it is malformed or does not fill
 * the picture. */
int rle_decode(const char* text, uint8_t* mask, uint32_t width, uint32_t height);

#ifdef __cplusplus
}
#endif

#endif
