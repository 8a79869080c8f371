/* Tracks through a clip in no more address space than samlet promises to need plus DIET_CONSTANT. The program
 * links the library alone; test_diet.cpp runs it.
 *
 *   diet MODEL IMAGE_SIZE EXTRA
 *
 * Reads frames (RGB, WIDTH x HEIGHT, dense) from its standard input until that ends. EXTRA bytes are added to
 * the limit; negative ones make it too small. Prints the figures. Exit status: 0; 3 if samlet is refused
 * memory and says so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "diet.h"

#include <samlet/samlet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the C library may take while the library works, for its own files and buffers. */
#define SLACK (256ll << 10)

typedef struct promise {
    long long file, weights, arena;
} promise;

static unsigned char picture[3 * DIET_WIDTH * DIET_HEIGHT], mask[DIET_WIDTH * DIET_HEIGHT];

static void require(int good, const char* what, const char* message) {
    if (good) return;
    fprintf(stderr, "diet: %s: %s\n", what, message);
    exit(1);
}

/* Or ends, as the usage above says, if it is memory that is missing. */
static void require_samlet(samlet_status status, const char* what, const char* message) {
    if (status == SAMLET_ERROR_MEMORY) {
        printf("diet: %s: %s\n", what, message);
        exit(3);
    }
    require(status == SAMLET_OK, what, message);
}

/* A field of /proc/self/status, in bytes: "VmSize", or "VmPeak" for the most that it was. */
static long long address_space(const char* field) {
    char line[128];
    long long kibibytes = -1;
    FILE* file = fopen("/proc/self/status", "r");
    require(file != NULL, "/proc/self/status", "cannot be read");
    while (kibibytes < 0 && fgets(line, sizeof(line), file))
        if (strncmp(line, field, strlen(field)) == 0) kibibytes = atoll(line + strlen(field) + 1);
    fclose(file);
    require(kibibytes > 0, field, "is not in /proc/self/status");
    return kibibytes * 1024;
}

static samlet_tracker_config tracker_config(const char* image_size) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.image_size = (uint32_t)atoi(image_size);
    config.threads = 1;
    return config;
}

static samlet_model* open_model(const char* path) {
    samlet_model* model;
    samlet_error error;
    samlet_model_config config;
    samlet_model_config_init(&config);
    config.path = path;
    require_samlet(samlet_model_open(&config, &model, &error), "samlet_model_open", error.message);
    return model;
}

/* What `samlet info` prints, found out by another process. */
static promise find_promise(const char* path, const char* image_size) {
    promise found = {0, 0, 0};
    int ends[2], status;
    require(pipe(ends) == 0, "pipe", "refused");
    const pid_t child = fork();
    require(child >= 0, "fork", "refused");
    if (child == 0) {
        samlet_error error;
        samlet_memory_plan plan;
        samlet_model_info info;
        const samlet_tracker_config config = tracker_config(image_size);
        const samlet_model* model = open_model(path);
        samlet_memory_plan_init(&plan);
        samlet_model_info_init(&info);
        require(samlet_model_get_info(model, &info) == SAMLET_OK, "samlet_model_get_info", "");
        require(samlet_tracker_memory(model, &config, &plan, &error) == SAMLET_OK, "samlet_tracker_memory",
                error.message);
        found.file = (long long)info.file_bytes;
        found.weights = (long long)info.memory_bytes;
        found.arena = (long long)plan.bytes;
        require(write(ends[1], &found, sizeof(found)) == sizeof(found), "write", "refused");
        _exit(0);
    }
    require(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, path,
            "cannot be measured");
    require(read(ends[0], &found, sizeof(found)) == sizeof(found), "read", "refused");
    close(ends[0]);
    close(ends[1]);
    return found;
}

static uint64_t track(samlet_tracker* tracker, int number) {
    const samlet_box box = {DIET_BOX};
    samlet_frame frame;
    samlet_prompt prompt;
    samlet_result result;
    samlet_frame_init(&frame);
    frame.width = DIET_WIDTH;
    frame.height = DIET_HEIGHT;
    frame.plane[0] = picture;
    frame.stride[0] = 3 * DIET_WIDTH;
    samlet_prompt_init(&prompt);
    prompt.box = &box;
    samlet_result_init(&result);
    samlet_status status = samlet_tracker_set_frame(tracker, &frame, number);
    if (!status && number == 0) status = samlet_tracker_prompt(tracker, 1, &prompt);
    if (!status) status = samlet_tracker_track(tracker);
    if (!status) status = samlet_tracker_result(tracker, 1, &result);
    if (!status) status = samlet_tracker_mask(tracker, 1, mask, DIET_WIDTH);
    require(status == SAMLET_OK, "tracking", samlet_tracker_message(tracker));
    return result.area;
}

int main(int count, char** arguments) {
    require(count == 4, "usage", "diet MODEL IMAGE_SIZE EXTRA < FRAMES");
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer)); /* or the heap would hold it */
    const promise p = find_promise(arguments[1], arguments[2]);
    const long long promised = p.file + p.weights + p.arena, before = address_space("VmSize");
    const long long allowed = promised + DIET_CONSTANT + atoll(arguments[3]);
    const struct rlimit limit = {(rlim_t)allowed, (rlim_t)allowed};
    printf("promised: file %lld, weights %lld, arena %lld; constant %lld, of which in use %lld\n", p.file,
           p.weights, p.arena, DIET_CONSTANT, before);
    require(before + SLACK <= DIET_CONSTANT, "the program itself", "is larger than the constant");
    require(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit", "refused");

    samlet_error error;
    samlet_tracker* tracker;
    const samlet_tracker_config config = tracker_config(arguments[2]);
    samlet_model* model = open_model(arguments[1]);
    require_samlet(samlet_tracker_create(model, &config, &tracker, &error), "samlet_tracker_create",
                   error.message);
    int frames = 0;
    uint64_t area = 0;
    while (fread(picture, sizeof(picture), 1, stdin) == 1) area = track(tracker, frames++);
    const long long after = address_space("VmPeak");
    printf("frames: %d; of the object in the last one %llu pixels; address space: limit %lld, used %lld\n",
           frames, (unsigned long long)area, allowed, after);
    require(frames > 0 && feof(stdin), "the frames", "cannot be read");
    require(after <= before + promised + SLACK, "samlet", "takes more than it promises");
    /* The limit is one. */
    require(mmap(NULL, (size_t)DIET_CONSTANT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED,
            "the limit", "does not hold");
    samlet_tracker_destroy(tracker);
    samlet_model_close(model);
    return 0;
}
