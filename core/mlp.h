// The three-layer perceptron of the decoder's heads and the object pointer: ReLU between layers, none at the
// end.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/exec.h"

namespace samlet {

struct Mlp3 {
    LinearId layers[3];
    uint32_t hidden[2];
    uint32_t out;

    void read(WeightReader& reader, const TensorName& prefix, uint32_t in, uint32_t out_channels) {
        out = out_channels;
        hidden[0] = reader.extent(TensorName(prefix, ".layers.0.weight"), 0);
        hidden[1] = reader.extent(TensorName(prefix, ".layers.1.weight"), 0);
        layers[0] = reader.linear(TensorName(prefix, ".layers.0"), in, hidden[0], Activation::relu);
        layers[1] = reader.linear(TensorName(prefix, ".layers.1"), hidden[0], hidden[1], Activation::relu);
        layers[2] = reader.linear(TensorName(prefix, ".layers.2"), hidden[1], out);
    }
    // x: one token
    void run(Exec& exec, const float* x, float* y) const {
        Arena::Scope scope(exec.scratch);
        float* a = exec.floats(hidden[0]);
        float* b = exec.floats(hidden[1]);
        exec.linear(layers[0], x, 1, a);
        exec.linear(layers[1], a, 1, b);
        exec.linear(layers[2], b, 1, y);
    }
};

}  // namespace samlet
