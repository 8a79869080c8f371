// SPDX-License-Identifier: Apache-2.0
#include "core/explanation.h"

namespace samlet {

void Explanation::lay_out(const ExplanationSizes& sizes, Arena& arena) {
    sizes_ = sizes;
    const size_t memories = sizes.frames + sizes.pointers;
    memories_ = arena.take<ExplainedMemory>(memories);
    figures_ = arena.take<MemoryFigures>(sizes.layers * memories);
    maps_ = arena.take<float>(sizes.layers * sizes.frames * kRegions * sizes.cells);
}

void Explanation::clear() {
    count_ = 0;
    mask_cells = 0;
    milliseconds = 0;
}

void Explanation::add(const ExplainedMemory& memory) {
    memories_[count_++] = memory;
}

AttentionStatistics Explanation::layer(size_t index) const {
    return {figures_ + index * (sizes_.frames + sizes_.pointers),
            maps_ + index * sizes_.frames * kRegions * sizes_.cells};
}

MemoryFigures Explanation::figures(size_t layer, size_t index) const {
    if (layer > 0) return this->layer(layer - 1).memories[index];
    MemoryFigures mean = {};
    const double part = 1.0 / static_cast<double>(sizes_.layers);
    for (size_t i = 0; i < sizes_.layers; i++) {
        const MemoryFigures& one = this->layer(i).memories[index];
        for (size_t region = 0; region < kRegions; region++) {
            mean.share[region] += one.share[region] * part;
            mean.entropy[region] += one.entropy[region] * part;
            if (one.largest[region] > mean.largest[region]) mean.largest[region] = one.largest[region];
        }
    }
    return mean;
}

const float* Explanation::map(size_t layer, size_t index, QueryRegion region) const {
    return this->layer(layer).maps + (index * kRegions + region) * sizes_.cells;
}

void Explanation::map_row(size_t layer, size_t index, QueryRegion region, size_t y, size_t side,
                          float* row) const {
    const size_t first = layer > 0 ? layer - 1 : 0, last = layer > 0 ? layer : sizes_.layers;
    const float part = 1.0f / static_cast<float>(last - first);
    for (size_t x = 0; x < side; x++) row[x] = 0;
    for (size_t i = first; i < last; i++) {
        const float* from = map(i, index, region) + y * side;
        for (size_t x = 0; x < side; x++) row[x] += from[x] * part;
    }
}

}  // namespace samlet
