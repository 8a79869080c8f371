// What computing in f16 or int8 costs, against the same model in f32: masks of real weights on photographs, and a
// clip through the bundled model's architecture.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

const char* const kImages[] = {"truck", "cars", "groceries"};
// Sanitized builds look for wrong code, not for loss: a few prompts on one photograph will do.
constexpr uint32_t kColumns = kSanitized ? 2 : 4, kRows = kSanitized ? 1 : 3;

class Photo {
  public:
    Photo(const samlet_model* model, const char* image, uint32_t flags = 0) {
        samlet_segmenter_config config;
        samlet_segmenter_config_init(&config);
        config.threads = 2;
        config.flags = SAMLET_TRACKER_YIELD | flags;
        samlet_error error;
        if (samlet_segmenter_create(model, &config, &segmenter_, &error) != SAMLET_OK)
            fail_msg("%s", error.message);
        const cli::Picture picture = read_jpeg(golden_file(std::string("images/") + image + ".jpg"));
        const samlet_frame frame = picture.frame();
        width = picture.width;
        height = picture.height;
        check(samlet_segmenter_set_image(segmenter_, &frame));
    }
    ~Photo() { samlet_segmenter_destroy(segmenter_); }
    Photo(const Photo&) = delete;
    Photo& operator=(const Photo&) = delete;

    samlet_prediction click(float x, float y) {
        const samlet_point point = {x, y, SAMLET_POINT_POSITIVE};
        samlet_prompt prompt;
        samlet_prompt_init(&prompt);
        prompt.points = &point;
        prompt.point_count = 1;
        return predict(prompt, 1);
    }
    samlet_prediction box(const samlet_box& box) {
        samlet_prompt prompt;
        samlet_prompt_init(&prompt);
        prompt.box = &box;
        return predict(prompt, 0);
    }
    std::vector<uint8_t> mask(uint32_t index) {
        std::vector<uint8_t> mask(size_t{width} * height);
        check(samlet_segmenter_mask(segmenter_, index, mask.data(), width));
        return mask;
    }
    uint32_t width = 0, height = 0;

  private:
    samlet_prediction predict(const samlet_prompt& prompt, uint32_t multimask) {
        samlet_prediction prediction;
        samlet_prediction_init(&prediction);
        check(samlet_segmenter_predict(segmenter_, &prompt, multimask, &prediction));
        return prediction;
    }
    void check(samlet_status status) {
        if (status != SAMLET_OK)
            fail_msg("%s: %s", samlet_status_name(status), samlet_segmenter_message(segmenter_));
    }
    samlet_segmenter* segmenter_ = nullptr;
};

samlet_box box_of(const std::vector<uint8_t>& mask, uint32_t width) {
    samlet_box box = {1e9f, 1e9f, 0, 0};
    for (size_t i = 0; i < mask.size(); i++) {
        if (!mask[i]) continue;
        const float x = static_cast<float>(i % width), y = static_cast<float>(i / width);
        box.x0 = std::fmin(box.x0, x);
        box.y0 = std::fmin(box.y0, y);
        box.x1 = std::fmax(box.x1, x + 1);
        box.y1 = std::fmax(box.y1, y + 1);
    }
    return box;
}

double mask_iou(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    size_t both = 0, either = 0;
    for (size_t i = 0; i < a.size(); i++) {
        both += a[i] && b[i];
        either += a[i] || b[i];
    }
    return either ? static_cast<double>(both) / static_cast<double>(either) : 1;
}

// One prompt: a click in a cell of a regular grid, answered by the best of three masks, or the box around that mask.
struct Reference {
    samlet_point click;
    samlet_box box;
    uint32_t best;  // of the click's masks
    std::vector<uint8_t> click_mask, box_mask;
};

std::vector<Reference> references(const samlet_model* model, const char* image) {
    Photo photo(model, image);
    std::vector<Reference> all;
    for (uint32_t row = 0; row < kRows; row++)
        for (uint32_t column = 0; column < kColumns; column++) {
            Reference r;
            r.click = {(static_cast<float>(column) + 0.5f) / kColumns * static_cast<float>(photo.width),
                       (static_cast<float>(row) + 0.5f) / kRows * static_cast<float>(photo.height), 1};
            r.best = photo.click(r.click.x, r.click.y).best;
            r.click_mask = photo.mask(r.best);
            r.box = box_of(r.click_mask, photo.width);
            if (!(r.box.x0 < r.box.x1)) continue;  // f32 sees nothing there
            photo.box(r.box);
            r.box_mask = photo.mask(0);
            all.push_back(r);
        }
    return all;
}

struct Loss {
    double sum = 0, least = 1;
    size_t count = 0;
    void add(double iou) {
        sum += iou;
        least = std::fmin(least, iou);
        count++;
    }
};

void photographs(void**) {
    const std::string checkpoint = "weights/sam2_hiera_tiny_image_f16.safetensors";
    const OpenModel exact(converted_model(checkpoint, "image", "f16"), nullptr, SAMLET_PRECISION_F32);
    const OpenModel half(converted_model(checkpoint, "image", "f16"), nullptr, SAMLET_PRECISION_F16);
    const OpenModel int8(converted_model(checkpoint, "image", "int8"));
    const struct {
        const char* name;
        const samlet_model* model;
        uint32_t flags;
        double mean;
    } kinds[] = {{"maps in f16", exact.get(), SAMLET_TRACKER_F16_MAPS, 0.998},
                 {"f16", half.get(), 0, 0.998},
                 {"int8", int8.get(), 0, 0.98},
                 {"int8, maps in f16", int8.get(), SAMLET_TRACKER_F16_MAPS, 0.98}};
    constexpr int kKinds = sizeof(kinds) / sizeof(kinds[0]);
    Loss losses[kKinds];
    for (const char* image : kImages) {
        if (kSanitized && image != kImages[0]) break;
        const std::vector<Reference> all = references(exact.get(), image);
        for (int kind = 0; kind < kKinds; kind++) {
            Photo photo(kinds[kind].model, image, kinds[kind].flags);
            for (const Reference& r : all) {
                photo.click(r.click.x, r.click.y);
                const double click = mask_iou(photo.mask(r.best), r.click_mask);
                photo.box(r.box);
                const double box = mask_iou(photo.mask(0), r.box_mask);
                losses[kind].add(click);
                losses[kind].add(box);
                if (click < 0.95 || box < 0.95)
                    printf("%s %s at %.0f,%.0f: IoU with f32 %.4f by the click, %.4f by the box\n", image,
                           kinds[kind].name, r.click.x, r.click.y, click, box);
            }
        }
    }
    for (int kind = 0; kind < kKinds; kind++) {
        const double mean = losses[kind].sum / static_cast<double>(losses[kind].count);
        printf("%s: mean IoU with f32 %.5f over %zu prompts, least %.4f\n", kinds[kind].name, mean,
               losses[kind].count, losses[kind].least);
        assert_true(kSanitized || losses[kind].count >= 20);
        assert_true(mean >= kinds[kind].mean);
        assert_true(losses[kind].least >= 0.90);
    }
}

// Masks of the bundled clip, tracked from a box on its first frame.
struct Box {
    const char* name;
    float x0, y0, x1, y1;  // shares of the picture
};

std::vector<std::vector<uint8_t>> track(const samlet_model* model, const Box& shares, uint32_t flags = 0) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.threads = 2;
    config.flags = SAMLET_TRACKER_YIELD | flags;
    samlet_tracker* tracker = nullptr;
    samlet_error error;
    if (samlet_tracker_create(model, &config, &tracker, &error) != SAMLET_OK) fail_msg("%s", error.message);
    std::vector<std::vector<uint8_t>> masks;
    for (int n = 0; n < 20; n++) {
        char name[16];
        snprintf(name, sizeof(name), "%05d.jpg", 5 * n);
        const cli::Picture picture = read_jpeg(SAMLET_SOURCE_DIR "/examples/data/bedroom/" + std::string(name));
        const samlet_frame frame = picture.frame();
        const auto check = [&](samlet_status status) {
            if (status != SAMLET_OK) fail_msg("%s", samlet_tracker_message(tracker));
        };
        check(samlet_tracker_set_frame(tracker, &frame, n));
        const float width = static_cast<float>(picture.width), height = static_cast<float>(picture.height);
        const samlet_box box = {shares.x0 * width, shares.y0 * height, shares.x1 * width, shares.y1 * height};
        samlet_prompt prompt;
        samlet_prompt_init(&prompt);
        prompt.box = &box;
        if (n == 0) check(samlet_tracker_prompt(tracker, 1, &prompt));
        check(samlet_tracker_track(tracker));
        masks.emplace_back(size_t{picture.width} * picture.height);
        check(samlet_tracker_mask(tracker, 1, masks.back().data(), picture.width));
    }
    samlet_tracker_destroy(tracker);
    return masks;
}

void compare_clip(const Box& box) {
    const std::string checkpoint = "weights/samlet_micro.safetensors";
    const std::string f16 = converted_model(checkpoint, "trained", "f16");
    const OpenModel exact(converted_model(checkpoint, "trained")), stored(f16, nullptr, SAMLET_PRECISION_F32),
        computed(f16, nullptr, SAMLET_PRECISION_F16), int8(converted_model(checkpoint, "trained", "int8"));
    const std::vector<std::vector<uint8_t>> want = track(exact.get(), box);
    const struct {
        const char* name;
        const samlet_model* model;
        uint32_t flags;
        double mean;
    } kinds[] = {{"weights in f16", stored.get(), 0, 0.998},
                 {"weights and maps in f16", stored.get(), SAMLET_TRACKER_F16_MAPS, 0.998},
                 {"computed in f16", computed.get(), 0, 0.998},
                 {"int8", int8.get(), 0, 0.98},
                 {"int8, maps in f16", int8.get(), SAMLET_TRACKER_F16_MAPS, 0.98}};
    for (const auto& kind : kinds) {
        const std::vector<std::vector<uint8_t>> got = track(kind.model, box, kind.flags);
        Loss loss;
        for (size_t n = 0; n < want.size(); n++) loss.add(mask_iou(got[n], want[n]));
        const double mean = loss.sum / static_cast<double>(loss.count);
        printf("clip, %s, %s: mean IoU with f32 %.5f over %zu frames, least %.4f\n", box.name, kind.name, mean,
               loss.count, loss.least);
        assert_true(mean >= kind.mean);
        assert_true(loss.least >= 0.90);
    }
}

// The kneeling child. Other boxes of this clip say little about precision: the trained model's three candidates are often
// so alike that their predicted IoU differs by less than half a percent, and then the last bits of any sum choose another
// one. Boxes around the girl and around both children lose 3 to 4 % of mean IoU by one such frame each, the former already
// when f32 weights are rounded to f16, the latter in int8 on some instruction sets.
void clip(void**) {
    compare_clip({"kneeling", 0.12f, 0.30f, 0.38f, 0.92f});
}

// All of the small model in 6 MiB: weights and a tracker of one thread for the frames of the clip.
void micro_int8_is_small(void**) {
    const OpenModel int8(converted_model("weights/samlet_micro.safetensors", "trained", "int8"));
    samlet_model_info info;
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(int8.get(), &info), SAMLET_OK);
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.flags = SAMLET_TRACKER_F16_MAPS;
    config.threads = 1;
    config.max_points = 8;
    config.max_frame_width = 960;
    config.max_frame_height = 540;
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_tracker_memory(int8.get(), &config, &plan, nullptr), SAMLET_OK);
    printf("micro int8: model %llu, tracker %llu bytes\n", static_cast<unsigned long long>(info.memory_bytes),
           static_cast<unsigned long long>(plan.bytes));
    assert_true(info.memory_bytes + plan.bytes <= 6u << 20);
}

}  // namespace

int main() {
    if (!has_golden()) return kSkipped;
    const CMUnitTest tests[] = {
        cmocka_unit_test(photographs),
        cmocka_unit_test(clip),
        cmocka_unit_test(micro_int8_is_small),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
