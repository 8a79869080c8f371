// What attention to memories looked at: its softmax weights once more, summed up. For people who ask why; no
// frame needs it.
//
// SPDX-License-Identifier: Apache-2.0
//
// Weights are those of AxialTask (kernels.h), recomputed with its factorisation but for a few queries at a
// time, so that their scores can be kept: keys x 16 floats a thread, never a whole matrix.
#pragma once

#include "core/exec.h"

namespace samlet {

// Averages are taken over two sets of queries: those inside of the object's mask, and all.
enum QueryRegion : size_t { kInside, kEverywhere, kRegions };

// One memory: a spatial one, or a pointer.
struct MemoryFigures {
    double share[kRegions];    // of the weight; sums up to 1 over the memories
    double entropy[kRegions];  // its terms -w ln w, averaged: the memories' sum up to the mean entropy, nats
    float largest[kRegions];   // weight that one of its tokens gets from one query
};

struct AttentionStatistics {
    MemoryFigures* memories;  // [frames + pointers]
    float* maps;              // [frames][kRegions][grid * grid]: mean weight of a token; sums up to the share
};

// Looks at what all queries of `task` (`queries` is not limited here; `values`, `out` and `scratch` are not
// used) make of its keys. `inside` [queries]: how much a query counts as inside, 0 to 1; if none does, those
// figures are 0. `pointer_tokens`: free tokens that follow each other and make one memory, at least 1.
void measure_attention(Exec& exec, const AxialTask& task, const float* inside, size_t pointer_tokens,
                       const AttentionStatistics& out);

}  // namespace samlet
