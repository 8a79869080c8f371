/* A box on the first of two frames, and where the object is on both: run with and without a system, to
 * compare.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_TESTS_TWO_FRAMES_H
#define SAMLET_TESTS_TWO_FRAMES_H

#include "samlet/samlet.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Of examples/data: the clip's frames, and a quarter of the model's image size. */
enum { TWO_FRAMES_WIDTH = 960, TWO_FRAMES_HEIGHT = 540, TWO_FRAMES_LOW_RES = 64 };

typedef struct two_frames_answer {
    uint8_t mask[2][TWO_FRAMES_WIDTH * TWO_FRAMES_HEIGHT];
    float logits[2][TWO_FRAMES_LOW_RES * TWO_FRAMES_LOW_RES];
} two_frames_answer;

samlet_tracker_config two_frames_config(void);
/* `frames`: RGB, dense. NULL if all went well, else the message of what did not. */
const char* two_frames_track(samlet_tracker* tracker, const uint8_t* const frames[2],
                             two_frames_answer* answer);

#ifdef __cplusplus
}
#endif

#endif
