/* Tracks a disc through two frames that it draws: disc MODEL.gguf
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <samlet/samlet.h>
#include <stdio.h>

enum { WIDTH = 160, HEIGHT = 120, RADIUS = 25 };

static void draw(unsigned char* grey, int centre_x) {
    int x, y;
    for (y = 0; y < HEIGHT; y++)
        for (x = 0; x < WIDTH; x++) {
            const int dx = x - centre_x, dy = y - HEIGHT / 2;
            grey[y * WIDTH + x] = dx * dx + dy * dy < RADIUS * RADIUS ? 230 : 40;
        }
}

static int fail(const char* message) {
    fprintf(stderr, "disc: %s\n", message);
    return 1;
}

int main(int argc, char** argv) {
    static unsigned char grey[WIDTH * HEIGHT];
    samlet_model_config model_config;
    samlet_tracker_config config;
    samlet_model* model;
    samlet_tracker* tracker;
    samlet_error error;
    samlet_frame frame;
    samlet_prompt prompt;
    samlet_result result;
    const samlet_point click = {60, HEIGHT / 2, SAMLET_POINT_POSITIVE};
    int n;

    if (argc != 2) return fail("usage: disc MODEL.gguf");
    if (samlet_abi_version() != SAMLET_ABI_VERSION) return fail("the library is not the header's");
    samlet_model_config_init(&model_config);
    model_config.path = argv[1];
    if (samlet_model_open(&model_config, &model, &error)) return fail(error.message);
    samlet_tracker_config_init(&config);
    config.flags = SAMLET_TRACKER_YIELD;
    if (samlet_tracker_create(model, &config, &tracker, &error)) return fail(error.message);

    samlet_frame_init(&frame);
    frame.format = SAMLET_PIXEL_GREY;
    frame.width = WIDTH;
    frame.height = HEIGHT;
    frame.plane[0] = grey;
    frame.stride[0] = WIDTH;
    samlet_prompt_init(&prompt);
    prompt.points = &click;
    prompt.point_count = 1;
    samlet_result_init(&result);
    for (n = 0; n < 2; n++) {
        draw(grey, 60 + 10 * n);
        if (samlet_tracker_set_frame(tracker, &frame, n) ||
            (n == 0 && samlet_tracker_prompt(tracker, 1, &prompt)) || samlet_tracker_track(tracker) ||
            samlet_tracker_result(tracker, 1, &result))
            return fail(samlet_tracker_message(tracker));
        printf("samlet %s frame %d visible %u area %llu\n", samlet_version(), n, (unsigned)result.visible,
               (unsigned long long)result.area);
    }
    samlet_tracker_destroy(tracker);
    samlet_model_close(model);
    return 0;
}
