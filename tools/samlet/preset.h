// Published architectures with random weights, so that speed can be measured without a checkpoint.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "gguf_writer.h"

namespace cli {

std::vector<std::string> preset_names();
// A model file in memory: the same bytes every time. `type` is that of tensors of rank 2 and more; others are
// f32, as the converter writes them. Throws UsageError for an unknown name.
GgufImage build_preset(const std::string& name, TensorType type);

}  // namespace cli
