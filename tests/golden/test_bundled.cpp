// The bundled model on the bundled clip, against what the reference answers with the same weights before they were rounded
// to f16. Needs no reference data.
//
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

// Weights and stored logits are rounded by up to 2^-11 = 4.9e-4 each. Measured: logits 8.6e-4, scores 6.7e-3 (of up to 17),
// 99.992 % of the pixels, mask IoU 0.9984; twice as far is allowed, for other instruction sets.
constexpr Bounds kRounded = {2e-3, 1.5e-2, 0.9998, 0.996};

void box(void**) {
    const OpenModel model(SAMLET_SOURCE_DIR "/examples/data/samlet_micro.gguf");
    const Npz npz(SAMLET_TEST_DATA_DIR "/trained_box.npz");
    const Array logits = npz.get("logits"), bits = npz.get("bits");
    const std::vector<float> values = logits.floats(), ious = npz.floats("ious"), scores = npz.floats("scores");
    const size_t frames = logits.shape[0], cells = logits.shape[1] * logits.shape[2], bit_bytes = bits.shape[1];
    assert_int_equal(frames, 20);
    ClipOptions options;
    options.clip_length = static_cast<uint32_t>(frames);
    options.frames = SAMLET_SOURCE_DIR "/examples/data/bedroom";
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

}  // namespace

int main() {
    const CMUnitTest tests[] = {cmocka_unit_test(box)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
