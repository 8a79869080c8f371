// Letters for the window of the live view: 5 x 8 pixels, so that it needs neither a font file nor a library
// that draws it.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cli {

constexpr int kGlyphWidth = 5, kGlyphHeight = 8;

// Whether the pixel of an ASCII character is set; characters without a glyph are empty.
bool glyph_pixel(char character, int x, int y);

}  // namespace cli
