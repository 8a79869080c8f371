// SPDX-License-Identifier: Apache-2.0
#include "core/tracker.h"

#include <cmath>
#include <cstring>
#include <new>

#include "core/cost.h"
#include "core/position.h"

namespace samlet {
namespace {

constexpr uint32_t kMaxObjects = 1024, kMaxPrompted = 64;
constexpr int64_t kMaxFrameNumber = int64_t{1} << 53;
constexpr float kAbsent = -1024.0f;  // logits of an absent object (NO_OBJ_SCORE)
constexpr float kMaskLogit = 10.0f;  // a mask prompt becomes logits of +-10
constexpr float kClamp = 32.0f;      // earlier logits are clamped before they serve as prompt
constexpr float kPositionWeight = 0.1f;
// The prompt encoder appends a padding point; where no points are given, its caller has put one already.
constexpr size_t kPadding = 1, kPaddingAlone = 2;
constexpr size_t kMaxReads = kMaxPrompted + 64;

float clamp(float x, float limit) {
    return x < -limit ? -limit : x > limit ? limit : x;
}

// inside[grid * grid] = the share of each cell's 4 x 4 low-res pixels that the mask covers. Returns all of them.
uint32_t cover_cells(const float* logits, size_t grid, float* inside) {
    const size_t low_res = 4 * grid;
    uint32_t all = 0;
    for (size_t cell = 0; cell < grid * grid; cell++) {
        const float* corner = logits + cell / grid * 4 * low_res + cell % grid * 4;
        uint32_t set = 0;
        for (size_t k = 0; k < 16; k++) set += corner[k / 4 * low_res + k % 4] > 0;
        inside[cell] = static_cast<float>(set) / 16;
        all += set;
    }
    return all;
}

}  // namespace

Status TrackerConfig::complete(const Model& model) {
    session.video = true;
    SAMLET_TRY(session.complete(model));
    if (max_objects == 0) max_objects = 1;
    if (max_objects > kMaxObjects)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "max_objects is %a; at most %b are supported", max_objects,
                    kMaxObjects);
    if (prompted_frames == 0) prompted_frames = 1;
    if (prompted_frames > kMaxPrompted)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "prompted_frames is %a; at most %b are supported",
                    prompted_frames, kMaxPrompted);
    if (recent_frames == 0) recent_frames = model.config.memory_frames - 1;
    if (recent_frames > model.config.memory_frames - 1)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "recent_frames is %a; the model has time codes for %b",
                    recent_frames, model.config.memory_frames - 1);
    return {};
}

// ---- Layout -----------------------------------------------------------------------------------------------

size_t Tracker::max_pointer_tokens() const {
    return (tracker_config_.prompted_frames + model_->config.max_pointers - 1) *
           model_->object_pointer.tokens();
}

Status Tracker::lay_out(const Model& model, const TrackerConfig& config, Arena& arena, Plan& plan,
                        bool measuring) {
    tracker_config_ = config;
    SAMLET_TRY(Session::lay_out(model, config.session, arena, plan, measuring));
    const size_t d = model.config.d_model, m = model.config.memory_dim;
    sine_top_ = arena.take<float>(grid_ * (d / 2));
    sine_memory_ = arena.take<float>(grid_ * (m / 2));
    cosine_ = arena.take<float>(grid_ * (d / 2));
    rotary_sine_ = arena.take<float>(grid_ * (d / 2));
    plan.close_part("position tables of memory");
    if (config.max_objects > 1) begun_ = arena.take<float>(cells() * d);
    plan.close_part("shared by objects");

    objects_ = arena.take<TrackedObject>(config.max_objects);
    logit_list_ = arena.take<const float*>(config.max_objects);
    const bool usable = !measuring && logit_list_;
    for (uint32_t i = 0; i < config.max_objects; i++) {
        TrackedObject object;
        object.logits = arena.take<float>(low_res_cells());
        object.pointer = arena.take<float>(d);
        object.points = arena.take<PromptPoint>(config.session.max_points);
        if (usable) new (&objects_[i]) TrackedObject(object);
    }
    plan.close_part("objects");
    const BankSizes sizes = {config.prompted_frames, config.recent_frames, model.config.max_pointers - 1,
                             cells() * m, d};
    for (uint32_t i = 0; i < config.max_objects; i++) {
        MemoryBank bank;
        bank.lay_out(sizes, arena, measuring);
        if (usable) objects_[i].bank = bank;
    }
    plan.close_part("memory banks");
    if (config.explain) {
        explanations_ = arena.take<Explanation>(config.max_objects);
        const ExplanationSizes explained = {model.memory_attention.layer_count, cells(),
                                            config.prompted_frames + config.recent_frames,
                                            config.prompted_frames + model.config.max_pointers - 1};
        for (uint32_t i = 0; i < config.max_objects; i++) {
            Explanation explanation;
            explanation.lay_out(explained, arena);
            if (usable && explanations_) new (&explanations_[i]) Explanation(explanation);
        }
    }
    plan.close_part("explanations");

    begin_rehearsal();
    rehearse_picture();
    rehearse_track();
    rehearse_mask_prompt();
    return take_scratch(arena, plan);
}

void Tracker::rehearse_track() {
    Arena::Scope scope(exec_.scratch);
    TrackedObject object;
    float* x = exec_.floats(cells() * model_->config.d_model);
    condition(object, x);
    if (tracker_config_.explain) explain(object, false, x);
    {
        Arena::Scope decode_scope(exec_.scratch);
        DecodedMasks masks = take_masks();
        const float* earlier = exec_.floats(low_res_cells());
        decode(x, nullptr, config_.max_points, kPadding, earlier, &masks);
        model_->object_pointer.project(exec_, masks.mask_tokens, true, object.pointer);
        const uint32_t side = static_cast<uint32_t>(low_res());
        exec_.scratch.take_bytes(clean_scratch_bytes(side, side));
    }
    encode_memory(object, false, nullptr);
}

void Tracker::rehearse_mask_prompt() {
    Arena::Scope scope(exec_.scratch);
    const uint32_t side = config_.image_size, width = config_.max_frame_width,
                   height = config_.max_frame_height;
    exec_.floats(cells() * model_->config.d_model + low_res_cells());
    take_masks();
    exec_.floats(size_t{side} * side);
    exec_.scratch.take_bytes(
        map_table_bytes(width > side ? width : side, height > side ? height : side, side, side));
    exec_.scratch.take_bytes(
        map_scratch_bytes(width > side ? width : side, height > side ? height : side, side, side));
}

Status Tracker::init() {
    SAMLET_TRY(start());
    const Config& c = model_->config;
    fill_sine_table(grid_, c.d_model, sine_top_);
    fill_sine_table(grid_, c.memory_dim, sine_memory_);
    fill_rotary_tables(grid_, c.d_model, c.rope_theta, cosine_, rotary_sine_);
    reset();
    return {};
}

DecodedMasks Tracker::take_masks() {
    DecodedMasks masks = {};
    masks.logits = exec_.floats(model_->mask_decoder.mask_count * low_res_cells());
    masks.mask_tokens = exec_.floats(model_->mask_decoder.mask_count * model_->config.d_model);
    return masks;
}

// ---- Objects ----------------------------------------------------------------------------------------------

TrackedObject* Tracker::find(int32_t id) {
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++)
        if (objects_[i].used && objects_[i].id == id) return &objects_[i];
    return nullptr;
}

Status Tracker::add(int32_t id, TrackedObject** object) {
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++) {
        TrackedObject& o = objects_[i];
        if (o.used) continue;
        o.used = true;
        o.id = id;
        o.order = next_order_++;
        o.bank.clear();
        drop_frame_state(o);
        o.followed = false;
        *object = &o;
        return {};
    }
    return fail(SAMLET_ERROR_CAPACITY,
                "object %a cannot be added: the tracker holds %b objects already (max_objects)", id,
                tracker_config_.max_objects);
}

void Tracker::drop_frame_state(TrackedObject& o) {
    o.has_result = o.prompted = o.pending = o.tracked = o.extent_known = false;
    o.point_count = 0;
    forget_explanation(o);
}

void Tracker::forget_extents() {
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++) objects_[i].extent_known = false;
}

Status Tracker::remove(int32_t id) {
    TrackedObject* object = find(id);
    if (!object) return fail(SAMLET_ERROR_NOT_FOUND, "there is no object %a", id);
    object->used = false;
    forget_extents();
    return {};
}

void Tracker::reset() {
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++) {
        objects_[i].used = false;
        objects_[i].bank.clear();
        drop_frame_state(objects_[i]);
    }
    has_picture_ = reverse_ = false;
    lowest_ = INT64_MAX;
    highest_ = INT64_MIN;
    next_order_ = 0;
}

size_t Tracker::list_objects(int32_t* ids, size_t capacity) const {
    size_t count = 0;
    uint64_t after = 0;
    for (;;) {
        const TrackedObject* next = nullptr;
        for (uint32_t i = 0; i < tracker_config_.max_objects; i++) {
            const TrackedObject& o = objects_[i];
            if (o.used && (count == 0 || o.order > after) && (!next || o.order < next->order)) next = &o;
        }
        if (!next) return count;
        if (count < capacity) ids[count] = next->id;
        after = next->order;
        count++;
    }
}

// ---- Frames and prompts -----------------------------------------------------------------------------------

Status Tracker::set_frame(const samlet_frame& frame, int64_t number) {
    if (number > kMaxFrameNumber || number < -kMaxFrameNumber)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "frame number %a is out of range; at most %b in size are supported", number,
                    kMaxFrameNumber);
    SAMLET_TRY(check(frame));
    reset_clock();
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++) {
        TrackedObject& o = objects_[i];
        if (!o.used) continue;
        if (o.pending) {
            commit(o);
            lap(SAMLET_STAGE_MEMORY_ENCODER);
        }
        drop_frame_state(o);
        o.followed = false;
    }
    begun_valid_ = false;
    SAMLET_TRY(encode(frame));
    go_to(number);
    return {};
}

// A jump to what has been seen is a look back and says nothing about where the video goes; one to frames
// before or behind all that begins a pass in that direction.
void Tracker::go_to(int64_t number) {
    const int64_t step = number - frame_, reach = model_->config.memory_frames;
    const bool first = lowest_ > highest_, seen = lowest_ <= number && number <= highest_;
    const bool near = -reach <= step && step <= reach;
    if (!first && step != 0 && (near || !seen)) reverse_ = step < 0;
    if (number < lowest_) lowest_ = number;
    if (number > highest_) highest_ = number;
    frame_ = number;
}

Status Tracker::check_prompt(const TrackedObject* object, const samlet_prompt& p) const {
    if (!has_picture_)
        return fail(SAMLET_ERROR_STATE,
                    "there is no frame to prompt on: call samlet_tracker_set_frame first");
    if (p.flags & ~SAMLET_PROMPT_REPLACE_POINTS)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "the prompt has unknown flags %a", p.flags);
    if (p.logits)
        return fail(
            SAMLET_ERROR_INVALID_ARGUMENT,
            "a tracker takes no logits as prompt (a segmenter does): give a mask, or points to refine");
    if (p.point_count && !p.points)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "points is NULL but point_count is %a", p.point_count);
    if (p.mask) {
        if (p.point_count || p.box)
            return fail(
                SAMLET_ERROR_INVALID_ARGUMENT,
                "a mask cannot come together with points or a box: prompt with the mask first, then refine");
        if (p.mask_width == 0 || p.mask_height == 0)
            return fail(SAMLET_ERROR_INVALID_ARGUMENT, "the mask is %a x %b pixels; both must be at least 1",
                        p.mask_width, p.mask_height);
        if (p.mask_width > config_.max_frame_width || p.mask_height > config_.max_frame_height)
            return fail(
                SAMLET_ERROR_CAPACITY,
                "the mask is %a x %b pixels, larger than the tracker's max_frame_width and max_frame_height",
                p.mask_width, p.mask_height);
        if (p.mask_stride < p.mask_width)
            return fail(SAMLET_ERROR_INVALID_ARGUMENT, "mask_stride is %a; a row of the mask has %b bytes",
                        shown(p.mask_stride), p.mask_width);
        return check_reach(p.mask_stride, p.mask_width, p.mask_height);
    }
    if (p.point_count == 0 && !p.box)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "the prompt is empty: give points, a box or a mask");
    const bool replace = (p.flags & SAMLET_PROMPT_REPLACE_POINTS) != 0;
    const size_t earlier = object && !replace ? object->point_count : 0;
    if (p.box && earlier)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "a box must come before any point, but object %a has %b points on this frame: set "
                    "SAMLET_PROMPT_REPLACE_POINTS or clear its prompts",
                    object->id, static_cast<int64_t>(earlier));
    return check_points(p, earlier);
}

Status Tracker::prompt(int32_t id, const samlet_prompt& p) {
    TrackedObject* object = find(id);
    SAMLET_TRY(check_prompt(object, p));
    if (!object) SAMLET_TRY(add(id, &object));
    skip_lap();  // what the caller did since the last call
    if (p.mask)
        prompt_mask(*object, p);
    else
        prompt_points(*object, p);
    object->has_result = object->prompted = object->pending = true;
    forget_extents();
    return check_defect();
}

void Tracker::prompt_points(TrackedObject& o, const samlet_prompt& p) {
    Arena::Scope scope(exec_.scratch);
    if (p.flags & SAMLET_PROMPT_REPLACE_POINTS) o.point_count = 0;
    if (p.box) {
        o.points[o.point_count++] = to_square(p.box->x0, p.box->y0, PromptPoint::box_first);
        o.points[o.point_count++] = to_square(p.box->x1, p.box->y1, PromptPoint::box_second);
    }
    for (uint32_t i = 0; i < p.point_count; i++)
        o.points[o.point_count++] = to_square(p.points[i].x, p.points[i].y, p.points[i].label);

    float* x = exec_.floats(cells() * model_->config.d_model);
    const bool corrects =
        remembers(o) && (o.followed || o.bank.has_prompted(frame_) || o.bank.has_recent(frame_));
    if (corrects)
        condition(o, x);
    else
        condition_on_nothing(x);
    lap(SAMLET_STAGE_MEMORY_ATTENTION);
    {
        Arena::Scope decode_scope(exec_.scratch);
        const float* earlier = nullptr;
        if (o.has_result) {
            float* clamped = exec_.floats(low_res_cells());
            for (size_t i = 0; i < low_res_cells(); i++) clamped[i] = clamp(o.logits[i], kClamp);
            earlier = clamped;
        }
        DecodedMasks masks = take_masks();
        decode(x, o.points, o.point_count, kPadding, earlier, &masks);
        take_result(o, masks, o.point_count <= 1);
        clean(o, o.logits);
    }
    lap(SAMLET_STAGE_MASK_DECODER);
    forget_explanation(o);
    if (corrects) explain(o, true, x);
}

void Tracker::prompt_mask(TrackedObject& o, const samlet_prompt& p) {
    Arena::Scope scope(exec_.scratch);
    o.point_count = 0;
    const uint32_t side = config_.image_size, low = static_cast<uint32_t>(low_res());
    const size_t d = model_->config.d_model;
    float* x = exec_.floats(cells() * d);
    float* low_mask = exec_.floats(low_res_cells());
    DecodedMasks masks = take_masks();
    bool any = false;
    {
        Arena::Scope square_scope(exec_.scratch);
        float* square = exec_.floats(size_t{side} * side);
        const auto resize = [&](const MapInput& in, uint32_t size, bool binary, float* out) {
            Arena::Scope map_scope(exec_.scratch);
            MapJob job;
            prepare_map(in, size, size, binary,
                        exec_.scratch.take<uint8_t>(map_table_bytes(in.width, in.height, size, size)), &job);
            void* scratch = exec_.scratch.take_bytes(map_scratch_bytes(in.width, in.height, size, size));
            map_rows(job, 0, size, out, scratch);
        };
        MapInput given;
        given.mask = p.mask;
        given.stride = p.mask_stride;
        given.width = p.mask_width;
        given.height = p.mask_height;
        resize(given, side, true, square);
        for (size_t i = 0; i < size_t{side} * side; i++) any |= square[i] > 0;
        // The mask is the answer; its logits are taken down to low resolution with antialias.
        MapInput logits;
        logits.map = square;
        logits.stride = size_t{side} * sizeof(float);
        logits.width = logits.height = side;
        logits.scale = 2 * kMaskLogit;
        logits.bias = -kMaskLogit;
        resize(logits, low, false, o.logits);
        for (size_t y = 0; y < low; y++)
            for (size_t j = 0; j < low; j++) {
                float sum = *model_->mask_downsample_bias;
                for (size_t k = 0; k < 16; k++)
                    sum += model_->mask_downsample[k] * square[(4 * y + k / 4) * side + 4 * j + k % 4];
                low_mask[y * low + j] = sum;
            }
    }
    // The pointer comes from the decoder, which sees the raw features and the mask.
    features_.top.load(*exec_.kernels, cells() * d, x);
    decode(x, nullptr, 0, kPaddingAlone, low_mask, &masks);
    const MaskChoice choice = model_->mask_decoder.choose(masks, low_res_cells(), false);
    model_->object_pointer.project(exec_, masks.mask_tokens + choice.token * d, any && masks.object_score > 0,
                                   o.pointer);
    o.iou = 1.0f;
    o.score = any ? kMaskLogit : -kMaskLogit;
    forget_explanation(o);
    lap(SAMLET_STAGE_MASK_DECODER);
}

Status Tracker::clear_prompts(int32_t id) {
    if (!has_picture_)
        return fail(SAMLET_ERROR_STATE, "there is no frame: call samlet_tracker_set_frame first");
    TrackedObject* object = find(id);
    if (!object) return fail(SAMLET_ERROR_NOT_FOUND, "there is no object %a", id);
    // What was tracked on a prompted frame, seen again, read the memory that goes.
    if (object->bank.forget_prompted(frame_) || object->prompted) drop_frame_state(*object);
    forget_extents();
    return {};
}

// ---- Tracking ---------------------------------------------------------------------------------------------

// Answers MemoryTokens::load: bfloat16 memories, their place and their age.
struct Tracker::MemoryRun {
    const Tracker* tracker;
    MemoryRead reads[kMaxReads];

    static void load(const void* context, size_t frame, size_t first, size_t count, size_t stride,
                     float* values, float* keys) {
        const MemoryRun& run = *static_cast<const MemoryRun*>(context);
        const Tracker& t = *run.tracker;
        const size_t m = t.model_->config.memory_dim, half = m / 2, grid = t.grid_;
        const Kernels& kernels = *t.exec_.kernels;
        const float* time = t.model_->memory_time + run.reads[frame].time_row * m;
        for (size_t i = 0; i < count; i++, values += stride, keys += stride) {
            const size_t y = (first + i) / grid, x = (first + i) % grid;
            kernels.bf16_to_f32(run.reads[frame].memory + (first + i) * m, m, values);
            memcpy(keys, values, m * sizeof(float));
            kernels.add(time, m, keys);
            kernels.add(t.sine_memory_ + y * half, half, keys);
            kernels.add(t.sine_memory_ + x * half, half, keys + half);
        }
    }
};

size_t Tracker::pointer_reach() const {
    const uint32_t most = model_->config.max_pointers, clip = tracker_config_.clip_length;
    return (clip && clip < most ? clip : most) - 1;
}

bool Tracker::remembers(const TrackedObject& o) const {
    return o.bank.can_be_read(frame_, reverse_, model_->config.memory_frames - 1, pointer_reach());
}

void Tracker::condition_on_nothing(float* x) {
    const size_t d = model_->config.d_model;
    exec_.parallel_chunks(cells(), 256, [&](size_t first, size_t last, size_t) {
        for (size_t i = first; i < last; i++) {
            features_.top.from(i * d).load(*exec_.kernels, d, x + i * d);
            exec_.kernels->add(model_->no_memory, d, x + i * d);
        }
    });
}

void Tracker::begin_condition(float* x) {
    const size_t d = model_->config.d_model;
    float* begun = begun_ ? begun_ : x;
    if (!begun_valid_) {
        exec_.parallel(grid_, [&](size_t y, size_t) {
            for (size_t tx = 0; tx < grid_; tx++) {
                float* row = begun + (y * grid_ + tx) * d;
                features_.top.from((y * grid_ + tx) * d).load(*exec_.kernels, d, row);
                exec_.kernels->add_scaled(sine_top_ + y * (d / 2), kPositionWeight, d / 2, row);
                exec_.kernels->add_scaled(sine_top_ + tx * (d / 2), kPositionWeight, d / 2, row + d / 2);
            }
        });
        model_->memory_attention.begin(exec_, begun, grid_, cosine_, rotary_sine_);
        begun_valid_ = begun_ && !exec_.rehearsing;
    }
    if (begun == x) return;
    exec_.parallel_chunks(cells(), 256, [&](size_t first, size_t last, size_t) {
        memcpy(x + first * d, begun + first * d, (last - first) * d * sizeof(float));
    });
}

// Answers CrossAttentionObserver::see.
struct Tracker::Watch {
    Explanation* why;
    const float* inside;
    size_t pointer_tokens;

    static void see(void* context, Exec& exec, uint32_t layer, const AxialTask& task) {
        const Watch& w = *static_cast<const Watch*>(context);
        measure_attention(exec, task, w.inside, w.pointer_tokens, w.why->layer(layer));
    }
};

void Tracker::condition(const TrackedObject& o, float* x, Explanation* why, const float* inside) {
    Arena::Scope scope(exec_.scratch);
    const Config& c = model_->config;
    const size_t d = c.d_model, m = c.memory_dim, per_pointer = model_->object_pointer.tokens();
    MemoryRun run;
    run.tracker = this;
    PointerRead pointers[kMaxPrompted + 256];
    MemoryTokens memory = {};
    memory.load = MemoryRun::load;
    memory.context = &run;
    float* values = exec_.floats(max_pointer_tokens() * m);
    float* keys = exec_.floats(max_pointer_tokens() * m);
    float* code = exec_.floats(m);
    size_t pointer_count = 0;
    if (exec_.rehearsing) {
        memory.frames = tracker_config_.prompted_frames + tracker_config_.recent_frames;
        pointer_count = max_pointer_tokens() / per_pointer;
    } else {
        memory.frames = o.bank.read_memories(frame_, reverse_, c.memory_frames - 1, run.reads);
        // Distances are divided by the largest one; a stream, whose length is unknown, has the longest.
        const size_t reach = pointer_reach();
        pointer_count = o.bank.read_pointers(frame_, reverse_, reach, pointers);
        const float largest = reach > 0 ? static_cast<float>(reach) : 1.0f;
        for (size_t i = 0; i < pointer_count; i++) pointers[i].distance /= largest;
    }
    memory.pointers = pointer_count * per_pointer;
    memory.pointer_values = values;
    memory.pointer_keys = keys;
    for (size_t i = 0; i < pointer_count; i++) {
        model_->object_pointer.encode_time(exec_, pointers[i].distance, code);
        exec_.parallel(1, [&](size_t, size_t) {
            memcpy(values + i * d, pointers[i].pointer, d * sizeof(float));
            memcpy(keys + i * d, pointers[i].pointer, d * sizeof(float));
            for (size_t k = 0; k < per_pointer; k++) exec_.kernels->add(code, m, keys + i * d + k * m);
        });
    }
    begin_condition(x);
    if (!why) {
        model_->memory_attention.run(exec_, x, grid_, memory, cosine_, rotary_sine_);
        return;
    }
    if (!exec_.rehearsing) {
        for (size_t i = 0; i < memory.frames; i++)
            why->add({run.reads[i].prompted ? SAMLET_MEMORY_PROMPTED : SAMLET_MEMORY_RECENT,
                      run.reads[i].frame, static_cast<uint32_t>(cells())});
        for (size_t i = 0; i < pointer_count; i++)
            why->add({SAMLET_MEMORY_POINTER, pointers[i].frame, static_cast<uint32_t>(per_pointer)});
    }
    Watch watch = {why, inside, per_pointer};
    const CrossAttentionObserver observer = {Watch::see, &watch};
    model_->memory_attention.run(exec_, x, grid_, memory, cosine_, rotary_sine_, &observer);
}

void Tracker::forget_explanation(const TrackedObject& o) {
    if (explanations_) explanations_[&o - objects_].clear();
}

void Tracker::explain(const TrackedObject& o, bool cleaned, float* x) {
    if (!tracker_config_.explain) return;
    Arena::Scope scope(exec_.scratch);
    Explanation rehearsed;
    Explanation& why = exec_.rehearsing ? rehearsed : explanations_[&o - objects_];
    float* inside = exec_.floats(cells());
    {
        Arena::Scope mask_scope(exec_.scratch);
        float* shown = exec_.floats(low_res_cells());
        if (!exec_.rehearsing) memcpy(shown, o.logits, low_res_cells() * sizeof(float));
        if (!cleaned) clean(o, shown);
        why.clear();
        if (!exec_.rehearsing) why.mask_cells = cover_cells(shown, grid_, inside);
    }
    condition(o, x, &why, inside);
    if (!exec_.rehearsing) why.milliseconds = skip_lap();
}

void Tracker::take_result(TrackedObject& o, const DecodedMasks& masks, bool multimask) {
    const size_t d = model_->config.d_model;
    const MaskChoice choice = model_->mask_decoder.choose(masks, low_res_cells(), multimask);
    const bool present = masks.object_score > 0;
    o.iou = masks.iou[choice.mask];
    o.score = masks.object_score;
    o.has_result = true;
    if (present)
        memcpy(o.logits, masks.logits + choice.mask * low_res_cells(), low_res_cells() * sizeof(float));
    else
        for (size_t i = 0; i < low_res_cells(); i++) o.logits[i] = kAbsent;
    model_->object_pointer.project(exec_, masks.mask_tokens + choice.token * d, present, o.pointer);
}

void Tracker::clean(const TrackedObject& o, float* logits) {
    const CleanRule& rule = config_.clean;
    if (rule.hole_area == 0 && rule.sprinkle_area == 0) return;
    Arena::Scope scope(exec_.scratch);
    const uint32_t side = static_cast<uint32_t>(low_res());
    void* scratch = exec_.scratch.take_bytes(clean_scratch_bytes(side, side));
    if (!exec_.rehearsing && o.score > 0) clean_logits(logits, side, side, rule, scratch);
}

void Tracker::encode_memory(const TrackedObject& o, bool hard, uint16_t* memory) {
    Arena::Scope scope(exec_.scratch);
    const Config& c = model_->config;
    const uint32_t side = config_.image_size, low = static_cast<uint32_t>(low_res());
    float* mask = exec_.floats(size_t{side} * side);
    float* features = exec_.floats(cells() * c.memory_dim);
    {
        Arena::Scope axis_scope(exec_.scratch);
        void* axis_memory = exec_.scratch.take_bytes(linear_axis_bytes(side));
        const LinearAxis axis = exec_.rehearsing ? LinearAxis() : make_linear_axis(low, side, axis_memory);
        exec_.parallel(side, [&](size_t y, size_t) {
            float* row = mask + y * side;
            exec_.kernels->resize_row(o.logits + axis.left[y] * low, o.logits + axis.right[y] * low,
                                      axis.weight[y], axis.left, axis.right, axis.weight, side, row);
            if (hard)
                for (size_t i = 0; i < side; i++)
                    row[i] = row[i] > 0 ? c.mask_sigmoid_scale + c.mask_sigmoid_bias : c.mask_sigmoid_bias;
            else
                exec_.kernels->sigmoid(row, side, c.mask_sigmoid_scale, c.mask_sigmoid_bias, row);
        });
    }
    model_->memory_encoder.run(exec_, mask, features_.top, grid_, o.score > 0, features);
    // The reference keeps memories in bfloat16, on a CPU too.
    exec_.parallel_chunks(cells() * c.memory_dim, 16384, [&](size_t first, size_t last, size_t) {
        exec_.kernels->f32_to_bf16(features + first, last - first, memory + first);
    });
}

void Tracker::commit(TrackedObject& o) {
    uint16_t* memory = o.bank.store_prompted(frame_, reverse_, o.pointer);
    encode_memory(o, true, memory);
    o.pending = false;
}

void Tracker::track_object(TrackedObject& o) {
    Arena::Scope scope(exec_.scratch);
    float* x = exec_.floats(cells() * model_->config.d_model);
    condition(o, x);
    lap(SAMLET_STAGE_MEMORY_ATTENTION);
    {
        Arena::Scope decode_scope(exec_.scratch);
        DecodedMasks masks = take_masks();
        decode(x, nullptr, 0, kPaddingAlone, nullptr, &masks);
        take_result(o, masks, true);
    }
    lap(SAMLET_STAGE_MASK_DECODER);
    explain(o, false, x);  // before the bank changes
    // A prompted frame keeps the memory that the prompt gave it.
    if (!o.bank.has_prompted(frame_))
        if (uint16_t* memory = o.bank.store_recent(frame_, reverse_, o.pointer))
            encode_memory(o, false, memory);
    clean(o, o.logits);
    lap(SAMLET_STAGE_MEMORY_ENCODER);
}

Status Tracker::track() {
    if (!has_picture_)
        return fail(SAMLET_ERROR_STATE, "there is no frame to track: call samlet_tracker_set_frame first");
    bool any = false;
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++) any |= objects_[i].used;
    if (!any)
        return fail(SAMLET_ERROR_STATE, "there is no object to track: call samlet_tracker_prompt first");
    skip_lap();
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++) {
        TrackedObject& o = objects_[i];
        if (!o.used) continue;
        if (o.pending) {
            commit(o);
            lap(SAMLET_STAGE_MEMORY_ENCODER);
        } else if (!o.tracked && remembers(o)) {
            o.prompted = false;
            track_object(o);
            o.followed = true;
        } else {
            continue;
        }
        o.tracked = true;
    }
    forget_extents();
    return check_defect();
}

// ---- Results ----------------------------------------------------------------------------------------------

Status Tracker::find_result(int32_t id, TrackedObject** object) {
    if (!has_picture_)
        return fail(SAMLET_ERROR_STATE, "there is no frame: call samlet_tracker_set_frame first");
    *object = find(id);
    if (!*object) return fail(SAMLET_ERROR_NOT_FOUND, "there is no object %a", id);
    if (!(*object)->has_result)
        return fail(
            SAMLET_ERROR_STATE,
            "object %a has no result on frame %b: call samlet_tracker_track, or prompt it on this frame", id,
            frame_);
    return {};
}

Status Tracker::find_explanation(int32_t id, const Explanation** explanation) {
    if (!tracker_config_.explain)
        return fail(
            SAMLET_ERROR_STATE,
            "this tracker was not made to explain: set SAMLET_TRACKER_EXPLAIN in the flags of its config");
    TrackedObject* object;
    SAMLET_TRY(find_result(id, &object));
    *explanation = &explanations_[object - objects_];
    return {};
}

size_t Tracker::result_logits(const TrackedObject& object, const float** list, size_t* index) const {
    *index = 0;
    if (!tracker_config_.non_overlapping) {
        list[0] = object.logits;
        return 1;
    }
    size_t count = 0;
    for (uint32_t i = 0; i < tracker_config_.max_objects; i++) {
        const TrackedObject& o = objects_[i];
        if (!o.used || !o.has_result) continue;
        if (&o == &object) *index = count;
        list[count++] = o.logits;
    }
    return count;
}

const MaskExtent& Tracker::extent(TrackedObject& o) {
    if (!o.extent_known) {
        size_t index;
        const size_t count = result_logits(o, logit_list_, &index);
        o.extent = write_mask(logit_list_, count, index, nullptr, 0);
        o.extent_known = true;
    }
    return o.extent;
}

Status Tracker::logits(int32_t id, float* out, size_t stride) {
    TrackedObject* object;
    SAMLET_TRY(find_result(id, &object));
    size_t index;
    const size_t count = result_logits(*object, logit_list_, &index);
    write_logits(logit_list_, count, index, out, stride);
    return {};
}

Status Tracker::mask(int32_t id, uint8_t* out, size_t stride) {
    TrackedObject* object;
    SAMLET_TRY(find_result(id, &object));
    size_t index;
    const size_t count = result_logits(*object, logit_list_, &index);
    object->extent = write_mask(logit_list_, count, index, out, stride);
    object->extent_known = true;
    return {};
}

Status Tracker::rle(int32_t id, char* text, size_t capacity, size_t* length) {
    TrackedObject* object;
    SAMLET_TRY(find_result(id, &object));
    size_t index;
    const size_t count = result_logits(*object, logit_list_, &index);
    return write_rle(logit_list_, count, index, text, capacity, length);
}

// ---- Building blocks --------------------------------------------------------------------------------------

namespace {

struct CallerMemory {
    const samlet_memory_attention_args* args;
    size_t dim, cells;

    static void load(const void* context, size_t frame, size_t first, size_t count, size_t stride,
                     float* values, float* keys) {
        const CallerMemory& c = *static_cast<const CallerMemory*>(context);
        const size_t offset = (frame * c.cells + first) * c.dim;
        for (size_t i = 0; i < count; i++)
            for (size_t k = 0; k < c.dim; k++) {
                const float value = c.args->memory[offset + i * c.dim + k];
                values[i * stride + k] = value;
                keys[i * stride + k] = value + c.args->memory_pos[offset + i * c.dim + k];
            }
    }
};

}  // namespace

Status Tracker::run_memory_attention(const samlet_memory_attention_args& args) {
    const size_t d = model_->config.d_model, m = model_->config.memory_dim;
    if (!args.current || !args.current_pos || !args.memory || !args.memory_pos || !args.output)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "current, current_pos, memory, memory_pos and output must not be NULL");
    if (args.memory_tokens == 0 || args.pointer_tokens > args.memory_tokens ||
        (args.memory_tokens - args.pointer_tokens) % cells() != 0)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "memory_tokens is %a with pointer_tokens %b; there must be at least 1, and without the "
                    "pointer tokens a "
                    "multiple of the cells of the top features",
                    args.memory_tokens, args.pointer_tokens);
    if (args.pointer_tokens > max_pointer_tokens())
        return fail(SAMLET_ERROR_CAPACITY,
                    "pointer_tokens is %a; this tracker's scratch is planned for %b (prompted_frames)",
                    args.pointer_tokens, static_cast<int64_t>(max_pointer_tokens()));
    const size_t frames = (args.memory_tokens - args.pointer_tokens) / cells();
    const size_t planned = tracker_config_.prompted_frames + tracker_config_.recent_frames;
    if (frames > planned)
        return fail(
            SAMLET_ERROR_CAPACITY,
            "memory_tokens makes %a memories; this tracker's scratch is planned for %b (prompted_frames and "
            "recent_frames)",
            static_cast<int64_t>(frames), static_cast<int64_t>(planned));
    Arena::Scope scope(exec_.scratch);
    float* x = exec_.floats(cells() * d);
    float* keys = exec_.floats(max_pointer_tokens() * m);
    const CallerMemory caller = {&args, m, cells()};
    MemoryTokens memory = {};
    memory.frames = frames;
    memory.load = CallerMemory::load;
    memory.context = &caller;
    memory.pointers = args.pointer_tokens;
    const size_t pointer_offset = memory.frames * cells() * m;
    memory.pointer_values = args.memory + pointer_offset;
    memory.pointer_keys = keys;
    for (size_t i = 0; i < memory.pointers * m; i++)
        keys[i] = args.memory[pointer_offset + i] + args.memory_pos[pointer_offset + i];
    memcpy(x, args.current, cells() * d * sizeof(float));
    exec_.kernels->add_scaled(args.current_pos, kPositionWeight, cells() * d, x);
    model_->memory_attention.begin(exec_, x, grid_, cosine_, rotary_sine_);
    model_->memory_attention.run(exec_, x, grid_, memory, cosine_, rotary_sine_);
    memcpy(args.output, x, cells() * d * sizeof(float));
    return check_defect();
}

void Tracker::nominal_gmac(double gmac[SAMLET_STAGE_COUNT]) const {
    reference_gmac(*model_, config_.image_size, model_->config.memory_frames, model_->config.max_pointers,
                   gmac);
}

}  // namespace samlet
