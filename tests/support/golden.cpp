// SPDX-License-Identifier: Apache-2.0
#include "golden.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "core/model_file.h"
#include "kernels/kernels.h"
#include "tools/samlet/files.h"

namespace samlet::test {

namespace fs = std::filesystem;

// ---- Data and models -----------------------------------------------------------------------------------

bool has_golden() {
    const char* folder = getenv("SAMLET_GOLDEN_DIR");
    if (folder && *folder) return true;
    printf("skipped: SAMLET_GOLDEN_DIR does not name the reference data\n");
    return false;
}

std::string golden_file(const std::string& name) {
    const char* folder = getenv("SAMLET_GOLDEN_DIR");
    if (!folder) throw std::runtime_error("SAMLET_GOLDEN_DIR is not set");
    return cli::join(folder, name);
}

namespace {

std::string quoted(const std::string& text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

void run_python(const std::string& script, const std::vector<std::string>& arguments) {
    std::string command = quoted(SAMLET_PYTHON) + " " + quoted(script);
    for (const std::string& argument : arguments) command += " " + quoted(argument);
    command += " >/dev/null";
    // Sanitizers that are preloaded for this process are not for Python.
    if (system(("env -u LD_PRELOAD " + command).c_str()) != 0) throw std::runtime_error("failed: " + command);
}

// Held while a model is made; given back when the process ends, too.
class Lock {
  public:
    explicit Lock(const std::string& path) : file_(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666)) {
        if (file_ < 0 || flock(file_, LOCK_EX) != 0) throw std::runtime_error("cannot lock '" + path + "'");
    }
    ~Lock() { close(file_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    int file_;
};

bool is_newer(const std::string& file, const std::vector<std::string>& sources) {
    if (!fs::exists(file)) return false;
    for (const std::string& source : sources)
        if (fs::last_write_time(file) <= fs::last_write_time(source)) return false;
    return true;
}

const std::string kConverter = SAMLET_SOURCE_DIR "/tools/convert_checkpoint.py";

// make(path) writes the model to a temporary path.
template <typename Make>
std::string made_model(const std::string& name, const std::string& type,
                       const std::vector<std::string>& sources, const Make& make) {
    const std::string folder = SAMLET_TEST_BUILD_DIR "/models";
    fs::create_directories(folder);
    const std::string model = cli::join(folder, name + "." + type + ".gguf");
    const Lock lock(model + ".lock");
    if (!is_newer(model, sources)) {
        make(model + ".part");
        fs::rename(model + ".part", model);
    }
    return model;
}

}  // namespace

std::string converted_model(const std::string& checkpoint, const std::string& name, const std::string& type) {
    const std::string source = golden_file(checkpoint);
    return made_model(name, type, {source, kConverter}, [&](const std::string& part) {
        run_python(kConverter, {source, part, "--type", type});
    });
}

std::string random_model(const std::string& name, const std::string& type) {
    const std::string maker = golden_file("golden/make_checkpoint.py");
    const std::string manifest = golden_file("golden/manifests/" + name + ".json");
    return made_model(name, type, {maker, manifest, kConverter}, [&](const std::string& part) {
        const std::string checkpoint = part + ".safetensors";
        run_python(maker, {manifest, checkpoint});
        run_python(kConverter, {checkpoint, part, "--type", type});
        fs::remove(checkpoint);
    });
}

const char* f32_kernels() {
    if (getenv("SAMLET_KERNELS")) return nullptr;
    return find_kernels("neon_fp16") ? "neon" : nullptr;
}

OpenModel::OpenModel(const std::string& path, const char* kernels, samlet_precision precision) {
    samlet_model_config config;
    samlet_model_config_init(&config);
    config.path = path.c_str();
    config.kernels = kernels ? kernels : f32_kernels();
    config.precision = static_cast<uint32_t>(precision);
    samlet_error error;
    if (samlet_model_open(&config, &model_, &error) != SAMLET_OK)
        fail_msg("%s: %s", path.c_str(), error.message);
}

OpenModel::OpenModel(const std::string& path, const std::string& tensor, float offset) {
    const cli::Bytes file = cli::read_file(path);
    bytes_.reset(static_cast<uint8_t*>(aligned_alloc(64, (file.size() + 63) / 64 * 64)));
    if (!bytes_) throw std::bad_alloc();
    memcpy(bytes_.get(), file.data(), file.size());

    constexpr size_t kTableBytes = 1 << 20;
    const std::unique_ptr<uint8_t, Free> table(static_cast<uint8_t*>(aligned_alloc(64, kTableBytes)));
    Arena arena(table.get(), kTableBytes);
    ModelFile parsed;
    if (!parsed.open(bytes_.get(), file.size(), arena, false).ok())
        throw std::runtime_error("cannot read " + path);
    size_t changed = 0;
    for (size_t i = 0; i < parsed.tensor_count(); i++) {
        const TensorEntry& entry = parsed.tensor(i);
        if (tensor != entry.name || entry.type != TensorType::f32) continue;
        uint8_t* data = bytes_.get() + (static_cast<const uint8_t*>(entry.data) - bytes_.get());
        for (; changed < entry.elements; changed++) {
            float value;
            memcpy(&value, data + 4 * changed, 4);
            value += offset;
            memcpy(data + 4 * changed, &value, 4);
        }
    }
    if (changed == 0) throw std::runtime_error("there is no f32 tensor " + tensor + " in " + path);

    samlet_model_config config;
    samlet_model_config_init(&config);
    config.data = bytes_.get();
    config.data_size = file.size();
    config.kernels = f32_kernels();
    samlet_error error;
    if (samlet_model_open(&config, &model_, &error) != SAMLET_OK)
        fail_msg("%s: %s", path.c_str(), error.message);
}

// ---- Video scenarios -----------------------------------------------------------------------------------

std::string answer_key(int64_t frame, int32_t object) {
    char text[48];
    snprintf(text, sizeof(text), "f%03d_o%d", static_cast<int>(frame), static_cast<int>(object));
    return text;
}

Answer read_answer(const Npz& npz, const std::string& key, const std::string& mask_key) {
    Answer answer;
    answer.logits = npz.floats(key + "_pred_masks");
    // Of several candidates the reference takes the one with the highest IoU.
    const std::vector<float> ious = npz.floats(key + "_ious");
    answer.iou = *std::max_element(ious.begin(), ious.end());
    answer.score = npz.get(key + "_object_score_logits").scalar();
    answer.bits = npz.get((mask_key.empty() ? key : mask_key) + "_video_res.bits").bytes;
    return answer;
}

Clip::Clip(const OpenModel& model, const std::string& name, const ClipOptions& options)
    : name_(name),
      frames_(options.frames.empty() ? golden_file("video/bedroom") : options.frames),
      bounds_(options.bounds) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.clip_length = options.clip_length;
    config.max_objects = options.max_objects;
    config.prompted_frames = options.prompted_frames;
    config.image_size = options.image_size;
    config.max_frame_width = kWidth;
    config.max_frame_height = kHeight;
    config.threads = 2;
    samlet_error error;
    if (samlet_tracker_create(model.get(), &config, &tracker_, &error) != SAMLET_OK)
        fail_msg("%s: %s", name.c_str(), error.message);
}

void Clip::check(samlet_status status, const char* doing) {
    if (status == SAMLET_OK) return;
    fail_msg("%s, frame %d, %s: %s: %s", name_.c_str(), static_cast<int>(frame_), doing,
             samlet_status_name(status), samlet_tracker_message(tracker_));
}

void Clip::show(int64_t number, int64_t picture_number) {
    frame_ = number;
    const cli::Picture picture =
        read_jpeg(cli::join(frames_, cli::frame_digits(5 * picture_number) + ".jpg"));
    assert_int_equal(picture.width, kWidth);
    assert_int_equal(picture.height, kHeight);
    const samlet_frame frame = picture.frame();
    check(samlet_tracker_set_frame(tracker_, &frame, number), "showing the frame");
}

void Clip::show_normalised(int64_t number, const float* planes, uint32_t side) {
    frame_ = number;
    samlet_frame frame;
    samlet_frame_init(&frame);
    frame.format = SAMLET_PIXEL_NORMALISED;
    frame.width = frame.height = side;
    frame.plane[0] = planes;
    frame.stride[0] = side * sizeof(float);
    frame.output_width = kWidth;
    frame.output_height = kHeight;
    check(samlet_tracker_set_frame(tracker_, &frame, number), "showing the frame");
}

void Clip::prompt(int32_t object, const samlet_prompt& prompt) {
    check(samlet_tracker_prompt(tracker_, object, &prompt), "prompting");
}

void Clip::click(int32_t object, double x, double y, bool positive) {
    const samlet_point point = {static_cast<float>(x * kWidth), static_cast<float>(y * kHeight),
                                positive ? SAMLET_POINT_POSITIVE : SAMLET_POINT_NEGATIVE};
    samlet_prompt p;
    samlet_prompt_init(&p);
    p.points = &point;
    p.point_count = 1;
    prompt(object, p);
}

void Clip::box(int32_t object, double x0, double y0, double x1, double y1) {
    const samlet_box box = {static_cast<float>(x0 * kWidth), static_cast<float>(y0 * kHeight),
                            static_cast<float>(x1 * kWidth), static_cast<float>(y1 * kHeight)};
    samlet_prompt p;
    samlet_prompt_init(&p);
    p.box = &box;
    prompt(object, p);
}

void Clip::mask(int32_t object, const Array& mask) {
    assert_int_equal(mask.shape.size(), 2);
    samlet_prompt p;
    samlet_prompt_init(&p);
    p.mask = mask.bytes.data();
    p.mask_height = static_cast<uint32_t>(mask.shape[0]);
    p.mask_width = static_cast<uint32_t>(mask.shape[1]);
    p.mask_stride = mask.shape[1];
    prompt(object, p);
}

void Clip::track() {
    check(samlet_tracker_track(tracker_), "tracking");
}

samlet_result Clip::result(int32_t object) {
    samlet_result result;
    samlet_result_init(&result);
    check(samlet_tracker_result(tracker_, object, &result), "asking for the result");
    return result;
}

samlet_tensor_view Clip::features(samlet_feature_level level) {
    samlet_tensor_view view;
    samlet_tensor_view_init(&view);
    check(samlet_tracker_features(tracker_, level, &view), "asking for features");
    return view;
}

namespace {

// The larger one; NaN is the worst.
void keep_worst(double value, double& worst) {
    if (!std::isnan(worst) && !(value <= worst)) worst = value;
}

}  // namespace

void Clip::expect(int32_t object, const Answer& answer) {
    const samlet_result r = result(object);
    std::vector<uint8_t> mask(size_t{kWidth} * kHeight);
    check(samlet_tracker_mask(tracker_, object, mask.data(), kWidth), "asking for the mask");
    const MaskComparison masks = answer.bits.empty()
                                     ? MaskComparison{1, 1, 0, 0}
                                     : compare_masks(mask, answer.bits.data(), answer.bits.size());
    const double logits =
        answer.logits.empty()
            ? 0
            : relative_error(r.logits, size_t{r.low_res_size} * r.low_res_size, answer.logits);
    const double iou = std::fabs(double{r.iou} - answer.iou);
    const double score = std::fabs(double{r.object_score} - answer.score);

    answers_++;
    keep_worst(logits, worst_logits_);
    keep_worst(iou, worst_iou_);
    keep_worst(score, worst_score_);
    least_pixels_ = std::min(least_pixels_, masks.equal);
    least_mask_iou_ = std::min(least_mask_iou_, masks.iou);
    if (logits <= bounds_.logits && iou <= bounds_.scores && score <= bounds_.scores &&
        masks.equal >= bounds_.pixels && masks.iou >= bounds_.mask_iou && r.frame == frame_ &&
        (r.visible != 0) == (answer.score > 0))
        return;
    misses_++;
    printf(
        "%s, frame %d, object %d: logits %.2e, IoU %.6f (not %.6f), object score %.6f (not %.6f), pixels "
        "%.4f %%, mask "
        "IoU %.4f\n",
        name_.c_str(), static_cast<int>(frame_), static_cast<int>(object), logits, double{r.iou}, answer.iou,
        double{r.object_score}, answer.score, 100 * masks.equal, masks.iou);
}

double Clip::finish(size_t answers) {
    printf(
        "%-24s %3zu answers, worst: logits %.2e, IoU %.2e, object score %.2e, pixels %.4f %%, mask IoU "
        "%.4f\n",
        name_.c_str(), answers_, worst_logits_, worst_iou_, worst_score_, 100 * least_pixels_,
        least_mask_iou_);
    fflush(stdout);
    if (misses_)
        fail_msg("%s: %zu of %zu answers miss logits %g, scores %g, pixels %g %%, mask IoU %g", name_.c_str(),
                 misses_, answers_, bounds_.logits, bounds_.scores, 100 * bounds_.pixels, bounds_.mask_iou);
    assert_int_equal(answers_, answers);
    return worst_logits_;
}

uint64_t tracker_bytes(const OpenModel& model, uint32_t image_size, uint32_t max_objects, const char* name) {
    samlet_tracker_config config;
    samlet_tracker_config_init(&config);
    config.image_size = image_size;
    config.max_objects = max_objects;
    config.threads = 2;
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    samlet_error error;
    if (samlet_tracker_memory(model.get(), &config, &plan, &error) != SAMLET_OK)
        fail_msg("%s: %s", name, error.message);
    printf("%-24s a tracker of %u object takes %.2f MiB:", name, static_cast<unsigned>(max_objects),
           static_cast<double>(plan.bytes) / (1 << 20));
    for (uint32_t i = 0; i < plan.part_count; i++)
        printf("%s %s %.2f", i ? "," : "", plan.parts[i].name,
               static_cast<double>(plan.parts[i].bytes) / (1 << 20));
    printf("\n");
    return plan.bytes;
}

}  // namespace samlet::test
