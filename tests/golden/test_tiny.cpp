// The reference's video predictor at full size: SAM 2.1 tiny at 1024 with random weights, ten frames, so that
// the full bank of seven memories and the pointers count.
//
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

std::string weights() {
    return random_model("sam2.1_hiera_tiny");
}

void point(void**) {
    const OpenModel model(weights());
    const Npz npz(golden_file("golden/tiny/point.npz"));
    // Half a minute a frame where the kernels are sanitized.
    const int64_t frames = kSanitized ? 3 : 10;
    Clip clip(model, "tiny/point");
    for (int64_t frame = 0; frame < frames; frame++) {
        clip.show(frame);
        const std::string key = answer_key(frame, 1);
        if (frame == 0) {
            clip.click(1, 0.45, 0.5, true);
            clip.expect(1, read_answer(npz, key, "click_a_" + key));
        }
        clip.track();
        clip.expect(1, read_answer(npz, key));
    }
    clip.finish(static_cast<size_t>(frames) + 1);
}

void fits_in_96_mebibytes(void**) {
    const OpenModel model(weights());
    assert_in_range(tracker_bytes(model, 0, 1, "tiny"), 1, 96 << 20);
}

}  // namespace

int main() {
    if (!has_golden()) return kSkipped;
    const CMUnitTest tests[] = {
        cmocka_unit_test(point),
        cmocka_unit_test(fits_in_96_mebibytes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
