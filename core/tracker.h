// The video session: knows the order of the stages, the state of each object and nothing of their arithmetic.
//
// SPDX-License-Identifier: Apache-2.0
//
// A frame goes through set_frame(), then any number of prompt() and track(). A prompt's mask is computed at
// once and is pending until track() or the next frame stores it into the object's memory (the reference's
// "preflight").
#pragma once

#include "core/explanation.h"
#include "core/memory_bank.h"
#include "core/session.h"

namespace samlet {

struct TrackerConfig {
    SessionConfig session;
    uint32_t max_objects = 0, prompted_frames = 0, recent_frames = 0, clip_length = 0;
    bool non_overlapping = false;
    bool explain = false;

    Status complete(const Model& model);
};

struct TrackedObject {
    bool used = false;
    int32_t id = 0;
    uint64_t order = 0;  // of being added
    MemoryBank bank;

    // On the current frame.
    bool has_result = false;
    bool prompted = false;  // the result answers a prompt
    bool pending = false;   // ... that memory does not know yet
    bool tracked = false;   // track() has nothing left to do
    bool followed = false;  // track() found it here: prompts correct, also when others have been taken back
    float iou = 0, score = 0;
    float* logits = nullptr;   // [low_res][low_res]
    float* pointer = nullptr;  // [d_model]
    bool extent_known = false;
    MaskExtent extent;
    PromptPoint* points = nullptr;  // given on this frame
    size_t point_count = 0;
};

class Tracker : public Session {
  public:
    // Lays a tracker out in `arena`. Measuring arenas give the plan; real ones a tracker that init() brings
    // to life.
    Status lay_out(const Model& model, const TrackerConfig& config, Arena& arena, Plan& plan, bool measuring);
    Status init();
    void shut_down() { stop(); }

    Status set_frame(const samlet_frame& frame, int64_t number);
    Status prompt(int32_t id, const samlet_prompt& prompt);
    Status clear_prompts(int32_t id);
    Status track();
    Status remove(int32_t id);
    void reset();
    void set_clip_length(uint32_t frames) { tracker_config_.clip_length = frames; }

    // An object with a result on the current frame.
    Status find_result(int32_t id, TrackedObject** object);
    // The same, and its explanation, in a tracker that explains.
    Status find_explanation(int32_t id, const Explanation** explanation);
    const MaskExtent& extent(TrackedObject& object);
    int64_t frame_number() const { return frame_; }
    size_t list_objects(int32_t* ids, size_t capacity) const;
    Status logits(int32_t id, float* out, size_t stride);
    Status mask(int32_t id, uint8_t* out, size_t stride);
    Status rle(int32_t id, char* text, size_t capacity, size_t* length);

    Status run_memory_attention(const samlet_memory_attention_args& args);
    // Reference MACs of a tracked frame with a full bank, by stage.
    void nominal_gmac(double gmac[SAMLET_STAGE_COUNT]) const;

  private:
    void rehearse_track();
    void rehearse_mask_prompt();
    struct MemoryRun;  // what memory attention reads for one object
    struct Watch;      // what looks on
    TrackedObject* find(int32_t id);
    Status add(int32_t id, TrackedObject** object);
    void drop_frame_state(TrackedObject& object);
    // With non_overlapping, masks depend on the results of all objects.
    void forget_extents();
    void go_to(int64_t number);
    Status check_prompt(const TrackedObject* object, const samlet_prompt& prompt) const;
    void prompt_points(TrackedObject& object, const samlet_prompt& prompt);
    void prompt_mask(TrackedObject& object, const samlet_prompt& prompt);
    void take_result(TrackedObject& object, const DecodedMasks& masks, bool multimask);
    // Fills holes and removes islands of an object that is there.
    void clean(const TrackedObject& object, float* logits);
    // x = top features conditioned on the object's memories, or on their absence.
    // `why`: null, or receives what the object's pixels looked at; `inside` [cells] says which they are.
    void condition(const TrackedObject& object, float* x, Explanation* why = nullptr,
                   const float* inside = nullptr);
    // Conditions the frame once more, now that the mask is known, and looks on. Off: nothing. `cleaned`: the
    // object's logits are what results show.
    void explain(const TrackedObject& object, bool cleaned, float* x);
    void forget_explanation(const TrackedObject& object);
    // Whether the object has a memory that the current frame reads.
    bool remembers(const TrackedObject& object) const;
    size_t pointer_reach() const;  // frames
    void begin_condition(float* x);
    void condition_on_nothing(float* x);
    void commit(TrackedObject& object);
    void track_object(TrackedObject& object);
    // Memory of the object's mask on the current frame -> `memory`, bfloat16.
    void encode_memory(const TrackedObject& object, bool hard, uint16_t* memory);
    size_t result_logits(const TrackedObject& object, const float** list, size_t* index) const;
    size_t max_pointer_tokens() const;
    DecodedMasks take_masks();

    TrackerConfig tracker_config_;
    TrackedObject* objects_ = nullptr;
    Explanation* explanations_ = nullptr;  // [max_objects]; null in a tracker that does not explain
    const float** logit_list_ = nullptr;   // [max_objects], for results that look at all objects
    // What memory attention makes of the frame before it sees a memory, [cells][d_model]: kept for all
    // objects if there can be more than one, else null.
    float* begun_ = nullptr;
    bool begun_valid_ = false;
    float* sine_top_ = nullptr;     // [grid][d_model / 2]
    float* sine_memory_ = nullptr;  // [grid][memory_dim / 2]
    float* cosine_ = nullptr;       // rotary tables, [grid][d_model / 2]
    float* rotary_sine_ = nullptr;
    bool reverse_ = false;  // changes between frames only
    int64_t frame_ = 0;
    int64_t lowest_ = INT64_MAX, highest_ = INT64_MIN;  // frames seen since reset()
    uint64_t next_order_ = 0;
};

}  // namespace samlet
