// Small pictures, and pictures inside of an HTML page.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "files.h"
#include "picture.h"

namespace cli {

// An RGB picture at most `width` pixels wide, its shape kept.
Picture thumbnail(const Picture& rgb, uint32_t width);
// "data:image/jpeg;base64,..."
std::string data_uri(const Bytes& jpeg);

}  // namespace cli
