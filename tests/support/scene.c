/* SPDX-License-Identifier: Apache-2.0 */
#include "scene.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Pictures ------------------------------------------------------------------------------------------ */

enum { CLIP_LENGTH = 64 };

/* Texture out of nothing: the same everywhere, 0..255. */
static uint32_t noise(uint32_t x, uint32_t y) {
    uint32_t n = x * 374761393u + y * 668265263u;
    n = (n ^ (n >> 13)) * 1274126177u;
    return (n ^ (n >> 16)) & 255u;
}

static float place(uint32_t extent, float from, float step, int time) {
    float p = from + step * (float)time;
    p -= 2.0f * floorf(p / 2.0f); /* bounces between 0 and 1 */
    if (p > 1.0f) p = 2.0f - p;
    return (0.2f + 0.6f * p) * (float)extent;
}

static samlet_point at(float x, float y) {
    samlet_point point;
    point.x = floorf(x);
    point.y = floorf(y);
    point.label = SAMLET_POINT_POSITIVE;
    return point;
}

samlet_point scene_disc(uint32_t width, uint32_t height, int time) {
    return at(place(width, 0.1f, 0.03f, time), place(height, 0.3f, 0.02f, time));
}

samlet_point scene_square(uint32_t width, uint32_t height, int time) {
    return at(place(width, 0.95f, 0.025f, time), place(height, 0.9f, 0.01f, time));
}

static float disc_radius(uint32_t height) {
    return (float)height * 0.2f;
}
static float square_half(uint32_t height) {
    return (float)height * 0.15f;
}

samlet_box scene_disc_box(uint32_t width, uint32_t height, int time) {
    const samlet_point c = scene_disc(width, height, time);
    const float r = disc_radius(height);
    samlet_box box;
    box.x0 = c.x - r < 0 ? 0 : c.x - r;
    box.y0 = c.y - r < 0 ? 0 : c.y - r;
    box.x1 = c.x + r > (float)width ? (float)width : c.x + r;
    box.y1 = c.y + r > (float)height ? (float)height : c.y + r;
    return box;
}

static uint8_t shade(uint32_t base, uint32_t texture, uint32_t x, uint32_t y) {
    const uint32_t value = base + noise(x, y) * texture / 256u;
    return (uint8_t)(value > 255 ? 255 : value);
}

static void ground(uint8_t* pixel, uint32_t x, uint32_t y) {
    const uint32_t stripe = (x / 16 + y / 12) % 2 ? 20 : 0;
    pixel[0] = shade(60 + stripe, 20, x, y);
    pixel[1] = shade(110 + stripe, 30, x + 1000, y);
    pixel[2] = shade(70, 20, x, y + 1000);
}

void scene_draw(uint8_t* rgb, uint32_t width, uint32_t height, int time) {
    const samlet_point disc = scene_disc(width, height, time), square = scene_square(width, height, time);
    const float radius = disc_radius(height), half = square_half(height);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, rgb += 3) {
            const float dx = (float)x + 0.5f - disc.x, dy = (float)y + 0.5f - disc.y;
            const float sx = (float)x + 0.5f - square.x, sy = (float)y + 0.5f - square.y;
            const uint32_t u = (uint32_t)(int32_t)(dx + 512), v = (uint32_t)(int32_t)(dy + 512);
            ground(rgb, x, y);
            if (fabsf(sx) < half && fabsf(sy) < half) {
                rgb[0] = shade(20, 20, x, y);
                rgb[1] = shade(50, 20, x, y);
                rgb[2] = (uint8_t)(((int32_t)(sx + 512) / 4 + (int32_t)(sy + 512) / 4) % 2 ? 230 : 180);
            }
            if (dx * dx + dy * dy < radius * radius) {
                rgb[0] = (uint8_t)(u / 6 % 2 ? 235 : 190); /* the texture moves along */
                rgb[1] = shade(30, 30, u, v);
                rgb[2] = shade(30, 20, u, v);
            }
        }
}

samlet_frame scene_frame(const void* pixels, samlet_pixel_format format, uint32_t width, uint32_t height) {
    static const uint8_t bytes[] = {3, 3, 4, 4, 1};
    samlet_frame frame;
    samlet_frame_init(&frame);
    frame.format = format;
    frame.width = width;
    frame.height = height;
    frame.plane[0] = pixels;
    frame.stride[0] = (uint64_t)width * bytes[format];
    return frame;
}

samlet_frame scene_clip(int time) {
    static uint8_t* pictures[CLIP_LENGTH];
    if (time < 0 || time >= CLIP_LENGTH) fail_msg("the clip has no moment %d", time);
    if (!pictures[time]) {
        pictures[time] = malloc((size_t)3 * SCENE_WIDTH * SCENE_HEIGHT);
        assert_non_null(pictures[time]);
        scene_draw(pictures[time], SCENE_WIDTH, SCENE_HEIGHT, time);
    }
    return scene_frame(pictures[time], SAMLET_PIXEL_RGB, SCENE_WIDTH, SCENE_HEIGHT);
}

/* ---- Sessions ------------------------------------------------------------------------------------------ */

const char* scene_model_path(void) {
    return SAMLET_SOURCE_DIR "/examples/data/samlet_micro.gguf";
}

const uint8_t* scene_model_bytes(size_t* size) {
    static void* bytes;
    static size_t length;
    if (!bytes) {
        FILE* file = fopen(scene_model_path(), "rb");
        assert_non_null(file);
        assert_int_equal(fseek(file, 0, SEEK_END), 0);
        length = (size_t)ftell(file);
        rewind(file);
        assert_int_equal(posix_memalign(&bytes, 64, length), 0);
        assert_int_equal(fread(bytes, 1, length, file), length);
        fclose(file);
    }
    *size = length;
    return bytes;
}

const samlet_model* scene_model(void) {
    static samlet_model* model;
    if (!model) {
        samlet_model_config config;
        samlet_error error;
        samlet_model_config_init(&config);
        config.path = scene_model_path();
        if (samlet_model_open(&config, &model, &error) != SAMLET_OK) fail_msg("%s", error.message);
    }
    return model;
}

uint32_t scene_image_size(void) {
    const char* text = getenv("SAMLET_TEST_IMAGE_SIZE");
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

samlet_tracker_config scene_tracker_config(void) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.image_size = scene_image_size();
    config.threads = 1;
    config.max_frame_width = SCENE_WIDTH;
    config.max_frame_height = SCENE_HEIGHT;
    return config;
}

samlet_tracker* scene_tracker(const samlet_tracker_config* config) {
    samlet_tracker* tracker = NULL;
    samlet_error error;
    if (samlet_tracker_create(scene_model(), config, &tracker, &error) != SAMLET_OK)
        fail_msg("%s", error.message);
    assert_non_null(tracker);
    return tracker;
}

samlet_segmenter_config scene_segmenter_config(void) {
    samlet_segmenter_config config;
    samlet_segmenter_config_init(&config);
    config.image_size = scene_image_size();
    config.threads = 1;
    config.max_frame_width = SCENE_WIDTH;
    config.max_frame_height = SCENE_HEIGHT;
    return config;
}

samlet_segmenter* scene_segmenter(const samlet_segmenter_config* config) {
    samlet_segmenter* segmenter = NULL;
    samlet_error error;
    if (samlet_segmenter_create(scene_model(), config, &segmenter, &error) != SAMLET_OK)
        fail_msg("%s", error.message);
    assert_non_null(segmenter);
    return segmenter;
}

samlet_prompt scene_points(const samlet_point* points, uint32_t count) {
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.points = points;
    prompt.point_count = count;
    return prompt;
}

samlet_prompt scene_box(const samlet_box* box) {
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.box = box;
    return prompt;
}

void scene_set(samlet_tracker* tracker, int time, int64_t number) {
    const samlet_frame frame = scene_clip(time);
    assert_ok(tracker, samlet_tracker_set_frame(tracker, &frame, number));
}

void scene_prompt(samlet_tracker* tracker, int32_t object, const samlet_prompt* prompt) {
    assert_ok(tracker, samlet_tracker_prompt(tracker, object, prompt));
}

void scene_click(samlet_tracker* tracker, int32_t object, samlet_point point) {
    const samlet_prompt prompt = scene_points(&point, 1);
    scene_prompt(tracker, object, &prompt);
}

void scene_track(samlet_tracker* tracker) {
    assert_ok(tracker, samlet_tracker_track(tracker));
}

samlet_result scene_result(samlet_tracker* tracker, int32_t object) {
    samlet_result result;
    samlet_result_init(&result);
    assert_ok(tracker, samlet_tracker_result(tracker, object, &result));
    return result;
}

void assert_sentence(const char* what, const char* text, const char* needle1, const char* needle2,
                     const char* needle3) {
    const char* needles[3];
    const size_t length = text ? strlen(text) : 0;
    needles[0] = needle1;
    needles[1] = needle2;
    needles[2] = needle3;
    if (length < 8 || length > 251) fail_msg("%s: the message \"%s\" is no sentence", what, text ? text : "");
    if (text[length - 1] == '.' || strchr(text, '\n') || strchr(text, '%'))
        fail_msg("%s: the message \"%s\" has a full stop, a line break or a % sign", what, text);
    for (int i = 0; i < 3; i++)
        if (needles[i] && !strstr(text, needles[i]))
            fail_msg("%s: the message \"%s\" does not tell \"%s\"", what, text, needles[i]);
}

/* ---- Recordings ---------------------------------------------------------------------------------------- */

void recording_init(recording* recording) {
    memset(recording, 0, sizeof(*recording));
}

void recording_free(recording* recording) {
    for (size_t i = 0; i < recording->count; i++) free((void*)(uintptr_t)recording->records[i].result.logits);
    free(recording->records);
    recording_init(recording);
}

static size_t logit_bytes(const record* r) {
    return (size_t)r->result.low_res_size * r->result.low_res_size * sizeof(float);
}

void recording_add(recording* recording, samlet_tracker* tracker, int32_t object) {
    record* r;
    float* logits;
    if (recording->count == recording->capacity) {
        recording->capacity = recording->capacity ? 2 * recording->capacity : 16;
        recording->records = realloc(recording->records, recording->capacity * sizeof(record));
        assert_non_null(recording->records);
    }
    r = &recording->records[recording->count++];
    r->result = scene_result(tracker, object);
    logits = malloc(logit_bytes(r));
    assert_non_null(logits);
    memcpy(logits, r->result.logits, logit_bytes(r));
    r->result.logits = logits;
}

static int same_floats(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static int same_boxes(const samlet_box* a, const samlet_box* b) {
    return same_floats(a->x0, b->x0) && same_floats(a->y0, b->y0) && same_floats(a->x1, b->x1) &&
           same_floats(a->y1, b->y1);
}

static void assert_same_records(const record* a, const record* b) {
    const samlet_result *x = &a->result, *y = &b->result;
    if (x->frame != y->frame || x->object != y->object)
        fail_msg("object %d on frame %d meets object %d on frame %d", (int)x->object, (int)x->frame,
                 (int)y->object, (int)y->frame);
    if (!same_floats(x->iou, y->iou) || !same_floats(x->object_score, y->object_score))
        fail_msg("object %d on frame %d: iou %.9g and %.9g, score %.9g and %.9g", (int)x->object,
                 (int)x->frame, (double)x->iou, (double)y->iou, (double)x->object_score,
                 (double)y->object_score);
    if (x->visible != y->visible || x->prompted != y->prompted || x->empty != y->empty ||
        x->area != y->area || !same_boxes(&x->box, &y->box))
        fail_msg("object %d on frame %d: visible %u %u, prompted %u %u, area %u %u", (int)x->object,
                 (int)x->frame, x->visible, y->visible, x->prompted, y->prompted, (unsigned)x->area,
                 (unsigned)y->area);
    assert_int_equal(x->low_res_size, y->low_res_size);
    if (memcmp(x->logits, y->logits, logit_bytes(a)) != 0)
        fail_msg("object %d on frame %d: the logits differ", (int)x->object, (int)x->frame);
}

void assert_same_recordings(const recording* a, const recording* b) {
    assert_int_equal(a->count, b->count);
    assert_true(a->count > 0);
    for (size_t i = 0; i < a->count; i++) assert_same_records(&a->records[i], &b->records[i]);
}

double recording_distance(const recording* a, const recording* b) {
    double worst = 0;
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const samlet_result *x = &a->records[i].result, *y = &b->records[i].result;
        double difference = 0, square = 0;
        assert_int_equal(x->low_res_size, y->low_res_size);
        for (size_t k = 0; k < logit_bytes(&a->records[i]) / sizeof(float); k++) {
            const double d = (double)x->logits[k] - (double)y->logits[k];
            difference += d * d;
            square += (double)x->logits[k] * (double)x->logits[k];
        }
        difference = sqrt(difference / (square > 0 ? square : 1));
        if (!isnan(worst) && !(difference <= worst)) worst = difference; /* NaN stays */
    }
    return worst;
}

/* ---- Masks --------------------------------------------------------------------------------------------- */

/* One number of the code: groups of 5 bits, low ones first, bit 5 set when more follow. */
static const char* read_run(const char* text, int64_t* value) {
    int64_t bits = 0;
    int shift = 0, group;
    do {
        group = *text - 48;
        if (group < 0 || group > 63 || shift > 40) return NULL;
        text++;
        bits |= (int64_t)(group & 31) << shift;
        shift += 5;
    } while (group & 32);
    if (group & 16) bits -= (int64_t)1 << shift;
    *value = bits;
    return text;
}

int rle_decode(const char* text, uint8_t* mask, uint32_t width, uint32_t height) {
    const uint64_t total = (uint64_t)width * height;
    int64_t runs[3] = {0, 0, 0}; /* the last ones, newest first */
    uint64_t done = 0;
    size_t count = 0;
    while (*text) {
        int64_t run;
        text = read_run(text, &run);
        if (!text) return 0;
        if (count > 2) run += runs[1];
        if (run < 0 || (uint64_t)run > total - done) return 0;
        for (int64_t i = 0; i < run; i++, done++)
            mask[done % height * width + done / height] = count % 2 ? 255 : 0;
        runs[2] = runs[1];
        runs[1] = runs[0];
        runs[0] = run;
        count++;
    }
    return done == total;
}
