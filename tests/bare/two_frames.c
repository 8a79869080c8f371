/* SPDX-License-Identifier: Apache-2.0 */
#include "two_frames.h"

#include <string.h>

samlet_tracker_config two_frames_config(void) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.threads = 1;
    config.max_frame_width = TWO_FRAMES_WIDTH;
    config.max_frame_height = TWO_FRAMES_HEIGHT;
    return config;
}

const char* two_frames_track(samlet_tracker* tracker, const uint8_t* const frames[2],
                             two_frames_answer* answer) {
    const samlet_box box = {315, 0, 520, 400};
    for (int i = 0; i < 2; i++) {
        samlet_frame frame;
        samlet_prompt prompt;
        samlet_result result;
        samlet_frame_init(&frame);
        frame.width = TWO_FRAMES_WIDTH;
        frame.height = TWO_FRAMES_HEIGHT;
        frame.plane[0] = frames[i];
        frame.stride[0] = 3 * TWO_FRAMES_WIDTH;
        samlet_prompt_init(&prompt);
        prompt.box = &box;
        samlet_result_init(&result);
        if (samlet_tracker_set_frame(tracker, &frame, i) ||
            (i == 0 && samlet_tracker_prompt(tracker, 1, &prompt)) || samlet_tracker_track(tracker) ||
            samlet_tracker_result(tracker, 1, &result) ||
            samlet_tracker_mask(tracker, 1, answer->mask[i], TWO_FRAMES_WIDTH))
            return samlet_tracker_message(tracker);
        if (result.low_res_size != TWO_FRAMES_LOW_RES) return "the model's image size is not 256";
        memcpy(answer->logits[i], result.logits, sizeof(answer->logits[i]));
    }
    return 0;
}
