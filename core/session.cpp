// SPDX-License-Identifier: Apache-2.0
#include "core/session.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <new>

namespace samlet {

constexpr uint32_t kMaxThreads = 64, kDefaultThreads = 4, kDefaultPoints = 32, kDefaultFrameSide = 4096;
constexpr uint32_t kMaxImageSize = 4096, kImageStep = 32, kMaxPoints = 1024;

namespace {

// For messages: a coordinate in thousandths, away from zero, so that what lies a little outside is seen to.
int64_t thousandths(float x) {
    const double value = 1000.0 * (x < -1e9f ? -1e9f : x > 1e9f ? 1e9f : x);
    return static_cast<int64_t>(value < 0 ? std::floor(value) : std::ceil(value));
}

// One coordinate of point `index`.
Status check_coordinate(float value, uint32_t extent, const char* name, uint32_t index) {
    if (!std::isfinite(value))
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "%s of point %a is not a finite number; it must be 0 to %b, the size of the frame", index,
                    extent, name);
    if (value < 0 || value > static_cast<float>(extent))
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "a point has %s = %A; it must be 0 to %b, the size of the frame", thousandths(value),
                    extent, name);
    return {};
}

// The two sides of a box along one axis.
Status check_sides(float low, float high, uint32_t extent, const char* low_name, const char* high_name) {
    const float values[2] = {low, high};
    const char* names[2] = {low_name, high_name};
    for (int i = 0; i < 2; i++)
        if (!std::isfinite(values[i]))
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "%s of the box is not a finite number; it must be 0 to %b, the size of the frame", 0,
                        extent, names[i]);
    if (!(low < high))
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "the box is empty or inverted: %s = %A must be less than the opposite side, %B",
                    thousandths(low), thousandths(high), low_name);
    for (int i = 0; i < 2; i++)
        if (values[i] < 0 || values[i] > static_cast<float>(extent))
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "the box has %s = %A; it must be 0 to %b, the size of the frame",
                        thousandths(values[i]), extent, names[i]);
    return {};
}

}  // namespace

Status SessionConfig::complete(const Model& model) {
    if (image_size == 0) image_size = model.config.image_size;
    if (image_size % kImageStep != 0 || image_size > kMaxImageSize)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "image_size is %a; it must be a multiple of 32 up to %b",
                    image_size, kMaxImageSize);
    if (threads == 0) {
        threads = port::processor_count();
        if (threads > kDefaultThreads) threads = kDefaultThreads;
    }
    if (threads > kMaxThreads)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "threads is %a; at most %b are supported", threads,
                    kMaxThreads);
    if (threads > port::thread_limit())
        return fail(SAMLET_ERROR_UNSUPPORTED,
                    "threads is %a; this build has none but the caller's: it must be 1, or 0 for the default",
                    threads);
    if (max_points == 0) max_points = kDefaultPoints;
    if (max_points > kMaxPoints)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "max_points is %a; at most %b are supported", max_points,
                    kMaxPoints);
    if (max_frame_width == 0) max_frame_width = kDefaultFrameSide;
    if (max_frame_height == 0) max_frame_height = kDefaultFrameSide;
    if (max_frame_width > kMaxSide || max_frame_height > kMaxSide)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "max_frame_width or max_frame_height is %a; at most %b are supported",
                    max_frame_width > max_frame_height ? max_frame_width : max_frame_height, kMaxSide);
    half_maps |= model.precisions.half_maps;
    if (video && !model.config.has_video)
        return fail(SAMLET_ERROR_UNSUPPORTED,
                    "the model %s is for images only: its checkpoint has no memory attention and no memory "
                    "encoder; open a "
                    "video model to track, or use a segmenter",
                    0, 0, model.config.name);
    return {};
}

Status Session::lay_out(const Model& model, const SessionConfig& config, Arena& arena, Plan& plan,
                        bool measuring) {
    model_ = &model;
    config_ = config;
    grid_ = config.image_size / kTopStride;
    linears_ = arena.take<Linear>(model.linear_count);
    size_t operators = 0;
    for (size_t i = 0; !measuring && linears_ && i < model.linear_count; i++) new (&linears_[i]) Linear();
    for (size_t i = 0; i < model.linear_count; i++)
        operators += !model.linears[i].half_gemm() && (config.video || model.labels[i].group == LayerGroup::image);
    operator_bytes_ = (operators + model.quantises) * model.operator_bytes;
    operator_memory_ = arena.take<uint8_t>(operator_bytes_);
    plan.close_part("operators");

    const size_t d = model.config.d_model;
    const auto map = [&](size_t count) {
        return Map{arena.take_bytes(count * (config.half_maps ? 2 : 4)), config.half_maps};
    };
    features_.stride4 = map(16 * cells() * (d / 8));
    features_.stride8 = map(4 * cells() * (d / 4));
    features_.top = map(cells() * d);
    plan.close_part("frame features");
    position_x_ = arena.take<float>(grid_ * d);
    position_y_ = arena.take<float>(grid_ * d);
    plan.close_part("position tables");
    if (!position_y_)
        return fail(SAMLET_ERROR_MEMORY, "the block of %a bytes is too small",
                    static_cast<int64_t>(arena.capacity()));
    return {};
}

void Session::begin_rehearsal() {
    exec_ = Exec();
    exec_.kernels = model_->kernels;
    exec_.weights = model_->linears;
    exec_.half_maps = config_.half_maps;
    exec_.threads = config_.threads;
    exec_.scratch = Arena::measuring();
    exec_.rehearsing = true;
}

void Session::rehearse_picture() {
    const samlet_frame none = {};
    const size_t size = config_.image_size;
    model_->image_encoder.run(
        exec_, size, [&](const Map& image) { fill_picture(none, image); }, features_, [](samlet_stage) {});
    Arena::Scope scope(exec_.scratch);
    picture_work(nullptr, 1, 0);
}

Status Session::take_scratch(Arena& arena, Plan& plan) {
    const size_t bytes = exec_.scratch.peak();
    void* block = arena.take_bytes(bytes);
    plan.close_part("scratch");
    if (!block)
        return fail(SAMLET_ERROR_MEMORY, "the block of %a bytes is too small",
                    static_cast<int64_t>(arena.capacity()));
    exec_.scratch = Arena(block, bytes);
    exec_.rehearsing = false;
    exec_.linears = linears_;
    return {};
}

Status Session::start() {
    struct Room {
        uint8_t* memory;
        size_t left;
    } room = {operator_memory_, operator_bytes_};
    {
        AllocationScope scope(
            [](void* context, size_t bytes) -> void* {
                Room* r = static_cast<Room*>(context);
                const size_t size = Arena::rounded(bytes);
                if (size > r->left) return nullptr;
                void* p = r->memory;
                r->memory += size;
                r->left -= size;
                return p;
            },
            &room);
        const uint32_t flags = config_.yield ? XNN_FLAG_YIELD_WORKERS : 0;
        for (size_t i = 0; i < model_->linear_count; i++) {
            if (!config_.video && model_->labels[i].group != LayerGroup::image) continue;
            if (!linears_[i].create(model_->linears[i], flags) ||
                (model_->linears[i].precision() == Precision::int8 && !exec_.quantiser.create(flags)))
                return fail(SAMLET_ERROR_INTERNAL, "XNNPACK refused to create operator %a",
                            static_cast<int64_t>(i));
        }
    }
    exec_.pool_flags =
        PTHREADPOOL_FLAG_DISABLE_DENORMALS | (config_.yield ? PTHREADPOOL_FLAG_YIELD_WORKERS : 0);
    if (config_.threads > 1) {
        exec_.pool = pthreadpool_create(config_.threads);
        if (!exec_.pool || pthreadpool_get_threads_count(exec_.pool) != config_.threads)
            return fail(SAMLET_ERROR_MEMORY, "the system refused to start %a threads", config_.threads);
    }
    if (config_.pin_threads) {
        // As many items as threads, and none ends before all have begun: each thread takes one. Thread 0 is
        // whoever calls: it belongs to the caller, and every later session's threads would inherit its
        // processor.
        std::atomic<uint32_t> arrived{0};
        exec_.parallel(config_.threads, [&](size_t, size_t thread) {
            if (thread > 0) port::pin_thread(static_cast<uint32_t>(thread));
            arrived++;
            // Those who have not arrived may need this processor.
            while (arrived.load() < config_.threads) port::yield_thread();
        });
    }
    model_->prompt_encoder.fill_position_tables(grid_, position_x_, position_y_);
    return {};
}

void Session::stop() {
    if (exec_.pool) pthreadpool_destroy(exec_.pool);
    exec_.pool = nullptr;
    for (size_t i = 0; linears_ && i < model_->linear_count; i++) linears_[i].destroy();
    exec_.quantiser.destroy();
}

Status Session::check_defect() {
    if (!exec_.defect) return {};
    exec_.defect = false;
    return fail(SAMLET_ERROR_INTERNAL, "XNNPACK refused to run an operator: please report this");
}

Status Session::check_points(const samlet_prompt& p, size_t earlier) const {
    if (p.point_count > config_.max_points || earlier + p.point_count + (p.box ? 2 : 0) > config_.max_points)
        return fail(SAMLET_ERROR_CAPACITY,
                    "the prompt makes %a points on this frame (a box counts as 2); the session is planned "
                    "for %b (max_points)",
                    static_cast<int64_t>(earlier + p.point_count + (p.box ? 2 : 0)), config_.max_points);
    for (uint32_t i = 0; i < p.point_count; i++) {
        const samlet_point& point = p.points[i];
        SAMLET_TRY(check_coordinate(point.x, picture_.width, "x", i));
        SAMLET_TRY(check_coordinate(point.y, picture_.height, "y", i));
        if (point.label != SAMLET_POINT_NEGATIVE && point.label != SAMLET_POINT_POSITIVE)
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "point %a has label %b; it must be 1 (object) or 0 (not the object)", i, point.label);
    }
    if (p.box) {
        SAMLET_TRY(check_sides(p.box->x0, p.box->x1, picture_.width, "x0", "x1"));
        SAMLET_TRY(check_sides(p.box->y0, p.box->y1, picture_.height, "y0", "y1"));
    }
    return {};
}

void Session::reset_clock() {
    for (double& ms : milliseconds_) ms = 0;
    lap_start_ = port::milliseconds();
}

void Session::lap(samlet_stage stage) {
    const double now = port::milliseconds();
    milliseconds_[stage] += now - lap_start_;
    lap_start_ = now;
}

double Session::skip_lap() {
    const double start = lap_start_;
    lap_start_ = port::milliseconds();
    return lap_start_ - start;
}

PromptPoint Session::to_square(float x, float y, int32_t label) const {
    const float size = static_cast<float>(config_.image_size);
    return {x / static_cast<float>(picture_.width) * size, y / static_cast<float>(picture_.height) * size,
            label};
}

void Session::fill_picture(const samlet_frame& frame, const Map& image) {
    Arena::Scope scope(exec_.scratch);
    const uint32_t size = config_.image_size;
    // Planned for the largest frame, used for this one.
    uint8_t* tables = exec_.scratch.take<uint8_t>(
        preprocess_table_bytes(config_.filter, config_.max_frame_width, config_.max_frame_height, size));
    const size_t scratch_bytes =
        preprocess_scratch_bytes(config_.filter, config_.max_frame_width, config_.max_frame_height, size);
    uint8_t* scratch = exec_.scratch.take<uint8_t>(scratch_bytes * exec_.threads);
    PreprocessJob job;
    if (!exec_.rehearsing)
        prepare_preprocess(frame, config_.filter, size, model_->config.image_mean, model_->config.image_std,
                           tables, image, *exec_.kernels, &job);
    const uint32_t chunk =
        (size + static_cast<uint32_t>(exec_.threads) - 1) / static_cast<uint32_t>(exec_.threads);
    exec_.parallel_chunks(size, chunk, [&](size_t first, size_t last, size_t thread) {
        preprocess_rows(job, static_cast<uint32_t>(first), static_cast<uint32_t>(last),
                        scratch + thread * scratch_bytes);
    });
}

Status Session::check(const samlet_frame& frame) const {
    return check_frame(frame, config_.image_size, config_.max_frame_width, config_.max_frame_height);
}

Status Session::encode(const samlet_frame& frame) {
    picture_ = picture_size(frame);
    model_->image_encoder.run(
        exec_, config_.image_size, [&](const Map& image) { fill_picture(frame, image); }, features_,
        [&](samlet_stage stage) { lap(stage); });
    SAMLET_TRY(check_defect());
    has_picture_ = true;
    return {};
}

void Session::decode(float* image, const PromptPoint* points, size_t count, size_t padding,
                     const float* mask_logits, DecodedMasks* out) {
    Arena::Scope scope(exec_.scratch);
    const size_t d = model_->config.d_model;
    const PromptEncoder& prompts = model_->prompt_encoder;
    float* tokens = exec_.floats((count + padding) * d);
    {
        Arena::Scope dense_scope(exec_.scratch);
        float* dense = exec_.floats(cells() * d);
        if (mask_logits) {
            prompts.embed_mask(exec_, mask_logits, grid_, dense);
            exec_.add(dense, cells() * d, image);
        }
        if (!mask_logits || exec_.rehearsing)
            exec_.parallel_chunks(cells(), 256, [&](size_t first, size_t last, size_t) {
                for (size_t i = first; i < last; i++) exec_.kernels->add(prompts.no_mask, d, image + i * d);
            });
        exec_.parallel(1, [&](size_t, size_t) {
            const PromptPoint pad = {0, 0, PromptPoint::padding};
            const float size = static_cast<float>(config_.image_size);
            prompts.embed_points(points, count, size, tokens);
            for (size_t i = 0; i < padding; i++)
                prompts.embed_points(&pad, 1, size, tokens + (count + i) * d);
        });
    }
    float* position = exec_.floats(cells() * d);
    prompts.expand_position(exec_, grid_, position_x_, position_y_, position);
    model_->mask_decoder.run(exec_, image, position, grid_, features_, tokens, count + padding, out);
}

Session::PictureWork Session::picture_work(const float* const* objects, size_t count, size_t object) {
    PictureWork work;
    const uint32_t n = static_cast<uint32_t>(low_res());
    uint8_t* tables =
        exec_.scratch.take<uint8_t>(picture_table_bytes(config_.max_frame_width, config_.max_frame_height));
    work.scratch_bytes = picture_scratch_bytes(n, config_.max_frame_width, config_.max_frame_height);
    work.scratch = exec_.scratch.take<uint8_t>(work.scratch_bytes * exec_.threads);
    if (!exec_.rehearsing)
        prepare_picture(n, picture_.width, picture_.height, objects, count, object, tables, &work.job);
    return work;
}

void Session::write_logits(const float* const* objects, size_t count, size_t object, float* out,
                           size_t stride) {
    Arena::Scope scope(exec_.scratch);
    const PictureWork work = picture_work(objects, count, object);
    exec_.parallel_chunks(picture_.height, 64, [&](size_t first, size_t last, size_t thread) {
        picture_logits(work.job, static_cast<uint32_t>(first), static_cast<uint32_t>(last), out, stride,
                       work.scratch + thread * work.scratch_bytes);
    });
}

MaskExtent Session::write_mask(const float* const* objects, size_t count, size_t object, uint8_t* mask,
                               size_t stride) {
    Arena::Scope scope(exec_.scratch);
    const PictureWork work = picture_work(objects, count, object);
    MaskExtent extents[kMaxThreads];
    exec_.parallel_chunks(picture_.height, 64, [&](size_t first, size_t last, size_t thread) {
        const MaskExtent part =
            picture_mask(work.job, static_cast<uint32_t>(first), static_cast<uint32_t>(last), mask, stride,
                         work.scratch + thread * work.scratch_bytes);
        extents[thread] = merged(extents[thread], part);
    });
    MaskExtent all;
    for (size_t i = 0; i < exec_.threads; i++) all = merged(all, extents[i]);
    return all;
}

MaskMeasure Session::measure(const float* const* objects, size_t count, size_t object, const MaskCut& cut) {
    Arena::Scope scope(exec_.scratch);
    const PictureWork work = picture_work(objects, count, object);
    MaskMeasure measures[kMaxThreads];
    exec_.parallel_chunks(picture_.height, 64, [&](size_t first, size_t last, size_t thread) {
        const MaskMeasure part =
            picture_measure(work.job, cut, static_cast<uint32_t>(first), static_cast<uint32_t>(last),
                            work.scratch + thread * work.scratch_bytes);
        measures[thread] = merged(measures[thread], part);
    });
    MaskMeasure all;
    for (size_t i = 0; i < exec_.threads; i++) all = merged(all, measures[i]);
    return all;
}

Status Session::write_rle(const float* const* objects, size_t count, size_t object, char* text,
                          size_t capacity, size_t* length) {
    Arena::Scope scope(exec_.scratch);
    const PictureWork work = picture_work(objects, count, object);
    *length = picture_rle(work.job, text, capacity, work.scratch);
    if (capacity && *length >= capacity)
        return fail(SAMLET_ERROR_BUFFER_TOO_SMALL, "the run-length code has %a bytes and a 0, the buffer %b",
                    static_cast<int64_t>(*length), static_cast<int64_t>(capacity));
    return {};
}

}  // namespace samlet
