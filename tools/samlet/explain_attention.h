// What the library tells about attention, as values; and as JSON for results.json.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <samlet/samlet.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "session.h"

namespace cli {

// Shares of the three kinds of memory.
struct KindShares {
    double prompted = 0, recent = 0, pointers = 0;
};

struct LayerAttention {
    KindShares shares;
    samlet_explanation figures;
};

// Of one object on one frame, inside its mask and, in fields that end in _all, everywhere.
struct Attention {
    samlet_explanation mean;  // of the layers
    KindShares shares;
    std::vector<samlet_memory_share> memories;
    std::vector<std::vector<float>>
        maps;  // of the memories that are no pointers, the first ones of `memories`
    std::vector<LayerAttention> layers;

    bool empty() const { return memories.empty(); }
};

Attention read_attention(const Tracker& tracker, int32_t object);
nlohmann::ordered_json attention_json(const Attention& attention);
// By stage name, milliseconds.
nlohmann::ordered_json stages_json(const samlet_profile& profile);

}  // namespace cli
