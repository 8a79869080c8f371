// What one object's pixels looked at in their memories on the current frame, layer by layer: kept for
// samlet_tracker_explain().
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/arena.h"
#include "core/attention_statistics.h"
#include "samlet/samlet.h"

namespace samlet {

struct ExplanationSizes {
    size_t layers, cells;
    size_t frames, pointers;  // memories at most
};

// A memory that was read.
struct ExplainedMemory {
    samlet_memory_kind kind;
    int64_t frame;
    uint32_t tokens;
};

class Explanation {
  public:
    // Takes all its memory from the arena.
    void lay_out(const ExplanationSizes& sizes, Arena& arena);

    // Forgets all. Then memories are added in the order in which attention reads them, spatial ones first,
    // and each layer's statistics are written.
    void clear();
    void add(const ExplainedMemory& memory);
    AttentionStatistics layer(size_t index) const;

    size_t layers() const { return sizes_.layers; }
    size_t count() const { return count_; }
    const ExplainedMemory& memory(size_t index) const { return memories_[index]; }
    // `layer`: 0 for the mean of all layers (the largest weight is the largest of all), else 1 .. layers().
    MemoryFigures figures(size_t layer, size_t index) const;
    // Row `y` of a spatial memory's map of `side` columns.
    void map_row(size_t layer, size_t index, QueryRegion region, size_t y, size_t side, float* row) const;

    uint32_t mask_cells = 0;  // low-res pixels of the mask, whose queries are those inside
    double milliseconds = 0;  // what all this took

  private:
    const float* map(size_t layer, size_t index, QueryRegion region) const;

    ExplanationSizes sizes_ = {};
    ExplainedMemory* memories_ = nullptr;  // [frames + pointers]
    MemoryFigures* figures_ = nullptr;     // [layers][frames + pointers]
    float* maps_ = nullptr;                // [layers][frames][kRegions][cells]
    size_t count_ = 0;
};

}  // namespace samlet
