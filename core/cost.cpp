// SPDX-License-Identifier: Apache-2.0
#include "core/cost.h"

namespace samlet {
namespace {

double trunk_macs(const Model& model, size_t image_size) {
    const Trunk& trunk = model.image_encoder.trunk;
    size_t side = image_size / 4;
    double macs = 147.0 * static_cast<double>(trunk.channels) * static_cast<double>(side * side);
    for (uint32_t i = 0; i < model.config.blocks(); i++) {
        const TrunkBlock& b = trunk.blocks[i];
        const size_t w = b.window ? b.window : side, windows = ((side + w - 1) / w) * ((side + w - 1) / w);
        const double tokens = static_cast<double>(windows * w * w), real = static_cast<double>(side * side);
        const double queries = b.pools ? tokens / 4 : tokens, kept = b.pools ? real / 4 : real;
        const double in = b.in, out = b.out;
        macs += tokens * in * 3 * out + queries * static_cast<double>(w * w) * 2 * out + queries * out * out;
        if (b.pools) macs += real * in * out;
        macs += 2 * kept * out * b.hidden;
        if (b.pools) side /= 2;
    }
    return macs;
}

double neck_macs(const Model& model, double cells) {
    const double d = model.config.d_model, c = model.config.embed_dim;
    const double laterals =
        16 * cells * c * d + 4 * cells * 2 * c * d + cells * 4 * c * d + cells / 4 * 8 * c * d;
    return laterals + 16 * cells * d * d / 8 + 4 * cells * d * d / 4;
}

double memory_attention_macs(const Model& model, double cells, double memories, double pointers) {
    const double d = model.config.d_model, m = model.config.memory_dim;
    const double keys = memories * cells + pointers * d / m;
    double macs = 0;
    for (uint32_t i = 0; i < model.memory_attention.layer_count; i++) {
        macs += 4 * cells * d * d + 2 * cells * cells * d;
        macs += 2 * cells * d * d + 2 * keys * m * d + 2 * cells * keys * d;
        macs += 2 * cells * d * model.memory_attention.layers[i].hidden;
    }
    return macs;
}

double mask_decoder_macs(const Model& model, double cells) {
    const TwoWayTransformer& t = model.mask_decoder.transformer;
    const double d = model.config.d_model, tokens = model.mask_decoder.own_tokens() + 2, half = d / 2;
    // Token to image: q and out on tokens, k and v on the image, scores and values; image to token the other
    // way round.
    const double cross = 2 * tokens * d * half + 2 * cells * d * half + 2 * tokens * cells * half;
    double macs = cross;
    for (uint32_t i = 0; i < t.layer_count; i++)
        macs +=
            4 * tokens * d * d + 2 * tokens * tokens * d + 2 * cross + 2 * tokens * d * t.layers[i].hidden;
    macs += cells * d * d + 4 * cells * d / 4 * d / 2 + 16 * cells * d / 8 * model.mask_decoder.mask_count;
    return macs + model.mask_decoder.mask_count * (2 * d * d + d * d / 8);
}

double memory_encoder_macs(const Model& model, double cells) {
    const MemoryEncoder& e = model.memory_encoder;
    const double d = model.config.d_model;
    double macs = 0, map = 256 * cells;
    for (const MemoryEncoder::Downsample& s : e.steps) {
        map /= 4;
        macs += map * 9 * s.in * s.out;
    }
    macs += cells * 256 * d + cells * d * d + cells * d * model.config.memory_dim;
    for (uint32_t i = 0; i < e.fuser_count; i++)
        macs += cells * d * (e.fuser[i].size * e.fuser[i].size + 2.0 * e.fuser[i].hidden);
    return macs;
}

}  // namespace

void reference_gmac(const Model& model, size_t image_size, size_t memories, size_t pointers,
                    double gmac[SAMLET_STAGE_COUNT]) {
    const double cells =
        static_cast<double>(image_size / kTopStride) * static_cast<double>(image_size / kTopStride);
    gmac[SAMLET_STAGE_PREPROCESS] = 0;
    gmac[SAMLET_STAGE_TRUNK] = trunk_macs(model, image_size) * 1e-9;
    gmac[SAMLET_STAGE_NECK] = neck_macs(model, cells) * 1e-9;
    gmac[SAMLET_STAGE_MEMORY_ATTENTION] =
        memory_attention_macs(model, cells, static_cast<double>(memories), static_cast<double>(pointers)) *
        1e-9;
    gmac[SAMLET_STAGE_MASK_DECODER] = mask_decoder_macs(model, cells) * 1e-9;
    gmac[SAMLET_STAGE_MEMORY_ENCODER] = memory_encoder_macs(model, cells) * 1e-9;
}

}  // namespace samlet
