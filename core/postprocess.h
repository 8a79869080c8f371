// Last stage: low-res logits -> logits, masks, boxes, areas and run-length codes at any size; and a caller's
// mask -> the model's square.
//
// SPDX-License-Identifier: Apache-2.0
//
// Logits are positive inside the object; a pixel belongs to the mask when its logit is > 0. Resizing follows
// torch's interpolate(): bilinear without antialias towards the picture, bilinear with antialias towards the
// model, each in the order of operations of torch's CPU kernels (x first, then y).
//
// Everything streams by rows (the run-length code: by columns), so no frame-size map exists. Jobs are
// prepared once, then ranges of rows can run on several threads, each with its own scratch. All memory is
// given by the caller, aligned to Arena::kAlignment; sizes that the *_bytes functions return are multiples of
// it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/resample.h"

namespace samlet {

// ---- Logits to picture size -------------------------------------------------------------------------------

// Box and area of a mask. Empty: area 0 and all else 0. x1 and y1 are exclusive.
struct MaskExtent {
    uint32_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    uint64_t area = 0;
};
// Of the union of two disjoint parts, as two ranges of rows are.
MaskExtent merged(const MaskExtent& a, const MaskExtent& b);

struct PictureJob {
    uint32_t n;              // side of the low-res maps
    uint32_t width, height;  // of the picture
    LinearAxis x, y;
    // Low-res logits [n][n] of all objects, and which one is wanted. With more than one, masks do not
    // overlap: where another object has a higher logit (or the same and comes first), the logit becomes at
    // most -10.
    const float* const* objects;
    size_t object_count;
    size_t object;
};

size_t picture_table_bytes(uint32_t max_width, uint32_t max_height);
// Per thread; picture_rle() takes the same.
size_t picture_scratch_bytes(uint32_t n, uint32_t max_width, uint32_t max_height);

// For one object: objects = &logits, object_count = 1, object = 0. The job keeps the pointers.
void prepare_picture(uint32_t n, uint32_t width, uint32_t height, const float* const* objects,
                     size_t object_count, size_t object, void* tables, PictureJob* job);

// Picture rows first .. last - 1 of the wanted object. `out` and `mask` point to row 0 of the whole picture;
// `stride` is in bytes (for floats a multiple of 4). picture_mask(): 255 inside, 0 outside; `mask` may be
// null when only the extent is wanted.
void picture_logits(const PictureJob& job, uint32_t first, uint32_t last, float* out, size_t stride,
                    void* scratch);
MaskExtent picture_mask(const PictureJob& job, uint32_t first, uint32_t last, uint8_t* mask, size_t stride,
                        void* scratch);

// Where a mask is cut out of its logits.
struct MaskCut {
    float threshold = 0;  // pixels above it are inside
    float offset = 1;     // the stability compares the masks cut this much higher and lower
};

struct MaskMeasure {
    MaskExtent extent;
    uint64_t inner = 0, outer = 0;  // pixels above threshold + offset, and above threshold - offset
    // IoU of the two: one lies inside the other. 0 where both are empty.
    float stability() const { return outer ? static_cast<float>(inner) / static_cast<float>(outer) : 0.0f; }
};
MaskMeasure merged(const MaskMeasure& a, const MaskMeasure& b);

// As picture_mask(), without the mask.
MaskMeasure picture_measure(const PictureJob& job, const MaskCut& cut, uint32_t first, uint32_t last,
                            void* scratch);

// ---- COCO run-length code ---------------------------------------------------------------------------------

// Writes the text that pycocotools calls compressed counts: runs in column-major order, the first one of
// zeros (maybe of length 0); from the fourth on, the difference to the run two before; each number in groups
// of 5 bits, low ones first, bit 5 set when more follow, plus 48. `length` counts all characters, `text`
// receives those that fit in `capacity`.
class RleWriter {
  public:
    RleWriter(char* text, size_t capacity) : text_(text), capacity_(text ? capacity : 0) {}
    void add(bool inside, uint64_t count = 1) {
        if (inside != inside_) flip();
        run_ += count;
    }
    // Call once, at the end. The length does not include the 0 that is appended; a text that does not fit
    // with it becomes empty, so that nobody takes its beginning for a mask.
    size_t finish();

  private:
    void flip();
    void emit();

    char* text_;
    size_t capacity_, length_ = 0;
    int64_t run_ = 0, previous_[2] = {0, 0};  // the run before the last, the last
    uint64_t runs_ = 0;
    bool inside_ = false;
};

// The code of the wanted object's mask; the same pixels as picture_mask(). Returns the length without the 0;
// the text is complete if capacity > length, else empty. `text` may be null with capacity 0. On one thread.
size_t picture_rle(const PictureJob& job, char* text, size_t capacity, void* scratch);

// ---- Antialiased resize of one channel --------------------------------------------------------------------

// A mask of bytes (nonzero = 1, else 0) or a map of floats; exactly one pointer is set. Each value is taken
// times `scale` plus `bias` before it is resized.
struct MapInput {
    const uint8_t* mask = nullptr;
    const float* map = nullptr;
    size_t stride = 0;  // bytes; floats: a multiple of 4
    uint32_t width = 0, height = 0;
    float scale = 1, bias = 0;
};

struct MapJob {
    MapInput in;
    uint32_t width, height;  // of the output
    TriangleAxis x, y;
    bool binary;  // output 1 where the resized value is >= 0.5, else 0
};

size_t map_table_bytes(uint32_t max_in_width, uint32_t max_in_height, uint32_t width, uint32_t height);
size_t map_scratch_bytes(uint32_t max_in_width, uint32_t max_in_height, uint32_t width, uint32_t height);
void prepare_map(const MapInput& in, uint32_t width, uint32_t height, bool binary, void* tables, MapJob* job);
// Output rows first .. last - 1; `out` is the whole output, [height][width].
void map_rows(const MapJob& job, uint32_t first, uint32_t last, float* out, void* scratch);

// ---- Holes and sprinkles ----------------------------------------------------------------------------------

// Components are 8-connected. Holes (logit <= 0) of at most hole_area pixels get hole_value, islands (logit >
// 0) of at most sprinkle_area pixels get sprinkle_value; area 0 switches either off. Both look at the logits
// as they came in. The reference's video predictor fills holes with 0.1 and leaves islands; ours takes
// islands off with -0.1. Its image predictor uses 10 and -10.
struct CleanRule {
    uint32_t hole_area = 0, sprinkle_area = 0;
    float hole_value = 0.1f, sprinkle_value = -0.1f;
};
size_t clean_scratch_bytes(uint32_t width, uint32_t height);
// width * height < 2^31
void clean_logits(float* logits, uint32_t width, uint32_t height, const CleanRule& rule, void* scratch);

}  // namespace samlet
