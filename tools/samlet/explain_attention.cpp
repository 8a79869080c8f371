// SPDX-License-Identifier: Apache-2.0
#include "explain_attention.h"

#include "results.h"

namespace cli {
namespace {

using nlohmann::ordered_json;

samlet_explanation explain(const Tracker& tracker, int32_t object, uint32_t layer) {
    samlet_explanation figures;
    samlet_explanation_init(&figures);
    check(tracker, samlet_tracker_explain(tracker.get(), object, layer, &figures));
    return figures;
}

std::vector<samlet_memory_share> read_memories(const Tracker& tracker, int32_t object, uint32_t layer,
                                               uint32_t count) {
    std::vector<samlet_memory_share> memories(count);
    for (uint32_t i = 0; i < count; i++) {
        samlet_memory_share_init(&memories[i]);
        check(tracker, samlet_tracker_explain_memory(tracker.get(), object, layer, i, &memories[i]));
    }
    return memories;
}

KindShares kind_shares(const std::vector<samlet_memory_share>& memories) {
    KindShares shares;
    for (const samlet_memory_share& memory : memories)
        (memory.kind == SAMLET_MEMORY_PROMPTED ? shares.prompted
         : memory.kind == SAMLET_MEMORY_RECENT ? shares.recent
                                               : shares.pointers) += static_cast<double>(memory.share);
    return shares;
}

const char* name_of(samlet_memory_kind kind) {
    return kind == SAMLET_MEMORY_PROMPTED ? "prompted" : kind == SAMLET_MEMORY_RECENT ? "recent" : "pointer";
}

ordered_json summary(const KindShares& shares, const samlet_explanation& figures) {
    return {{"prompted", rounded(shares.prompted)},
            {"recent", rounded(shares.recent)},
            {"pointers", rounded(shares.pointers)},
            {"entropy", rounded(static_cast<double>(figures.entropy))},
            {"largest", rounded(static_cast<double>(figures.largest))}};
}

}  // namespace

Attention read_attention(const Tracker& tracker, int32_t object) {
    Attention attention;
    attention.mean = explain(tracker, object, 0);
    attention.memories = read_memories(tracker, object, 0, attention.mean.memory_count);
    attention.shares = kind_shares(attention.memories);
    const uint32_t side = attention.mean.map_side;
    for (uint32_t i = 0; i < attention.memories.size(); i++) {
        if (attention.memories[i].kind == SAMLET_MEMORY_POINTER) break;
        std::vector<float> map(size_t{side} * side);
        check(tracker,
              samlet_tracker_explain_map(tracker.get(), object, 0, i, 0, map.data(), side * sizeof(float)));
        attention.maps.push_back(std::move(map));
    }
    if (attention.empty()) return attention;
    for (uint32_t layer = 1; layer <= attention.mean.layer_count; layer++)
        attention.layers.push_back(
            {kind_shares(read_memories(tracker, object, layer, attention.mean.memory_count)),
             explain(tracker, object, layer)});
    return attention;
}

ordered_json attention_json(const Attention& attention) {
    ordered_json memories = ordered_json::array(), layers = ordered_json::array();
    for (const samlet_memory_share& m : attention.memories)
        memories.push_back({{"kind", name_of(m.kind)},
                            {"frame", m.frame},
                            {"share", rounded(static_cast<double>(m.share))},
                            {"share_all", rounded(static_cast<double>(m.share_all))},
                            {"entropy", rounded(static_cast<double>(m.entropy))},
                            {"largest", rounded(static_cast<double>(m.largest))}});
    for (const LayerAttention& layer : attention.layers)
        layers.push_back(summary(layer.shares, layer.figures));
    ordered_json json = summary(attention.shares, attention.mean);
    json["entropy_all"] = rounded(static_cast<double>(attention.mean.entropy_all));
    json["largest_all"] = rounded(static_cast<double>(attention.mean.largest_all));
    json["tokens"] = attention.mean.token_count;
    json["mask_area"] = attention.mean.mask_area;
    json["memories"] = memories;
    json["layers"] = layers;
    json["time"] = rounded(attention.mean.milliseconds);
    return json;
}

ordered_json stages_json(const samlet_profile& profile) {
    ordered_json stages = ordered_json::object();
    for (int i = 0; i < SAMLET_STAGE_COUNT; i++)
        stages[samlet_stage_name(static_cast<samlet_stage>(i))] = rounded(profile.milliseconds[i]);
    return stages;
}

}  // namespace cli
