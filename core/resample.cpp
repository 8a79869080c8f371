// SPDX-License-Identifier: Apache-2.0
#include "core/resample.h"

#include <cmath>

namespace samlet {
namespace {

// Keys' cubic with a = -0.5, in the order of operations that Pillow uses.
double cubic(double x) {
    const double a = -0.5;
    if (x < 0) x = -x;
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

float triangle(float x) {
    if (x < 0) x = -x;
    return x < 1 ? 1 - x : 0;
}

// Carves a table out of `memory` and hands back its writable parts.
template <class Weight>
struct Parts {
    uint32_t* first;
    uint32_t* count;
    Weight* weight;

    Parts(uint32_t out, void* memory) {
        char* at = static_cast<char*>(memory);
        const size_t bytes = Arena::rounded(out * sizeof(uint32_t));
        first = reinterpret_cast<uint32_t*>(at);
        count = reinterpret_cast<uint32_t*>(at + bytes);
        weight = reinterpret_cast<Weight*>(at + 2 * bytes);
    }
    FilterAxis<Weight> axis(uint32_t in, uint32_t out, uint32_t taps) const {
        return FilterAxis<Weight>{in, out, taps, first, count, weight};
    }
};

size_t axis_bytes(uint32_t out, uint32_t taps) {
    static_assert(sizeof(int32_t) == sizeof(float), "both kinds of weights take 4 bytes");
    return 2 * Arena::rounded(out * sizeof(uint32_t)) + Arena::rounded(size_t{out} * taps * sizeof(float));
}

template <class Weight>
FilterAxis<Weight> identity_axis(uint32_t length, Weight one, void* memory) {
    const Parts<Weight> parts(length, memory);
    for (uint32_t i = 0; i < length; i++) {
        parts.first[i] = i;
        parts.count[i] = 1;
        parts.weight[i] = one;
    }
    return parts.axis(length, length, 1);
}

}  // namespace

uint32_t bicubic_taps(uint32_t in, uint32_t out) {
    const double scale = static_cast<double>(in) / out;
    return static_cast<uint32_t>(std::ceil(2.0 * (scale < 1 ? 1 : scale))) * 2 + 1;
}

uint32_t triangle_taps(uint32_t in, uint32_t out) {
    const float scale = static_cast<float>(in) / static_cast<float>(out);
    return static_cast<uint32_t>(std::ceil(scale < 1 ? 1.0f : scale)) * 2 + 1;
}

size_t bicubic_axis_bytes(uint32_t in, uint32_t out) {
    return axis_bytes(out, bicubic_taps(in, out));
}
size_t triangle_axis_bytes(uint32_t in, uint32_t out) {
    return axis_bytes(out, triangle_taps(in, out));
}

BicubicAxis make_bicubic_axis(uint32_t in, uint32_t out, void* memory) {
    if (in == out) return identity_axis<int32_t>(in, 1 << kBicubicBits, memory);
    const Parts<int32_t> parts(out, memory);
    const uint32_t taps = bicubic_taps(in, out);
    const double scale = static_cast<double>(in) / out;
    const double stretch = scale < 1 ? 1 : scale;
    const double support = 2.0 * stretch;
    const double shrink = 1.0 / stretch;
    for (uint32_t i = 0; i < out; i++) {
        const double centre = (i + 0.5) * scale;
        int first = static_cast<int>(centre - support + 0.5);
        if (first < 0) first = 0;
        int end = static_cast<int>(centre + support + 0.5);
        if (end > static_cast<int>(in)) end = static_cast<int>(in);
        const int count = end - first;
        double sum = 0;
        for (int k = 0; k < count; k++) sum += cubic((k + first - centre + 0.5) * shrink);
        int32_t* weight = parts.weight + size_t{i} * taps;
        for (int k = 0; k < count; k++) {
            double w = cubic((k + first - centre + 0.5) * shrink);
            if (sum != 0) w /= sum;
            w *= 1 << kBicubicBits;
            weight[k] = static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
        }
        for (uint32_t k = static_cast<uint32_t>(count); k < taps; k++) weight[k] = 0;
        parts.first[i] = static_cast<uint32_t>(first);
        parts.count[i] = static_cast<uint32_t>(count);
    }
    return parts.axis(in, out, taps);
}

TriangleAxis make_triangle_axis(uint32_t in, uint32_t out, void* memory) {
    if (in == out) return identity_axis<float>(in, 1.0f, memory);
    const Parts<float> parts(out, memory);
    const uint32_t taps = triangle_taps(in, out);
    // torch keeps these in float, with some steps in double: the mix below is deliberate.
    const float scale = static_cast<float>(in) / static_cast<float>(out);
    const float support = scale < 1 ? 1.0f : scale;
    const float shrink = scale < 1 ? 1.0f : 1.0f / scale;
    for (uint32_t i = 0; i < out; i++) {
        const float centre = static_cast<float>(scale * (i + 0.5));
        int first = static_cast<int>((centre - support) + 0.5);
        if (first < 0) first = 0;
        int end = static_cast<int>((centre + support) + 0.5);
        if (end > static_cast<int>(in)) end = static_cast<int>(in);
        int count = end - first;
        if (count > static_cast<int>(taps)) count = static_cast<int>(taps);
        float* weight = parts.weight + size_t{i} * taps;
        float sum = 0;
        for (int k = 0; k < count; k++) {
            const float distance = static_cast<float>(k + first) - centre;
            weight[k] = triangle(static_cast<float>((distance + 0.5) * shrink));
            sum += weight[k];
        }
        for (int k = 0; k < count; k++) {
            if (sum != 0) weight[k] /= sum;
        }
        for (uint32_t k = static_cast<uint32_t>(count); k < taps; k++) weight[k] = 0;
        parts.first[i] = static_cast<uint32_t>(first);
        parts.count[i] = static_cast<uint32_t>(count);
    }
    return parts.axis(in, out, taps);
}

size_t linear_axis_bytes(uint32_t out) {
    return 3 * Arena::rounded(out * sizeof(uint32_t));
}

LinearAxis make_linear_axis(uint32_t in, uint32_t out, void* memory) {
    char* at = static_cast<char*>(memory);
    const size_t bytes = Arena::rounded(out * sizeof(uint32_t));
    uint32_t* left = reinterpret_cast<uint32_t*>(at);
    uint32_t* right = reinterpret_cast<uint32_t*>(at + bytes);
    float* weight = reinterpret_cast<float*>(at + 2 * bytes);
    const float scale = static_cast<float>(in) / static_cast<float>(out);
    for (uint32_t i = 0; i < out; i++) {
        if (in == out) {
            left[i] = right[i] = i;
            weight[i] = 0;
            continue;
        }
        float source = scale * (static_cast<float>(i) + 0.5f) - 0.5f;
        if (source < 0) source = 0;
        uint32_t index = static_cast<uint32_t>(source);
        if (index > in - 1) index = in - 1;
        const float fraction = source - static_cast<float>(index);
        left[i] = index;
        right[i] = index + (index < in - 1 ? 1 : 0);
        weight[i] = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    }
    return LinearAxis{in, out, left, right, weight};
}

}  // namespace samlet
