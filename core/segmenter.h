// The image session: encode once, predict from prompts many times (sam2/sam2_image_predictor.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/session.h"

namespace samlet {

class Segmenter : public Session {
  public:
    Status lay_out(const Model& model, const SessionConfig& config, Arena& arena, Plan& plan, bool measuring);
    Status init() { return start(); }
    void shut_down() { stop(); }

    Status set_image(const samlet_frame& frame);
    Status predict(const samlet_prompt& prompt, bool multimask, samlet_prediction* prediction);
    // Logits of mask `index` of the last prediction.
    Status find_mask(uint32_t index, const float** logits) const;

  private:
    void rehearse();
    DecodedMasks take_masks();

    float* logits_ = nullptr;   // of up to three masks, as decoded: [3][low_res][low_res]
    float* clamped_ = nullptr;  // the same as the caller sees them
    uint32_t mask_count_ = 0;
};

}  // namespace samlet
