/* Tracks one object through a clip, in memory that this program owns.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   track MODEL.gguf X Y FRAME.ppm...
 *
 * X Y is a point on the object in the first frame. All frames have one size. The programs in ../cpp, ../rust and ../go
 * are the same and print the same.
 */
#define _POSIX_C_SOURCE 200112L /* posix_memalign() */
#include <samlet/samlet.h>
#include <stdio.h>
#include <stdlib.h>

struct picture {
    uint32_t width, height;
    unsigned char *rgb;
};

/* Binary PPM as djpeg and ImageMagick write it (no comments). Allocates at the first frame only. */
static int read_ppm(const char *path, struct picture *picture) {
    unsigned width, height, depth;
    int good;
    FILE *file = fopen(path, "rb");
    if (!file) return 0;
    good = fscanf(file, "P6 %5u %5u %3u", &width, &height, &depth) == 3 && fgetc(file) != EOF && depth == 255;
    if (good && !picture->rgb) {
        picture->width = width;
        picture->height = height;
        picture->rgb = malloc((size_t)3 * width * height);
    }
    good = good && picture->rgb && width == picture->width && height == picture->height &&
           fread(picture->rgb, (size_t)3 * width, height, file) == height;
    fclose(file);
    return good;
}

/* Here a block comes from the heap. A static array with the plan's alignment serves as well. */
static void *block_for(const samlet_memory_plan *plan) {
    void *block;
    return posix_memalign(&block, (size_t)plan->alignment, (size_t)plan->bytes) == 0 ? block : NULL;
}

static int fail(const char *what, const char *message) {
    fprintf(stderr, "track: %s: %s\n", what, message);
    return 1;
}

int main(int argc, char **argv) {
    samlet_model_config model_config;
    samlet_tracker_config tracker_config;
    samlet_memory_plan model_plan, tracker_plan;
    samlet_model *model;
    samlet_tracker *tracker;
    samlet_error error;
    samlet_point point;
    samlet_prompt prompt;
    samlet_frame frame;
    samlet_result result;
    struct picture picture = {0, 0, NULL};
    int count = argc - 4, number;

    if (count < 1) return fail("usage", "track MODEL.gguf X Y FRAME.ppm...");
    if (!read_ppm(argv[4], &picture)) return fail(argv[4], "not a binary PPM file");

    /* How much memory does the model need? Give it that. */
    samlet_model_config_init(&model_config);
    samlet_memory_plan_init(&model_plan);
    model_config.path = argv[1];
    if (samlet_model_memory(&model_config, &model_plan, &error)) return fail(argv[1], error.message);
    model_config.memory = block_for(&model_plan);
    model_config.memory_size = model_plan.bytes;
    if (samlet_model_open(&model_config, &model, &error)) return fail(argv[1], error.message);

    /* The same for a tracker. From its creation on nothing is allocated any more. */
    samlet_tracker_config_init(&tracker_config);
    samlet_memory_plan_init(&tracker_plan);
    tracker_config.max_frame_width = picture.width;
    tracker_config.max_frame_height = picture.height;
    tracker_config.clip_length = (uint32_t)count;
    tracker_config.flags = SAMLET_TRACKER_YIELD; /* other programs share the cores */
    if (samlet_tracker_memory(model, &tracker_config, &tracker_plan, &error)) return fail("memory", error.message);
    tracker_config.memory = block_for(&tracker_plan);
    tracker_config.memory_size = tracker_plan.bytes;
    if (samlet_tracker_create(model, &tracker_config, &tracker, &error)) return fail("tracker", error.message);
    printf("memory model %llu tracker %llu\n", (unsigned long long)model_plan.bytes,
           (unsigned long long)tracker_plan.bytes);

    point.x = strtof(argv[2], NULL);
    point.y = strtof(argv[3], NULL);
    point.label = SAMLET_POINT_POSITIVE;
    samlet_prompt_init(&prompt);
    prompt.points = &point;
    prompt.point_count = 1;
    samlet_frame_init(&frame);
    frame.format = SAMLET_PIXEL_RGB;
    frame.width = picture.width;
    frame.height = picture.height;
    frame.plane[0] = picture.rgb;
    frame.stride[0] = (uint64_t)3 * picture.width;
    samlet_result_init(&result);

    for (number = 0; number < count; number++) {
        if (!read_ppm(argv[4 + number], &picture)) return fail(argv[4 + number], "not a PPM file of the first one's size");
        /* The first call that fails ends the chain. */
        if (samlet_tracker_set_frame(tracker, &frame, number) ||
            (number == 0 && samlet_tracker_prompt(tracker, 1, &prompt)) || samlet_tracker_track(tracker) ||
            samlet_tracker_result(tracker, 1, &result))
            return fail(argv[4 + number], samlet_tracker_message(tracker));
        printf("frame %lld score %.3f iou %.3f visible %u box %.0f %.0f %.0f %.0f\n", (long long)result.frame,
               result.object_score, result.iou, result.visible, result.box.x0, result.box.y0, result.box.x1, result.box.y1);
    }

    samlet_tracker_destroy(tracker);
    free(tracker_config.memory);
    samlet_model_close(model);
    free(model_config.memory);
    free(picture.rgb);
    return 0;
}
