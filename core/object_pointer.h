// Object pointers: one vector per frame that says what the object is (sam2/modeling/sam2_base.py).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config.h"
#include "core/mlp.h"

namespace samlet {

struct ObjectPointer {
    Mlp3 projection;
    const float* no_object;  // takes the pointer's place where the object is absent
    bool time_encoding;      // SAM 2.1
    bool time_projection;
    LinearId time;
    uint32_t d_model, memory_dim;

    void read(WeightReader& reader, const Config& config);
    uint32_t tokens() const {
        return d_model / memory_dim;
    }  // of memory_dim channels that a pointer is read as
    void project(Exec& exec, const float* token, bool present, float* pointer) const;
    // The position of a pointer's tokens; `distance`: frames, divided by the largest distance. [memory_dim]
    void encode_time(Exec& exec, float distance, float* code) const;
};

}  // namespace samlet
