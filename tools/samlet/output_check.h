// Results must not destroy what they are made from: looked at before anything is opened for writing.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "commands.h"

namespace cli {

// Each throws UsageError: what would be overwritten, and what would be right.
void check_outputs(const TrackOptions& options);
void check_outputs(const SegmentOptions& options);
// Masks that prompts come from must not lie where the masks of a track go.
void check_masks_kept(const Prompts& prompts, const std::string& out);

}  // namespace cli
