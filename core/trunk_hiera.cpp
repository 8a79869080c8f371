// SPDX-License-Identifier: Apache-2.0
#include "core/trunk_hiera.h"

#include <cmath>
#include <cstring>

#include "core/attention.h"

namespace samlet {
namespace {

constexpr float kEps = 1e-6f;
constexpr size_t kPatch = 7, kPatchStride = 4, kPatchPadding = 3;
// Tokens that pass through a block together: enough rows for the matrix products, few enough that a strip of
// qkv or of the MLP's hidden layer stays in the cache instead of being a map of its own. Sessions that save memory take
// shorter ones, so that strips are not what decides about the arena's size.
constexpr size_t kStripTokens = 2048, kLeastStripTokens = 1024, kStripFloats = 576 * 1024;

// Tokens of a strip whose widest layer has `channels`.
size_t strip_tokens(const Exec& exec, size_t channels) {
    const size_t tokens = kStripFloats / channels / (exec.half_maps ? 4 : 1);
    const size_t least = exec.half_maps ? kLeastStripTokens / 8 : kLeastStripTokens;
    const size_t most = exec.half_maps ? kStripTokens / 4 : kStripTokens;
    return tokens > most ? most : tokens < least ? least : tokens;
}

size_t divide_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

// Token order inside a strip of windows: window by window, row by row. Where a token lies in the map; false:
// padding.
struct WindowOrder {
    size_t side, window, per_row;  // windows in a row of windows
    size_t first_window;           // of the strip

    bool locate(size_t token, size_t* y, size_t* x) const {
        const size_t area = window * window;
        const size_t w = first_window + token / area, t = token % area;
        *y = w / per_row * window + t / window;
        *x = w % per_row * window + t % window;
        return *y < side && *x < side;
    }
};

// torch bicubic, a = -0.75, align_corners false, borders repeated.
void bicubic_taps(size_t i, size_t from, size_t to, size_t index[4], float weight[4]) {
    const float scale = static_cast<float>(from) / static_cast<float>(to);
    const float at = scale * (static_cast<float>(i) + 0.5f) - 0.5f;
    const float base = std::floor(at), t = at - base, a = -0.75f;
    const float d[4] = {t + 1, t, 1 - t, 2 - t};
    for (int k = 0; k < 4; k++) {
        weight[k] = k == 0 || k == 3 ? ((a * d[k] - 5 * a) * d[k] + 8 * a) * d[k] - 4 * a
                                     : ((a + 2) * d[k] - (a + 3)) * d[k] * d[k] + 1;
        long p = static_cast<long>(base) - 1 + k;
        if (p < 0) p = 0;
        if (p >= static_cast<long>(from)) p = static_cast<long>(from) - 1;
        index[k] = static_cast<size_t>(p);
    }
}

// Pixels that a token sees, [7][7][3]; zero outside of the image.
void gather_patch(const Kernels& kernels, const Map& image, size_t size, size_t ty, size_t tx, float* out) {
    const long ix = static_cast<long>(tx * kPatchStride) - static_cast<long>(kPatchPadding);
    const long left = ix < 0 ? -ix : 0;  // pixels missing on the left, and the end of those that exist
    const long beyond = ix + static_cast<long>(kPatch) - static_cast<long>(size);
    const long end = static_cast<long>(kPatch) - (beyond > 0 ? beyond : 0);
    for (size_t ky = 0; ky < kPatch; ky++, out += kPatch * 3) {
        const long iy = static_cast<long>(ty * kPatchStride + ky) - static_cast<long>(kPatchPadding);
        const bool inside = iy >= 0 && iy < static_cast<long>(size);
        if (!inside || left > 0 || beyond > 0) memset(out, 0, kPatch * 3 * sizeof(float));
        if (!inside) continue;
        const size_t pixel = static_cast<size_t>(iy) * size + static_cast<size_t>(ix + left);
        image.from(3 * pixel).load(kernels, 3 * static_cast<size_t>(end - left), out + 3 * left);
    }
}

}  // namespace

void Trunk::read(WeightReader& reader, const Config& config) {
    channels = config.embed_dim;
    pos_size = reader.extent("image_encoder.trunk.pos_embed", 2);
    pos_window = reader.extent("image_encoder.trunk.pos_embed_window", 2);
    pos_embed = reader.values("image_encoder.trunk.pos_embed", 1, channels, pos_size, pos_size);
    pos_embed_window =
        reader.values("image_encoder.trunk.pos_embed_window", 1, channels, pos_window, pos_window);
    patch_embed = reader.convolution("image_encoder.trunk.patch_embed.proj", 3, channels, kPatch);

    const uint32_t count = config.blocks();
    blocks = reader.objects<TrunkBlock>(count);
    uint32_t index = 0;
    for (uint32_t stage = 0; stage < kStages; stage++) {
        if (!reader.measuring()) stage_first[stage] = index;
        for (uint32_t i = 0; i < config.stages[stage]; i++, index++) {
            TrunkBlock b = {};
            b.pools = i == 0 && stage > 0;
            b.in = config.channels(b.pools ? stage - 1 : stage);
            b.out = config.channels(stage);
            b.heads = config.heads(stage);
            // The window lags by a block: a pooling block still has that of the stage before.
            b.window = config.is_global(index) ? 0 : config.window_spec[b.pools ? stage - 1 : stage];
            const TensorName p("image_encoder.trunk.blocks.%u", index);
            b.norm1_gamma = reader.values(TensorName(p, ".norm1.weight"), b.in);
            b.norm1_beta = reader.values(TensorName(p, ".norm1.bias"), b.in);
            b.norm2_gamma = reader.values(TensorName(p, ".norm2.weight"), b.out);
            b.norm2_beta = reader.values(TensorName(p, ".norm2.bias"), b.out);
            const TensorName qkv(p, ".attn.qkv");
            if (b.window || b.pools) {
                b.qkv = reader.linear(qkv, b.in, 3 * b.out);
            } else {
                b.q = reader.linear_rows(qkv, b.in, 3 * b.out, 0, b.out);
                b.k = reader.linear_rows(qkv, b.in, 3 * b.out, b.out, b.out);
                b.v = reader.linear_rows(qkv, b.in, 3 * b.out, 2 * b.out, b.out);
            }
            b.proj = reader.linear(TensorName(p, ".attn.proj"), b.out, b.out);
            if (b.pools) b.shortcut = reader.linear(TensorName(p, ".proj"), b.in, b.out);
            b.hidden = reader.extent(TensorName(p, ".mlp.layers.0.weight"), 0);
            b.mlp_in = reader.linear(TensorName(p, ".mlp.layers.0"), b.out, b.hidden);
            b.mlp_out = reader.linear(TensorName(p, ".mlp.layers.1"), b.hidden, b.out);
            if (!reader.measuring() && blocks) blocks[index] = b;
        }
    }
    if (!reader.measuring()) stage_first[kStages] = index;
}

void Trunk::embed(Exec& exec, const Map& image, size_t size, const Map& x) const {
    Arena::Scope scope(exec.scratch);
    const size_t side = size / kPatchStride, patch = kPatch * kPatch * 3;
    const size_t most = strip_tokens(exec, patch);
    const size_t strip_rows = most / side ? most / side : 1;
    float* patches = exec.floats(strip_rows * side * patch);
    float* strip = x.half ? exec.floats(strip_rows * side * channels) : nullptr;
    float* pos_rows = exec.floats(exec.threads * pos_size * channels);

    for (size_t first = 0; first < side; first += strip_rows) {
        const size_t rows = side - first < strip_rows ? side - first : strip_rows;
        exec.parallel(rows, [&](size_t r, size_t) {
            for (size_t tx = 0; tx < side; tx++)
                gather_patch(*exec.kernels, image, size, first + r, tx, patches + (r * side + tx) * patch);
        });
        float* out = x.half ? strip : x.f32() + first * side * channels;
        exec.linear(patch_embed, patches, rows * side, out);
        exec.parallel(rows, [&](size_t r, size_t thread) {
            add_position(*exec.kernels, first + r, side, pos_rows + thread * pos_size * channels,
                         out + r * side * channels);
            if (x.half)
                x.from((first + r) * side * channels)
                    .store(*exec.kernels, out + r * side * channels, side * channels);
        });
    }
}

// The position embedding is resampled as it is added: the full table would be as large as the map.
void Trunk::add_position(const Kernels& kernels, size_t y, size_t side, float* columns, float* row) const {
    // `columns`: the grid's columns, mixed in y, [pos_size][channels].
    size_t index[4];
    float weight[4];
    bicubic_taps(y, pos_size, side, index, weight);
    for (size_t gx = 0; gx < pos_size; gx++)
        for (size_t c = 0; c < channels; c++) {
            float sum = 0;
            for (int k = 0; k < 4; k++)
                sum += weight[k] * pos_embed[(c * pos_size + index[k]) * pos_size + gx];
            columns[gx * channels + c] = sum;
        }
    for (size_t tx = 0; tx < side; tx++) {
        bicubic_taps(tx, pos_size, side, index, weight);
        float* out = row + tx * channels;
        for (int k = 0; k < 4; k++) kernels.add_scaled(columns + index[k] * channels, weight[k], channels, out);
        const float* window = pos_embed_window + y % pos_window * pos_window + tx % pos_window;
        for (size_t c = 0; c < channels; c++) out[c] += window[c * pos_window * pos_window];
    }
}

namespace {

// x += mlp(norm2(x)), strip by strip.
void run_mlp(Exec& exec, const TrunkBlock& b, const Map& x, size_t tokens) {
    Arena::Scope scope(exec.scratch);
    const size_t most = strip_tokens(exec, b.hidden), strip = tokens < most ? tokens : most;
    float* normed = exec.floats(strip * b.out);
    float* hidden = exec.floats(strip * b.hidden);
    for (size_t first = 0; first < tokens; first += strip) {
        const size_t n = tokens - first < strip ? tokens - first : strip;
        const Map rows = x.from(first * b.out);
        exec.layer_norm(rows, n, b.out, b.norm2_gamma, b.norm2_beta, kEps, normed);
        exec.linear(b.mlp_in, normed, n, hidden);
        exec.gelu(hidden, n * b.hidden);
        exec.linear(b.mlp_out, hidden, n, normed);
        exec.add(normed, n * b.out, rows);
    }
}

// Takes the maximum of each 2x2 group of tokens of every window: [windows][w][w][stride] ->
// [windows][w/2][w/2][channels].
void pool_windows(Exec& exec, const float* from, size_t stride, size_t windows, size_t w, size_t channels,
                  float* to) {
    const size_t half = w / 2;
    exec.parallel(windows * half, [&](size_t item, size_t) {
        const float* row = from + (item / half * w + item % half * 2) * w * stride;
        float* out = to + item * half * channels;
        for (size_t i = 0; i < half; i++, row += 2 * stride, out += channels)
            exec.kernels->max4(row, row + stride, row + w * stride, row + (w + 1) * stride, channels, out);
    });
}

// A strip of windows on its way through a block's attention.
struct WindowStrip {
    const TrunkBlock& block;
    size_t side;           // of the map
    size_t window, count;  // side of a window, windows in the strip
    size_t per_row, first; // windows in a row of windows; the strip's first

    size_t area() const { return window * window; }
    size_t q_side() const { return block.pools ? window / 2 : window; }
    size_t q_area() const { return q_side() * q_side(); }
    size_t tokens() const { return count * area(); }
    size_t q_tokens() const { return count * q_area(); }
};

// Norm and partition in one pass. Padding is zero after the norm, so that it takes part in attention with the bias of
// qkv, as in the reference.
void norm_windows(Exec& exec, const WindowStrip& s, const Map& x, float* normed) {
    const TrunkBlock& b = s.block;
    const WindowOrder order = {s.side, s.window, s.per_row, s.first};
    exec.parallel(s.count * s.window, [&](size_t item, size_t) {
        for (size_t i = 0; i < s.window;) {
            size_t ty, tx;
            float* out = normed + (item * s.window + i) * b.in;
            if (!order.locate(item * s.window + i, &ty, &tx)) {
                memset(out, 0, (s.window - i) * b.in * sizeof(float));
                break;
            }
            const size_t run = s.side - tx < s.window - i ? s.side - tx : s.window - i;
            exec.norm_rows(x.from((ty * s.side + tx) * b.in), run, b.in, b.norm1_gamma, b.norm1_beta, kEps, out);
            i += run;
        }
    });
}

// attended [q_tokens][out] = attention inside each window, before the projection.
void attend_windows(Exec& exec, const WindowStrip& s, const float* normed, float* attended) {
    Arena::Scope scope(exec.scratch);
    const Kernels& kernels = *exec.kernels;
    const TrunkBlock& b = s.block;
    const size_t area = s.area(), q_area = s.q_area(), head = b.out / b.heads, panel = kernels.key_panel;
    const size_t packed_size = Arena::rounded(divide_up(area, panel) * panel * head * sizeof(float)) / sizeof(float);
    const size_t work_size =
        Arena::rounded(kernels.attend_scratch(head, head) * sizeof(float)) / sizeof(float);
    float* qkv = exec.floats(s.tokens() * 3 * b.out);
    float* work = exec.floats(exec.threads * (packed_size + work_size));
    exec.linear(b.qkv, normed, s.tokens(), qkv);
    const float* q = qkv;
    size_t q_stride = 3 * b.out;
    if (b.pools) {
        float* pooled = exec.floats(s.q_tokens() * b.out);
        pool_windows(exec, qkv, 3 * b.out, s.count, s.window, b.out, pooled);
        q = pooled;
        q_stride = b.out;
    }
    exec.parallel(s.count * b.heads, [&](size_t item, size_t thread) {
        const size_t window = item / b.heads, channel = item % b.heads * head;
        float* packed = work + thread * (packed_size + work_size);
        const float* tokens = qkv + window * area * 3 * b.out + channel;
        kernels.pack_keys(tokens + b.out, 3 * b.out, area, head, packed);
        AttendTask task;
        task.q = q + window * q_area * q_stride + channel;
        task.q_stride = q_stride;
        task.queries = q_area;
        task.packed_keys = packed;
        task.key_count = area;
        task.dk = task.dv = head;
        task.v = tokens + 2 * b.out;
        task.v_stride = 3 * b.out;
        task.scale = 1.0f / std::sqrt(static_cast<float>(head));
        task.out = attended + window * q_area * b.out + channel;
        task.out_stride = b.out;
        task.running = nullptr;
        task.first = task.last = true;
        task.scratch = packed + packed_size;
        kernels.attend(task);
    });
}

// y += projection of `attended`, which is overwritten; blocks that pool begin y with the shortcut of `normed`.
void project_windows(Exec& exec, const WindowStrip& s, const float* normed, float* attended, const Map& y) {
    Arena::Scope scope(exec.scratch);
    const TrunkBlock& b = s.block;
    float* projected = exec.floats(s.q_tokens() * b.out);
    exec.linear(b.proj, attended, s.q_tokens(), projected);
    if (b.pools) {
        float* shortcut = exec.floats(s.tokens() * b.out);
        exec.linear(b.shortcut, normed, s.tokens(), shortcut);
        pool_windows(exec, shortcut, b.out, s.count, s.window, b.out, attended);
    }
    const size_t q_side = s.q_side(), map = b.pools ? s.side / 2 : s.side;
    const WindowOrder target = {map, q_side, s.per_row, s.first};
    exec.parallel(s.count * q_side, [&](size_t item, size_t) {
        for (size_t i = 0; i < q_side; i++) {
            const size_t token = item * q_side + i;
            size_t ty, tx;
            if (!target.locate(token, &ty, &tx)) continue;
            const Map out = y.from((ty * map + tx) * b.out);
            float* sum = projected + token * b.out;
            if (b.pools) {
                exec.kernels->add(attended + token * b.out, b.out, sum);
                out.store(*exec.kernels, sum, b.out);
            } else {
                out.add(*exec.kernels, sum, b.out);
            }
        }
    });
}

void run_windows(Exec& exec, const TrunkBlock& b, const Map& x, size_t side, const Map& y) {
    Arena::Scope scope(exec.scratch);
    // A pooling block without a window of its own takes the whole map as one.
    const size_t window = b.window ? b.window : side, area = window * window;
    const size_t per_row = divide_up(side, window), windows = per_row * per_row;
    const size_t most = strip_tokens(exec, 3 * b.out);
    size_t strip = most / area ? most / area : 1;
    if (strip > windows) strip = windows;
    WindowStrip s = {b, side, window, strip, per_row, 0};
    float* normed = exec.floats(s.tokens() * b.in);
    float* attended = exec.floats(s.q_tokens() * b.out);
    for (; s.first < windows; s.first += strip) {
        s.count = windows - s.first < strip ? windows - s.first : strip;
        norm_windows(exec, s, x, normed);
        attend_windows(exec, s, normed, attended);
        project_windows(exec, s, normed, attended, y);
    }
}

// A global block that does not pool: keys and values of the whole map, then queries in strips.
void run_global(Exec& exec, const TrunkBlock& b, const Map& x, size_t side) {
    Arena::Scope scope(exec.scratch);
    const size_t tokens = side * side, head = b.out / b.heads;
    const size_t most = strip_tokens(exec, b.out) / PackedKeys::kPackUnit * PackedKeys::kPackUnit;
    const size_t strip = tokens < most ? tokens : most;
    const PackedKeys keys = PackedKeys::take(exec, tokens, b.heads, head);
    float* values = exec.floats(tokens * b.out);
    float* normed = exec.floats(strip * b.in);
    float* q = exec.floats(strip * b.out);
    const auto norm = [&](size_t first, size_t n) {
        exec.layer_norm(x.from(first * b.in), n, b.in, b.norm1_gamma, b.norm1_beta, kEps, normed);
    };
    for (size_t first = 0; first < tokens; first += strip) {
        const size_t n = tokens - first < strip ? tokens - first : strip;
        norm(first, n);
        exec.linear(b.k, normed, n, q);
        keys.pack(exec, q, b.out, first, n);
        exec.linear(b.v, normed, n, values + first * b.out);
    }
    for (size_t first = 0; first < tokens; first += strip) {
        const size_t n = tokens - first < strip ? tokens - first : strip;
        norm(first, n);
        exec.linear(b.q, normed, n, q);
        Attention a;
        a.q = q;
        a.q_stride = b.out;
        a.queries = n;
        a.packed = &keys;
        a.keys = tokens;
        a.v = values;
        a.v_stride = b.out;
        a.heads = b.heads;
        a.dk = a.dv = head;
        a.out = normed;
        a.out_stride = b.out;
        run_attention(exec, a);
        exec.linear(b.proj, normed, n, q);
        exec.add(q, n * b.out, x.from(first * b.out));
    }
}

}  // namespace

void Trunk::run_block(Exec& exec, const TrunkBlock& b, const Map& x, size_t side, const Map& y) const {
    if (b.window || b.pools)
        run_windows(exec, b, x, side, y);
    else
        run_global(exec, b, x, side);
    const size_t map = b.pools ? side / 2 : side;
    run_mlp(exec, b, y, map * map);
}

}  // namespace samlet
