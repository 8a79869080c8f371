// The reference's video predictor on a micro SAM 2.1 with random weights: nine scenarios, and its modules one
// by one.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>

#include "c_api/api.h"
#include "core/position.h"
#include "core/preprocess.h"
#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

std::string weights() {
    return converted_model("golden/micro/weights.pt", "micro");
}
std::string scenario(const std::string& name) {
    return golden_file("golden/micro/" + name + ".npz");
}

// Frames whose normalised input the reference gives.
struct GivenFrame {
    int64_t number;
    size_t index;  // in "images"
    const char *name, *file;
};
constexpr GivenFrame kGivenFrames[] = {
    {0, 0, "000", "00000.jpg"}, {3, 1, "003", "00015.jpg"}, {8, 2, "008", "00040.jpg"}};

// ---- Scenarios -----------------------------------------------------------------------------------------

constexpr int32_t kFirst = 1, kSecond = 2, kLate = 7;
constexpr int64_t kFrames = 10;

std::vector<double> worst_logits;  // of each scenario played

void finish(Clip& clip, size_t answers) {
    worst_logits.push_back(clip.finish(answers));
}

void click_first(Clip& clip) {
    clip.click(kFirst, 0.45, 0.5, true);
}
void box_it(Clip& clip, int32_t object) {
    clip.box(object, 0.3, 0.25, 0.6, 0.8);
}

void expect(Clip& clip, const Npz& npz, int64_t frame, int32_t object, const std::string& prefix = "") {
    clip.expect(object, read_answer(npz, prefix + answer_key(frame, object)));
}

// The answer to the prompt that was just given: `which` counts the reference's calls, a, b, ...
void expect_click(Clip& clip, const Npz& npz, int64_t frame, int32_t object, char which = 'a',
                  const std::string& prefix = "") {
    const std::string key = answer_key(frame, object);
    clip.expect(object, read_answer(npz, prefix + key, std::string("click_") + which + "_" + key));
}

// Frames first .. last one after the other, upwards or downwards, each compared.
void follow(Clip& clip, const Npz& npz, int64_t first, int64_t last, const std::string& prefix = "") {
    const int64_t step = last < first ? -1 : 1;
    for (int64_t frame = first; frame != last + step; frame += step) {
        clip.show(frame);
        clip.track();
        expect(clip, npz, frame, kFirst, prefix);
    }
}

void play_point(const OpenModel& model, const std::string& name, const Npz& npz) {
    Clip clip(model, name);
    clip.show(0);
    click_first(clip);
    expect_click(clip, npz, 0, kFirst);
    clip.track();
    expect(clip, npz, 0, kFirst);
    follow(clip, npz, 1, kFrames - 1);
    finish(clip, 11);
}

void point(void**) {
    play_point(OpenModel(weights()), "micro/point", Npz(scenario("point")));
}

// What this CPU runs by default is one level of several.
void point_on_every_level(void**) {
    const Npz npz(scenario("point"));
    for (const char* level : {"generic", "avx2", "avx512", "neon"})
        if (find_kernels(level))
            play_point(OpenModel(weights(), level), std::string("micro/point ") + level, npz);
}

// Frames 0, 3 and 8 as the reference's own normalised input, so that decoding and resizing have no part in
// them.
void point_from_normalised_images(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("point"));
    const Array images = npz.get("images");
    const std::vector<float> planes = images.floats();
    const size_t image = 3 * images.shape[2] * images.shape[3];
    Clip clip(model, "micro/point normalised");
    for (int64_t frame = 0; frame < kFrames; frame++) {
        const GivenFrame* given = std::find_if(std::begin(kGivenFrames), std::end(kGivenFrames),
                                               [&](const GivenFrame& g) { return g.number == frame; });
        if (given != std::end(kGivenFrames))
            clip.show_normalised(frame, planes.data() + given->index * image,
                                 static_cast<uint32_t>(images.shape[2]));
        else
            clip.show(frame);
        if (frame == 0) {
            click_first(clip);
            expect_click(clip, npz, 0, kFirst);
        }
        clip.track();
        expect(clip, npz, frame, kFirst);
    }
    finish(clip, 11);
}

void box(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("box"));
    Clip clip(model, "micro/box");
    clip.show(0);
    box_it(clip, kFirst);
    expect_click(clip, npz, 0, kFirst);
    clip.track();
    expect(clip, npz, 0, kFirst);
    follow(clip, npz, 1, kFrames - 1);
    finish(clip, 11);
}

// The arrays of frame 0 are those of the first click, except for what was propagated in the end. The second
// click's scores are only in the log, with four decimals.
void two_clicks(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("click2"));
    Clip clip(model, "micro/click2");
    clip.show(0);
    click_first(clip);
    expect_click(clip, npz, 0, kFirst, 'a');
    clip.click(kFirst, 0.7, 0.6, false);

    std::ifstream file(golden_file("golden/micro/click2.json"));
    std::stringstream log;
    log << file.rdbuf();
    const std::string text = log.str();
    const char* kSecondCall = "frame 0 obj 1 pass 0: multimask=False ious=[";
    const size_t call = text.find(kSecondCall);
    assert_true(call != std::string::npos);
    Answer answer;
    answer.logits = npz.floats("final_f000_o1_pred_masks");
    answer.iou = strtod(text.c_str() + call + strlen(kSecondCall), nullptr);
    answer.score = strtod(text.c_str() + text.find("obj_score=", call) + strlen("obj_score="), nullptr);
    answer.bits = npz.get("click_b_f000_o1_video_res.bits").bytes;
    clip.expect(kFirst, answer);
    clip.track();
    answer.bits = npz.get("f000_o1_video_res.bits").bytes;
    clip.expect(kFirst, answer);
    follow(clip, npz, 1, kFrames - 1);
    finish(clip, 12);
}

// The answer is the mask itself; the reference's scores on that frame belong to the decoder's run for the
// pointer.
void mask(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("mask"));
    ClipOptions options;
    options.bounds = kRounding;
    Clip clip(model, "micro/mask", options);
    clip.show(0);
    clip.mask(kFirst, npz.get("mask_prompt"));
    Answer answer;
    answer.logits = npz.floats("final_f000_o1_pred_masks");
    answer.iou = 1;
    answer.score = 10;
    answer.bits = npz.get("click_a_f000_o1_video_res.bits").bytes;
    clip.expect(kFirst, answer);
    clip.track();
    answer.bits = npz.get("f000_o1_video_res.bits").bytes;
    clip.expect(kFirst, answer);
    follow(clip, npz, 1, kFrames - 1);
    finish(clip, 11);
}

// The reference runs object 7 on frames 0 and 1 too, before its prompt on frame 2, and uses that later: of
// what a stream can do, only the prompt itself can be compared.
void late_object(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("multi"));
    ClipOptions options;
    options.max_objects = 2;
    Clip clip(model, "micro/multi", options);
    clip.show(0);
    click_first(clip);
    expect_click(clip, npz, 0, kFirst);
    clip.track();
    expect(clip, npz, 0, kFirst);
    follow(clip, npz, 1, 1);
    clip.show(2);
    box_it(clip, kLate);
    expect_click(clip, npz, 2, kLate, 'b');
    clip.track();
    expect(clip, npz, 2, kFirst);
    expect(clip, npz, 2, kLate);
    follow(clip, npz, 3, kFrames - 1);
    finish(clip, 13);
}

// Object 7 as the reference runs it, on frames in the reference's order: its prompt lies in the future of
// frames 0 and 1, which read its memory but not its pointer. Frame -1 is only shown, so that the track goes
// forwards from there.
void object_prompted_ahead(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("multi"));
    Clip clip(model, "micro/multi object 7");
    clip.show(2);
    box_it(clip, kLate);
    expect_click(clip, npz, 2, kLate, 'b');
    clip.track();
    clip.show(-1, 0);
    for (int64_t frame = 0; frame < kFrames; frame++) {
        if (frame == 2) continue;
        clip.show(frame);
        clip.track();
        expect(clip, npz, frame, kLate);
    }
    finish(clip, 10);
}

void two_objects(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("twoobj"));
    ClipOptions options;
    options.max_objects = 2;
    Clip clip(model, "micro/twoobj", options);
    for (int64_t frame = 0; frame < kFrames; frame++) {
        clip.show(frame);
        if (frame == 0) {
            click_first(clip);
            expect_click(clip, npz, 0, kFirst, 'a');
            box_it(clip, kSecond);
            expect_click(clip, npz, 0, kSecond, 'b');
            expect_click(clip, npz, 0, kFirst, 'b');
        }
        clip.track();
        expect(clip, npz, frame, kFirst);
        expect(clip, npz, frame, kSecond);
    }
    finish(clip, 23);
}

// Prompted in the middle: forwards to the end, then backwards to the beginning in the same session.
void backwards(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("late"));
    Clip clip(model, "micro/late");
    clip.show(3);
    click_first(clip);
    expect_click(clip, npz, 3, kFirst);
    clip.track();
    expect(clip, npz, 3, kFirst);
    follow(clip, npz, 4, kFrames - 1);
    follow(clip, npz, 2, 0, "p1_");
    finish(clip, 11);
}

// A click corrects a tracked frame, which is a prompted one from then on.
void correction(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("online"));
    ClipOptions options;
    options.prompted_frames = 2;
    Clip clip(model, "micro/online", options);
    clip.show(0);
    click_first(clip);
    expect_click(clip, npz, 0, kFirst, 'a');
    clip.track();
    expect(clip, npz, 0, kFirst);
    follow(clip, npz, 1, 4);
    clip.click(kFirst, 0.2, 0.2, true);
    clip.expect(kFirst, read_answer(npz, "p1_f004_o1", "click_b_f004_o1"));
    clip.track();
    expect(clip, npz, 4, kFirst, "p1_");
    follow(clip, npz, 5, kFrames - 1, "p1_");
    finish(clip, 13);
}

// The object score is shifted so that the object is judged absent on seven of the ten frames, the prompted
// one included.
void occlusion(void**) {
    const OpenModel model(weights(), "sam_mask_decoder.pred_obj_score_head.layers.2.bias", -0.59f);
    play_point(model, "micro/occluded", Npz(scenario("occluded")));
}

// A wrong constant, like that of the pointers' time code, moves all scenarios by no more than 2e-4, within
// the bounds of each one. Rounding may move a few that far (see kRounding), but not most.
void most_scenarios_agree_to_rounding(void**) {
    assert_in_range(worst_logits.size(), 9, 99);
    std::sort(worst_logits.begin(), worst_logits.end());
    const double median = worst_logits[worst_logits.size() / 2];
    printf("median of %zu scenarios      logits %.2e\n", worst_logits.size(), median);
    if (!(median <= 2e-5)) fail_msg("most scenarios have errors of %g or more", median);
}

// ---- Modules -------------------------------------------------------------------------------------------

// Float against float64 leaves up to 7.5e-7 in the reference itself; a wrong constant leaves far more than
// this.
constexpr double kModule = 1e-5;

void check_module(const std::string& name, double error) {
    printf("%-40s relative error %.2e\n", name.c_str(), error);
    fflush(stdout);
    if (!(error <= kModule)) fail_msg("%s: relative error %g, bound %g", name.c_str(), error, kModule);
}

void image_features(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("point"));
    const Array images = npz.get("images");
    const std::vector<float> planes = images.floats();
    const size_t image = 3 * images.shape[2] * images.shape[3];
    Clip clip(model, "micro features");
    for (const bool jpeg : {false, true}) {
        for (const GivenFrame& given : kGivenFrames) {
            if (jpeg)
                clip.show(given.number);
            else
                clip.show_normalised(given.number, planes.data() + given.index * image,
                                     static_cast<uint32_t>(images.shape[2]));
            for (int level = 0; level < 3; level++) {
                const samlet_tensor_view view = clip.features(static_cast<samlet_feature_level>(level));
                const std::string key = std::string("img") + given.name + "_fpn" + std::to_string(level);
                const Array golden = npz.get(key);
                assert_int_equal(view.channels, golden.shape[1]);
                assert_int_equal(view.height, golden.shape[2]);
                assert_int_equal(view.width, golden.shape[3]);
                check_module(key + (jpeg ? " from JPEG" : " from the normalised image"),
                             relative_error(view.data, golden.count(), channels_last(golden)));
            }
        }
    }
}

// JPEG, resizing and normalisation give the reference's input itself, but for the last bit of a float.
void normalised_input(void**) {
    const Npz npz(scenario("point"));
    const Array images = npz.get("images");
    const std::vector<float> planes = images.floats();
    const uint32_t side = static_cast<uint32_t>(images.shape[2]);
    const size_t cells = size_t{side} * side;
    const OpenModel model(weights());
    const Config& config = model.get()->impl.config;
    for (const GivenFrame& given : kGivenFrames) {
        const cli::Picture picture = read_jpeg(golden_file(std::string("video/bedroom/") + given.file));
        const samlet_frame frame = picture.frame();
        const ResizeFilter filter = ResizeFilter::bicubic;
        const auto block = [](size_t bytes) {
            return std::unique_ptr<void, decltype(&free)>(aligned_alloc(64, (bytes + 63) / 64 * 64), &free);
        };
        const auto tables = block(preprocess_table_bytes(filter, frame.width, frame.height, side));
        const auto scratch = block(preprocess_scratch_bytes(filter, frame.width, frame.height, side));
        std::vector<float> ours(3 * cells), theirs(3 * cells);
        PreprocessJob job;
        prepare_preprocess(frame, filter, side, config.image_mean, config.image_std, tables.get(),
                           Map{ours.data(), false}, generic_kernels, &job);
        preprocess_rows(job, 0, side, scratch.get());
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < cells; i++) theirs[3 * i + c] = planes[(given.index * 3 + c) * cells + i];
        const double difference = largest_difference(ours.data(), ours.size(), theirs);
        printf("%-40s largest difference %.2e\n", (std::string("input ") + given.name).c_str(), difference);
        if (!(difference <= 1e-6)) fail_msg("frame %s: the input differs by %g", given.name, difference);
    }
}

// The public building block, on the reference's own tensors: 3 memories and 3 pointers, 7 and 8.
void memory_attention(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("point"));
    Clip clip(model, "micro memory attention");
    const std::vector<float> position = channels_last(npz.get("vision_pos2"));
    for (const char* frame : {"003", "008"}) {
        const std::string key = std::string("f") + frame + "_o1_ma_";
        const std::vector<float> current = channels_last(npz.get(std::string("img") + frame + "_fpn2"));
        const Array memory = npz.get(key + "memory");
        const std::vector<float> values = memory.floats(), positions = npz.floats(key + "memory_pos");
        assert_int_equal(values.size(), positions.size());
        std::vector<float> output(current.size());
        samlet_memory_attention_args args;
        samlet_memory_attention_args_init(&args);
        args.memory_tokens = static_cast<uint32_t>(memory.shape[0]);
        args.pointer_tokens = args.memory_tokens % 256;
        args.current = current.data();
        args.current_pos = position.data();
        args.memory = values.data();
        args.memory_pos = positions.data();
        args.output = output.data();
        const samlet_status status = samlet_tracker_run_memory_attention(clip.tracker(), &args);
        if (status != SAMLET_OK) fail_msg("%s", samlet_tracker_message(clip.tracker()));
        check_module(key + "out", relative_error(output.data(), output.size(), npz.floats(key + "out")));

        // In place, as the interface allows.
        std::vector<float> in_place = current;
        args.current = args.output = in_place.data();
        assert_int_equal(samlet_tracker_run_memory_attention(clip.tracker(), &args), SAMLET_OK);
        assert_memory_equal(in_place.data(), output.data(), output.size() * sizeof(float));
    }
}

// A frame without memories gets no_mem_embed on its top features.
void no_memory(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("point"));
    std::vector<float> x = channels_last(npz.get("img000_fpn2"));
    const size_t channels = npz.get("img000_fpn2").shape[1];
    for (size_t i = 0; i < x.size(); i++) x[i] += model.get()->impl.no_memory[i % channels];
    check_module("f000_o1_pix_feat_with_mem",
                 relative_error(x.data(), x.size(), channels_last(npz.get("f000_o1_pix_feat_with_mem"))));
}

// Stages outside of a session: one thread, operators of their own.
class Bench {
  public:
    explicit Bench(const Model& model) : linears_(model.linear_count) {
        for (size_t i = 0; i < model.linear_count; i++) assert_true(linears_[i].create(model.linears[i], 0));
        exec.kernels = model.kernels;
        exec.weights = model.linears;
        exec.linears = linears_.data();
        constexpr size_t kScratch = 32 << 20;
        block_ = aligned_alloc(64, kScratch);
        assert_non_null(block_);
        exec.scratch = Arena(block_, kScratch);
    }
    ~Bench() {
        for (Linear& linear : linears_) linear.destroy();
        free(block_);
    }
    Bench(const Bench&) = delete;
    Bench& operator=(const Bench&) = delete;

    Exec exec;

  private:
    std::vector<Linear> linears_;
    void* block_;
};

// Stored tables are one row per coordinate; the code of a cell is the row of y, then the row of x.
void position_codes(void**) {
    const OpenModel model(weights());
    const Npz npz(scenario("point"));
    for (const char* name : {"maskmem_pos_enc", "vision_pos0", "vision_pos1", "vision_pos2"}) {
        const Array golden = npz.get(name);
        const size_t channels = golden.shape[1], side = golden.shape[2], half = channels / 2;
        std::vector<float> table(side * half), codes;
        fill_sine_table(side, channels, table.data());
        for (size_t i = 0; i < side * side; i++) {
            const float *y = &table[i / side * half], *x = &table[i % side * half];
            codes.insert(codes.end(), y, y + half);
            codes.insert(codes.end(), x, x + half);
        }
        check_module(name, relative_error(codes.data(), codes.size(), channels_last(golden)));
    }
    const PromptEncoder& prompts = model.get()->impl.prompt_encoder;
    const Array dense = npz.get("dense_pe");
    const size_t grid = dense.shape[2];
    std::vector<float> codes(dense.count()), along_x(grid * prompts.d_model), along_y(grid * prompts.d_model);
    Bench bench(model.get()->impl);
    prompts.fill_position_tables(grid, along_x.data(), along_y.data());
    prompts.expand_position(bench.exec, grid, along_x.data(), along_y.data(), codes.data());
    check_module("dense_pe", relative_error(codes.data(), codes.size(), channels_last(dense)));
}

// Prompted frames are stored as hard masks, tracked ones as probabilities.
void memory_encoder(void**) {
    const OpenModel model(weights());
    const Model& impl = model.get()->impl;
    const Npz npz(scenario("point"));
    Bench bench(impl);
    for (const GivenFrame& given : kGivenFrames) {
        const std::string key = std::string("f") + given.name + "_o1_";
        std::vector<float> mask = npz.floats(key + "mask_for_mem_in");
        const float scale = impl.config.mask_sigmoid_scale, bias = impl.config.mask_sigmoid_bias;
        for (float& x : mask)
            x = scale * (given.number == 0 ? (x > 0 ? 1.0f : 0.0f) : 1 / (1 + std::exp(-x))) + bias;
        const Array golden = npz.get(key + "maskmem_features_f32");
        const std::vector<float> features = channels_last(npz.get(std::string("img") + given.name + "_fpn2"));
        std::vector<float> memory(golden.count());
        impl.memory_encoder.run(bench.exec, mask.data(), Map{const_cast<float*>(features.data()), false}, golden.shape[2], true,
                                memory.data());
        assert_false(bench.exec.defect);
        check_module(key + "maskmem_features",
                     relative_error(memory.data(), memory.size(), channels_last(golden)));
    }
}

void fits_in_eight_mebibytes(void**) {
    const OpenModel model(weights());
    assert_in_range(tracker_bytes(model, 0, 1, "micro"), 1, 8 << 20);
}

}  // namespace

int main() {
    if (!has_golden()) return kSkipped;
    const CMUnitTest tests[] = {
        cmocka_unit_test(point),
        cmocka_unit_test(point_on_every_level),
        cmocka_unit_test(point_from_normalised_images),
        cmocka_unit_test(box),
        cmocka_unit_test(two_clicks),
        cmocka_unit_test(mask),
        cmocka_unit_test(late_object),
        cmocka_unit_test(object_prompted_ahead),
        cmocka_unit_test(two_objects),
        cmocka_unit_test(backwards),
        cmocka_unit_test(correction),
        cmocka_unit_test(occlusion),
        cmocka_unit_test(most_scenarios_agree_to_rounding),
        cmocka_unit_test(normalised_input),
        cmocka_unit_test(image_features),
        cmocka_unit_test(memory_attention),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(position_codes),
        cmocka_unit_test(memory_encoder),
        cmocka_unit_test(fits_in_eight_mebibytes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
