// The bundled model on the bundled clip, against what the PyTorch model answers with the same weights. Needs no
// reference data.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

const char* const kModel = SAMLET_SOURCE_DIR "/examples/data/samlet_micro.gguf";
const char* const kFrames = SAMLET_SOURCE_DIR "/examples/data/bedroom";

// Stored logits are rounded by up to 2^-11 = 4.9e-4. Measured: logits 2.1e-4, scores 6e-5 (of up to 17), all pixels.
// Instruction sets differ.
constexpr Bounds kRounded = {5e-4, 1e-3, 0.9999, 0.999};

void box(void**) {
    const OpenModel model(kModel, f32_kernels());
    const Npz npz(SAMLET_TEST_DATA_DIR "/bundled_box.npz");
    const Array logits = npz.get("logits"), bits = npz.get("bits");
    const std::vector<float> values = logits.floats(), ious = npz.floats("ious"),
                             scores = npz.floats("scores");
    const size_t frames = logits.shape[0], cells = logits.shape[1] * logits.shape[2],
                 bit_bytes = bits.shape[1];
    assert_int_equal(frames, 20);
    ClipOptions options;
    options.clip_length = static_cast<uint32_t>(frames);
    options.frames = kFrames;
    options.bounds = kRounded;
    Clip clip(model, "bundled/box", options);
    for (size_t frame = 0; frame < frames; frame++) {
        clip.show(static_cast<int64_t>(frame));
        if (frame == 0) clip.box(1, 0.3, 0.25, 0.6, 0.8);
        clip.track();
        Answer answer;
        answer.logits.assign(values.begin() + static_cast<ptrdiff_t>(frame * cells),
                             values.begin() + static_cast<ptrdiff_t>((frame + 1) * cells));
        answer.iou = double{ious[frame]};
        answer.score = double{scores[frame]};
        answer.bits.assign(bits.bytes.begin() + static_cast<ptrdiff_t>(frame * bit_bytes),
                           bits.bytes.begin() + static_cast<ptrdiff_t>((frame + 1) * bit_bytes));
        clip.expect(1, answer);
    }
    clip.finish(frames);
}

// The trained model is meant for 256; at a similar size it must still see about the same object.
void another_size(void**) {
    const OpenModel model(kModel);
    std::vector<uint8_t> masks[2];
    const uint32_t sizes[2] = {256, 320};
    for (int i = 0; i < 2; i++) {
        ClipOptions options;
        options.image_size = sizes[i];
        options.frames = kFrames;
        Clip clip(model, "bundled/another size", options);
        clip.show(0);
        clip.box(1, 0.3, 0.25, 0.6, 0.8);
        masks[i].resize(size_t{Clip::kWidth} * Clip::kHeight);
        assert_int_equal(samlet_tracker_mask(clip.tracker(), 1, masks[i].data(), Clip::kWidth), SAMLET_OK);
    }
    size_t both = 0, either = 0;
    for (size_t i = 0; i < masks[0].size(); i++) {
        both += masks[0][i] && masks[1][i];
        either += masks[0][i] || masks[1][i];
    }
    printf("bundled at 256 and 320: mask IoU %.4f\n",
           static_cast<double>(both) / static_cast<double>(either));
    assert_true(2 * both > either);
}

void sizes_that_do_not_work(void**) {
    const OpenModel model(kModel);
    for (const uint32_t size : {1u, 16u, 250u, 257u, 1u << 20}) {
        samlet_tracker_config config;
        samlet_tracker_config_init(&config);
        config.image_size = size;
        samlet_tracker* tracker = nullptr;
        samlet_error error = {};
        const samlet_status status = samlet_tracker_create(model.get(), &config, &tracker, &error);
        assert_true(status == SAMLET_ERROR_INVALID_ARGUMENT || status == SAMLET_ERROR_UNSUPPORTED);
        assert_null(tracker);
        assert_non_null(strstr(error.message, std::to_string(size).c_str()));
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(box),
        cmocka_unit_test(another_size),
        cmocka_unit_test(sizes_that_do_not_work),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
