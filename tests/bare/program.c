/* A program as on a board without an operating system: the model and two frames in ROM, static memory, one
 * thread. Prints the masks and logits that it finds; test_program.cpp compares them with those of the
 * ordinary library.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What lies under it, file by file: system.c stands for the board's start-up code and C library, cpu.c for
 * cpuinfo, threadpool.c for pthreadpool. libm is the system's, so that both programs round alike; nothing
 * else is linked.
 */
#include "system.h"
#include "two_frames.h"

/* The bytes of a file as the array `name`, aligned as samlet wants a model. */
#define ROM(name, path)                                                                    \
    __asm__(".section .rodata\n.balign 64\n.global " #name "\n" #name ":\n.incbin \"" path \
            "\"\n.global " #name "_end\n" #name "_end:\n.previous\n");                     \
    extern const uint8_t name[] __attribute__((visibility("hidden")));                     \
    extern const uint8_t name##_end[] __attribute__((visibility("hidden")))

ROM(rom_model, BARE_MODEL);
ROM(rom_frames, BARE_FRAMES);

enum { FRAME_BYTES = 3 * TWO_FRAMES_WIDTH * TWO_FRAMES_HEIGHT, MEBIBYTE = 1 << 20 };

static uint8_t model_block[18 * MEBIBYTE] __attribute__((aligned(64)));
static uint8_t tracker_block[8 * MEBIBYTE] __attribute__((aligned(64)));
static two_frames_answer answer;

static samlet_error error;

static void require(int good, const char* what) {
    if (good) return;
    complain(what);
    complain(error.message);
    leave(1);
}

/* What cannot be had without a system is refused with a sentence. */
static void check_refusals(samlet_model_config good) {
    samlet_model* model;
    samlet_memory_plan plan;
    samlet_model_config config = good;
    samlet_memory_plan_init(&plan);
    config.path = "model.gguf";
    config.data = 0;
    require(samlet_model_open(&config, &model, &error) == SAMLET_ERROR_UNSUPPORTED && !model &&
                strstr(error.message, "data"),
            "a path is not refused as it should");
    config = good;
    config.memory = 0;
    require(samlet_model_open(&config, &model, &error) == SAMLET_ERROR_MEMORY && !model &&
                strstr(error.message, "give a block as memory"),
            "a model without memory is not refused as it should");
    require(samlet_model_memory(&config, &plan, &error) == SAMLET_ERROR_MEMORY &&
                strstr(error.message, "give a block as memory"),
            "measuring without memory is not refused as it should");
    config.memory = model_block;
    config.memory_size = MEBIBYTE;
    require(samlet_model_open(&config, &model, &error) == SAMLET_ERROR_MEMORY && !model &&
                strstr(error.message, "are needed"),
            "a small block is not refused as it should");
}

static void check_tracker_refusals(const samlet_model* model) {
    samlet_tracker* tracker;
    samlet_tracker_config config = two_frames_config();
    require(samlet_tracker_create(model, &config, &tracker, &error) == SAMLET_ERROR_MEMORY && !tracker &&
                strstr(error.message, "give one as memory"),
            "a tracker without memory is not refused as it should");
    config.memory = tracker_block;
    config.memory_size = sizeof(tracker_block);
    config.threads = 2;
    require(samlet_tracker_create(model, &config, &tracker, &error) == SAMLET_ERROR_UNSUPPORTED && !tracker &&
                strstr(error.message, "threads is 2"),
            "threads are not refused as they should");
}

void program(void) {
    samlet_model_config config;
    samlet_tracker_config tracker_config = two_frames_config();
    samlet_memory_plan plan;
    samlet_model* model;
    samlet_tracker* tracker;
    const uint8_t* const frames[2] = {rom_frames, rom_frames + FRAME_BYTES};
    const char* message;

    require(rom_frames_end - rom_frames == 2 * FRAME_BYTES, "the frames have another size");
    samlet_model_config_init(&config);
    config.data = rom_model;
    config.data_size = (uint64_t)(rom_model_end - rom_model);
    config.memory = model_block;
    config.memory_size = sizeof(model_block);
    check_refusals(config);

    samlet_memory_plan_init(&plan);
    require(samlet_model_memory(&config, &plan, &error) == SAMLET_OK, "samlet_model_memory");
    require(plan.bytes <= sizeof(model_block), "the model needs a larger block");
    config.memory_size = plan.bytes;
    require(samlet_model_open(&config, &model, &error) == SAMLET_OK, "samlet_model_open");
    check_tracker_refusals(model);

    require(samlet_tracker_memory(model, &tracker_config, &plan, &error) == SAMLET_OK,
            "samlet_tracker_memory");
    require(plan.bytes <= sizeof(tracker_block), "the tracker needs a larger block");
    tracker_config.threads = 0; /* one is the default here */
    tracker_config.memory = tracker_block;
    tracker_config.memory_size = plan.bytes;
    require(samlet_tracker_create(model, &tracker_config, &tracker, &error) == SAMLET_OK,
            "samlet_tracker_create");
    message = two_frames_track(tracker, frames, &answer);
    if (message) complain(message);
    require(!message, "tracking failed");
    require(stack_left() >= 1024, "the stack is nearly used up");
    put(&answer, sizeof(answer));
    samlet_tracker_destroy(tracker);
    samlet_model_close(model);
    leave(0);
}
