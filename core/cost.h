// What the reference formulation spends: the yardstick for speed.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model.h"

namespace samlet {

// Multiply-accumulates, in 1e9, that sam2's PyTorch code performs by stage on one tracked frame of one object
// that reads `memories` memories and `pointers` object pointers. Preprocessing counts as none.
void reference_gmac(const Model& model, size_t image_size, size_t memories, size_t pointers,
                    double gmac[SAMLET_STAGE_COUNT]);

}  // namespace samlet
