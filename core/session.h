// What the two kinds of session share: threads, operators, tables, the features of one picture, and the
// decoder's work on one set of prompts.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model.h"
#include "core/plan.h"
#include "core/postprocess.h"
#include "core/preprocess.h"

namespace samlet {

struct SessionConfig {
    uint32_t image_size = 0, threads = 0, max_points = 0;
    uint32_t max_frame_width = 0, max_frame_height = 0;
    bool yield = false, pin_threads = false;
    bool video = false;      // needs the layers of memory
    bool half_maps = false;  // see Map; a model may ask for them, too
    ResizeFilter filter = ResizeFilter::bicubic;
    CleanRule clean;

    // Puts defaults where there are zeros and checks the rest against the model.
    Status complete(const Model& model);
};

class Session {
  public:
    const Model& model() const { return *model_; }
    const SessionConfig& config() const { return config_; }
    const Features& features() const { return features_; }
    size_t grid() const { return grid_; }
    size_t cells() const { return grid_ * grid_; }  // of the top features
    size_t low_res() const { return 4 * grid_; }    // side of a mask's logits
    size_t low_res_cells() const { return 16 * cells(); }
    bool has_picture() const { return has_picture_; }
    PictureSize picture() const { return picture_; }
    double stage_milliseconds(samlet_stage stage) const { return milliseconds_[stage]; }

    // Rows that went through a layer so far.
    uint64_t layer_rows(size_t layer) const { return linears_[layer].rows(); }

    // A point in pixels of the picture -> the model's square.
    PromptPoint to_square(float x, float y, int32_t label) const;

    // Picture-size results of low-res logits; with several objects, of `object` where they do not overlap. See
    // postprocess.h.
    void write_logits(const float* const* objects, size_t count, size_t object, float* out, size_t stride);
    MaskExtent write_mask(const float* const* objects, size_t count, size_t object, uint8_t* mask,
                          size_t stride);
    MaskMeasure measure(const float* const* objects, size_t count, size_t object, const MaskCut& cut);
    // BUFFER_TOO_SMALL if the text and its 0 do not fit, unless only the length is wanted (capacity 0).
    Status write_rle(const float* const* objects, size_t count, size_t object, char* text, size_t capacity,
                     size_t* length);

  protected:
    // Everything that lives as long as the session, but the scratch. `measuring`: addresses may not be
    // followed.
    Status lay_out(const Model& model, const SessionConfig& config, Arena& arena, Plan& plan, bool measuring);
    // Makes `exec_` ready to rehearse stages; after that take_scratch() knows what they need.
    void begin_rehearsal();
    void rehearse_picture();
    // What the rehearsed stages need at most becomes the scratch: the last part of the block.
    Status take_scratch(Arena& arena, Plan& plan);
    // Threads and operators. Undone by stop().
    Status start();
    void stop();

    Status check(const samlet_frame& frame) const;
    // A frame that has passed check(): whoever takes it resets the clock before.
    Status encode(const samlet_frame& frame);
    // Decodes `image` [cells][d_model] (conditioned features, overwritten) under points, followed by
    // `padding` points of label -1 (0 to 2: the reference's callers differ), and low-res mask logits (null:
    // none). `out`'s arrays are the caller's.
    void decode(float* image, const PromptPoint* points, size_t count, size_t padding,
                const float* mask_logits, DecodedMasks* out);
    Status check_defect();
    // Points and box of a prompt: finite, inside the picture, known labels, not too many together with
    // `earlier` ones.
    Status check_points(const samlet_prompt& prompt, size_t earlier) const;
    // Adds the time since the last lap to a stage.
    void lap(samlet_stage stage);
    // The time since the last lap belongs to no stage. Returns it, in milliseconds.
    double skip_lap();
    void reset_clock();

    const Model* model_ = nullptr;
    SessionConfig config_;
    Exec exec_;
    size_t grid_ = 0;
    Features features_ = {};
    float* position_x_ = nullptr;  // PromptEncoder::fill_position_tables()
    float* position_y_ = nullptr;
    bool has_picture_ = false;
    PictureSize picture_ = {};

  private:
    // A picture-size job for low-res logits. Takes tables and per-thread scratch from exec_.scratch: open a
    // scope first.
    struct PictureWork {
        PictureJob job;
        uint8_t* scratch;
        size_t scratch_bytes;
    };
    PictureWork picture_work(const float* const* objects, size_t count, size_t object);
    void fill_picture(const samlet_frame& frame, const Map& image);

    Linear* linears_ = nullptr;
    uint8_t* operator_memory_ = nullptr;
    size_t operator_bytes_ = 0;
    double milliseconds_[SAMLET_STAGE_COUNT] = {};
    double lap_start_ = 0;
};

}  // namespace samlet
