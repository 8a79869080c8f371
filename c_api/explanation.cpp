// What a tracker's objects looked at.
//
// SPDX-License-Identifier: Apache-2.0
#include "c_api/api.h"

namespace samlet {
namespace {

Status find(samlet_tracker* tracker, int32_t object, uint32_t layer, const Explanation** why) {
    SAMLET_TRY(tracker->impl.find_explanation(object, why));
    const int64_t layers = static_cast<int64_t>((*why)->layers());
    if (layer <= layers) return {};
    return fail(SAMLET_ERROR_INVALID_ARGUMENT, "layer is %a; it must be 1 to %b, or 0 for the mean", layer,
                layers);
}

Status find(samlet_tracker* tracker, int32_t object, uint32_t layer, uint32_t index,
            const Explanation** why) {
    SAMLET_TRY(find(tracker, object, layer, why));
    if (index < (*why)->count()) return {};
    return fail(SAMLET_ERROR_INVALID_ARGUMENT, "index is %a; the result looked at %b memories", index,
                static_cast<int64_t>((*why)->count()));
}

Status explain(samlet_tracker* tracker, int32_t object, uint32_t layer, samlet_explanation* out) {
    if (!out) return null_argument("explanation");
    SAMLET_TRY(check_size(out->size, sizeof(*out), "samlet_explanation"));
    const Explanation* why;
    SAMLET_TRY(find(tracker, object, layer, &why));
    double entropy[kRegions] = {};
    float largest[kRegions] = {};
    uint32_t tokens = 0;
    for (size_t i = 0; i < why->count(); i++) {
        const MemoryFigures figures = why->figures(layer, i);
        tokens += why->memory(i).tokens;
        for (size_t region = 0; region < kRegions; region++) {
            entropy[region] += figures.entropy[region];
            if (figures.largest[region] > largest[region]) largest[region] = figures.largest[region];
        }
    }
    out->object = object;
    out->frame = tracker->impl.frame_number();
    out->layer_count = static_cast<uint32_t>(why->layers());
    out->memory_count = static_cast<uint32_t>(why->count());
    out->token_count = tokens;
    out->map_side = static_cast<uint32_t>(tracker->impl.grid());
    out->mask_area = why->mask_cells;
    out->entropy = static_cast<float>(entropy[kInside]);
    out->entropy_all = static_cast<float>(entropy[kEverywhere]);
    out->largest = largest[kInside];
    out->largest_all = largest[kEverywhere];
    out->milliseconds = why->milliseconds;
    return {};
}

Status explain_memory(samlet_tracker* tracker, int32_t object, uint32_t layer, uint32_t index,
                      samlet_memory_share* out) {
    if (!out) return null_argument("share");
    SAMLET_TRY(check_size(out->size, sizeof(*out), "samlet_memory_share"));
    const Explanation* why;
    SAMLET_TRY(find(tracker, object, layer, index, &why));
    const ExplainedMemory& memory = why->memory(index);
    const MemoryFigures figures = why->figures(layer, index);
    out->kind = memory.kind;
    out->frame = memory.frame;
    out->token_count = memory.tokens;
    out->share = static_cast<float>(figures.share[kInside]);
    out->share_all = static_cast<float>(figures.share[kEverywhere]);
    out->entropy = static_cast<float>(figures.entropy[kInside]);
    out->entropy_all = static_cast<float>(figures.entropy[kEverywhere]);
    out->largest = figures.largest[kInside];
    out->largest_all = figures.largest[kEverywhere];
    return {};
}

Status explain_map(samlet_tracker* tracker, int32_t object, uint32_t layer, uint32_t index, bool all,
                   float* map, uint64_t stride) {
    if (!map) return null_argument("map");
    const Explanation* why;
    SAMLET_TRY(find(tracker, object, layer, index, &why));
    if (why->memory(index).kind == SAMLET_MEMORY_POINTER)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "memory %a is an object pointer, which has no map", index);
    const size_t side = tracker->impl.grid(), row = side * sizeof(float);
    if (stride < row || stride % sizeof(float) != 0)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "stride is %a bytes; a row of the map needs %b, and floats a multiple of 4",
                    shown(stride), static_cast<int64_t>(row));
    SAMLET_TRY(check_reach(stride, row, side));
    for (size_t y = 0; y < side; y++)
        why->map_row(layer, index, all ? kEverywhere : kInside, y, side,
                     map + y * (static_cast<size_t>(stride) / sizeof(float)));
    return {};
}

}  // namespace
}  // namespace samlet

using namespace samlet;

extern "C" {

samlet_status samlet_tracker_explain(samlet_tracker* tracker, int32_t object, uint32_t layer,
                                     samlet_explanation* explanation) {
    if (!tracker) return SAMLET_ERROR_INVALID_ARGUMENT;
    return report(explain(tracker, object, layer, explanation), tracker->message);
}

samlet_status samlet_tracker_explain_memory(samlet_tracker* tracker, int32_t object, uint32_t layer,
                                            uint32_t index, samlet_memory_share* share) {
    if (!tracker) return SAMLET_ERROR_INVALID_ARGUMENT;
    return report(explain_memory(tracker, object, layer, index, share), tracker->message);
}

samlet_status samlet_tracker_explain_map(samlet_tracker* tracker, int32_t object, uint32_t layer,
                                         uint32_t index, uint32_t all, float* map, uint64_t stride) {
    if (!tracker) return SAMLET_ERROR_INVALID_ARGUMENT;
    return report(explain_map(tracker, object, layer, index, all != 0, map, stride), tracker->message);
}

}  // extern "C"
