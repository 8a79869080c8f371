/* Opening models: from files and from memory, into blocks, with every wrong argument; and what a model tells
 * of itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

static samlet_model_config from_file(const char* path) {
    samlet_model_config config;
    samlet_model_config_init(&config);
    config.path = path;
    return config;
}

static samlet_model_config from_memory(void) {
    samlet_model_config config;
    size_t size;
    samlet_model_config_init(&config);
    config.data = scene_model_bytes(&size);
    config.data_size = size;
    return config;
}

static samlet_model* open_model(const samlet_model_config* config) {
    samlet_model* model = NULL;
    samlet_error error;
    if (samlet_model_open(config, &model, &error) != SAMLET_OK) fail_msg("%s", error.message);
    assert_int_equal(error.status, SAMLET_OK);
    assert_string_equal(error.message, "");
    return model;
}

/* samlet_model_open() and samlet_model_memory() must refuse alike. */
static void expect(const samlet_model_config* config, samlet_status status, const char* needle1,
                   const char* needle2) {
    samlet_model* model = (samlet_model*)(uintptr_t)64;
    samlet_memory_plan plan;
    samlet_error error, again;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_model_open(config, &model, &error), status);
    assert_null(model);
    assert_int_equal(error.status, status);
    assert_sentence("samlet_model_open", error.message, needle1, needle2, NULL);
    assert_int_equal(samlet_model_memory(config, &plan, &again), status);
    assert_string_equal(error.message, again.message);
    assert_int_equal(plan.bytes, 0);
    assert_int_equal(samlet_model_open(config, &model, NULL), status);
}

/* Three frames of one object. */
static void run(const samlet_model* model, recording* out) {
    const samlet_tracker_config config = scene_tracker_config();
    samlet_tracker* t = NULL;
    samlet_error error;
    recording_init(out);
    if (samlet_tracker_create(model, &config, &t, &error) != SAMLET_OK) fail_msg("%s", error.message);
    for (int i = 0; i < 3; i++) {
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(SCENE_WIDTH, SCENE_HEIGHT, 0));
        scene_track(t);
        recording_add(out, t, 1);
    }
    samlet_tracker_destroy(t);
}

static void assert_runs_like_the_bundled_one(const samlet_model* model) {
    recording want, got;
    run(scene_model(), &want);
    run(model, &got);
    assert_same_recordings(&want, &got);
    recording_free(&want);
    recording_free(&got);
}

/* ---- Files --------------------------------------------------------------------------------------------- */

/* A path in a fresh folder; `content` is written unless NULL. */
static const char* scratch_path(const char* content) {
    static char folder[64], path[80];
    FILE* file;
    snprintf(folder, sizeof(folder), "%s/samlet-test-XXXXXX", "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/model.gguf", folder);
    if (!content) return path;
    file = fopen(path, "wb");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    return path;
}

static void remove_scratch(const char* path) {
    char folder[80];
    unlink(path);
    snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = 0;
    rmdir(folder);
}

static void files_that_cannot_be_opened(void** state) {
    const char* path = scratch_path(NULL);
    samlet_model_config config = from_file(path);
    (void)state;
    expect(&config, SAMLET_ERROR_FILE, path, "cannot be opened");
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes: it must not wait */
    expect(&config, SAMLET_ERROR_FILE, path, "not a regular file");
    remove_scratch(path);
    config.path = "";
    expect(&config, SAMLET_ERROR_FILE, "cannot be opened", NULL);
    config.path = SAMLET_SOURCE_DIR;
    expect(&config, SAMLET_ERROR_FILE, "not a regular file", NULL);
    path = scratch_path("");
    config.path = path;
    expect(&config, SAMLET_ERROR_FILE, path, "empty");
    remove_scratch(path);
}

static void files_that_are_no_models(void** state) {
    const char* path = scratch_path("PK\003\004 this is what a .pt file begins with");
    const samlet_model_config config = from_file(path);
    (void)state;
    expect(&config, SAMLET_ERROR_FORMAT, "GGUF", "convert_checkpoint.py");
    remove_scratch(path);
}

static void names_are_cut_and_harmless(void** state) {
    static char name[400];
    samlet_model_config config = from_file(name);
    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    expect(&config, SAMLET_ERROR_FILE, "nnnn...", "cannot be opened");
    strcpy(name, "\033[2Jhid\nden\177");
    expect(&config, SAMLET_ERROR_FILE, "?[2Jhid?den?", NULL);
}

static void truncated_files(void** state) {
    samlet_model_config config = from_memory();
    const uint64_t whole = config.data_size;
    char number[24];
    (void)state;
    for (uint64_t left = 24; left < whole; left = left * 3 / 2) {
        config.data_size = left;
        sprintf(number, "%llu", (unsigned long long)left);
        expect(&config, SAMLET_ERROR_FORMAT, "truncated", number);
    }
    config.data_size = whole - 65; /* the last tensor's end is missing; the file may be padded */
    expect(&config, SAMLET_ERROR_FORMAT, "truncated", NULL);
}

/* ---- Arguments ----------------------------------------------------------------------------------------- */

static void sources_are_checked(void** state) {
    samlet_model_config config;
    (void)state;
    samlet_model_config_init(&config);
    expect(&config, SAMLET_ERROR_INVALID_ARGUMENT, "path", "data");
    config = from_memory();
    config.path = scene_model_path();
    expect(&config, SAMLET_ERROR_INVALID_ARGUMENT, "path", "data");
    config = from_memory();
    config.size = 8;
    expect(&config, SAMLET_ERROR_INVALID_ARGUMENT, "samlet_model_config", "8");
    config = from_memory();
    config.data_size = 0;
    expect(&config, SAMLET_ERROR_FORMAT, "GGUF", NULL);
    for (int off = 1; off < 32; off++) {
        char number[24];
        config = from_memory();
        config.data = (const uint8_t*)config.data + off;
        config.data_size -= (uint64_t)off;
        sprintf(number, " %d bytes", off);
        expect(&config, SAMLET_ERROR_INVALID_ARGUMENT, number, "32");
    }
}

static void kernels_are_checked(void** state) {
    samlet_model_config config = from_memory();
    (void)state;
    config.kernels = "sse9";
    expect(&config, SAMLET_ERROR_UNSUPPORTED, "sse9", "avx2");
    config.kernels = NULL;
    assert_int_equal(setenv("SAMLET_KERNELS", "altivec", 1), 0);
    expect(&config, SAMLET_ERROR_UNSUPPORTED, "altivec", "generic");
    config.kernels = "generic"; /* the config outranks the environment */
    samlet_model_close(open_model(&config));
    config.kernels = "";
    assert_int_equal(setenv("SAMLET_KERNELS", "", 1), 0);
    samlet_model_close(open_model(&config));
    unsetenv("SAMLET_KERNELS");
}

static void every_call_takes_nulls(void** state) {
    const samlet_model_config config = from_memory();
    samlet_model* model = NULL;
    samlet_memory_plan plan;
    samlet_model_info info;
    samlet_tensor_info tensor;
    samlet_error error;
    (void)state;
    samlet_memory_plan_init(&plan);
    samlet_model_info_init(&info);
    samlet_tensor_info_init(&tensor);
    assert_int_equal(samlet_model_open(NULL, &model, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("open", error.message, "config", "NULL", NULL);
    assert_int_equal(samlet_model_open(&config, NULL, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("open", error.message, "model", "NULL", NULL);
    assert_int_equal(samlet_model_open(NULL, NULL, NULL), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_int_equal(samlet_model_memory(NULL, &plan, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("memory", error.message, "config", "NULL", NULL);
    assert_int_equal(samlet_model_memory(&config, NULL, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("memory", error.message, "plan", "NULL", NULL);
    plan.size = 100;
    assert_int_equal(samlet_model_memory(&config, &plan, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("memory", error.message, "samlet_memory_plan", "100", NULL);
    assert_int_equal(samlet_model_get_info(NULL, &info), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_int_equal(samlet_model_get_info(scene_model(), NULL), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_int_equal(samlet_model_get_tensor(NULL, 0, &tensor), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_int_equal(samlet_model_get_tensor(scene_model(), 0, NULL), SAMLET_ERROR_INVALID_ARGUMENT);
    info.size = tensor.size = 4;
    assert_int_equal(samlet_model_get_info(scene_model(), &info), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_int_equal(samlet_model_get_tensor(scene_model(), 0, &tensor), SAMLET_ERROR_INVALID_ARGUMENT);
    samlet_model_close(NULL);
}

/* ---- Right use ----------------------------------------------------------------------------------------- */

static void files_and_bytes_are_the_same_model(void** state) {
    const samlet_model_config config = from_memory();
    samlet_model* model = open_model(&config);
    (void)state;
    assert_runs_like_the_bundled_one(model);
    samlet_model_close(model);
}

/* Products in f16 are another matter, see golden/precision. */
static void kernel_levels_agree(void** state) {
    static const char* const levels[] = {"generic", "avx2", "avx512", "neon"};
    samlet_model_config config = from_memory();
    samlet_model* model = NULL;
    recording want, got;
    (void)state;
    config.precision = SAMLET_PRECISION_F32;
    model = open_model(&config);
    run(model, &want);
    samlet_model_close(model);
    for (int i = 0; i < 4; i++) {
        samlet_model_info info;
        config.kernels = levels[i];
        if (samlet_model_open(&config, &model, NULL) == SAMLET_ERROR_UNSUPPORTED) continue;
        assert_non_null(model);
        samlet_model_info_init(&info);
        assert_int_equal(samlet_model_get_info(model, &info), SAMLET_OK);
        assert_string_equal(info.kernels, levels[i]);
        run(model, &got);
        assert_true(recording_distance(&want, &got) < 2e-3);
        recording_free(&got);
        samlet_model_close(model);
    }
    recording_free(&want);
}

static void check_stages(const samlet_model_info* info) {
    static const uint32_t blocks[] = {1, 2, 4, 1};
    for (uint32_t s = 0; s < 4; s++) {
        assert_int_equal(info->stage_blocks[s], blocks[s]);
        assert_int_equal(info->stage_channels[s], 32u << s);
        assert_true(info->stage_heads[s] > 0 && info->stage_window[s] > 0);
    }
    assert_int_equal(info->stage_blocks[4], 0);
    assert_true(info->global_block_count <= 32);
}

static void models_tell_their_facts(void** state) {
    samlet_model_info info;
    size_t size;
    (void)state;
    scene_model_bytes(&size);
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(scene_model(), &info), SAMLET_OK);
    assert_int_equal(info.size, sizeof(info));
    assert_int_equal(info.has_video, 1);
    assert_string_equal(info.family, "sam2.1");
    assert_string_equal(info.weight_type, "f16");
    assert_true(strlen(info.name) > 0 && strlen(info.kernels) > 0);
    assert_true(info.image_size == 256 && info.stride == 16 && info.d_model == 128 && info.memory_dim == 32);
    assert_true(info.memory_frames == 7 && info.object_pointers == 16 && info.mask_count == 3);
    assert_true(info.stage_count == 4 && info.memory_layers == 2);
    check_stages(&info);
    assert_true(info.parameter_count > 3500000 && info.parameter_count < 3650000);
    assert_int_equal(info.file_bytes, size);
    assert_true(info.memory_bytes > 4 * info.parameter_count / 2);
}

static void models_list_their_tensors(void** state) {
    samlet_model_info info;
    uint64_t parameters = 0;
    (void)state;
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(scene_model(), &info), SAMLET_OK);
    for (uint32_t i = 0; i < info.tensor_count; i++) {
        samlet_tensor_info t;
        uint64_t elements = 1;
        samlet_tensor_info_init(&t);
        assert_int_equal(samlet_model_get_tensor(scene_model(), i, &t), SAMLET_OK);
        assert_true(t.size == sizeof(t) && t.rank <= 4 && strlen(t.name) > 3);
        for (int d = 0; d < 4; d++) elements *= t.shape[d];
        for (uint32_t d = t.rank; d < 4; d++) assert_int_equal(t.shape[d], 1);
        assert_int_equal(t.bytes, elements * (strcmp(t.type, "f16") == 0 ? 2 : 4));
        parameters += elements;
    }
    assert_int_equal(parameters, info.parameter_count);
    {
        samlet_tensor_info t;
        samlet_tensor_info_init(&t);
        assert_int_equal(samlet_model_get_tensor(scene_model(), info.tensor_count, &t),
                         SAMLET_ERROR_INVALID_ARGUMENT);
        assert_int_equal(samlet_model_get_tensor(scene_model(), UINT32_MAX, &t),
                         SAMLET_ERROR_INVALID_ARGUMENT);
    }
}

static void take_log(void* context, samlet_log_level level, const char* text) {
    assert_int_equal(level, SAMLET_LOG_INFO);
    assert_non_null(text);
    snprintf(context, 64, "%s", text);
}

static void logs_go_to_the_callback(void** state) {
    samlet_model_config config = from_memory();
    char text[64] = "";
    (void)state;
    config.kernels = "generic";
    config.log = take_log;
    config.log_context = text;
    samlet_model_close(open_model(&config));
    assert_string_equal(text, "kernels: generic");
}

static void versions_and_names(void** state) {
    char version[32];
    (void)state;
    sprintf(version, "%d.%d.%d", SAMLET_VERSION_MAJOR, SAMLET_VERSION_MINOR, SAMLET_VERSION_PATCH);
    assert_string_equal(samlet_version(), version);
    assert_int_equal(samlet_abi_version(), SAMLET_ABI_VERSION);
    assert_string_equal(samlet_status_name(SAMLET_OK), "SAMLET_OK");
    assert_string_equal(samlet_status_name(SAMLET_ERROR_BUFFER_TOO_SMALL), "SAMLET_ERROR_BUFFER_TOO_SMALL");
    assert_string_equal(samlet_status_name(SAMLET_ERROR_INTERNAL), "SAMLET_ERROR_INTERNAL");
    for (int i = 1; i <= 10; i++)
        assert_memory_equal(samlet_status_name((samlet_status)i), "SAMLET_ERROR_", 13);
    assert_non_null(samlet_status_name((samlet_status)11));
    assert_non_null(samlet_status_name((samlet_status)-1));
    assert_non_null(samlet_status_name((samlet_status)0x7fffffff));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_cannot_be_opened), cmocka_unit_test(files_that_are_no_models),
        cmocka_unit_test(names_are_cut_and_harmless),  cmocka_unit_test(truncated_files),
        cmocka_unit_test(sources_are_checked),         cmocka_unit_test(kernels_are_checked),
        cmocka_unit_test(every_call_takes_nulls),      cmocka_unit_test(files_and_bytes_are_the_same_model),
        cmocka_unit_test(kernel_levels_agree),         cmocka_unit_test(models_tell_their_facts),
        cmocka_unit_test(models_list_their_tensors),   cmocka_unit_test(logs_go_to_the_callback),
        cmocka_unit_test(versions_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
