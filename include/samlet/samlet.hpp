// samlet for C++17: handles that clean up after themselves, errors as exceptions, views.
//
// SPDX-License-Identifier: Apache-2.0
//
// A thin layer over samlet.h, whose comments say what each call does. Everything here is inline: there is
// nothing to link but the C library, and no exception ever passes through it.
//
//   namespace sam = samlet::api;
//   sam::Model model("samlet_micro.gguf");
//   sam::Tracker tracker(model);
//   for (int64_t n = 0; next_picture(); n++) {
//       tracker.set_frame(sam::Frame::rgb(pixels, width, height), n);
//       if (n == 0) tracker.prompt(1, sam::Prompt().positive(432, 270));
//       tracker.track();
//       const sam::Result result = tracker.result(1);
//   }
//
// Lifetimes   A model outlives its trackers and segmenters; a block outlives what was placed in it.
//             Result::view(), Prediction::view() and features() hold until the next call that changes the
//             session.
// Threads     As in samlet.h: any number of threads may use a Model, one at a time a session.
// Moved-from  handles are empty: they may be destroyed or assigned to, nothing else.
//
// The namespace is samlet::api and not samlet, where the library keeps its insides: in a program with the
// static library, two classes of the same name would become one.
#ifndef SAMLET_SAMLET_HPP
#define SAMLET_SAMLET_HPP

#include <samlet/samlet.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace samlet::api {

// What a call that failed throws: the library's sentence, and its status.
class Error : public std::runtime_error {
  public:
    Error(samlet_status status, const std::string& message) : std::runtime_error(message), status_(status) {}
    samlet_status status() const noexcept { return status_; }
    const char* status_name() const noexcept { return samlet_status_name(status_); }

  private:
    samlet_status status_;
};

inline std::string version() {
    return samlet_version();
}

// A run of values that somebody else owns.
template <class T>
class View {
  public:
    View() = default;
    View(const T* data, size_t size) : data_(data), size_(size) {}
    View(const std::vector<T>& values) : View(values.data(), values.size()) {}

    const T* data() const noexcept { return data_; }
    size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const T* begin() const noexcept { return data_; }
    const T* end() const noexcept { return data_ + size_; }
    const T& operator[](size_t i) const noexcept { return data_[i]; }

  private:
    const T* data_ = nullptr;
    size_t size_ = 0;
};

// ---- Memory -----------------------------------------------------------------------------------------------

struct MemoryPlan : samlet_memory_plan {
    MemoryPlan() { samlet_memory_plan_init(this); }
    View<samlet_memory_part> list() const { return {parts, part_count}; }
};

// A block that somebody else owns: a static array, a piece of a pool, a Block.
struct Memory {
    void* data = nullptr;
    uint64_t size = 0;
};

// A block from the heap, of the size and alignment of a plan.
class Block {
  public:
    explicit Block(const samlet_memory_plan& plan)
        : size_(plan.bytes), data_(allocate(plan), Free{std::align_val_t(plan.alignment)}) {}
    operator Memory() const noexcept { return {data_.get(), size_}; }
    uint64_t size() const noexcept { return size_; }

  private:
    struct Free {
        std::align_val_t alignment;
        void operator()(void* p) const noexcept { ::operator delete(p, alignment); }
    };
    static void* allocate(const samlet_memory_plan& plan) {
        if (plan.bytes > std::numeric_limits<size_t>::max()) throw std::bad_alloc();
        return ::operator new(static_cast<size_t>(plan.bytes), std::align_val_t(plan.alignment));
    }

    uint64_t size_;
    std::unique_ptr<void, Free> data_;
};

// ---- Details ----------------------------------------------------------------------------------------------

namespace detail {

inline void check(samlet_status status, const samlet_error& error) {
    if (status != SAMLET_OK) throw Error(status, error.message);
}
// Of the few functions that leave no sentence.
inline void check(samlet_status status, const char* what) {
    if (status != SAMLET_OK) throw Error(status, std::string(what) + ": " + samlet_status_name(status));
}

struct Free {
    void operator()(samlet_model* p) const noexcept { samlet_model_close(p); }
    void operator()(samlet_tracker* p) const noexcept { samlet_tracker_destroy(p); }
    void operator()(samlet_segmenter* p) const noexcept { samlet_segmenter_destroy(p); }
};

// The size of the picture that masks refer to.
struct Size {
    uint32_t width = 0, height = 0;
    explicit Size() = default;
    explicit Size(const samlet_frame& f)
        : width(f.format == SAMLET_PIXEL_NORMALISED ? f.output_width : f.width),
          height(f.format == SAMLET_PIXEL_NORMALISED ? f.output_height : f.height) {}
    size_t pixels() const { return size_t{width} * height; }
};

// The two calls of a run-length code: how long, then what.
template <class Call>
std::string read_rle(Call call) {
    size_t length = 0;
    call(nullptr, 0, &length);
    std::string text(length + 1, '\0');
    call(&text[0], text.size(), &length);
    text.resize(length);
    return text;
}

}  // namespace detail

// ---- Model ------------------------------------------------------------------------------------------------

// Called from the thread that made the call which logs. It must not throw: C stands between it and the
// caller.
using Log = std::function<void(samlet_log_level level, std::string_view text)>;

struct ModelConfig {
    std::string path;
    View<unsigned char> data;  // instead of a path: bytes aligned to 32 that outlive the model
    Memory memory;             // empty: the library allocates
    std::string kernels;       // empty: the best that the CPU has
    Log log;
    samlet_precision precision = SAMLET_PRECISION_AUTO;
};

struct ModelInfo : samlet_model_info {
    ModelInfo() { samlet_model_info_init(this); }
};

struct TensorInfo : samlet_tensor_info {
    TensorInfo() { samlet_tensor_info_init(this); }
};

class Model {
  public:
    static MemoryPlan memory(const ModelConfig& config) {
        const samlet_model_config c = c_config(config, nullptr);
        MemoryPlan plan;
        samlet_error error = {};
        detail::check(samlet_model_memory(&c, &plan, &error), error);
        return plan;
    }

    explicit Model(const ModelConfig& config) {
        if (samlet_abi_version() != SAMLET_ABI_VERSION)
            throw Error(SAMLET_ERROR_UNSUPPORTED,
                        "samlet.h and the library that runs have different ABI versions");
        if (config.log) log_ = std::make_unique<Log>(config.log);
        const samlet_model_config c = c_config(config, log_.get());
        samlet_model* model = nullptr;
        samlet_error error = {};
        detail::check(samlet_model_open(&c, &model, &error), error);
        handle_.reset(model);
    }
    explicit Model(const std::string& path) : Model(of_path(path)) {}

    ModelInfo info() const {
        ModelInfo info;
        detail::check(samlet_model_get_info(get(), &info), "samlet_model_get_info");
        return info;
    }
    TensorInfo tensor(uint32_t index) const {
        TensorInfo info;
        detail::check(samlet_model_get_tensor(get(), index, &info), "samlet_model_get_tensor");
        return info;
    }

    samlet_model* get() const noexcept { return handle_.get(); }

  private:
    static ModelConfig of_path(const std::string& path) {
        ModelConfig config;
        config.path = path;
        return config;
    }
    static samlet_model_config c_config(const ModelConfig& config, Log* log) {
        samlet_model_config c;
        samlet_model_config_init(&c);
        if (!config.path.empty()) c.path = config.path.c_str();
        c.data = config.data.data();
        c.data_size = config.data.size();
        c.memory = config.memory.data;
        c.memory_size = config.memory.size;
        if (!config.kernels.empty()) c.kernels = config.kernels.c_str();
        c.precision = config.precision;
        if (log) {
            c.log_context = log;
            c.log = [](void* context, samlet_log_level level, const char* text) noexcept {
                (*static_cast<Log*>(context))(level, text);
            };
        }
        return c;
    }

    std::unique_ptr<Log> log_;  // where the library finds it, also after a move
    std::unique_ptr<samlet_model, detail::Free> handle_;
};

// ---- Frames and prompts -----------------------------------------------------------------------------------

// A picture that is read during the call only. A stride of 0: rows follow each other without a gap.
struct Frame : samlet_frame {
    Frame() { samlet_frame_init(this); }

    static Frame rgb(const void* pixels, uint32_t width, uint32_t height, uint64_t stride = 0) {
        return packed(SAMLET_PIXEL_RGB, pixels, width, height, stride);
    }
    // Any format of one plane of bytes.
    static Frame packed(samlet_pixel_format format, const void* pixels, uint32_t width, uint32_t height,
                        uint64_t stride = 0) {
        Frame frame;
        frame.format = format;
        frame.width = width;
        frame.height = height;
        frame.plane[0] = pixels;
        frame.stride[0] = stride ? stride : uint64_t{width} * bytes_per_pixel(format);
        return frame;
    }
    static Frame nv12(const void* y, const void* uv, uint32_t width, uint32_t height, uint64_t y_stride = 0,
                      uint64_t uv_stride = 0) {
        Frame frame = packed(SAMLET_PIXEL_NV12, y, width, height, y_stride);
        frame.plane[1] = uv;
        frame.stride[1] = uv_stride ? uv_stride : (uint64_t{width} + 1) / 2 * 2;
        return frame;
    }
    // Three planes of side x side floats, one after the other.
    static Frame normalised(const float* planes, uint32_t side, uint32_t output_width, uint32_t output_height,
                            uint64_t stride = 0) {
        Frame frame = packed(SAMLET_PIXEL_NORMALISED, planes, side, side, stride);
        frame.output_width = output_width;
        frame.output_height = output_height;
        return frame;
    }

  private:
    static uint32_t bytes_per_pixel(samlet_pixel_format format) {
        switch (format) {
            case SAMLET_PIXEL_RGB:
            case SAMLET_PIXEL_BGR:
                return 3;
            case SAMLET_PIXEL_RGBA:
            case SAMLET_PIXEL_BGRA:
            case SAMLET_PIXEL_NORMALISED:
                return 4;
            case SAMLET_PIXEL_YUYV:
                return 2;
            case SAMLET_PIXEL_GREY:
            case SAMLET_PIXEL_NV12:
                break;
        }
        return 1;
    }
};

// A mask that somebody else owns: nonzero is object.
struct MaskView {
    const uint8_t* data = nullptr;
    uint32_t width = 0, height = 0;
    uint64_t stride = 0;  // 0: width
};

// What the user points at. Sentences like Prompt().positive(432, 270).negative(600, 300).
struct Prompt {
    std::vector<samlet_point> points;
    std::optional<samlet_box> box;
    MaskView mask;       // trackers
    View<float> logits;  // segmenters: low_res_size squared
    bool replace_points = false;

    Prompt& positive(float x, float y) {
        points.push_back({x, y, SAMLET_POINT_POSITIVE});
        return *this;
    }
    Prompt& negative(float x, float y) {
        points.push_back({x, y, SAMLET_POINT_NEGATIVE});
        return *this;
    }
    Prompt& in_box(float x0, float y0, float x1, float y1) {
        box = samlet_box{x0, y0, x1, y1};
        return *this;
    }

    // As the C functions take it; points into this prompt.
    samlet_prompt c_prompt() const {
        samlet_prompt c;
        samlet_prompt_init(&c);
        if (replace_points) c.flags |= SAMLET_PROMPT_REPLACE_POINTS;
        c.points = points.empty() ? nullptr : points.data();
        c.point_count = static_cast<uint32_t>(points.size());
        c.box = box ? &*box : nullptr;
        c.mask = mask.data;
        c.mask_width = mask.width;
        c.mask_height = mask.height;
        c.mask_stride = mask.stride ? mask.stride : mask.width;
        c.logits = logits.data();
        return c;
    }
};

// ---- Tracker ----------------------------------------------------------------------------------------------

struct TrackerConfig : samlet_tracker_config {
    TrackerConfig() { samlet_tracker_config_init(this); }
    void place_in(Memory block) {
        memory = block.data;
        memory_size = block.size;
    }
};

struct Result : samlet_result {
    Result() { samlet_result_init(this); }
    View<float> view() const { return {logits, size_t{low_res_size} * low_res_size}; }
};

struct TensorView : samlet_tensor_view {
    TensorView() { samlet_tensor_view_init(this); }
    View<float> view() const { return {data, size_t{height} * width * channels}; }
};

struct Profile : samlet_profile {
    Profile() { samlet_profile_init(this); }
};

struct Explanation : samlet_explanation {
    Explanation() { samlet_explanation_init(this); }
};

struct MemoryShare : samlet_memory_share {
    MemoryShare() { samlet_memory_share_init(this); }
};

struct MemoryAttentionArgs : samlet_memory_attention_args {
    MemoryAttentionArgs() { samlet_memory_attention_args_init(this); }
};

class Tracker {
  public:
    static MemoryPlan memory(const Model& model, const TrackerConfig& config = {}) {
        MemoryPlan plan;
        samlet_error error = {};
        detail::check(samlet_tracker_memory(model.get(), &config, &plan, &error), error);
        return plan;
    }

    explicit Tracker(const Model& model, const TrackerConfig& config = {}) {
        samlet_tracker* tracker = nullptr;
        samlet_error error = {};
        detail::check(samlet_tracker_create(model.get(), &config, &tracker, &error), error);
        handle_.reset(tracker);
    }

    void set_frame(const samlet_frame& frame, int64_t number) {
        check(samlet_tracker_set_frame(get(), &frame, number));
        size_ = detail::Size(frame);
    }
    void prompt(int32_t object, const Prompt& prompt) {
        const samlet_prompt c = prompt.c_prompt();
        check(samlet_tracker_prompt(get(), object, &c));
    }
    void clear_prompts(int32_t object) { check(samlet_tracker_clear_prompts(get(), object)); }
    void track() { check(samlet_tracker_track(get())); }

    Result result(int32_t object) {
        Result result;
        check(samlet_tracker_result(get(), object, &result));
        return result;
    }
    // Into a buffer of the frame's size, 0 or 255.
    void mask(int32_t object, uint8_t* mask, uint64_t stride) {
        check(samlet_tracker_mask(get(), object, mask, stride));
    }
    std::vector<uint8_t> mask(int32_t object) {
        std::vector<uint8_t> mask(size_.pixels() + 1);  // + 1: never null
        this->mask(object, mask.data(), size_.width);
        mask.pop_back();
        return mask;
    }
    void logits(int32_t object, float* logits, uint64_t stride) {
        check(samlet_tracker_logits(get(), object, logits, stride));
    }
    std::vector<float> logits(int32_t object) {
        std::vector<float> logits(size_.pixels() + 1);
        this->logits(object, logits.data(), uint64_t{size_.width} * sizeof(float));
        logits.pop_back();
        return logits;
    }
    // COCO run-length code.
    std::string rle(int32_t object) {
        return detail::read_rle([&](char* text, size_t capacity, size_t* length) {
            const samlet_status status = samlet_tracker_rle(get(), object, text, capacity, length);
            if (status != SAMLET_ERROR_BUFFER_TOO_SMALL) check(status);
        });
    }

    std::vector<int32_t> objects() const {
        uint32_t count = 0;
        detail::check(samlet_tracker_objects(get(), nullptr, 0, &count), "samlet_tracker_objects");
        std::vector<int32_t> ids(count);
        detail::check(samlet_tracker_objects(get(), ids.data(), count, &count), "samlet_tracker_objects");
        return ids;
    }
    void remove_object(int32_t object) { check(samlet_tracker_remove_object(get(), object)); }
    void reset() {
        check(samlet_tracker_reset(get()));
        size_ = detail::Size();
    }
    void set_clip_length(uint32_t frames) { check(samlet_tracker_set_clip_length(get(), frames)); }

    Profile profile() const {
        Profile profile;
        detail::check(samlet_tracker_get_profile(get(), &profile), "samlet_tracker_get_profile");
        return profile;
    }
    // What the object looked at, in a tracker with SAMLET_TRACKER_EXPLAIN. Layer 0: the mean of all.
    Explanation explain(int32_t object, uint32_t layer = 0) {
        Explanation explanation;
        check(samlet_tracker_explain(get(), object, layer, &explanation));
        return explanation;
    }
    MemoryShare explain_memory(int32_t object, uint32_t index, uint32_t layer = 0) {
        MemoryShare share;
        check(samlet_tracker_explain_memory(get(), object, layer, index, &share));
        return share;
    }
    // map_side squared values, row-major.
    std::vector<float> explain_map(int32_t object, uint32_t index, bool all = false, uint32_t layer = 0) {
        const uint32_t side = explain(object, layer).map_side;
        std::vector<float> map(size_t{side} * side);
        check(samlet_tracker_explain_map(get(), object, layer, index, all ? 1 : 0, map.data(),
                                         uint64_t{side} * sizeof(float)));
        return map;
    }
    TensorView features(samlet_feature_level level) {
        TensorView view;
        check(samlet_tracker_features(get(), level, &view));
        return view;
    }
    void run_memory_attention(const MemoryAttentionArgs& args) {
        check(samlet_tracker_run_memory_attention(get(), &args));
    }

    samlet_tracker* get() const noexcept { return handle_.get(); }

  private:
    void check(samlet_status status) const {
        if (status != SAMLET_OK) throw Error(status, samlet_tracker_message(get()));
    }

    std::unique_ptr<samlet_tracker, detail::Free> handle_;
    detail::Size size_;
};

// ---- Segmenter --------------------------------------------------------------------------------------------

struct SegmenterConfig : samlet_segmenter_config {
    SegmenterConfig() { samlet_segmenter_config_init(this); }
    void place_in(Memory block) {
        memory = block.data;
        memory_size = block.size;
    }
};

struct Prediction : samlet_prediction {
    Prediction() { samlet_prediction_init(this); }
    View<float> view(uint32_t index) const { return {logits[index], size_t{low_res_size} * low_res_size}; }
};

struct MaskMeasure : samlet_mask_measure {
    MaskMeasure() { samlet_mask_measure_init(this); }
};

class Segmenter {
  public:
    static MemoryPlan memory(const Model& model, const SegmenterConfig& config = {}) {
        MemoryPlan plan;
        samlet_error error = {};
        detail::check(samlet_segmenter_memory(model.get(), &config, &plan, &error), error);
        return plan;
    }

    explicit Segmenter(const Model& model, const SegmenterConfig& config = {})
        : low_res_((config.image_size ? config.image_size : model.info().image_size) / 4) {
        samlet_segmenter* segmenter = nullptr;
        samlet_error error = {};
        detail::check(samlet_segmenter_create(model.get(), &config, &segmenter, &error), error);
        handle_.reset(segmenter);
    }

    void set_image(const samlet_frame& image) {
        check(samlet_segmenter_set_image(get(), &image));
        size_ = detail::Size(image);
    }
    Prediction predict(const Prompt& prompt, bool multimask) {
        if (!prompt.logits.empty() && prompt.logits.size() != low_res_ * low_res_)
            throw Error(SAMLET_ERROR_INVALID_ARGUMENT,
                        "the prompt has " + std::to_string(prompt.logits.size()) +
                            " logits; the model takes " + std::to_string(low_res_ * low_res_));
        const samlet_prompt c = prompt.c_prompt();
        Prediction prediction;
        check(samlet_segmenter_predict(get(), &c, multimask ? 1 : 0, &prediction));
        return prediction;
    }

    void mask(uint32_t index, uint8_t* mask, uint64_t stride) {
        check(samlet_segmenter_mask(get(), index, mask, stride));
    }
    std::vector<uint8_t> mask(uint32_t index) {
        std::vector<uint8_t> mask(size_.pixels() + 1);
        this->mask(index, mask.data(), size_.width);
        mask.pop_back();
        return mask;
    }
    void logits(uint32_t index, float* logits, uint64_t stride) {
        check(samlet_segmenter_logits(get(), index, logits, stride));
    }
    std::vector<float> logits(uint32_t index) {
        std::vector<float> logits(size_.pixels() + 1);
        this->logits(index, logits.data(), uint64_t{size_.width} * sizeof(float));
        logits.pop_back();
        return logits;
    }
    MaskMeasure measure(uint32_t index, float threshold = 0, float offset = 1) {
        MaskMeasure measure;
        check(samlet_segmenter_measure(get(), index, threshold, offset, &measure));
        return measure;
    }
    std::string rle(uint32_t index) {
        return detail::read_rle([&](char* text, size_t capacity, size_t* length) {
            const samlet_status status = samlet_segmenter_rle(get(), index, text, capacity, length);
            if (status != SAMLET_ERROR_BUFFER_TOO_SMALL) check(status);
        });
    }
    TensorView features(samlet_feature_level level) {
        TensorView view;
        check(samlet_segmenter_features(get(), level, &view));
        return view;
    }

    samlet_segmenter* get() const noexcept { return handle_.get(); }

  private:
    void check(samlet_status status) const {
        if (status != SAMLET_OK) throw Error(status, samlet_segmenter_message(get()));
    }

    std::unique_ptr<samlet_segmenter, detail::Free> handle_;
    size_t low_res_;
    detail::Size size_;
};

}  // namespace samlet::api

#endif  // SAMLET_SAMLET_HPP
