// Position codes, separable by axis: tables of one row per coordinate, made when a session is opened.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace samlet {

// PositionEmbeddingSine (normalised, scale 2 pi, temperature 10000): table [side][channels / 2]; the code at
// (x, y) is table[y] followed by table[x].
void fill_sine_table(size_t side, size_t channels, float* table);

// Axial rotary code (RoPE, arXiv 2104.09864; axial as in arXiv 2403.13298): cosine and sine, [side][channels
// / 2] each in the form that Kernels::rotate takes; the first half of the channels turns with x, the second
// with y.
void fill_rotary_tables(size_t side, size_t channels, float theta, float* cosine, float* sine);

// get_1d_sine_pe of sam2_utils.py: all sines, then all cosines.
void fill_time_code(float position, size_t channels, float* code);

}  // namespace samlet
