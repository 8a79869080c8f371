// samlet.hpp: the same results as the C interface, errors as exceptions, handles that move.
//
// SPDX-License-Identifier: Apache-2.0
//
// The library's insides are included as well: the names must not clash, neither here nor in the linked
// program.
#include <cstring>
#include <samlet/samlet.hpp>
#include <type_traits>

#include "core/segmenter.h"
#include "core/tracker.h"
#include "scene.h"

namespace sam = samlet::api;

namespace {

static_assert(std::is_nothrow_move_constructible_v<sam::Tracker> &&
              !std::is_copy_constructible_v<sam::Tracker>);
static_assert(std::is_nothrow_move_constructible_v<sam::Segmenter> &&
              !std::is_copy_constructible_v<sam::Segmenter>);
static_assert(std::is_nothrow_move_constructible_v<sam::Model> && !std::is_copy_constructible_v<sam::Model>);
static_assert(std::is_nothrow_move_constructible_v<sam::Block> && !std::is_copy_constructible_v<sam::Block>);
static_assert(!std::is_same_v<sam::Tracker, samlet::Tracker>);

constexpr uint32_t kWidth = SCENE_WIDTH, kHeight = SCENE_HEIGHT;

sam::TrackerConfig tracker_config() {
    sam::TrackerConfig config;
    config.threads = 1;
    config.max_frame_width = kWidth;
    config.max_frame_height = kHeight;
    return config;
}

template <class Call>
void assert_throws(samlet_status status, const char* needle, Call call) {
    try {
        call();
    } catch (const sam::Error& error) {
        assert_int_equal(error.status(), status);
        assert_string_equal(error.status_name(), samlet_status_name(status));
        assert_non_null(strstr(error.what(), needle));
        return;
    }
    fail_msg("no exception with \"%s\"", needle);
}

void same_as_c(void**) {
    const samlet_tracker_config c_config = scene_tracker_config();
    samlet_tracker* c = scene_tracker(&c_config);
    sam::Model model{std::string(scene_model_path())};
    const sam::TrackerConfig config = tracker_config();
    sam::Tracker tracker(model, config);
    const samlet_point click = scene_disc(kWidth, kHeight, 0);
    for (int i = 0; i < 4; i++) {
        scene_set(c, i, i);
        if (i == 0) scene_click(c, 1, click);
        scene_track(c);
        const samlet_result expected = scene_result(c, 1);

        const samlet_frame pixels = scene_clip(i);
        tracker.set_frame(sam::Frame::rgb(pixels.plane[0], kWidth, kHeight), i);
        if (i == 0) tracker.prompt(1, sam::Prompt().positive(click.x, click.y));
        tracker.track();
        const sam::Result result = tracker.result(1);
        assert_int_equal(result.frame, i);
        assert_true(result.iou == expected.iou && result.object_score == expected.object_score);
        assert_int_equal(result.area, expected.area);
        assert_int_equal(result.view().size(), size_t{expected.low_res_size} * expected.low_res_size);
        assert_memory_equal(result.view().data(), expected.logits, result.view().size() * sizeof(float));

        const std::vector<uint8_t> mask = tracker.mask(1);
        const std::vector<float> logits = tracker.logits(1);
        assert_int_equal(mask.size(), kWidth * kHeight);
        assert_int_equal(logits.size(), kWidth * kHeight);
        for (size_t k = 0; k < mask.size(); k++) assert_int_equal(mask[k] == 255, logits[k] > 0);
        std::vector<uint8_t> decoded(mask.size());
        assert_true(rle_decode(tracker.rle(1).c_str(), decoded.data(), kWidth, kHeight));
        assert_memory_equal(decoded.data(), mask.data(), mask.size());
    }
    assert_true(tracker.objects() == std::vector<int32_t>{1});
    assert_true(tracker.profile().milliseconds[SAMLET_STAGE_TRUNK] > 0);
    assert_int_equal(tracker.features(SAMLET_FEATURES_STRIDE16).channels, model.info().d_model);
    tracker.clear_prompts(1);
    tracker.set_clip_length(9);
    tracker.remove_object(1);
    assert_true(tracker.objects().empty());
    tracker.reset();
    samlet_tracker_destroy(c);
}

void errors_are_exceptions(void**) {
    assert_throws(SAMLET_ERROR_FILE, "/no/such.gguf", [] { sam::Model model(std::string("/no/such.gguf")); });
    sam::ModelConfig unknown;
    unknown.path = scene_model_path();
    unknown.precision = static_cast<samlet_precision>(SAMLET_PRECISION_F16 + 1);
    assert_throws(SAMLET_ERROR_INVALID_ARGUMENT, "precision is 3", [&] { sam::Model model(unknown); });
    sam::Model model{std::string(scene_model_path())};
    assert_throws(SAMLET_ERROR_INVALID_ARGUMENT, "samlet_model_get_tensor",
                  [&] { model.tensor(model.info().tensor_count); });
    sam::Tracker tracker(model, tracker_config());
    assert_throws(SAMLET_ERROR_STATE, "samlet_tracker_set_frame", [&] { tracker.track(); });
    assert_throws(SAMLET_ERROR_STATE, "samlet_tracker_set_frame", [&] { tracker.mask(1); });
    tracker.set_frame(scene_clip(0), 0);
    assert_throws(SAMLET_ERROR_NOT_FOUND, "7", [&] { tracker.rle(7); });
    assert_throws(SAMLET_ERROR_INVALID_ARGUMENT, "-1",
                  [&] { tracker.prompt(1, sam::Prompt().positive(-1, 0)); });
    sam::Segmenter segmenter(model);
    segmenter.set_image(scene_clip(0));
    const std::vector<float> few(3);
    sam::Prompt prompt;
    prompt.logits = few;
    assert_throws(SAMLET_ERROR_INVALID_ARGUMENT, "3 logits", [&] { segmenter.predict(prompt, false); });
}

void blocks_of_the_caller(void**) {
    sam::ModelConfig model_config;
    model_config.path = scene_model_path();
    const sam::Block model_block(sam::Model::memory(model_config));
    model_config.memory = model_block;
    const sam::Model model(model_config);
    assert_int_equal(model.info().memory_bytes, model_block.size());

    sam::TrackerConfig config = tracker_config();
    const sam::MemoryPlan plan = sam::Tracker::memory(model, config);
    uint64_t sum = 0;
    for (const samlet_memory_part& part : plan.list()) sum += part.bytes;
    assert_int_equal(sum, plan.bytes);
    const sam::Block block(plan);
    config.place_in(block);
    for (int i = 0; i < 2; i++) {  // one after the other
        sam::Tracker tracker(model, config);
        tracker.set_frame(scene_clip(0), 0);
    }
    config.memory_size--;
    assert_throws(SAMLET_ERROR_MEMORY, std::to_string(plan.bytes).c_str(),
                  [&] { sam::Tracker tracker(model, config); });

    size_t size = 0;
    const uint8_t* bytes = scene_model_bytes(&size);
    sam::ModelConfig from_bytes;
    from_bytes.data = {bytes, size};
    assert_int_equal(sam::Model(from_bytes).info().file_bytes, size);
}

void handles_move(void**) {
    std::string text;
    sam::ModelConfig model_config;
    model_config.path = scene_model_path();
    model_config.log = [&](samlet_log_level, std::string_view line) { text += line; };
    sam::Model first(model_config);
    assert_true(!text.empty());
    sam::Model model = std::move(first);
    std::vector<sam::Tracker> trackers;
    for (int i = 0; i < 3; i++) {
        trackers.emplace_back(model, tracker_config());
        trackers.back().set_frame(scene_clip(i), i);
    }
    for (sam::Tracker& tracker : trackers) {
        tracker.prompt(1, sam::Prompt().in_box(40, 20, 90, 70));
        assert_int_equal(tracker.mask(1).size(), kWidth * kHeight);
    }
    trackers[0] = std::move(trackers[2]);
    assert_int_equal(trackers[0].result(1).frame, 2);
}

void images_and_mask_prompts(void**) {
    const sam::Model model{std::string(scene_model_path())};
    sam::SegmenterConfig config;
    config.threads = 1;
    const sam::Block block(sam::Segmenter::memory(model, config));
    config.place_in(block);
    sam::Segmenter segmenter(model, config);
    segmenter.set_image(scene_clip(0));
    const samlet_box box = scene_disc_box(kWidth, kHeight, 0);
    sam::Prompt prompt = sam::Prompt().in_box(box.x0, box.y0, box.x1, box.y1).negative(1, 1);
    const sam::Prediction prediction = segmenter.predict(prompt, true);
    assert_int_equal(prediction.mask_count, 3);
    const sam::View<float> best = prediction.view(prediction.best);
    const std::vector<float> earlier(best.begin(), best.end());
    prompt.logits = earlier;
    assert_int_equal(segmenter.predict(prompt, false).mask_count, 1);
    const std::vector<uint8_t> mask = segmenter.mask(0);
    const std::vector<float> logits = segmenter.logits(0);
    for (size_t k = 0; k < mask.size(); k++) assert_int_equal(mask[k] == 255, logits[k] > 0);
    assert_false(segmenter.rle(0).empty());
    size_t inside = 0;
    for (const uint8_t pixel : mask) inside += pixel == 255;
    assert_true(inside > 0 && segmenter.measure(0).area == inside);
    assert_true(segmenter.features(SAMLET_FEATURES_STRIDE4).view().size() > 0);

    sam::Tracker tracker(model, tracker_config());
    tracker.set_frame(scene_clip(0), 0);
    sam::Prompt with_mask;
    with_mask.mask = {mask.data(), kWidth, kHeight, 0};
    tracker.prompt(1, with_mask);
    assert_true(tracker.result(1).iou == 1);
}

void frames(void**) {
    const uint8_t bytes[2] = {};
    const sam::Frame yuyv = sam::Frame::packed(SAMLET_PIXEL_YUYV, bytes, 10, 4);
    assert_int_equal(yuyv.stride[0], 20);
    const sam::Frame nv12 = sam::Frame::nv12(bytes, bytes + 1, 9, 4);
    assert_int_equal(nv12.stride[0], 9);
    assert_int_equal(nv12.stride[1], 10);
    const float value = 0;
    const sam::Frame floats = sam::Frame::normalised(&value, 256, 20, 10);
    assert_int_equal(floats.stride[0], 1024);
    assert_int_equal(floats.output_width, 20);
    assert_int_equal(sam::Frame::packed(SAMLET_PIXEL_RGBA, bytes, 10, 4, 99).stride[0], 99);
    assert_false(sam::version().empty());
}

void explanations_are_values(void**) {
    sam::Model model{std::string(scene_model_path())};
    sam::TrackerConfig config = tracker_config();
    config.flags |= SAMLET_TRACKER_EXPLAIN;
    sam::Tracker tracker(model, config);
    const samlet_point click = scene_disc(kWidth, kHeight, 0);
    for (int i = 0; i < 2; i++) {
        tracker.set_frame(scene_clip(i), i);
        if (i == 0) tracker.prompt(1, sam::Prompt().positive(click.x, click.y));
        tracker.track();
    }
    const sam::Explanation explanation = tracker.explain(1);
    assert_int_equal(explanation.memory_count, 2);  // the prompted frame and its pointer
    const sam::MemoryShare memory = tracker.explain_memory(1, 0);
    float sum = 0;
    for (const float value : tracker.explain_map(1, 0)) sum += value;
    assert_true(sum > memory.share - 1e-4f && sum < memory.share + 1e-4f && memory.share > 0);
    assert_true(memory.share + tracker.explain_memory(1, 1).share > 0.9999f);
    assert_throws(SAMLET_ERROR_INVALID_ARGUMENT, "layer", [&] { tracker.explain(1, 99); });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(same_as_c),
        cmocka_unit_test(explanations_are_values),
        cmocka_unit_test(errors_are_exceptions),
        cmocka_unit_test(blocks_of_the_caller),
        cmocka_unit_test(handles_move),
        cmocka_unit_test(images_and_mask_prompts),
        cmocka_unit_test(frames),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
