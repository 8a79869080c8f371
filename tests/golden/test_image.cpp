// The reference's image predictor with real trained weights: SAM 2 tiny on a photograph.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

constexpr double kLogits = 1e-3, kIou = 1e-2, kPixels = 0.995;

// The weights were rounded to f16, so that the smaller file says the same.
std::string weights() {
    return converted_model("weights/sam2_hiera_tiny_image_f16.safetensors", "image", "f16");
}

// golden/image/truck.json
struct Case {
    uint32_t point_count;
    samlet_point points[2];
    bool has_box;
    samlet_box box;
    bool multimask;
};
constexpr samlet_box kWheel = {425, 600, 700, 875};
constexpr Case kCases[] = {
    {1, {{500, 375, 1}}, false, {}, true},
    {2, {{500, 375, 1}, {1125, 625, 1}}, false, {}, false},
    {2, {{500, 375, 1}, {1125, 625, 0}}, false, {}, false},
    {0, {}, true, kWheel, false},
    {1, {{575, 750, 0}}, true, kWheel, false},
};

class Photo {
  public:
    explicit Photo(const OpenModel& model) {
        samlet_segmenter_config config;
        samlet_segmenter_config_init(&config);
        config.threads = 2;
        samlet_error error;
        if (samlet_segmenter_create(model.get(), &config, &segmenter_, &error) != SAMLET_OK)
            fail_msg("%s", error.message);
        const cli::Picture picture = read_jpeg(golden_file("images/truck.jpg"));
        const samlet_frame frame = picture.frame();
        width_ = picture.width;
        height_ = picture.height;
        check(samlet_segmenter_set_image(segmenter_, &frame));
    }
    ~Photo() { samlet_segmenter_destroy(segmenter_); }
    Photo(const Photo&) = delete;
    Photo& operator=(const Photo&) = delete;

    samlet_prediction predict(const Case& c, const float* logits = nullptr) {
        samlet_prompt prompt;
        samlet_prompt_init(&prompt);
        prompt.points = c.point_count ? c.points : nullptr;
        prompt.point_count = c.point_count;
        prompt.box = c.has_box ? &c.box : nullptr;
        prompt.logits = logits;
        samlet_prediction prediction;
        samlet_prediction_init(&prediction);
        check(samlet_segmenter_predict(segmenter_, &prompt, c.multimask, &prediction));
        return prediction;
    }
    std::vector<uint8_t> mask(uint32_t index) {
        std::vector<uint8_t> mask(size_t{width_} * height_);
        check(samlet_segmenter_mask(segmenter_, index, mask.data(), width_));
        return mask;
    }

  private:
    void check(samlet_status status) {
        if (status != SAMLET_OK)
            fail_msg("%s: %s", samlet_status_name(status), samlet_segmenter_message(segmenter_));
    }
    samlet_segmenter* segmenter_ = nullptr;
    uint32_t width_ = 0, height_ = 0;
};

void truck(void**) {
    const OpenModel model(weights());
    const Npz npz(golden_file("golden/image/truck.npz"));
    Photo photo(model);
    bool good = true;
    for (size_t k = 0; k < sizeof(kCases) / sizeof(kCases[0]); k++) {
        const std::string key = "c" + std::to_string(k) + "_";
        const samlet_prediction p = photo.predict(kCases[k]);
        const std::vector<float> low = npz.floats(key + "low"), ious = npz.floats(key + "ious");
        const std::vector<uint8_t> bits = npz.get(key + "bits").bytes;
        assert_int_equal(p.mask_count, ious.size());
        assert_int_equal(p.mask_count, kCases[k].multimask ? 3 : 1);
        const size_t cells = size_t{p.low_res_size} * p.low_res_size;
        double worst_logits = 0, worst_iou = 0, least_pixels = 1;
        for (uint32_t m = 0; m < p.mask_count; m++) {
            const std::vector<float> golden(low.begin() + static_cast<ptrdiff_t>(m * cells),
                                            low.begin() + static_cast<ptrdiff_t>((m + 1) * cells));
            const double logits = relative_error(p.logits[m], cells, golden);
            const double iou = std::fabs(double{p.iou[m]} - double{ious[m]});
            const size_t bytes = bits.size() / p.mask_count;
            const double pixels = compare_masks(photo.mask(m), bits.data() + m * bytes, bytes).equal;
            good = good && logits <= kLogits && iou <= kIou && pixels >= kPixels;
            worst_logits = std::fmax(worst_logits, logits);
            worst_iou = std::fmax(worst_iou, iou);
            least_pixels = std::fmin(least_pixels, pixels);
            assert_true(p.iou[p.best] >= p.iou[m]);
        }
        printf("image/truck case %zu        %u masks, worst: logits %.2e, IoU %.2e, pixels %.4f %%\n", k,
               p.mask_count, worst_logits, worst_iou, 100 * least_pixels);
    }
    assert_true(good);
}

void cannot_track(void**) {
    const OpenModel model(weights());
    samlet_model_info info;
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(model.get(), &info), SAMLET_OK);
    assert_int_equal(info.has_video, 0);
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    samlet_tracker* tracker = nullptr;
    samlet_error error = {};
    assert_int_equal(samlet_tracker_create(model.get(), &config, &tracker, &error), SAMLET_ERROR_UNSUPPORTED);
    assert_null(tracker);
    assert_int_equal(error.status, SAMLET_ERROR_UNSUPPORTED);
    printf("tracking with an image model: %s\n", error.message);
    assert_non_null(strstr(error.message, "images only"));
    assert_non_null(strstr(error.message, info.name));
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    assert_int_equal(samlet_tracker_memory(model.get(), &config, &plan, &error), SAMLET_ERROR_UNSUPPORTED);
}

}  // namespace

int main() {
    if (!has_golden()) return kSkipped;
    const CMUnitTest tests[] = {
        cmocka_unit_test(truck),
        cmocka_unit_test(cannot_track),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
