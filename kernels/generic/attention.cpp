// softmax(scale q k^T) v, one query and one key at a time.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>

#include "kernels/generic/generic.h"

namespace samlet::generic {
namespace {

// Sums in double: this is what the other levels are measured by.
float dot(const float* a, const float* b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += double(a[i]) * double(b[i]);
    return float(sum);
}

void scale_row(float* x, size_t n, float factor) {
    for (size_t i = 0; i < n; ++i) x[i] *= factor;
}

}  // namespace

size_t attend_scratch(size_t, size_t) {
    return 0;
}

void pack_keys(const float* k, size_t stride, size_t keys, size_t dk, float* packed) {
    for (size_t i = 0; i < keys; ++i) std::memcpy(packed + i * dk, k + i * stride, dk * sizeof(float));
}

void attend(const AttendTask& task) {
    for (size_t i = 0; i < task.queries; ++i) {
        float* out = task.out + i * task.out_stride;
        float* running = task.running == nullptr ? nullptr : task.running + 2 * i;
        float maximum = -INFINITY;
        float sum = 0;
        if (task.first) {
            for (size_t c = 0; c < task.dv; ++c) out[c] = 0;
        } else {
            maximum = running[0];
            sum = running[1];
        }
        for (size_t j = 0; j < task.key_count; ++j) {
            const float score =
                task.scale * dot(task.q + i * task.q_stride, task.packed_keys + j * task.dk, task.dk);
            if (score > maximum) {  // what was summed so far was relative to the old maximum
                const float shrink = std::exp(maximum - score);
                scale_row(out, task.dv, shrink);
                sum *= shrink;
                maximum = score;
            }
            const float probability = std::exp(score - maximum);
            sum += probability;
            const float* v = task.v + j * task.v_stride;
            for (size_t c = 0; c < task.dv; ++c) out[c] += probability * v[c];
        }
        if (task.last && sum > 0) scale_row(out, task.dv, 1 / sum);
        if (running != nullptr) {
            running[0] = maximum;
            running[1] = sum;
        }
    }
}

}  // namespace samlet::generic
