// Attention to memories the way the reference writes it: project each key, turn it by its place, compare it.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/generic/generic.h"

namespace samlet::generic {
namespace {

// One key, and what every query makes of it. `running`: maximum and sum of each query.
void attend_to_key(const AxialTask& task, const float* key, const float* value, float* running) {
    for (size_t i = 0; i < task.queries; ++i) {
        float* out = task.out + i * task.out_stride;
        float& maximum = running[2 * i];
        float& sum = running[2 * i + 1];
        double score = 0;
        for (size_t c = 0; c < task.channels; ++c) score += double(task.q[i * task.q_stride + c]) * double(key[c]);
        const float scaled = float(score * double(task.scale));
        if (scaled > maximum) {
            const float shrink = std::exp(maximum - scaled);
            for (size_t c = 0; c < task.dim; ++c) out[c] *= shrink;
            sum *= shrink;
            maximum = scaled;
        }
        const float probability = std::exp(scaled - maximum);
        sum += probability;
        for (size_t c = 0; c < task.dim; ++c) out[c] += probability * value[c];
    }
}

void project(const AxialTask& task, const float* token, float* key) {
    for (size_t c = 0; c < task.channels; ++c) {
        double sum = double(task.bias[c]);
        for (size_t i = 0; i < task.dim; ++i) sum += double(task.weight[c * task.dim + i]) * double(token[i]);
        key[c] = float(sum);
    }
}

}  // namespace

size_t axial_scratch(size_t channels, size_t, size_t, size_t, size_t) { return channels + 2 * 64; }

void attend_axial(const AxialTask& task) {
    float* running = task.scratch;
    float* key = task.scratch + 2 * 64;
    for (size_t i = 0; i < task.queries; ++i) {
        running[2 * i] = -INFINITY;
        running[2 * i + 1] = 0;
        for (size_t c = 0; c < task.dim; ++c) task.out[i * task.out_stride + c] = 0;
    }
    const size_t half = task.channels / 2;
    for (size_t place = 0; place < task.grid * task.grid; ++place) {
        const size_t x = place % task.grid, y = place / task.grid;
        for (size_t f = 0; f < task.frames; ++f) {
            const size_t token = (place * task.frames + f) * task.dim;
            project(task, task.keys + token, key);
            rotate(key, task.cosine + x * half, task.sine + x * half, half);
            rotate(key + half, task.cosine + y * half, task.sine + y * half, half);
            attend_to_key(task, key, task.values + token, running);
        }
    }
    for (size_t i = 0; i < task.free_count; ++i) {
        project(task, task.free_keys + i * task.dim, key);
        attend_to_key(task, key, task.free_values + i * task.dim, running);
    }
    for (size_t i = 0; i < task.queries; ++i) {
        const float factor = running[2 * i + 1] > 0 ? 1 / running[2 * i + 1] : 0;
        for (size_t c = 0; c < task.dim; ++c) task.out[i * task.out_stride + c] *= factor;
    }
}

}  // namespace samlet::generic
