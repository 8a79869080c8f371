// How a photograph must be turned to be seen upright, from the data that cameras put into JPEG files.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace cli {

// Exif's Orientation, 1..8, from the content of a JPEG's APP1 segment; 1, upright, for anything else than
// well-formed Exif that has one.
int exif_orientation(const uint8_t* data, size_t size);

}  // namespace cli
