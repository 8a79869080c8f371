/* The public header as C99, first and alone; and the layout of its structs, which compiled programs rely on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "samlet/samlet.h"
#include "samlet/samlet.h" /* twice does no harm */
#include "scene.h"

/* Fields are added at the end only: within one ABI version these figures may not change. */
static void structs_keep_their_layout(void** state) {
    (void)state;
    if (sizeof(void*) != 8 || sizeof(size_t) != 8) skip();
    assert_int_equal(sizeof(samlet_status), 4);
    assert_int_equal(sizeof(samlet_error), 256);
    assert_int_equal(sizeof(samlet_memory_part), 48);
    assert_int_equal(sizeof(samlet_memory_plan), 24 + 24 * 48);
    assert_int_equal(sizeof(samlet_model_config), 72);
    assert_int_equal(offsetof(samlet_model_config, kernels), 48);
    assert_int_equal(sizeof(samlet_model_info), 368);
    assert_int_equal(offsetof(samlet_model_info, stage_blocks), 72);
    assert_int_equal(sizeof(samlet_tensor_info), 64);
    assert_int_equal(sizeof(samlet_frame), 56);
    assert_int_equal(offsetof(samlet_frame, plane), 16);
    assert_int_equal(sizeof(samlet_point), 12);
    assert_int_equal(sizeof(samlet_box), 16);
    assert_int_equal(sizeof(samlet_prompt), 64);
    assert_int_equal(offsetof(samlet_prompt, mask), 40);
    assert_int_equal(sizeof(samlet_tracker_config), 72);
    assert_int_equal(offsetof(samlet_tracker_config, memory), 56);
    assert_int_equal(sizeof(samlet_result), 72);
    assert_int_equal(offsetof(samlet_result, box), 48);
    assert_int_equal(sizeof(samlet_profile), 136);
    assert_int_equal(sizeof(samlet_explanation), 64);
    assert_int_equal(offsetof(samlet_explanation, milliseconds), 56);
    assert_int_equal(sizeof(samlet_memory_share), 48);
    assert_int_equal(offsetof(samlet_memory_share, share), 20);
    assert_int_equal(sizeof(samlet_tensor_view), 24);
    assert_int_equal(sizeof(samlet_memory_attention_args), 56);
    assert_int_equal(sizeof(samlet_segmenter_config), 56);
    assert_int_equal(sizeof(samlet_prediction), 72);
}

/* Every _init function sets the size, leaves nothing behind and takes NULL. */
#define CHECK_INIT(type)                                                              \
    do {                                                                              \
        union {                                                                       \
            type object;                                                              \
            unsigned char bytes[sizeof(type)];                                        \
        } u;                                                                          \
        for (size_t i = 0; i < sizeof(u.bytes); i++) u.bytes[i] = 0xee;               \
        type##_init(&u.object);                                                       \
        assert_int_equal(u.object.size, sizeof(type));                                \
        for (size_t i = 4; i < sizeof(u.bytes); i++) assert_int_equal(u.bytes[i], 0); \
        type##_init(NULL);                                                            \
    } while (0)

static void init_functions_set_sizes_and_zeros(void** state) {
    (void)state;
    CHECK_INIT(samlet_memory_plan);
    CHECK_INIT(samlet_model_config);
    CHECK_INIT(samlet_model_info);
    CHECK_INIT(samlet_tensor_info);
    CHECK_INIT(samlet_frame);
    CHECK_INIT(samlet_prompt);
    CHECK_INIT(samlet_tracker_config);
    CHECK_INIT(samlet_result);
    CHECK_INIT(samlet_profile);
    CHECK_INIT(samlet_explanation);
    CHECK_INIT(samlet_memory_share);
    CHECK_INIT(samlet_tensor_view);
    CHECK_INIT(samlet_memory_attention_args);
    CHECK_INIT(samlet_segmenter_config);
    CHECK_INIT(samlet_prediction);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs_keep_their_layout),
        cmocka_unit_test(init_functions_set_sizes_and_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
