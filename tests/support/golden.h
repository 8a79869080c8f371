// Comparing the library with the reference: its data, its checkpoints as model files, its video scenarios.
//
// SPDX-License-Identifier: Apache-2.0
//
// The data lies in the folder that SAMLET_GOLDEN_DIR names; its README tells what the arrays are. Where the
// library reports an error, functions here fail the running CMocka test; where data cannot be read, they
// throw.
#pragma once

#include <samlet/samlet.h>

#include <cstdlib>
#include <ios>
#include <memory>
#include <string>
#include <vector>

#include "core/status.h"
#include "tests/support/npz.h"
#include "tests/support/pictures.h"

// After status.h and <ios>, which have functions named fail(): it makes a macro of that.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}

namespace samlet::test {

// Sanitized builds are about ten times as slow: they may do less of the same.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

// ---- Data and models -----------------------------------------------------------------------------------

constexpr int kSkipped = 77;  // exit status of a test that has nothing to compare with
bool has_golden();
std::string golden_file(const std::string& name);  // "golden/micro/point.npz"

// The model file that tools/convert_checkpoint.py makes of a checkpoint. It stays in the build tree and is
// made again when the checkpoint or the converter is newer. Tests that run side by side wait for each other.
std::string converted_model(const std::string& checkpoint, const std::string& name,
                            const std::string& type = "f32");
// The same for random weights after a list of tensors ("golden/manifests/NAME.json").
std::string random_model(const std::string& name, const std::string& type = "f32");

// The best instruction set that multiplies in f32, as the reference does whose numbers are compared; null for the
// library's own choice, if it is that, or if the environment makes it.
const char* f32_kernels();

class OpenModel {
  public:
    // `kernels`: an instruction set, null for f32_kernels().
    explicit OpenModel(const std::string& path, const char* kernels = nullptr,
                       samlet_precision precision = SAMLET_PRECISION_AUTO);
    // Opens the bytes of a file in memory after adding `offset` to each value of an f32 tensor.
    OpenModel(const std::string& path, const std::string& tensor, float offset);
    ~OpenModel() { samlet_model_close(model_); }
    OpenModel(const OpenModel&) = delete;
    OpenModel& operator=(const OpenModel&) = delete;
    const samlet_model* get() const { return model_; }

  private:
    struct Free {
        void operator()(void* block) const { free(block); }
    };
    std::unique_ptr<uint8_t, Free> bytes_;
    samlet_model* model_ = nullptr;
};

// ---- Video scenarios -----------------------------------------------------------------------------------

// What the reference answers for one object on one frame.
struct Answer {
    std::vector<float> logits;  // low resolution
    double iou = 0, score = 0;
    std::vector<uint8_t> bits;  // of the mask at video size; empty: not compared
};
// From the arrays "<key>_pred_masks" and so on, the mask from "<mask_key>_video_res.bits" (default: <key>).
Answer read_answer(const Npz& npz, const std::string& key, const std::string& mask_key = "");
// "f003_o1"
std::string answer_key(int64_t frame, int32_t object);

struct Bounds {
    double logits;    // relative rms error
    double scores;    // |IoU error| and |object score error|
    double pixels;    // share of equal mask pixels, at least
    double mask_iou;  // of our mask and the reference's, at least
};
// What the project promises; from JPEG frames three times that would do, but is not needed.
constexpr Bounds kStrict = {1e-3, 2e-3, 0.999, 0};
// What float rounding leaves, with room. Only where no mask of the network is thresholded into memory: there
// the last bits of a float can take a pixel over the threshold, and all that follows moves by up to 1e-4.
constexpr Bounds kRounding = {1e-4, 1e-4, 0.9999, 0};

struct ClipOptions {
    uint32_t clip_length = 10;
    uint32_t max_objects = 1;
    uint32_t prompted_frames = 1;
    uint32_t image_size = 0;
    std::string frames;  // folder of the JPEG frames; default: those of the reference data
    Bounds bounds = kStrict;
};

// A tracker of two threads that plays a scenario on the bedroom clip and keeps the worst figures.
class Clip {
  public:
    Clip(const OpenModel& model, const std::string& name, const ClipOptions& options = ClipOptions());
    ~Clip() { samlet_tracker_destroy(tracker_); }
    Clip(const Clip&) = delete;
    Clip& operator=(const Clip&) = delete;

    samlet_tracker* tracker() const { return tracker_; }

    // A JPEG frame; every fifth of the video is one of the scenario.
    void show(int64_t number) { show(number, number); }
    // Another frame's picture under this number.
    void show(int64_t number, int64_t picture);
    // Planes of the model's normalised input, for a picture of the clip's size.
    void show_normalised(int64_t number, const float* planes, uint32_t side);

    // Prompts, in shares of the picture's width and height.
    void click(int32_t object, double x, double y, bool positive);
    void box(int32_t object, double x0, double y0, double x1, double y1);
    void mask(int32_t object, const Array& mask);
    void track();

    samlet_result result(int32_t object);
    samlet_tensor_view features(samlet_feature_level level);
    // Compares the object's result on the current frame. A miss is printed and remembered: finish() fails.
    void expect(int32_t object, const Answer& answer);
    // Prints the worst figures of the scenario; fails if there was a miss, or if not `answers` results were
    // compared. Returns the largest error of the logits.
    double finish(size_t answers);

    static constexpr uint32_t kWidth = 960, kHeight = 540;

  private:
    void check(samlet_status status, const char* doing);
    void prompt(int32_t object, const samlet_prompt& prompt);

    std::string name_, frames_;
    Bounds bounds_;
    samlet_tracker* tracker_ = nullptr;
    int64_t frame_ = 0;
    size_t answers_ = 0, misses_ = 0;
    double worst_logits_ = 0, worst_iou_ = 0, worst_score_ = 0, least_pixels_ = 1, least_mask_iou_ = 1;
};

// The exact size of a tracker's block. Prints it.
uint64_t tracker_bytes(const OpenModel& model, uint32_t image_size, uint32_t max_objects, const char* name);

}  // namespace samlet::test
