// SPDX-License-Identifier: Apache-2.0
#include "preset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "error.h"

namespace cli {
namespace {

using Shape = std::vector<uint64_t>;

struct Architecture {
    const char* name;        // as the user types it
    const char* model_name;  // as a converted file calls it
    bool version_2_1;
    uint32_t image_size;
    uint32_t embed_dim, heads;
    std::vector<uint32_t> stages, window_spec, global_blocks;
    uint32_t background;  // side of the trunk's background position embedding
    uint32_t d_model, memory_dim, memory_layers, memory_ffn;
};

const std::vector<Architecture>& architectures() {
    static const std::vector<Architecture> all = {
        {"sam2.1-tiny",
         "sam2.1_hiera_tiny",
         true,
         1024,
         96,
         1,
         {1, 2, 7, 2},
         {8, 4, 14, 7},
         {5, 7, 9},
         7,
         256,
         64,
         4,
         2048},
        {"sam2.1-small",
         "sam2.1_hiera_small",
         true,
         1024,
         96,
         1,
         {1, 2, 11, 2},
         {8, 4, 14, 7},
         {7, 10, 13},
         7,
         256,
         64,
         4,
         2048},
        {"sam2.1-base+",
         "sam2.1_hiera_base_plus",
         true,
         1024,
         112,
         2,
         {2, 3, 16, 3},
         {8, 4, 14, 7},
         {12, 16, 20},
         14,
         256,
         64,
         4,
         2048},
        {"sam2.1-large",
         "sam2.1_hiera_large",
         true,
         1024,
         144,
         2,
         {2, 6, 36, 4},
         {8, 4, 16, 8},
         {23, 33, 43},
         7,
         256,
         64,
         4,
         2048},
        {"sam2-tiny",
         "sam2_hiera_tiny",
         false,
         1024,
         96,
         1,
         {1, 2, 7, 2},
         {8, 4, 14, 7},
         {5, 7, 9},
         7,
         256,
         64,
         4,
         2048},
        {"micro", "sam2.1_micro", true, 256, 16, 1, {1, 1, 3, 1}, {8, 4, 6, 3}, {3}, 7, 64, 16, 2, 128},
    };
    return all;
}

// ---- Values
// --------------------------------------------------------------------------------------------------------

uint16_t to_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint32_t sign = bits >> 16 & 0x8000u;
    const int exponent = static_cast<int>(bits >> 23 & 0xffu) - 127;
    const uint32_t mantissa = bits & 0x7fffffu;
    if (exponent < -14) return static_cast<uint16_t>(sign);  // too small to matter here: no subnormals
    const uint32_t half = static_cast<uint32_t>(exponent + 15) << 10 | mantissa >> 13;
    return static_cast<uint16_t>(sign | (half + (mantissa >> 12 & 1u)));
}

// Uniform noise of a given mean and deviation. Values come from a short table, so that hundreds of millions
// of them in either type take a moment; generator: xorshift64*.
class Noise {
  public:
    Noise(const std::string& name, float mean, float deviation) : mean_(mean), deviation_(deviation) {
        for (const char c : name) state_ = (state_ ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    }
    void fill(TensorType type, size_t count, void* target) const {
        std::vector<float> floats(kLevels);
        std::vector<uint16_t> halves(kLevels);
        const float range = 2 * std::sqrt(3.0f) * deviation_;
        for (size_t i = 0; i < kLevels; i++) {
            floats[i] = mean_ + range * ((static_cast<float>(i) + 0.5f) / kLevels - 0.5f);
            halves[i] = to_half(floats[i]);
        }
        if (type == TensorType::f16)
            pick(halves, count, static_cast<uint16_t*>(target));
        else
            pick(floats, count, static_cast<float*>(target));
    }

  private:
    static constexpr size_t kLevels = 1024;

    template <typename T>
    void pick(const std::vector<T>& levels, size_t count, T* target) const {
        uint64_t state = state_ | 1;
        for (size_t i = 0; i < count; i++) {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            target[i] = levels[(state * 0x2545f4914f6cdd1du) >> 54];
        }
    }

    float mean_, deviation_;
    uint64_t state_ = 0xcbf29ce484222325u;
};

bool ends_with(const std::string& text, const std::string& end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// ---- Tensors
// -------------------------------------------------------------------------------------------------------

class PresetBuilder {
  public:
    PresetBuilder(const Architecture& architecture, TensorType type) : a_(architecture), type_(type) {}

    GgufImage build() {
        metadata();
        top_level();
        trunk();
        neck();
        memory_attention();
        memory_encoder();
        prompt_encoder();
        mask_decoder();
        return writer_.build();
    }

  private:
    void metadata() {
        writer_.add("general.architecture", "sam2");
        writer_.add("general.name", a_.model_name);
        writer_.add("general.alignment", 32u);
        writer_.add("sam2.family", a_.version_2_1 ? "sam2.1" : "sam2");
        writer_.add("sam2.has_video", true);
        writer_.add("sam2.image_size", a_.image_size);
        writer_.add("sam2.image_mean", std::vector<float>{0.485f, 0.456f, 0.406f});
        writer_.add("sam2.image_std", std::vector<float>{0.229f, 0.224f, 0.225f});
        writer_.add("sam2.trunk.embed_dim", a_.embed_dim);
        writer_.add("sam2.trunk.num_heads", a_.heads);
        writer_.add("sam2.trunk.stages", a_.stages);
        writer_.add("sam2.trunk.window_spec", a_.window_spec);
        writer_.add("sam2.trunk.global_att_blocks", a_.global_blocks);
        writer_.add("sam2.trunk.q_pool", 3u);
        writer_.add("sam2.neck.top_down_levels", std::vector<uint32_t>{2, 3});
        writer_.add("sam2.d_model", a_.d_model);
        writer_.add("sam2.decoder.layers", 2u);
        writer_.add("sam2.decoder.heads", 8u);
        writer_.add("sam2.decoder.stability_delta", 0.05f);
        writer_.add("sam2.decoder.stability_thresh", 0.98f);
        writer_.add("sam2.memory.dim", a_.memory_dim);
        writer_.add("sam2.memory.layers", a_.memory_layers);
        writer_.add("sam2.memory.num_maskmem", 7u);
        writer_.add("sam2.memory.max_object_pointers", 16u);
        writer_.add("sam2.memory.sigmoid_scale", 20.0f);
        writer_.add("sam2.memory.sigmoid_bias", -10.0f);
        writer_.add("sam2.memory.rope_theta", 10000.0f);
        writer_.add("sam2.pointer_time_encoding", a_.version_2_1);
        writer_.add("sam2.pointer_time_signed", a_.version_2_1);
    }

    void top_level() {
        noise("maskmem_tpos_enc", {7, 1, 1, a_.memory_dim}, 0, 0.5f);
        noise("no_mem_embed", {1, 1, a_.d_model}, 0, 0.5f);
        noise("no_mem_pos_enc", {1, 1, a_.d_model}, 0, 0.5f);
        noise("no_obj_ptr", {1, a_.d_model}, 0, 0.5f);
        if (a_.version_2_1) noise("no_obj_embed_spatial", {1, a_.memory_dim}, 0, 0.5f);
        weight_and_bias("mask_downsample", {1, 1, 4, 4});
        for (int i = 0; i < 3; i++)
            linear("obj_ptr_proj.layers." + std::to_string(i), a_.d_model, a_.d_model);
        if (a_.version_2_1) linear("obj_ptr_tpos_proj", a_.d_model, a_.memory_dim);
    }

    void trunk() {
        const std::string trunk = "image_encoder.trunk.";
        noise(trunk + "pos_embed", {1, a_.embed_dim, a_.background, a_.background}, 0, 0.3f);
        noise(trunk + "pos_embed_window", {1, a_.embed_dim, a_.window_spec[0], a_.window_spec[0]}, 0, 0.3f);
        weight_and_bias(trunk + "patch_embed.proj", {a_.embed_dim, 3, 7, 7});
        uint32_t block = 0, channels = a_.embed_dim;
        for (size_t stage = 0; stage < a_.stages.size(); stage++)
            for (uint32_t i = 0; i < a_.stages[stage]; i++) {
                // The first block of a later stage doubles the channels.
                const uint32_t wide = stage > 0 && i == 0 ? 2 * channels : channels;
                trunk_block(trunk + "blocks." + std::to_string(block++) + ".", channels, wide);
                channels = wide;
            }
    }

    void trunk_block(const std::string& block, uint32_t in, uint32_t out) {
        norm(block + "norm1", in);
        linear(block + "attn.qkv", in, 3 * out);
        linear(block + "attn.proj", out, out);
        norm(block + "norm2", out);
        linear(block + "mlp.layers.0", out, 4 * out);
        linear(block + "mlp.layers.1", 4 * out, out);
        if (in != out) linear(block + "proj", in, out);
    }

    void neck() {
        const size_t levels = a_.stages.size();
        for (size_t i = 0; i < levels; i++)  // from the lowest resolution up
            convolution("image_encoder.neck.convs." + std::to_string(i) + ".conv",
                        a_.embed_dim << (levels - 1 - i), a_.d_model, 1);
    }

    void memory_attention() {
        for (uint32_t i = 0; i < a_.memory_layers; i++) {
            const std::string layer = "memory_attention.layers." + std::to_string(i) + ".";
            attention(layer + "self_attn", a_.d_model, a_.d_model, a_.d_model);
            attention(layer + "cross_attn_image", a_.d_model, a_.memory_dim, a_.d_model);
            linear(layer + "linear1", a_.d_model, a_.memory_ffn);
            linear(layer + "linear2", a_.memory_ffn, a_.d_model);
            for (const char* name : {"norm1", "norm2", "norm3"}) norm(layer + name, a_.d_model);
        }
        norm("memory_attention.norm", a_.d_model);
    }

    // Projections of queries (and of the result) from `channels`, of keys and values from `memory`.
    void attention(const std::string& name, uint32_t channels, uint32_t memory, uint32_t inner) {
        linear(name + ".q_proj", channels, inner);
        linear(name + ".k_proj", memory, inner);
        linear(name + ".v_proj", memory, inner);
        linear(name + ".out_proj", inner, channels);
    }

    void memory_encoder() {
        const std::string down = "memory_encoder.mask_downsampler.encoder.";
        // Four convolutions of stride 2, each with norm and activation: three entries of the sequence a step.
        uint32_t channels = 1;
        for (int step = 0; step < 4; step++, channels *= 4) {
            convolution(down + std::to_string(3 * step), channels, 4 * channels, 3);
            norm(down + std::to_string(3 * step + 1), 4 * channels);
        }
        convolution(down + "12", channels, a_.d_model, 1);
        convolution("memory_encoder.pix_feat_proj", a_.d_model, a_.d_model, 1);
        for (int i = 0; i < 2; i++) {
            const std::string layer = "memory_encoder.fuser.layers." + std::to_string(i) + ".";
            noise(layer + "gamma", {a_.d_model}, 0.4f, 0.1f);
            weight_and_bias(layer + "dwconv", {a_.d_model, 1, 7, 7});
            norm(layer + "norm", a_.d_model);
            linear(layer + "pwconv1", a_.d_model, 4 * a_.d_model);
            linear(layer + "pwconv2", 4 * a_.d_model, a_.d_model);
        }
        convolution("memory_encoder.out_proj", a_.d_model, a_.memory_dim, 1);
    }

    void prompt_encoder() {
        const std::string encoder = "sam_prompt_encoder.";
        noise(encoder + "pe_layer.positional_encoding_gaussian_matrix", {2, a_.d_model / 2}, 0, 1);
        for (int i = 0; i < 4; i++)
            noise(encoder + "point_embeddings." + std::to_string(i) + ".weight", {1, a_.d_model}, 0, 1);
        noise(encoder + "not_a_point_embed.weight", {1, a_.d_model}, 0, 1);
        noise(encoder + "no_mask_embed.weight", {1, a_.d_model}, 0, 0.5f);
        convolution(encoder + "mask_downscaling.0", 1, 4, 2);
        norm(encoder + "mask_downscaling.1", 4);
        convolution(encoder + "mask_downscaling.3", 4, 16, 2);
        norm(encoder + "mask_downscaling.4", 16);
        convolution(encoder + "mask_downscaling.6", 16, a_.d_model, 1);
    }

    void mask_decoder() {
        const std::string decoder = "sam_mask_decoder.", transformer = decoder + "transformer.";
        const uint32_t d = a_.d_model;
        for (int i = 0; i < 2; i++) two_way_layer(transformer + "layers." + std::to_string(i) + ".");
        attention(transformer + "final_attn_token_to_image", d, d, d / 2);
        norm(transformer + "norm_final_attn", d);
        noise(decoder + "iou_token.weight", {1, d}, 0, 1);
        noise(decoder + "mask_tokens.weight", {kMaskTokens, d}, 0, 1);
        noise(decoder + "obj_score_token.weight", {1, d}, 0, 1);
        deconvolution(decoder + "output_upscaling.0", d, d / 4);
        norm(decoder + "output_upscaling.1", d / 4);
        deconvolution(decoder + "output_upscaling.3", d / 4, d / 8);
        convolution(decoder + "conv_s0", d, d / 8, 1);
        convolution(decoder + "conv_s1", d, d / 4, 1);
        for (uint64_t i = 0; i < kMaskTokens; i++)
            mlp(decoder + "output_hypernetworks_mlps." + std::to_string(i), {d, d, d, d / 8});
        mlp(decoder + "iou_prediction_head", {d, 256, 256, kMaskTokens});
        mlp(decoder + "pred_obj_score_head", {d, d, d, 1});
    }

    void two_way_layer(const std::string& layer) {
        const uint32_t d = a_.d_model;
        attention(layer + "self_attn", d, d, d);
        attention(layer + "cross_attn_token_to_image", d, d, d / 2);
        attention(layer + "cross_attn_image_to_token", d, d, d / 2);
        linear(layer + "mlp.layers.0", d, 2048);
        linear(layer + "mlp.layers.1", 2048, d);
        for (const char* name : {"norm1", "norm2", "norm3", "norm4"}) norm(layer + name, d);
    }

    void mlp(const std::string& name, const Shape& sizes) {
        for (size_t i = 0; i + 1 < sizes.size(); i++)
            linear(name + ".layers." + std::to_string(i), sizes[i], sizes[i + 1]);
    }

    // ---- Kinds of layers

    void linear(const std::string& name, uint64_t in, uint64_t out) { weight_and_bias(name, {out, in}); }
    void convolution(const std::string& name, uint64_t in, uint64_t out, uint64_t side) {
        weight_and_bias(name, {out, in, side, side});
    }
    void norm(const std::string& name, uint64_t channels) {
        noise(name + ".weight", {channels}, 1, 0.15f);
        noise(name + ".bias", {channels}, 0, 0.1f);
    }
    void weight_and_bias(const std::string& name, const Shape& shape) {
        uint64_t inputs = 1;
        for (size_t i = 1; i < shape.size(); i++) inputs *= shape[i];
        noise(name + ".weight", shape, 0, 1 / std::sqrt(static_cast<float>(inputs)));
        // Objects should be judged present, as they mostly are in real videos.
        const bool score = ends_with(name, "pred_obj_score_head.layers.2");
        noise(name + ".bias", {shape[0]}, score ? 5.0f : 0.0f, 0.1f);
    }
    // Transposed, 2x2 with stride 2: every output has one input pixel.
    void deconvolution(const std::string& name, uint64_t in, uint64_t out) {
        noise(name + ".weight", {in, out, 2, 2}, 0, 1 / std::sqrt(static_cast<float>(in)));
        noise(name + ".bias", {out}, 0, 0.1f);
    }
    void noise(const std::string& name, const Shape& shape, float mean, float deviation) {
        const TensorType type = shape.size() >= 2 ? type_ : TensorType::f32;
        size_t count = 1;
        for (const uint64_t size : shape) count *= size;
        const Noise noise(name, mean, deviation);
        writer_.add_tensor(name, shape, type, [=](void* target) { noise.fill(type, count, target); });
    }

    static constexpr uint64_t kMaskTokens = 4;

    const Architecture& a_;
    TensorType type_;
    GgufWriter writer_;
};

}  // namespace

std::vector<std::string> preset_names() {
    std::vector<std::string> names;
    for (const Architecture& architecture : architectures()) names.emplace_back(architecture.name);
    return names;
}

GgufImage build_preset(const std::string& name, TensorType type) {
    for (const Architecture& architecture : architectures())
        if (name == architecture.name) return PresetBuilder(architecture, type).build();
    std::string known;
    for (const std::string& other : preset_names()) known += (known.empty() ? "" : ", ") + other;
    throw UsageError("--preset: '" + name + "' is unknown; there are " + known);
}

}  // namespace cli
