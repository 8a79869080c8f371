// What f16 costs on the bundled clip where nobody asks for it: every mask against that of the same CPU's f32 kernels.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/kernels.h"
#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

constexpr int64_t kClipFrames = 20;

struct Frame {
    std::vector<uint8_t> mask;
    std::vector<float> logits;
};

struct Box {
    const char* name;
    double x0, y0, x1, y1;
};

std::vector<Frame> track(const char* kernels, const Box& box) {
    const OpenModel model(SAMLET_SOURCE_DIR "/examples/data/samlet_micro.gguf", kernels);
    samlet_model_info info;
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(model.get(), &info), SAMLET_OK);
    assert_string_equal(info.kernels, kernels);
    ClipOptions options;
    options.frames = SAMLET_SOURCE_DIR "/examples/data/bedroom";
    Clip clip(model, kernels, options);
    std::vector<Frame> frames(kClipFrames);
    for (int64_t n = 0; n < kClipFrames; n++) {
        clip.show(n);
        if (n == 0) clip.box(1, box.x0, box.y0, box.x1, box.y1);
        clip.track();
        Frame& frame = frames[static_cast<size_t>(n)];
        frame.mask.resize(size_t{Clip::kWidth} * Clip::kHeight);
        assert_int_equal(samlet_tracker_mask(clip.tracker(), 1, frame.mask.data(), Clip::kWidth), SAMLET_OK);
        const samlet_result r = clip.result(1);
        frame.logits.assign(r.logits, r.logits + size_t{r.low_res_size} * r.low_res_size);
    }
    return frames;
}

double mask_iou(const Frame& a, const Frame& b) {
    size_t both = 0, either = 0;
    for (size_t i = 0; i < a.mask.size(); i++) {
        both += a.mask[i] && b.mask[i];
        either += a.mask[i] || b.mask[i];
    }
    return either ? static_cast<double>(both) / static_cast<double>(either) : 1;
}

void compare(const Box& box) {
    const std::vector<Frame> exact = track("neon", box), halves = track("neon_fp16", box);
    double sum = 0, least = 1, worst_logits = 0;
    for (size_t i = 0; i < exact.size(); i++) {
        const double iou = mask_iou(exact[i], halves[i]);
        sum += iou;
        least = std::min(least, iou);
        worst_logits = std::max(
            worst_logits, relative_error(halves[i].logits.data(), halves[i].logits.size(), exact[i].logits));
    }
    const double mean = sum / static_cast<double>(exact.size());
    printf("%s, f16 against f32, %zu frames: mask IoU mean %.5f, least %.5f; logits at most %.2e\n",
           box.name, exact.size(), mean, least, worst_logits);
    assert_true(worst_logits > 0);  // something was f16
    assert_true(mean >= 0.998);
    assert_true(least >= 0.99);
}

void girl(void**) {
    compare({"girl", 0.33, 0.0, 0.54, 0.74});
}

// The box of golden/bundled: both children.
void children(void**) {
    compare({"children", 0.3, 0.25, 0.6, 0.8});
}

}  // namespace

int main() {
    if (find_kernels("neon_fp16") == nullptr) {
        printf("skipped: this CPU has no f16 arithmetic\n");
        return kSkipped;
    }
    const CMUnitTest tests[] = {
        cmocka_unit_test(girl),
        cmocka_unit_test(children),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
