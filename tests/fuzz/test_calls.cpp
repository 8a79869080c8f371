// Random calls with random arguments, right and wrong, in any order: every call gives a status, every failure
// a sentence, no byte outside the block is written, and after a reset the session is as good as new.
// SAMLET_FUZZ_FACTOR=20 in the environment makes it try 20 times as many.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "guarded_block.h"
#include "scene.h"

namespace {

constexpr uint32_t kWidth = SCENE_WIDTH, kHeight = SCENE_HEIGHT, kSide = 64, kMaxPoints = 6;
constexpr size_t kRow = 1024;  // the largest stride that the buffers allow

int factor() {
    const char* text = std::getenv("SAMLET_FUZZ_FACTOR");
    return text && std::atoi(text) > 0 ? std::atoi(text) : 1;
}
const int kRounds = factor() * (SCENE_SANITIZED ? 3 : 8);
constexpr int kCalls = 400;

class Random {
  public:
    explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}
    uint32_t bits() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }
    uint32_t below(uint32_t n) { return bits() % n; }
    bool one_in(uint32_t n) { return below(n) == 0; }
    // Mostly inside 0 .. extent, sometimes anything.
    float coordinate(uint32_t extent) {
        static const float odd[] = {-1, -0.0f, 1e30f, -1e30f, 1e-40f, NAN, INFINITY, -INFINITY};
        if (one_in(40)) return odd[below(8)];
        return static_cast<float>(below(extent * 16 + 1)) / 16.0f;
    }
    uint64_t stride(uint64_t row) {
        const uint64_t odd[] = {0, row - 1, row + 1, row + 7, kRow, UINT64_MAX};
        return one_in(3) ? odd[below(6)] : row;
    }
    uint32_t extent(uint32_t limit) {
        const uint32_t odd[] = {0, 1, 2, limit - 1, limit + 1, UINT32_MAX, 65537};
        return one_in(4) ? odd[below(7)] : one_in(2) ? limit : 1 + below(limit);
    }

  private:
    uint32_t state_;
};

// Large enough for every frame, mask and map that can be accepted.
struct Buffers {
    std::vector<uint8_t> pixels = std::vector<uint8_t>(kRow * 3 * 256 + 64);
    std::vector<uint8_t> mask = std::vector<uint8_t>(kRow * kHeight);
    std::vector<float> map = std::vector<float>(kRow * kHeight / 4);
    std::vector<char> text = std::vector<char>(4 * kWidth * kHeight);
};

// ---- Arguments --------------------------------------------------------------------------------------------

// Strides that passed for a row of pixels may still lead out of our buffers.
bool fits(uint64_t stride, uint64_t rows, size_t bytes) {
    return rows <= 1 || stride <= bytes / rows || stride == UINT64_MAX;  // the last is refused
}

samlet_frame random_frame(Random& random, const Buffers& buffers) {
    static const uint32_t bytes[] = {3, 3, 4, 4, 1, 1, 2, 4, 3};
    samlet_frame f;
    samlet_frame_init(&f);
    const uint32_t format = random.below(random.one_in(8) ? 9 : 8);
    std::memcpy(&f.format, &format, sizeof format);
    const bool normalised = format == SAMLET_PIXEL_NORMALISED;
    f.width = normalised && !random.one_in(4) ? kSide : random.extent(kWidth);
    f.height = normalised && !random.one_in(4) ? kSide : random.extent(kHeight);
    f.output_width = random.extent(kWidth);
    f.output_height = random.extent(kHeight);
    const size_t shift = random.one_in(6) ? 1 + random.below(4) : 0;
    for (int plane = 0; plane < 2; plane++) {
        f.plane[plane] = random.one_in(30) ? nullptr : buffers.pixels.data() + shift;
        f.stride[plane] = random.stride(uint64_t{f.width} * bytes[format]);
    }
    if (random.one_in(50)) f.size = random.below(60);
    return f;
}

bool frame_fits(const samlet_frame& f, const Buffers& buffers) {
    const size_t room = buffers.pixels.size() - 8;
    uint32_t format;  // may be no value of the enum
    std::memcpy(&format, &f.format, sizeof format);
    const uint64_t rows = format == SAMLET_PIXEL_NORMALISED ? 3 * uint64_t{f.height} : f.height;
    return fits(f.stride[0], rows, room) && fits(f.stride[1], rows, room);
}

struct Prompt {
    samlet_prompt prompt;
    samlet_point points[16];
    samlet_box box;
};

void random_prompt(Random& random, const Buffers& buffers, const float* logits, Prompt* out) {
    samlet_prompt& p = out->prompt;
    samlet_prompt_init(&p);
    for (samlet_point& point : out->points)
        point = {random.coordinate(kWidth), random.coordinate(kHeight),
                 random.one_in(20) ? -3 : static_cast<int32_t>(random.below(2))};
    out->box = {random.coordinate(kWidth), random.coordinate(kHeight), random.coordinate(kWidth),
                random.coordinate(kHeight)};
    if (!random.one_in(3)) p.point_count = random.below(random.one_in(10) ? 16 : 4);
    p.points = random.one_in(30) ? nullptr : out->points;
    if (random.one_in(3)) p.box = &out->box;
    if (random.one_in(6)) {
        p.mask = buffers.mask.data();
        p.mask_width = random.extent(kWidth);
        p.mask_height = random.extent(kHeight);
        p.mask_stride = random.stride(p.mask_width);
        if (!fits(p.mask_stride, p.mask_height, buffers.mask.size())) p.mask = nullptr;
        if (random.one_in(2)) p.point_count = 0;
        if (random.one_in(2)) p.box = nullptr;
    }
    if (random.one_in(5)) p.logits = logits;
    if (random.one_in(8)) p.flags = random.one_in(4) ? random.bits() : 1;
    if (random.one_in(50)) p.size = random.below(70);
}

// ---- Tracker ----------------------------------------------------------------------------------------------

struct Tally {
    int calls = 0, failures = 0;
    void add(samlet_status status, const char* message) {
        calls++;
        assert_true(status >= SAMLET_OK && status < SAMLET_ERROR_INTERNAL);
        if (status == SAMLET_OK) return;
        failures++;
        const size_t length = std::strlen(message);
        assert_true(length > 8 && length < 256);
    }
};

void check_result(const samlet_result& r) {
    assert_int_equal(r.low_res_size, kSide / 4);
    assert_true(r.iou >= 0 && r.iou <= 1 && std::isfinite(r.object_score));
    assert_true(r.area <= kWidth * kHeight && (r.empty != 0) == (r.area == 0));
    assert_true(r.box.x0 >= 0 && r.box.x0 <= r.box.x1 && r.box.x1 <= kWidth && r.box.y1 <= kHeight);
    for (uint32_t i = 0; i < r.low_res_size * r.low_res_size; i++) assert_true(std::isfinite(r.logits[i]));
}

samlet_status read_results(Random& random, samlet_tracker* t, int32_t object, Buffers& buffers) {
    samlet_result r;
    samlet_result_init(&r);
    size_t length = 0;
    switch (random.below(4)) {
        case 0: {
            const samlet_status status = samlet_tracker_result(t, object, &r);
            if (status == SAMLET_OK) check_result(r);
            return status;
        }
        case 1: {
            const uint64_t stride = random.stride(kWidth);
            if (!fits(stride, kHeight, buffers.mask.size())) return SAMLET_OK;
            return samlet_tracker_mask(t, object, buffers.mask.data(), stride);
        }
        case 2: {
            const uint64_t stride = random.stride(4 * kWidth);
            if (!fits(stride, kHeight, buffers.map.size() * sizeof(float))) return SAMLET_OK;
            return samlet_tracker_logits(t, object, buffers.map.data(), stride);
        }
        default: {
            const size_t capacity = random.one_in(2) ? buffers.text.size() : random.below(30);
            return samlet_tracker_rle(t, object, capacity ? buffers.text.data() : nullptr, capacity, &length);
        }
    }
}

samlet_status explain(Random& random, samlet_tracker* t, int32_t object) {
    static float map[8 * (kSide / 16)];
    samlet_explanation e;
    samlet_memory_share m;
    samlet_explanation_init(&e);
    samlet_memory_share_init(&m);
    const uint32_t layer = random.below(6), index = random.below(8);
    const uint64_t stride = random.stride(kSide / 16 * sizeof(float));
    switch (random.below(3)) {
        case 0: {
            const samlet_status status = samlet_tracker_explain(t, object, layer, &e);
            if (status == SAMLET_OK) assert_true(e.entropy >= 0 && e.largest <= 1.00001f);
            return status;
        }
        case 1: {
            const samlet_status status = samlet_tracker_explain_memory(t, object, layer, index, &m);
            if (status == SAMLET_OK) assert_true(m.share >= 0 && m.share_all >= 0 && m.share_all <= 1.00001f);
            return status;
        }
        default:
            if (!fits(stride, kSide / 16, sizeof map)) return SAMLET_OK;
            return samlet_tracker_explain_map(t, object, layer, index, random.below(2), map, stride);
    }
}

samlet_status attend(Random& random, samlet_tracker* t) {
    static float tensor[16 * 128], memory[(8 * 16 + 4 * 18) * 32];
    samlet_memory_attention_args args;
    samlet_memory_attention_args_init(&args);
    args.memory_tokens = random.below(8 * 16);
    if (random.one_in(2)) args.memory_tokens = args.memory_tokens / 16 * 16;
    args.pointer_tokens = random.one_in(3) ? random.below(40) : 0;
    if (random.one_in(2)) args.memory_tokens += args.pointer_tokens;
    args.current = args.current_pos = args.output = tensor;
    args.memory = args.memory_pos = memory;
    return samlet_tracker_run_memory_attention(t, &args);
}

samlet_status random_call(Random& random, samlet_tracker* t, Buffers& buffers, const float* logits,
                          int64_t* number) {
    const int32_t object = static_cast<int32_t>(random.below(5)) - 1;
    Prompt prompt;
    samlet_tensor_view view;
    samlet_tensor_view_init(&view);
    int32_t ids[4];
    uint32_t count;
    switch (random.below(18)) {
        case 0:
        case 1:
        case 2: {
            const samlet_frame frame = random_frame(random, buffers);
            if (!frame_fits(frame, buffers)) return SAMLET_OK;
            *number += random.one_in(4)   ? static_cast<int64_t>(random.below(100)) - 50
                       : random.one_in(3) ? -1
                                          : 1;
            return samlet_tracker_set_frame(t, &frame, random.one_in(50) ? INT64_MAX : *number);
        }
        case 3:
        case 4:
        case 5: {
            const samlet_frame frame = scene_clip(static_cast<int>(random.below(8)));
            return samlet_tracker_set_frame(t, &frame, ++*number);
        }
        case 6:
        case 7:
        case 8:
            random_prompt(random, buffers, random.one_in(4) ? logits : nullptr, &prompt);
            return samlet_tracker_prompt(t, object, &prompt.prompt);
        case 9:
        case 10:
            return samlet_tracker_track(t);
        case 11:
            return random.one_in(3) ? samlet_tracker_clear_prompts(t, object)
                                    : samlet_tracker_remove_object(t, object);
        case 12:
            return attend(random, t);
        case 13:
            return samlet_tracker_features(t, static_cast<samlet_feature_level>(random.below(3)), &view);
        case 14:
            if (random.one_in(6)) return samlet_tracker_reset(t);
            if (random.one_in(2)) return samlet_tracker_set_clip_length(t, random.below(20));
            return samlet_tracker_objects(t, random.one_in(9) ? nullptr : ids, random.below(5), &count);
        case 15:
            return read_results(random, t, object, buffers);
        default:
            return explain(random, t, object);
    }
}

void play(samlet_tracker* t, recording* out) {
    recording_init(out);
    for (int i = 0; i < 3; i++) {
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(kWidth, kHeight, 0));
        scene_track(t);
        recording_add(out, t, 1);
    }
}

samlet_tracker_config tracker_config(int round) {
    samlet_tracker_config config = scene_tracker_config();
    config.image_size = kSide;
    config.max_objects = 1 + static_cast<uint32_t>(round) % 3;
    config.prompted_frames = 1 + static_cast<uint32_t>(round) % 2;
    config.max_points = kMaxPoints;
    config.threads = 1 + static_cast<uint32_t>(round) % 2;
    config.flags = SAMLET_TRACKER_YIELD | (round % 4 == 3 ? SAMLET_TRACKER_NON_OVERLAPPING : 0u) |
                   (round % 2 == 0 ? SAMLET_TRACKER_EXPLAIN : 0u);
    config.fill_hole_area = config.remove_sprinkle_area = round % 3 == 2 ? 4 : 0;
    return config;
}

void trackers_survive_any_calls(void**) {
    Buffers buffers;
    std::vector<float> logits(kSide * kSide / 16, 0.5f);
    for (int round = 0; round < kRounds; round++) {
        samlet_tracker_config config = tracker_config(round);
        samlet_memory_plan plan;
        samlet_memory_plan_init(&plan);
        assert_int_equal(samlet_tracker_memory(scene_model(), &config, &plan, nullptr), SAMLET_OK);
        guarded_block block = guarded_block_make(plan.bytes);
        config.memory = block.data;
        config.memory_size = plan.bytes;
        samlet_tracker* t = scene_tracker(&config);
        recording fresh, later;
        play(t, &fresh);
        Random random(static_cast<uint32_t>(round) + 1);
        for (uint8_t& byte : buffers.pixels)
            byte = static_cast<uint8_t>(random.bits() & (random.one_in(9) ? 255u : 63u));
        Tally tally;
        int64_t number = 0;
        for (int i = 0; i < kCalls; i++)
            tally.add(random_call(random, t, buffers, logits.data(), &number), samlet_tracker_message(t));
        assert_true(tally.failures > kCalls / 20 && tally.failures < kCalls * 9 / 10);
        assert_int_equal(samlet_tracker_reset(t), SAMLET_OK);
        assert_int_equal(samlet_tracker_set_clip_length(t, 0), SAMLET_OK);
        play(t, &later);
        assert_same_recordings(&fresh, &later);
        recording_free(&fresh);
        recording_free(&later);
        samlet_tracker_destroy(t);
        assert_true(guarded_block_intact(&block));
        guarded_block_free(&block);
    }
}

// ---- Segmenter --------------------------------------------------------------------------------------------

samlet_status random_call(Random& random, samlet_segmenter* s, Buffers& buffers, const float* logits) {
    Prompt prompt;
    samlet_prediction prediction;
    samlet_prediction_init(&prediction);
    size_t length;
    samlet_mask_measure measure;
    samlet_mask_measure_init(&measure);
    const uint32_t index = random.below(4);
    switch (random.below(9)) {
        case 0: {
            const samlet_frame frame = random_frame(random, buffers);
            return frame_fits(frame, buffers) ? samlet_segmenter_set_image(s, &frame) : SAMLET_OK;
        }
        case 1: {
            const samlet_frame frame = scene_clip(static_cast<int>(random.below(8)));
            return samlet_segmenter_set_image(s, &frame);
        }
        case 2: {
            const uint64_t stride = random.stride(kWidth);
            if (!fits(stride, kHeight, buffers.mask.size())) return SAMLET_OK;
            return samlet_segmenter_mask(s, index, buffers.mask.data(), stride);
        }
        case 3: {
            const uint64_t stride = random.stride(4 * kWidth);
            if (!fits(stride, kHeight, buffers.map.size() * sizeof(float))) return SAMLET_OK;
            return samlet_segmenter_logits(s, index, buffers.map.data(), stride);
        }
        case 4:
            return samlet_segmenter_rle(s, index, buffers.text.data(), random.below(300), &length);
        case 5:
            return samlet_segmenter_measure(s, index, random.coordinate(9), random.coordinate(3), &measure);
        default:
            random_prompt(random, buffers, logits, &prompt);
            return samlet_segmenter_predict(s, &prompt.prompt, random.below(2), &prediction);
    }
}

void segmenters_survive_any_calls(void**) {
    Buffers buffers;
    std::vector<float> logits(kSide * kSide / 16, 0.5f);
    for (int round = 0; round < kRounds; round++) {
        samlet_segmenter_config config = scene_segmenter_config();
        config.image_size = kSide;
        config.max_points = kMaxPoints;
        samlet_memory_plan plan;
        samlet_memory_plan_init(&plan);
        assert_int_equal(samlet_segmenter_memory(scene_model(), &config, &plan, nullptr), SAMLET_OK);
        guarded_block block = guarded_block_make(plan.bytes);
        config.memory = block.data;
        config.memory_size = plan.bytes;
        samlet_segmenter* s = scene_segmenter(&config);
        Random random(static_cast<uint32_t>(round) + 1000);
        for (float& value : logits) value = static_cast<float>(random.below(100)) - 50.0f;
        if (round % 2) logits[random.below(static_cast<uint32_t>(logits.size()))] = NAN;
        Tally tally;
        for (int i = 0; i < kCalls; i++)
            tally.add(random_call(random, s, buffers, logits.data()), samlet_segmenter_message(s));
        assert_true(tally.failures > kCalls / 20 && tally.failures < kCalls * 9 / 10);
        samlet_segmenter_destroy(s);
        assert_true(guarded_block_intact(&block));
        guarded_block_free(&block);
    }
}

// ---- Configs ----------------------------------------------------------------------------------------------

// Every number of a config at random: a plan, or a sentence.
void plans_for_any_config(void**) {
    Random random(7);
    int planned = 0;
    for (int i = 0; i < 300 * factor(); i++) {
        samlet_tracker_config c;
        samlet_tracker_config_init(&c);
        uint32_t* const fields[] = {
            &c.flags,           &c.image_size,       &c.max_objects,    &c.prompted_frames,
            &c.recent_frames,   &c.max_points,       &c.clip_length,    &c.threads,
            &c.max_frame_width, &c.max_frame_height, &c.fill_hole_area, &c.remove_sprinkle_area};
        for (uint32_t* field : fields) {
            *field = random.one_in(12) ? random.bits() : random.one_in(2) ? 0 : random.below(7);
            if (field == &c.image_size) *field = *field * 32;
        }
        samlet_memory_plan plan;
        samlet_memory_plan_init(&plan);
        samlet_error error;
        Tally tally;
        const samlet_status status = samlet_tracker_memory(scene_model(), &c, &plan, &error);
        tally.add(status, error.message);
        if (status != SAMLET_OK) continue;
        planned++;
        uint64_t sum = 0;
        for (const samlet_memory_part& part : plan.parts) sum += part.bytes;
        assert_int_equal(sum, plan.bytes);
    }
    assert_true(planned > 10);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(trackers_survive_any_calls),
        cmocka_unit_test(segmenters_survive_any_calls),
        cmocka_unit_test(plans_for_any_config),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
