// Matrix products with factors in half precision and sums in f32: y = activation(x W^T + b). XNNPACK has none
// on ARM: there its f16 product sums in halves.
//
// SPDX-License-Identifier: Apache-2.0
//
// Before they are rounded to f16, the elements of a row of x and of a channel of W are multiplied by powers
// of two that bring the largest below row_limit and weight_limit; the inverses come back in f32. So nothing
// overflows on the way that would not in f32, however large the activations; what underflows is at most 2^-17
// times the largest of its row or channel; and f16 weights are otherwise exactly what the file holds. A row with a
// NaN or an infinity gives NaNs or infinities in its own row only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace samlet {

// A tile of a product. Tiles may be computed in any order and on any thread: each result is summed in an
// order that depends on nothing but `in`.
struct HalfGemmTask {
    const void* rows;     // by pack_rows()
    const void* weights;  // by pack_weights()
    size_t row_count, in, out;
    size_t first_row, first_column;  // multiples of row_tile, column_tile; the tile ends with the product
    void* y;                         // [row_count][out] of the whole product; must not alias the inputs
    bool half;                       // y is f16: beyond its range infinite
    bool relu;
};

struct HalfGemm {
    // Powers of two. A sum of 64 products stays within f16.
    static constexpr float row_limit = 32, weight_limit = 16;

    size_t row_tile, column_tile;
    // Weights [out][in] and bias [out], once. Memory is 64-byte aligned.
    size_t (*weight_bytes)(size_t in, size_t out);
    void (*pack_weights)(const float* weights, const float* bias, size_t in, size_t out, void* packed);
    // Rows [rows][in], f32 or f16, a tile of rows at a time.
    size_t (*row_bytes)(size_t rows, size_t in);
    void (*pack_rows)(const void* x, bool half, size_t rows, size_t in, size_t first_row, void* packed);
    void (*multiply)(const HalfGemmTask& task);
};

}  // namespace samlet
