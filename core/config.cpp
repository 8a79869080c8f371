// SPDX-License-Identifier: Apache-2.0
#include "core/config.h"

#include <cmath>
#include <cstring>

namespace samlet {
namespace {

Status missing(const char* key) {
    return fail(SAMLET_ERROR_FORMAT, "the model file lacks the metadata %s, or it has another type", 0, 0,
                key);
}

Status out_of_range(const char* key, int64_t value) {
    return fail(SAMLET_ERROR_FORMAT, "the model file has %a as %s, which no model of the family can have",
                value, 0, key);
}

Status read_u32(const ModelFile& file, const char* key, uint32_t lowest, uint32_t highest, uint32_t* value) {
    if (!file.get_u32(key, value)) return missing(key);
    if (*value < lowest || *value > highest) return out_of_range(key, *value);
    return {};
}

Status read_f32(const ModelFile& file, const char* key, float* value) {
    if (!file.get_f32(key, value) || !std::isfinite(*value)) return missing(key);
    return {};
}

Status read_stages(const ModelFile& file, const char* key, uint32_t highest, uint32_t* values) {
    uint32_t count = 0;
    if (!file.get_u32_array(key, values, kStages, &count) || count != kStages) return missing(key);
    for (uint32_t i = 0; i < kStages; i++)
        if (values[i] == 0 || values[i] > highest) return out_of_range(key, values[i]);
    return {};
}

}  // namespace

bool Config::is_global(uint32_t block) const {
    for (uint32_t i = 0; i < global_block_count; i++)
        if (global_blocks[i] == block) return true;
    return false;
}

Status Config::read(const ModelFile& file) {
    memset(this, 0, sizeof(*this));
    char architecture[16] = "";
    if (!file.get_string("general.architecture", architecture, sizeof(architecture)) ||
        strcmp(architecture, "sam2") != 0)
        return fail(SAMLET_ERROR_FORMAT,
                    "the GGUF file holds a model of another architecture; samlet runs \"sam2\"");
    if (!file.get_string("general.name", name, sizeof(name))) return missing("general.name");
    if (!file.get_string("sam2.family", family, sizeof(family))) return missing("sam2.family");
    if (!file.get_bool("sam2.has_video", &has_video)) return missing("sam2.has_video");
    SAMLET_TRY(read_u32(file, "sam2.image_size", 32, 4096, &image_size));
    if (image_size % 32 != 0) return out_of_range("sam2.image_size", image_size);
    if (!file.get_f32_array("sam2.image_mean", image_mean, 3)) return missing("sam2.image_mean");
    if (!file.get_f32_array("sam2.image_std", image_std, 3)) return missing("sam2.image_std");
    for (float mean : image_mean)
        if (!std::isfinite(mean)) return missing("sam2.image_mean");
    for (float deviation : image_std)
        if (!(deviation > 0) || !std::isfinite(deviation)) return out_of_range("sam2.image_std", 0);

    SAMLET_TRY(read_u32(file, "sam2.trunk.embed_dim", 8, 1024, &embed_dim));
    SAMLET_TRY(read_u32(file, "sam2.trunk.num_heads", 1, 64, &num_heads));
    if (embed_dim % num_heads != 0) return out_of_range("sam2.trunk.num_heads", num_heads);
    SAMLET_TRY(read_stages(file, "sam2.trunk.stages", kMaxBlocks, stages));
    if (blocks() > kMaxBlocks) return out_of_range("sam2.trunk.stages", blocks());
    SAMLET_TRY(read_stages(file, "sam2.trunk.window_spec", 64, window_spec));
    // Pooling halves the window of the stage before.
    for (uint32_t s = 0; s + 1 < kStages; s++)
        if (window_spec[s] % 2 != 0) return out_of_range("sam2.trunk.window_spec", window_spec[s]);
    if (!file.get_u32_array("sam2.trunk.global_att_blocks", global_blocks, kMaxGlobalBlocks,
                            &global_block_count))
        return missing("sam2.trunk.global_att_blocks");
    for (uint32_t i = 0; i < global_block_count; i++)
        if (global_blocks[i] >= blocks())
            return out_of_range("sam2.trunk.global_att_blocks", global_blocks[i]);
    uint32_t q_pool = 0;
    SAMLET_TRY(read_u32(file, "sam2.trunk.q_pool", kStages - 1, kStages - 1, &q_pool));
    uint32_t levels[kStages], level_count = 0;
    if (!file.get_u32_array("sam2.neck.top_down_levels", levels, kStages, &level_count))
        return missing("sam2.neck.top_down_levels");
    for (uint32_t i = 0; i < level_count; i++) {
        if (levels[i] >= kStages) return out_of_range("sam2.neck.top_down_levels", levels[i]);
        top_down_levels |= 1u << levels[i];
    }
    // Levels 0 and 1 feed the decoder through folded convolutions and cannot take a sum in between.
    if (top_down_levels & 3u) return out_of_range("sam2.neck.top_down_levels", top_down_levels);

    SAMLET_TRY(read_u32(file, "sam2.d_model", 16, 2048, &d_model));
    SAMLET_TRY(read_u32(file, "sam2.decoder.layers", 1, 16, &decoder_layers));
    SAMLET_TRY(read_u32(file, "sam2.decoder.heads", 1, 64, &decoder_heads));
    if (d_model % 16 != 0 || d_model % (2 * decoder_heads) != 0) return out_of_range("sam2.d_model", d_model);
    SAMLET_TRY(read_f32(file, "sam2.decoder.stability_delta", &stability_delta));
    SAMLET_TRY(read_f32(file, "sam2.decoder.stability_thresh", &stability_thresh));
    if (!has_video) return {};

    SAMLET_TRY(read_u32(file, "sam2.memory.dim", 4, 2048, &memory_dim));
    if (d_model % memory_dim != 0 || memory_dim % 4 != 0) return out_of_range("sam2.memory.dim", memory_dim);
    SAMLET_TRY(read_u32(file, "sam2.memory.layers", 1, 16, &memory_layers));
    SAMLET_TRY(read_u32(file, "sam2.memory.num_maskmem", 2, 64, &memory_frames));
    SAMLET_TRY(read_u32(file, "sam2.memory.max_object_pointers", 1, 256, &max_pointers));
    SAMLET_TRY(read_f32(file, "sam2.memory.sigmoid_scale", &mask_sigmoid_scale));
    SAMLET_TRY(read_f32(file, "sam2.memory.sigmoid_bias", &mask_sigmoid_bias));
    SAMLET_TRY(read_f32(file, "sam2.memory.rope_theta", &rope_theta));
    if (!(rope_theta > 1.0f)) return out_of_range("sam2.memory.rope_theta", 0);
    if (!file.get_bool("sam2.pointer_time_encoding", &pointer_time_encoding))
        return missing("sam2.pointer_time_encoding");
    return {};
}

}  // namespace samlet
