// Other image sizes than the trained one, and the other models of the family, for which there are no
// reference outputs: everything runs and answers are finite.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

// Prompts on frame 0 and tracks `frames` more. Returns the logits of all of them.
std::vector<float> play(const OpenModel& model, const std::string& name, uint32_t image_size,
                        int64_t frames) {
    ClipOptions options;
    options.image_size = image_size;
    Clip clip(model, name, options);
    std::vector<float> logits;
    for (int64_t frame = 0; frame <= frames; frame++) {
        clip.show(frame);
        if (frame == 0) clip.box(1, 0.3, 0.25, 0.6, 0.8);
        clip.track();
        const samlet_result r = clip.result(1);
        const size_t cells = size_t{r.low_res_size} * r.low_res_size;
        assert_int_equal(r.prompted, frame == 0);
        assert_true(all_finite(r.logits, cells));
        assert_true(r.iou >= 0 && r.iou <= 1);
        assert_true(std::isfinite(r.object_score));
        const auto range = std::minmax_element(r.logits, r.logits + cells);
        printf("%-26s frame %d: logits %.3f to %.3f, IoU %.4f, object score %.4f, %llu pixels\n",
               name.c_str(), static_cast<int>(frame), double{*range.first}, double{*range.second},
               double{r.iou}, double{r.object_score}, static_cast<unsigned long long>(r.area));
        fflush(stdout);
        // A mask is not flat, unless the object is judged absent.
        if (r.visible) assert_true(*range.second - *range.first > 0.1f);
        if (image_size) {
            assert_int_equal(r.low_res_size, image_size / 4);
            const samlet_tensor_view top = clip.features(SAMLET_FEATURES_STRIDE16);
            assert_int_equal(top.width, image_size / 16);
            assert_int_equal(top.height, image_size / 16);
            assert_true(all_finite(top.data, size_t{top.width} * top.height * top.channels));
        }
        logits.insert(logits.end(), r.logits, r.logits + cells);
    }
    return logits;
}

void micro(void**) {
    const OpenModel model(converted_model("golden/micro/weights.pt", "micro"));
    const std::vector<float> trained = play(model, "micro at its size", 0, 2);
    const std::vector<float> same = play(model, "micro at 256", 256, 2);
    assert_int_equal(same.size(), trained.size());
    assert_memory_equal(same.data(), trained.data(), same.size() * sizeof(float));
    // 10 cells a side fill no window evenly; 20 and 32 do in some stages.
    for (const uint32_t size : {160, 320, 512}) play(model, "micro at " + std::to_string(size), size, 2);
}

// Weights are random: a mask means nothing. They are stored as f16, which halves the files.
void play_published(const char* name, const char* family, uint32_t blocks) {
    const OpenModel model(random_model(name, "f16"));
    samlet_model_info info;
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(model.get(), &info), SAMLET_OK);
    assert_string_equal(info.name, name);
    assert_string_equal(info.family, family);
    assert_int_equal(info.image_size, 1024);
    uint32_t count = 0;
    for (uint32_t i = 0; i < info.stage_count; i++) count += info.stage_blocks[i];
    assert_int_equal(count, blocks);
    play(model, std::string(name) + " at 256", 256, 1);
}

void tiny_2_0(void**) {
    play_published("sam2_hiera_tiny", "sam2", 12);
}
void small(void**) {
    play_published("sam2.1_hiera_small", "sam2.1", 16);
}
void base_plus(void**) {
    play_published("sam2.1_hiera_base_plus", "sam2.1", 24);
}
void large(void**) {
    play_published("sam2.1_hiera_large", "sam2.1", 48);
}

}  // namespace

int main() {
    if (!has_golden()) return kSkipped;
    const CMUnitTest tests[] = {
        cmocka_unit_test(micro),     cmocka_unit_test(tiny_2_0), cmocka_unit_test(small),
        cmocka_unit_test(base_plus), cmocka_unit_test(large),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
