// SPDX-License-Identifier: Apache-2.0
#include "core/neck.h"

namespace samlet {

void Neck::read(WeightReader& reader, const Config& config) {
    d_model = config.d_model;
    top_down = (config.top_down_levels & 4u) != 0;
    const TensorName level0("image_encoder.neck.convs.3.conv"), level1("image_encoder.neck.convs.2.conv");
    stride4 = reader.folded(level0, config.channels(0), d_model, "sam_mask_decoder.conv_s0", d_model / 8);
    stride8 = reader.folded(level1, config.channels(1), d_model, "sam_mask_decoder.conv_s1", d_model / 4);
    lateral16 = reader.linear("image_encoder.neck.convs.1.conv", config.channels(2), d_model);
    lateral32 = reader.linear("image_encoder.neck.convs.0.conv", config.channels(3), d_model);
}

void Neck::run_stride4(Exec& exec, const Map& x, size_t tokens, const Map& out) const {
    exec.linear(stride4, x, tokens, out);
}
void Neck::run_stride8(Exec& exec, const Map& x, size_t tokens, const Map& out) const {
    exec.linear(stride8, x, tokens, out);
}
void Neck::run_top(Exec& exec, const Map& x, size_t side, const Map& out) const {
    exec.linear(lateral16, x, side * side, out);
}

void Neck::add_level3(Exec& exec, const Map& stage4, size_t side, const Map& top) const {
    if (!top_down) return;
    Arena::Scope scope(exec.scratch);
    float* level3 = exec.floats(side * side * d_model);
    exec.linear(lateral32, stage4, side * side, level3);
    exec.parallel(2 * side, [&](size_t y, size_t) {
        for (size_t x = 0; x < 2 * side; x++)
            top.from((y * 2 * side + x) * d_model)
                .add(*exec.kernels, level3 + (y / 2 * side + x / 2) * d_model, d_model);
    });
}

}  // namespace samlet
