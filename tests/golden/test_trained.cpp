// The reference's video predictor with the trained micro model on real video: 20 frames.
//
// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

constexpr int64_t kFrames = 20;

std::string weights() {
    return converted_model("weights/samlet_micro.safetensors", "trained");
}
std::string scenario(const std::string& name) {
    return golden_file("golden/trained/" + name + ".npz");
}

ClipOptions options(uint32_t objects, uint32_t prompted_frames) {
    ClipOptions options;
    options.clip_length = kFrames;
    options.max_objects = objects;
    options.prompted_frames = prompted_frames;
    return options;
}

void click(Clip& clip) {
    clip.click(1, 0.45, 0.5, true);
}
void box_it(Clip& clip, int32_t object) {
    clip.box(object, 0.3, 0.25, 0.6, 0.8);
}

void expect(Clip& clip, const Npz& npz, int64_t frame, int32_t object, const std::string& prefix = "") {
    clip.expect(object, read_answer(npz, prefix + answer_key(frame, object)));
}

void box(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("box"));
    Clip clip(model, "trained/box", options(1, 1));
    for (int64_t frame = 0; frame < kFrames; frame++) {
        clip.show(frame);
        if (frame == 0) {
            box_it(clip, 1);
            clip.expect(1, read_answer(npz, "f000_o1", "click_a_f000_o1"));
        }
        clip.track();
        expect(clip, npz, frame, 1);
    }
    clip.finish(21);
}

void two_objects(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("twoobj"));
    Clip clip(model, "trained/twoobj", options(2, 1));
    for (int64_t frame = 0; frame < kFrames; frame++) {
        clip.show(frame);
        if (frame == 0) {
            click(clip);
            clip.expect(1, read_answer(npz, "f000_o1", "click_a_f000_o1"));
            box_it(clip, 2);
            clip.expect(2, read_answer(npz, "f000_o2", "click_b_f000_o2"));
        }
        clip.track();
        expect(clip, npz, frame, 1);
        expect(clip, npz, frame, 2);
    }
    clip.finish(42);
}

// A click corrects the tracked frame 4, which is a prompted one from then on.
void correction(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("online"));
    Clip clip(model, "trained/online", options(1, 2));
    for (int64_t frame = 0; frame < kFrames; frame++) {
        clip.show(frame);
        if (frame == 0) {
            click(clip);
            clip.expect(1, read_answer(npz, "f000_o1", "click_a_f000_o1"));
        }
        clip.track();
        expect(clip, npz, frame, 1, frame > 4 ? "p1_" : "");
        if (frame == 4) {
            clip.click(1, 0.2, 0.2, true);
            clip.expect(1, read_answer(npz, "p1_f004_o1", "click_b_f004_o1"));
            clip.track();
            expect(clip, npz, frame, 1, "p1_");
        }
    }
    clip.finish(23);
}

}  // namespace

int main() {
    if (!has_golden()) return kSkipped;
    const CMUnitTest tests[] = {
        cmocka_unit_test(box),
        cmocka_unit_test(two_objects),
        cmocka_unit_test(correction),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
