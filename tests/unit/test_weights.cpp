// Models whose tensors or hyper-parameters are not what they should be: the message names the culprit. Made
// by editing the bundled model.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <set>
#include <string>

#include "gguf.h"
#include "kernels/kernels.h"
#include "scene.h"

using namespace samlet::test;

namespace {

constexpr int kEvery = SCENE_SANITIZED ? 12 : 1;  // opening a model takes a while under sanitizers

samlet_model_config config_for(const FileBytes& bytes) {
    samlet_model_config config;
    samlet_model_config_init(&config);
    config.data = bytes.data();
    config.data_size = bytes.size();
    return config;
}

// Reads headers and shapes, not values.
samlet_status measure(const FileBytes& bytes, samlet_error* error) {
    const samlet_model_config config = config_for(bytes);
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    return samlet_model_memory(&config, &plan, error);
}

samlet_status open_model(const FileBytes& bytes, samlet_error* error) {
    const samlet_model_config config = config_for(bytes);
    samlet_model* model = nullptr;
    const samlet_status status = samlet_model_open(&config, &model, error);
    assert_true((status == SAMLET_OK) == (model != nullptr));
    samlet_model_close(model);
    return status;
}

void expect_refused(const Gguf& file, const std::string& needle1, const char* needle2 = nullptr) {
    samlet_error error;
    const samlet_status status = measure(file.write(), &error);
    // Depthwise kernels come in several sizes, not all of which are supported.
    const bool depthwise = needle1.find("dwconv.weight") != std::string::npos;
    if (status != (depthwise ? SAMLET_ERROR_UNSUPPORTED : SAMLET_ERROR_FORMAT))
        fail_msg("%s is not refused", needle1.c_str());
    assert_sentence("samlet_model_memory", error.message, needle1.c_str(), needle2, nullptr);
}

const Gguf& bundled() {
    static const Gguf file = Gguf::bundled();
    return file;
}

// The same tensors with little data, for everything that does not look at values: quick to write.
bool is_video(const std::string& name) {
    for (const char* prefix : {"memory_attention.", "memory_encoder.", "maskmem_tpos_enc", "mask_downsample.",
                               "obj_ptr_", "no_obj_", "no_mem_pos_enc"})
        if (name.compare(0, std::strlen(prefix), prefix) == 0) return true;
    return false;
}

Gguf image_only() {
    Gguf file = bundled();
    for (size_t i = file.tensors.size(); i-- > 0;)
        if (is_video(file.tensors[i].name))
            file.tensors.erase(file.tensors.begin() + static_cast<ptrdiff_t>(i));
    for (size_t i = file.metadata.size(); i-- > 0;)
        if (file.metadata[i].key.compare(0, 12, "sam2.memory.") == 0)
            file.metadata.erase(file.metadata.begin() + static_cast<ptrdiff_t>(i));
    file.set_bool("sam2.has_video", false);
    return file;
}

// ---- Tensors ----------------------------------------------------------------------------------------------

void the_file_survives_being_rewritten(void**) {
    samlet_error error;
    assert_int_equal(open_model(bundled().write(), &error), SAMLET_OK);
}

// Leaving out any tensor is noticed, by its name, or by those that then stand alone.
void missing_tensors_are_named(void**) {
    // Not needed for inference; a switch of 2.1 that tells itself by being there.
    const std::set<std::string> optional = {"no_mem_pos_enc", "no_obj_embed_spatial"};
    // Its bias is left alone.
    const std::set<std::string> heads = {"obj_ptr_tpos_proj.weight"};
    for (const GgufTensor& tensor : bundled().tensors) {
        Gguf file = bundled();
        file.drop_tensor(tensor.name);
        samlet_error error;
        const samlet_status status = measure(file.write(), &error);
        if (optional.count(tensor.name)) {
            assert_int_equal(status, SAMLET_OK);
            continue;
        }
        if (status != SAMLET_ERROR_FORMAT)
            fail_msg("without %s: %s", tensor.name.c_str(), samlet_status_name(status));
        const std::string group = tensor.name.substr(0, tensor.name.find('.'));
        assert_sentence("missing", error.message,
                        heads.count(tensor.name) ? group.c_str() : tensor.name.c_str(), nullptr, nullptr);
    }
}

void mis_shaped_tensors_are_named(void**) {
    for (const GgufTensor& tensor : bundled().tensors) {
        if (tensor.name == "no_mem_pos_enc") continue;  // not read
        Gguf file = bundled();
        std::vector<uint64_t>& dims = file.tensor(tensor.name).dims;
        if (dims.size() == 4) {
            dims[1] *= dims[0];
            dims.erase(dims.begin());
        } else {
            dims.push_back(1);
        }
        expect_refused(file, tensor.name);
        if (tensor.elements() == 1) continue;
        file = bundled();
        GgufTensor& t = file.tensor(tensor.name);
        for (uint64_t& d : t.dims)
            if (d > 1) {
                d--;  // a little less of it
                break;
            }
        samlet_error error;
        // Widths of hidden layers come from the file: then the next tensor of the layer does not fit.
        const samlet_status status = measure(file.write(), &error);
        if (status != SAMLET_ERROR_FORMAT && status != SAMLET_ERROR_UNSUPPORTED)
            fail_msg("%s is not refused", tensor.name.c_str());
        const std::string layer = tensor.name.substr(0, tensor.name.find('.'));
        assert_sentence("mis-shaped", error.message, layer.c_str(), "has a", nullptr);
    }
}

void transposed_tensors_are_named(void**) {
    for (const char* name :
         {"memory_attention.layers.1.linear1.weight", "obj_ptr_tpos_proj.weight",
          "sam_mask_decoder.transformer.layers.0.cross_attn_token_to_image.q_proj.weight"}) {
        Gguf file = bundled();
        std::swap(file.tensor(name).dims[0], file.tensor(name).dims[1]);
        expect_refused(file, name, "128");
    }
}

void extra_tensors_are_named(void**) {
    Gguf file = bundled();
    file.tensors.push_back({"image_encoder.trunk.head.weight", {4}, 0, std::string(16, 0)});
    expect_refused(file, "image_encoder.trunk.head.weight");
    file = bundled();
    file.tensors.insert(file.tensors.begin(), {"x", {}, 0, std::string(4, 0)});
    expect_refused(file, "tensor x");
    file = bundled();
    file.tensors.push_back(file.tensors[3]);
    expect_refused(file, file.tensors[3].name, "twice");
    file = bundled();
    file.tensors.push_back({"\033]0;owned\007", {4}, 0, std::string(16, 0)});
    expect_refused(file, "?]0;owned?");
}

void long_names_are_cut(void**) {
    Gguf file = bundled();
    file.tensors.push_back({std::string(255, 'q'), {4}, 0, std::string(16, 0)});
    expect_refused(file, "qqqq... ");
}

// ---- Values -----------------------------------------------------------------------------------------------

void values_that_are_not_finite_are_named(void**) {
    struct Value {
        uint32_t f32;
        uint16_t f16;
    };
    const Value values[] = {
        {0x7fc00000, 0x7e00}, {0x7f800000, 0x7c00}, {0xff800000, 0xfc00}, {0xffffffff, 0xffff}};
    int n = 0;
    for (const GgufTensor& tensor : bundled().tensors) {
        if (tensor.name == "no_mem_pos_enc" || n++ % kEvery != 0) continue;
        Gguf file = bundled();
        const Value& value = values[n % 4];
        const uint64_t index = n % 3 == 0 ? 0 : n % 3 == 1 ? tensor.elements() - 1 : tensor.elements() / 2;
        file.tensor(tensor.name).set_element(index, value.f32, value.f16);
        samlet_error error;
        if (open_model(file.write(), &error) != SAMLET_ERROR_FORMAT)
            fail_msg("%s is not refused", tensor.name.c_str());
        assert_sentence("not finite", error.message, tensor.name.c_str(), std::to_string(index).c_str(),
                        nullptr);
    }
}

// Large, but finite: odd results are the caller's affair, a crash would be ours.
void huge_values_do_no_harm(void**) {
    Gguf file = bundled();
    for (GgufTensor& tensor : file.tensors)
        for (uint64_t i = 0; i < tensor.elements(); i += 97)
            tensor.set_element(i, i % 2 ? 0x7f7fffff : 0xff7fffff, 0x7bff);
    const FileBytes bytes = file.write();
    const samlet_model_config config = config_for(bytes);
    samlet_model* model = nullptr;
    assert_int_equal(samlet_model_open(&config, &model, nullptr), SAMLET_OK);
    const samlet_tracker_config session = scene_tracker_config();
    samlet_tracker* t = nullptr;
    assert_int_equal(samlet_tracker_create(model, &session, &t, nullptr), SAMLET_OK);
    for (int i = 0; i < 3; i++) {
        static uint8_t mask[SCENE_WIDTH * SCENE_HEIGHT];
        char text[64];
        size_t length;
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(SCENE_WIDTH, SCENE_HEIGHT, 0));
        scene_track(t);
        scene_result(t, 1);
        assert_ok(t, samlet_tracker_mask(t, 1, mask, SCENE_WIDTH));
        samlet_tracker_rle(t, 1, text, sizeof text, &length);
    }
    samlet_tracker_destroy(t);
    samlet_model_close(model);
}

// ---- Tensors in 8 bits ------------------------------------------------------------------------------------

// A layer of the bundled model as an int8 file holds it: numbers and, in a tensor of their own, scales.
const char* const kLayer = "image_encoder.trunk.blocks.2.mlp.layers.0.weight";
const std::string kScale = std::string(kLayer) + "_scale";

Gguf with_int8_layer() {
    Gguf file = bundled();
    GgufTensor& weights = file.tensor(kLayer);
    const uint64_t elements = weights.elements(), rows = weights.dims[1];
    weights.type = 24;
    weights.data.assign(elements, 0);
    for (uint64_t i = 0; i < elements; i++)
        weights.data[i] = static_cast<char>(static_cast<int>(i * 37 % 255) - 127);
    GgufTensor scale;
    scale.name = kScale;
    scale.dims = {rows};
    for (uint64_t i = 0; i < rows; i++) scale.data += raw(0.001f + 1e-6f * static_cast<float>(i));
    file.tensors.push_back(scale);
    return file;
}

// Calls check(layer) for every layer of a segmenter; false where the CPU cannot compute so.
template <class Check>
bool each_layer(const FileBytes& bytes, samlet_precision precision, const char* kernels, Check check) {
    samlet_model_config config = config_for(bytes);
    config.kernels = kernels;
    config.precision = static_cast<uint32_t>(precision);
    samlet_model* model = nullptr;
    samlet_error error = {};
    const samlet_status opened = samlet_model_open(&config, &model, &error);
    if (opened == SAMLET_ERROR_UNSUPPORTED) return false;
    assert_int_equal(opened, SAMLET_OK);
    samlet_segmenter_config session;
    samlet_segmenter_config_init(&session);
    samlet_segmenter* segmenter = nullptr;
    assert_int_equal(samlet_segmenter_create(model, &session, &segmenter, &error), SAMLET_OK);
    samlet_layer layer;
    samlet_layer_init(&layer);
    uint32_t index = 0;
    while (samlet_segmenter_layer(segmenter, index, &layer) == SAMLET_OK) {
        check(layer);
        index++;
    }
    assert_int_equal(samlet_segmenter_layer(segmenter, index, &layer), SAMLET_ERROR_NOT_FOUND);
    assert_sentence("layer", samlet_segmenter_message(segmenter), "layer", nullptr, nullptr);
    samlet_segmenter_destroy(segmenter);
    samlet_model_close(model);
    return true;
}

void int8_layers_are_computed_in_int8(void**) {
    const FileBytes bytes = with_int8_layer().write();
    for (const samlet_precision precision : {SAMLET_PRECISION_AUTO, SAMLET_PRECISION_F32}) {
        const bool automatic = precision == SAMLET_PRECISION_AUTO;
        uint32_t found = 0;
        assert_true(each_layer(bytes, precision, nullptr, [&](const samlet_layer& layer) {
            if (strcmp(layer.name, kLayer) != 0) return;
            found++;
            assert_string_equal(layer.stored, "int8");
            assert_string_equal(layer.precision, automatic ? "int8" : "f32");
            assert_int_equal(layer.rows, 0);
            assert_true(layer.packed_bytes >= uint64_t{layer.in} * layer.out * (automatic ? 1 : 4));
        }));
        assert_int_equal(found, 1);
    }
}

bool starts_with(const char* text, const char* start) {
    return strncmp(text, start, strlen(start)) == 0;
}

// Without being asked, where samlet has f16 products of its own (those of XNNPACK sum in halves or are slow), unless the
// file refuses; and not close to the result.
void f16_layers_are_computed_in_f16_where_that_is_good(void**) {
    Gguf file = bundled();
    file.set_string("samlet.f32_products", "measured");
    const FileBytes refusing = file.write();
    file.drop_entry("samlet.f32_products");
    const FileBytes silent = file.write();
    for (const char* kernels : {"", "neon_fp16", "neon", "generic"}) {
        const samlet::Kernels* level = samlet::find_kernels(kernels[0] ? kernels : nullptr);
        if (!level) continue;
        for (const samlet_precision precision : {SAMLET_PRECISION_AUTO, SAMLET_PRECISION_F32, SAMLET_PRECISION_F16}) {
            for (const FileBytes* bytes : {&silent, &refusing}) {
                const bool asked = precision == SAMLET_PRECISION_F16;
                const bool automatic = precision == SAMLET_PRECISION_AUTO && level->half_gemm && bytes == &silent;
                uint32_t found = 0;
                const bool opened = each_layer(*bytes, precision, kernels, [&](const samlet_layer& layer) {
                    const bool sensitive =
                        starts_with(layer.name, "image_encoder.neck.") || starts_with(layer.name, "sam_");
                    const bool stored = strcmp(layer.stored, "f16") == 0;
                    const bool f16 = (asked || (automatic && stored)) && !(sensitive && level->half_gemm);
                    assert_string_equal(layer.precision, f16 ? "f16" : "f32");
                    found += f16 ? 1 : 0;
                    const uint64_t weights = uint64_t{layer.in} * layer.out;
                    assert_true(layer.packed_bytes >= weights * (f16 ? 2 : 4));
                    if (f16 && level->half_gemm && layer.in >= 64 && layer.out >= 32)
                        assert_true(layer.packed_bytes < weights * 3);
                });
                if (!opened)
                    assert_true(asked && !level->half_gemm);  // f16 may be beyond the CPU, the others not
                else if (asked || automatic)
                    assert_true(found > 20);
                else
                    assert_int_equal(found, 0);
            }
        }
    }
}

void int8_tensors_need_their_scales(void**) {
    Gguf file = with_int8_layer();
    file.drop_tensor(kScale);
    expect_refused(file, kLayer, "scale");
    file = with_int8_layer();
    file.tensor(kScale).dims[0]--;
    expect_refused(file, kLayer, "scale");
    file = with_int8_layer();
    file.tensor(kScale).dims.push_back(1);
    expect_refused(file, kLayer, "scale");
    file = with_int8_layer();
    file.tensor(kScale).type = 1;
    expect_refused(file, kLayer, "scale");
    for (const float bad : {0.0f, -1.0f, 1e-40f, static_cast<float>(NAN), static_cast<float>(INFINITY)}) {
        file = with_int8_layer();
        memcpy(&file.tensor(kScale).data[8], &bad, 4);
        expect_refused(file, kLayer, "scale");
    }
    // Scales of a tensor that has no use for them.
    file = bundled();
    file.tensors.push_back(with_int8_layer().tensor(kScale));
    expect_refused(file, kScale, nullptr);
}

void unknown_precisions_are_refused(void**) {
    const FileBytes bytes = bundled().write();
    samlet_model_config config = config_for(bytes);
    config.precision = 3;
    samlet_model* model = nullptr;
    samlet_error error = {};
    assert_int_equal(samlet_model_open(&config, &model, &error), SAMLET_ERROR_INVALID_ARGUMENT);
    assert_sentence("precision", error.message, "precision is 3", nullptr, nullptr);
}

// ---- Hyper-parameters
// -----------------------------------------------------------------------------------------------

void missing_metadata_is_named(void**) {
    for (const GgufEntry& entry : bundled().metadata) {
        if (entry.key == "general.alignment" || entry.key == "sam2.pointer_time_signed") continue;
        if (starts_with(entry.key.c_str(), "samlet.")) continue;  // wishes and remarks
        Gguf file = bundled();
        file.drop_entry(entry.key);
        expect_refused(file, entry.key == "general.architecture" ? "architecture" : entry.key);
        file = bundled();
        file.set(entry.key, kGgufU64, raw(uint64_t{1}));  // of a type that nothing has
        expect_refused(file, entry.key == "general.architecture" ? "architecture" : entry.key);
    }
}

void another_architecture(void**) {
    Gguf file = bundled();
    file.set_string("general.architecture", "llama");
    expect_refused(file, "architecture", "sam2");
    file.set_string("general.architecture", "sam2 or so, but much longer");
    expect_refused(file, "architecture");
}

void impossible_numbers_are_named(void**) {
    const struct {
        const char* key;
        uint32_t values[5];
    } cases[] = {
        {"sam2.image_size", {0, 16, 100, 4128, 0xffffffe0u}},
        {"sam2.trunk.embed_dim", {0, 7, 1025, 33, 0xffffffffu}},
        {"sam2.trunk.num_heads", {0, 3, 65, 0x80000000u, 0xffffffffu}},
        {"sam2.trunk.q_pool", {0, 2, 4, 5, 0xffffffffu}},
        {"sam2.d_model", {0, 8, 2049, 120, 0xffffffffu}},
        {"sam2.decoder.layers", {0, 17, 100, 0x80000000u, 0xffffffffu}},
        {"sam2.decoder.heads", {0, 65, 100, 0x80000000u, 0xffffffffu}},
        {"sam2.memory.dim", {0, 3, 5, 48, 0xffffffffu}},
        {"sam2.memory.layers", {0, 17, 100, 0x80000000u, 0xffffffffu}},
        {"sam2.memory.num_maskmem", {0, 1, 65, 0x80000000u, 0xffffffffu}},
        {"sam2.memory.max_object_pointers", {0, 257, 1000, 0x80000000u, 0xffffffffu}},
    };
    for (const auto& c : cases)
        for (uint32_t value : c.values) {
            Gguf file = bundled();
            file.set_u32(c.key, value);
            samlet_error error;
            assert_int_equal(measure(file.write(), &error), SAMLET_ERROR_FORMAT);
            // In range by itself, but not what the tensors have.
            if (!std::strstr(error.message, c.key) && !std::strstr(error.message, "dimension"))
                fail_msg("%s = %u: %s", c.key, value, error.message);
        }
}

void impossible_lists_are_named(void**) {
    const struct {
        const char* key;
        std::vector<std::vector<uint32_t>> values;
    } cases[] = {
        {"sam2.trunk.stages",
         {{}, {1, 2, 4}, {1, 2, 4, 1, 1}, {0, 2, 4, 1}, {1, 2, 200, 1}, {100, 100, 4, 1}}},
        {"sam2.trunk.window_spec", {{8, 4, 8}, {0, 4, 8, 4}, {65, 4, 8, 4}, {7, 4, 8, 4}, {8, 4, 5, 4}}},
        {"sam2.trunk.global_att_blocks", {{8}, {4, 0xffffffffu}, std::vector<uint32_t>(33, 1)}},
        {"sam2.neck.top_down_levels", {{4}, {0, 2}, {1}, {2, 3, 2, 3, 2}}},
    };
    for (const auto& c : cases)
        for (const std::vector<uint32_t>& values : c.values) {
            Gguf file = bundled();
            file.set_u32s(c.key, values);
            expect_refused(file, c.key);
        }
}

void impossible_colours_and_constants_are_named(void**) {
    const float nan = std::nanf(""), infinity = HUGE_VALF;
    for (float bad : {nan, infinity, -infinity}) {
        Gguf file = bundled();
        file.set_f32s("sam2.image_mean", {0.5f, bad, 0.5f});
        expect_refused(file, "sam2.image_mean");
        for (const char* key :
             {"sam2.decoder.stability_delta", "sam2.decoder.stability_thresh", "sam2.memory.sigmoid_scale",
              "sam2.memory.sigmoid_bias", "sam2.memory.rope_theta"}) {
            file = bundled();
            file.set_f32(key, bad);
            expect_refused(file, key);
        }
    }
    for (float bad : {nan, infinity, 0.0f, -1.0f}) {
        Gguf file = bundled();
        file.set_f32s("sam2.image_std", {0.5f, 0.5f, bad});
        expect_refused(file, "sam2.image_std");
    }
    Gguf file = bundled();
    file.set_f32("sam2.memory.rope_theta", 1.0f);
    expect_refused(file, "sam2.memory.rope_theta");
}

// ---- Image-only models
// ----------------------------------------------------------------------------------------------

void image_only_models_segment_but_do_not_track(void**) {
    const FileBytes bytes = image_only().write();
    const samlet_model_config config = config_for(bytes);
    samlet_model* model = nullptr;
    samlet_error error;
    if (samlet_model_open(&config, &model, &error) != SAMLET_OK) fail_msg("%s", error.message);
    samlet_model_info info;
    samlet_model_info_init(&info);
    assert_int_equal(samlet_model_get_info(model, &info), SAMLET_OK);
    assert_true(!info.has_video && info.memory_dim == 0 && info.memory_frames == 0 &&
                info.object_pointers == 0);

    const samlet_tracker_config tracking = scene_tracker_config();
    samlet_tracker* tracker = nullptr;
    assert_int_equal(samlet_tracker_create(model, &tracking, &tracker, &error), SAMLET_ERROR_UNSUPPORTED);
    assert_sentence("samlet_tracker_create", error.message, "images only", info.name, nullptr);

    const samlet_segmenter_config segmenting = scene_segmenter_config();
    samlet_segmenter *image = nullptr, *video = scene_segmenter(&segmenting);
    assert_int_equal(samlet_segmenter_create(model, &segmenting, &image, &error), SAMLET_OK);
    const samlet_frame frame = scene_clip(0);
    const samlet_point point = scene_disc(SCENE_WIDTH, SCENE_HEIGHT, 0);
    const samlet_prompt prompt = scene_points(&point, 1);
    samlet_prediction a, b;
    samlet_prediction_init(&a);
    samlet_prediction_init(&b);
    assert_int_equal(samlet_segmenter_set_image(image, &frame), SAMLET_OK);
    assert_int_equal(samlet_segmenter_set_image(video, &frame), SAMLET_OK);
    assert_int_equal(samlet_segmenter_predict(image, &prompt, 1, &a), SAMLET_OK);
    assert_int_equal(samlet_segmenter_predict(video, &prompt, 1, &b), SAMLET_OK);
    assert_memory_equal(a.iou, b.iou, sizeof a.iou);
    assert_memory_equal(a.logits[2], b.logits[2], a.low_res_size * a.low_res_size * sizeof(float));
    samlet_segmenter_destroy(image);
    samlet_segmenter_destroy(video);
    samlet_model_close(model);
}

void image_only_models_may_not_have_half_a_tracker(void**) {
    Gguf file = image_only();
    file.tensors.push_back(Gguf(bundled()).tensor("no_obj_ptr"));
    expect_refused(file, "no_obj_ptr");
    file = bundled();
    file.set_bool("sam2.has_video", false);
    samlet_error error;
    assert_int_equal(measure(file.write(), &error), SAMLET_ERROR_FORMAT);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_file_survives_being_rewritten),
        cmocka_unit_test(missing_tensors_are_named),
        cmocka_unit_test(mis_shaped_tensors_are_named),
        cmocka_unit_test(transposed_tensors_are_named),
        cmocka_unit_test(extra_tensors_are_named),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(values_that_are_not_finite_are_named),
        cmocka_unit_test(huge_values_do_no_harm),
        cmocka_unit_test(int8_layers_are_computed_in_int8),
        cmocka_unit_test(f16_layers_are_computed_in_f16_where_that_is_good),
        cmocka_unit_test(int8_tensors_need_their_scales),
        cmocka_unit_test(unknown_precisions_are_refused),
        cmocka_unit_test(missing_metadata_is_named),
        cmocka_unit_test(another_architecture),
        cmocka_unit_test(impossible_numbers_are_named),
        cmocka_unit_test(impossible_lists_are_named),
        cmocka_unit_test(impossible_colours_and_constants_are_named),
        cmocka_unit_test(image_only_models_segment_but_do_not_track),
        cmocka_unit_test(image_only_models_may_not_have_half_a_tracker),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
