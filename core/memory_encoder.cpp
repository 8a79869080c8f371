// SPDX-License-Identifier: Apache-2.0
#include "core/memory_encoder.h"

#include "core/patches.h"

namespace samlet {
namespace {

constexpr float kEps = 1e-6f;
constexpr size_t kStripTokens = 2048;  // sessions that save memory: half of it
constexpr size_t kPatchFloats = 64 * 1024;  // of patches, in sessions that save memory
constexpr uint32_t kMaxFuserLayers = 16, kMaxDepthwise = 15;

}  // namespace

void MemoryEncoder::read(WeightReader& reader, const Config& config) {
    d_model = config.d_model;
    memory_dim = config.memory_dim;
    uint32_t channels = 1;
    for (uint32_t i = 0; i < kSteps; i++) {
        const TensorName p("memory_encoder.mask_downsampler.encoder.%u", 3 * i);
        const TensorName norm("memory_encoder.mask_downsampler.encoder.%u", 3 * i + 1);
        Downsample& s = steps[i];
        s.in = channels;
        s.out = channels *= 4;
        s.convolution = reader.convolution(p, s.in, s.out, 3);
        s.norm_gamma = reader.values(TensorName(norm, ".weight"), s.out);
        s.norm_beta = reader.values(TensorName(norm, ".bias"), s.out);
    }
    mask_out = reader.linear(TensorName("memory_encoder.mask_downsampler.encoder.%u", 3 * kSteps), channels,
                             d_model);
    feature_projection = reader.linear("memory_encoder.pix_feat_proj", d_model, d_model);
    fuser_count = 1;
    while (fuser_count < kMaxFuserLayers &&
           (reader.has(TensorName("memory_encoder.fuser.layers.%u.gamma", fuser_count)) ||
            reader.has(TensorName("memory_encoder.fuser.layers.%u.dwconv.weight", fuser_count))))
        fuser_count++;
    fuser = reader.objects<FuserLayer>(fuser_count);
    for (uint32_t i = 0; i < fuser_count; i++) {
        FuserLayer l = {};
        const TensorName p("memory_encoder.fuser.layers.%u", i);
        l.size = reader.extent(TensorName(p, ".dwconv.weight"), 2);
        if (l.size > kMaxDepthwise || l.size % 2 == 0)
            reader.reject(fail(SAMLET_ERROR_UNSUPPORTED,
                               "the depthwise kernel %s has a side of %a; odd sides up to %b are supported",
                               l.size, kMaxDepthwise, TensorName(p, ".dwconv.weight").text()));
        l.depthwise = reader.depthwise(TensorName(p, ".dwconv.weight"), d_model, l.size);
        l.depthwise_bias = reader.values(TensorName(p, ".dwconv.bias"), d_model);
        l.norm_gamma = reader.values(TensorName(p, ".norm.weight"), d_model);
        l.norm_beta = reader.values(TensorName(p, ".norm.bias"), d_model);
        l.gamma = reader.values(TensorName(p, ".gamma"), d_model);
        l.hidden = reader.extent(TensorName(p, ".pwconv1.weight"), 0);
        l.in = reader.linear(TensorName(p, ".pwconv1"), d_model, l.hidden);
        l.out = reader.linear(TensorName(p, ".pwconv2"), l.hidden, d_model);
        if (!reader.measuring() && fuser) fuser[i] = l;
    }
    out = reader.linear("memory_encoder.out_proj", d_model, memory_dim);
    no_object =
        reader.has("no_obj_embed_spatial") ? reader.values("no_obj_embed_spatial", 1, memory_dim) : nullptr;
}

namespace {

// One ConvNeXt block: x += gamma * out(gelu(in(norm(depthwise(x))))).
void run_fuser_layer(Exec& exec, const FuserLayer& l, size_t c, size_t grid, float* x, float* mixed) {
    Arena::Scope scope(exec.scratch);
    const size_t tokens = grid * grid, most = exec.half_maps ? kStripTokens / 2 : kStripTokens;
    const size_t strip = tokens < most ? tokens : most;
    float* hidden = exec.floats(strip * l.hidden);
    exec.parallel(grid, [&](size_t y, size_t) {
        const float* rows[kMaxDepthwise];
        for (size_t k = 0; k < l.size; k++) {
            const size_t row = y + k - l.size / 2;
            rows[k] = row < grid ? x + row * grid * c : nullptr;
        }
        exec.kernels->depthwise_row(
            {rows, grid, c, l.size, l.depthwise, l.depthwise_bias, mixed + y * grid * c});
    });
    exec.layer_norm(mixed, tokens, c, l.norm_gamma, l.norm_beta, kEps, mixed);
    for (size_t first = 0; first < tokens; first += strip) {
        const size_t n = tokens - first < strip ? tokens - first : strip;
        exec.linear(l.in, mixed + first * c, n, hidden);
        exec.gelu(hidden, n * l.hidden);
        exec.linear(l.out, hidden, n, mixed + first * c);
    }
    exec.parallel_chunks(tokens, 64, [&](size_t first, size_t last, size_t) {
        for (size_t t = first; t < last; t++)
            for (size_t i = 0; i < c; i++) x[t * c + i] += l.gamma[i] * mixed[t * c + i];
    });
}

}  // namespace

void MemoryEncoder::downsample(Exec& exec, float* mask, size_t grid) const {
    Arena::Scope scope(exec.scratch);
    // Each step halves the side and quadruples the channels, so that every map is as large as the mask: two
    // suffice.
    float* maps[2] = {mask, exec.floats(256 * grid * grid)};
    size_t side = 16 * grid;
    for (size_t i = 0; i < kSteps; i++) {
        Arena::Scope step(exec.scratch);
        const Downsample& s = steps[i];
        const size_t half = side / 2, patch = 9 * s.in;
        size_t rows = exec.half_maps ? kPatchFloats / (half * patch) : kStripTokens * 4 / half;
        if (rows == 0) rows = 1;
        if (rows > half) rows = half;
        float* patches = exec.floats(rows * half * patch);
        const float* from = maps[i % 2];
        float* to = maps[1 - i % 2];
        for (size_t first = 0; first < half; first += rows) {
            const size_t n = half - first < rows ? half - first : rows;
            exec.parallel(n, [&](size_t r, size_t) {
                gather_patches(from, side, s.in, 3, 1, first + r, first + r + 1, patches + r * half * patch);
            });
            exec.linear(s.convolution, patches, n * half, to + first * half * s.out);
        }
        exec.layer_norm(to, half * half, s.out, s.norm_gamma, s.norm_beta, kEps, to);
        exec.gelu(to, half * half * s.out);
        side = half;
    }
    static_assert(kSteps % 2 == 0, "the last map lies where the mask was");
}

void MemoryEncoder::run(Exec& exec, float* mask, const Map& features, size_t grid, bool present,
                        float* memory) const {
    Arena::Scope scope(exec.scratch);
    const size_t tokens = grid * grid;
    downsample(exec, mask, grid);
    float* x = exec.floats(tokens * d_model);
    float* mixed = exec.floats(tokens * d_model);
    exec.linear(mask_out, mask, tokens, x);
    exec.linear(feature_projection, features, tokens, mixed);
    exec.add(mixed, tokens * d_model, x);
    for (uint32_t i = 0; i < fuser_count; i++) run_fuser_layer(exec, fuser[i], d_model, grid, x, mixed);
    exec.linear(out, x, tokens, memory);
    if (no_object && !present)
        exec.parallel_chunks(tokens, 256, [&](size_t first, size_t last, size_t) {
            for (size_t t = first; t < last; t++)
                exec.kernels->add(no_object, memory_dim, memory + t * memory_dim);
        });
}

}  // namespace samlet
