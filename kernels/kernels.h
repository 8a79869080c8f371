// The arithmetic that XNNPACK does not offer, behind one table per instruction set.
//
// SPDX-License-Identifier: Apache-2.0
//
// Contracts common to all: float arrays need 4-byte alignment only, unless stated; sizes may be ragged and
// may be zero; output may alias input of the same type exactly (in place), but not overlap it otherwise, save
// where it must not alias at all; nothing allocates, nothing throws; every function runs on the calling
// thread. Every level is tested against generic/ in tests/kernels.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/half_gemm.h"

namespace samlet {

// One block of queries of one head against a set of keys: out = softmax(scale q k^T) v, tile by tile with an
// online softmax (Milakov and Gimelshein, arXiv 1805.02867; Dao et al., arXiv 2205.14135), so that no score
// matrix exists. Keys may come in several calls: `first` starts the running state, `last` divides by the
// sums. Between them `out` holds the unnormalised sums and `running` the state; all calls of a sequence must
// go to the same level. No keys at all give zeros.
struct AttendTask {
    const float* q;  // [queries][q_stride], dk used
    size_t q_stride;
    size_t queries;
    const float* packed_keys;  // by pack_keys(): key_count keys of dk channels
    size_t key_count;
    size_t dk;
    const float* v;  // [key_count][v_stride], dv used
    size_t v_stride;
    size_t dv;
    float scale;
    float* out;  // [queries][out_stride], dv used; must not alias the inputs
    size_t out_stride;
    float* running;  // [queries][2]: maximum (in units of the level), sum; may be null when first && last
    bool first, last;
    float* scratch;  // attend_scratch(dk, dv) floats, 64-byte aligned, one per thread
};

// One block of queries against memories, as SAM 2's memory attention has them: keys are R(x, y) (W m + b)
// with the axial rotary code R of their place on a square grid; values are in memory space, dim channels,
// without projection. `frames` memories of grid x grid tokens are read, plus `free` tokens without a place,
// which get no rotary code.
struct AxialTask {
    const float* q;  // [queries][q_stride], `channels` used, rotary code applied
    size_t q_stride;
    size_t queries;   // at most axial_block
    size_t channels;  // a multiple of 4
    size_t grid;
    const float* cosine;  // [grid][channels / 2], as rotate() takes them
    const float* sine;
    const float* weight;  // W: [channels][dim]
    const float* bias;    // b: [channels]
    size_t dim;           // a multiple of 4
    size_t frames;
    const float* keys;    // m: [grid][grid][frames][dim], position added
    const float* values;  // [grid][grid][frames][dim]
    size_t free_count;
    const float* free_keys;  // [free_count][dim]
    const float* free_values;
    float scale;
    float* out;  // [queries][out_stride], dim used
    size_t out_stride;
    float* scratch;  // axial_scratch() floats, 64-byte aligned, one per thread
};

// One row of a depthwise convolution over a [height][width][channels] map: stride 1, padded by size / 2
// zeros.
struct DepthwiseRowTask {
    const float* const* rows;  // `size` pointers to input rows; null outside of the map
    size_t width, channels;
    size_t size;           // odd: 7
    const float* weights;  // [size][size][channels]
    const float* bias;     // [channels]
    float* out;            // [width][channels]; must not alias the input
};

struct Kernels {
    const char* name;           // "generic", "avx2", ...
    const HalfGemm* half_gemm;  // null where there is no f16 arithmetic

    // Attention. key_panel: keys per packed panel; attend_block: queries per call that suit the caches best.
    size_t key_panel;
    size_t attend_block;
    size_t (*attend_scratch)(size_t dk, size_t dv);  // floats
    // [keys][stride] -> ceil(keys / key_panel) panels of [dk][key_panel], the last filled up with zeros.
    // 64-byte aligned output of ceil(keys / key_panel) * key_panel * dk floats.
    void (*pack_keys)(const float* k, size_t stride, size_t keys, size_t dk, float* packed);
    void (*attend)(const AttendTask& task);

    // The same for memories, without forming their keys where that saves work. At most axial_block queries
    // per call.
    size_t axial_block;
    // Floats, for calls of at most `queries`.
    size_t (*axial_scratch)(size_t channels, size_t grid, size_t dim, size_t frames, size_t queries);
    void (*attend_axial)(const AxialTask& task);

    // y[r] = (x[r] - mean) / sqrt(variance + eps) * gamma + beta over `channels`, statistics in two passes.
    void (*layer_norm)(const float* x, size_t x_stride, size_t rows, size_t channels, const float* gamma,
                       const float* beta, float eps, float* y, size_t y_stride);
    void (*gelu)(float* x, size_t n);  // exact form, x/2 (1 + erf(x / sqrt 2)); |error| <= 1e-6 (|x| + 1)
    // y = scale / (1 + exp(-x)) + bias
    void (*sigmoid)(const float* x, size_t n, float scale, float bias, float* y);
    void (*add)(const float* x, size_t n, float* y);                      // y += x
    void (*add_scaled)(const float* x, float scale, size_t n, float* y);  // y += scale x
    void (*max4)(const float* a, const float* b, const float* c, const float* d, size_t n, float* y);
    // Rotary code on interleaved pairs: (x[2i], x[2i+1]) turned; n even.
    // `cosine` holds c0 c0 c1 c1 ..., `sine` -s0 s0 -s1 s1 ...
    void (*rotate)(float* x, const float* cosine, const float* sine, size_t n);
    void (*depthwise_row)(const DepthwiseRowTask& task);

    // Storage types. bfloat16 rounds to nearest even and turns every NaN into 0x7fc0, as PyTorch does.
    void (*f32_to_bf16)(const float* x, size_t n, uint16_t* y);
    void (*bf16_to_f32)(const uint16_t* x, size_t n, float* y);
    // Half precision: to nearest even; beyond its range to infinity.
    void (*f32_to_f16)(const float* x, size_t n, uint16_t* y);
    void (*f16_to_f32)(const uint16_t* x, size_t n, float* y);
    void (*add_f16)(const float* x, size_t n, uint16_t* y);  // y += x, summed in f32
    // One row of a bilinear resize, not in place: with r = top + mix (bottom - top),
    // y[i] = r[left[i]] + weight[i] (r[right[i]] - r[left[i]]).
    void (*resize_row)(const float* top, const float* bottom, float mix, const uint32_t* left,
                       const uint32_t* right, const float* weight, size_t n, float* y);
};

// The best level for this CPU (name null), or the one that is asked for by name; null if there is none of
// that name, or the CPU or build lacks it, or cpuinfo does not work. Calls cpuinfo_initialize(), which does
// nothing if xnn_initialize() did.
const Kernels* find_kernels(const char* name);

extern const Kernels generic_kernels;

}  // namespace samlet
