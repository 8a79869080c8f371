// The plain versions: what each kernel means, loop by loop. Tests hold every other level against these.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/kernels.h"

namespace samlet::generic {

size_t attend_scratch(size_t dk, size_t dv);
void pack_keys(const float* k, size_t stride, size_t keys, size_t dk, float* packed);
void attend(const AttendTask& task);
size_t axial_scratch(size_t channels, size_t grid, size_t dim, size_t frames, size_t queries);
void attend_axial(const AxialTask& task);
void layer_norm(const float* x, size_t x_stride, size_t rows, size_t channels, const float* gamma,
                const float* beta, float eps, float* y, size_t y_stride);
void gelu(float* x, size_t n);
void sigmoid(const float* x, size_t n, float scale, float bias, float* y);
void add(const float* x, size_t n, float* y);
void add_scaled(const float* x, float scale, size_t n, float* y);
void max4(const float* a, const float* b, const float* c, const float* d, size_t n, float* y);
void rotate(float* x, const float* cosine, const float* sine, size_t n);
void depthwise_row(const DepthwiseRowTask& task);
void f32_to_bf16(const float* x, size_t n, uint16_t* y);
void bf16_to_f32(const uint16_t* x, size_t n, float* y);
void f32_to_f16(const float* x, size_t n, uint16_t* y);
void add_f16(const float* x, size_t n, uint16_t* y);
void f16_to_f32(const uint16_t* x, size_t n, float* y);
void resize_row(const float* top, const float* bottom, float mix, const uint32_t* left, const uint32_t* right,
                const float* weight, size_t n, float* y);

}  // namespace samlet::generic
