// The prompts of samlet track --everything.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "everything.h"
#include "track_input.h"

namespace cli {

// The largest objects of `first`, which is frame `number`; with --out seeds.png holds them. Throws an Error
// if there are none.
Prompts find_seeds(const TrackInput& input, int64_t number, const Picture& first, const SearchWatch& watch);

}  // namespace cli
