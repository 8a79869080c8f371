// First stage: a frame of any pixel format and size -> the model's normalised square.
//
// SPDX-License-Identifier: Apache-2.0
//
// Input: a samlet_frame. Output: float [size][size][3], channels R, G, B, (value / 255 - mean) / deviation.
// The aspect ratio is not kept, as in the reference. Two filters, because the reference has two:
//   bicubic    the video predictor: Pillow's resize to uint8, bit-exact, then / 255 and normalised
//   bilinear   the image predictor: / 255, torch's antialiased bilinear resize in float, normalised
// Both go over the rows first (horizontally), then over the columns.
//
// YUV formats are BT.601, studio range: with Y' = Y - 16, U' = U - 128, V' = V - 128
//   R = 1.164383 Y' + 1.596027 V'
//   G = 1.164383 Y' - 0.391762 U' - 0.812968 V'
//   B = 1.164383 Y' + 2.017232 U'
// in 16-bit fixed point, rounded half up, clamped to 0..255. Chroma is not interpolated: each pixel takes the
// sample of its pair (YUYV) or 2x2 block (NV12; odd sizes have a last half block).
//
// A job is prepared once per frame; then rows can run on several threads, each with its own scratch. A thread
// holds only the horizontally resized rows that one output row needs, so memory does not grow with the
// frame's area.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/map.h"
#include "core/resample.h"
#include "core/status.h"

namespace samlet {

enum class ResizeFilter : uint8_t { bicubic, bilinear };

// What the library can take of a frame. INVALID_ARGUMENT: unknown format, zero size, NULL plane, stride too
// small or not a multiple of 4 (floats), misaligned floats, NaN or infinity, YUYV of odd width, a NORMALISED
// square of a size other than `image_size`; CAPACITY: larger than max_width x max_height (those of the
// picture for NORMALISED).
Status check_frame(const samlet_frame& frame, uint32_t image_size, uint32_t max_width, uint32_t max_height);

// Rows of the caller's, of frames, masks and maps, must lie inside the address space.
Status check_reach(uint64_t stride, uint64_t row_bytes, uint64_t rows);

// Size of the picture that masks, boxes and prompts refer to. The frame must have passed check_frame().
struct PictureSize {
    uint32_t width, height;
};
PictureSize picture_size(const samlet_frame& frame);

struct PreprocessJob {
    samlet_frame frame;  // planes are read while rows run
    ResizeFilter filter;
    uint32_t size;
    Map out;                              // [size][size][3]
    const Kernels* kernels;
    BicubicAxis cubic_x, cubic_y;         // filter bicubic
    TriangleAxis triangle_x, triangle_y;  // filter bilinear
    const float* table;  // [3][256] normalised value of a byte (bicubic), or [256] value / 255 (bilinear)
    float mean[3], deviation[3];
};

// Bytes of the tables that all threads share, and of the scratch of each thread, for frames up to max_width x
// max_height and this filter. Multiples of Arena::kAlignment; both blocks must be aligned to it.
size_t preprocess_table_bytes(ResizeFilter filter, uint32_t max_width, uint32_t max_height, uint32_t size);
size_t preprocess_scratch_bytes(ResizeFilter filter, uint32_t max_width, uint32_t max_height, uint32_t size);

// Fills the tables. The frame must have passed check_frame(); the job keeps pointers to its planes, to
// `tables` and `out`.
void prepare_preprocess(const samlet_frame& frame, ResizeFilter filter, uint32_t size, const float mean[3],
                        const float deviation[3], void* tables, const Map& out, const Kernels& kernels,
                        PreprocessJob* job);

// Output rows first .. last - 1. Any split into ranges gives the same result; each range reads about one
// filter support of rows again, so few large ranges are best.
void preprocess_rows(const PreprocessJob& job, uint32_t first, uint32_t last, void* scratch);

// One row of a frame as R, G, B bytes. Not for SAMLET_PIXEL_NORMALISED. 0 <= row < frame.height.
void convert_row(const samlet_frame& frame, uint32_t row, uint8_t* rgb);

}  // namespace samlet
