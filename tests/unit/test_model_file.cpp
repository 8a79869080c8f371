// The reader of model files: a small file built by hand, every field of it spoiled, cut at every byte.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "c_api/api.h"
#include "core/model_file.h"
#include "gguf.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace samlet;
using namespace samlet::test;

namespace {

// Two tensors and metadata of every kind that models have.
Gguf small_file() {
    Gguf file;
    file.set_string("general.architecture", "sam2");
    file.set_u32("general.alignment", 32);
    file.set_u32("number", 77);
    file.set("signed", kGgufI32, raw(int32_t{-5}));
    file.set("positive", kGgufI32, raw(int32_t{5}));
    file.set_f32("float", 0.25f);
    file.set_bool("yes", true);
    file.set_u32s("list", {3, 1, 4});
    file.set_f32s("floats", {0.5f, -0.5f});
    file.set("words", kGgufArray,
             raw(uint32_t{kGgufString}) + raw(uint64_t{2}) + raw_string("a") + raw_string("bc"));
    file.set("wide", kGgufU64, raw(uint64_t{1}));
    file.tensors.push_back({"first.weight", {3, 2}, 0, std::string(24, 'x')});
    file.tensors.push_back({"second", {5}, 1, std::string(10, 'y')});
    return file;
}

struct Opened {
    explicit Opened(const FileBytes& bytes, size_t arena_bytes = 1 << 16) : memory(arena_bytes + 64) {
        void* base = memory.data();
        size_t room = memory.size();
        base = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(base) + 63) / 64 * 64);
        room = arena_bytes;
        Arena arena(base, room);
        status = file.open(bytes.data(), bytes.size(), arena, false);
        Arena measuring = Arena::measuring();
        ModelFile again;
        const Status measured = again.open(bytes.data(), bytes.size(), measuring, true);
        // The measuring pass sees all but what needs the table: names that come twice, and a full arena.
        if (status.ok() && (!measured.ok() || measuring.used() != arena.used()))
            fail_msg("the two passes disagree");
        if (!measured.ok() && measured.code != status.code && status.code != SAMLET_ERROR_MEMORY)
            fail_msg("the two passes fail differently");
    }
    std::vector<uint8_t> memory;
    ModelFile file;
    Status status;
};

void expect(const char* what, const FileBytes& bytes, const char* needle, const char* needle2 = nullptr) {
    const Opened opened(bytes);
    if (opened.status.code != SAMLET_ERROR_FORMAT)
        fail_msg("%s: %s, %s", what, samlet_status_name(opened.status.code), opened.status.text);
    char text[252];
    format(opened.status, text, sizeof text);
    assert_sentence(what, text, needle, needle2, nullptr);
}

// ---- A sound file -----------------------------------------------------------------------------------------

void a_sound_file_is_read(void**) {
    const FileBytes bytes = small_file().write();
    const Opened opened(bytes);
    const ModelFile& file = opened.file;
    assert_true(opened.status.ok());
    assert_int_equal(file.tensor_count(), 2);
    assert_int_equal(file.parameter_count(), 11);
    assert_int_equal(file.size(), bytes.size());
    const TensorEntry &first = file.tensor(0), &second = file.tensor(1);
    assert_string_equal(first.name, "first.weight");
    assert_true(first.type == TensorType::f32 && first.rank == 2 && first.elements == 6 && first.bytes == 24);
    assert_true(first.shape[0] == 2 && first.shape[1] == 3 && first.shape[2] == 1 && first.shape[3] == 1);
    assert_memory_equal(first.data, std::string(24, 'x').data(), 24);
    assert_string_equal(second.name, "second");
    assert_true(second.type == TensorType::f16 && second.rank == 1 && second.elements == 5 &&
                second.bytes == 10);
    assert_memory_equal(second.data, std::string(10, 'y').data(), 10);
    assert_int_equal(reinterpret_cast<uintptr_t>(second.data) % 32, 0);
}

void numbers_and_texts_are_found(void**) {
    const FileBytes bytes = small_file().write();
    const Opened opened(bytes);
    const ModelFile& file = opened.file;
    uint32_t number = 0;
    assert_true(file.get_u32("number", &number) && number == 77);
    assert_true(file.get_u32("positive", &number) && number == 5);
    assert_false(file.get_u32("signed", &number));
    assert_false(file.get_u32("wide", &number));
    assert_false(file.get_u32("float", &number));
    assert_false(file.get_u32("list", &number));
    assert_false(file.get_u32("numbe", &number));
    assert_false(file.get_u32("numbers", &number));
    float value = 0;
    assert_true(file.get_f32("float", &value) && value == 0.25f);
    assert_false(file.get_f32("number", &value));
    bool yes = false;
    assert_true(file.get_bool("yes", &yes) && yes);
    assert_false(file.get_bool("number", &yes));
    char text[3] = "";
    assert_true(file.get_string("general.architecture", text, sizeof text));
    assert_string_equal(text, "sa");  // what fits
    assert_false(file.get_string("number", text, sizeof text));
}

void lists_are_found(void**) {
    const FileBytes bytes = small_file().write();
    const Opened opened(bytes);
    const ModelFile& file = opened.file;
    uint32_t list[3] = {}, count = 0;
    assert_true(file.get_u32_array("list", list, 3, &count));
    assert_true(count == 3 && list[0] == 3 && list[1] == 1 && list[2] == 4);
    assert_false(file.get_u32_array("list", list, 2, &count));
    assert_false(file.get_u32_array("floats", list, 3, &count));
    assert_false(file.get_u32_array("words", list, 3, &count));
    assert_false(file.get_u32_array("number", list, 3, &count));
    float floats[2] = {};
    assert_true(file.get_f32_array("floats", floats, 2) && floats[0] == 0.5f && floats[1] == -0.5f);
    assert_false(file.get_f32_array("floats", floats, 1));
    assert_false(file.get_f32_array("list", floats, 2));
}

void alignments_and_scalars(void**) {
    for (uint32_t alignment : {4u, 8u, 64u, 4096u, 65536u}) {
        Gguf file = small_file();
        file.alignment = alignment;
        file.set_u32("general.alignment", alignment);
        file.tensors.push_back({"scalar", {}, 0, std::string(4, 'z')});
        const FileBytes bytes = file.write();
        const Opened opened(bytes);
        assert_true(opened.status.ok());
        assert_true(opened.file.tensor(2).rank == 0 && opened.file.tensor(2).elements == 1);
        assert_memory_equal(opened.file.tensor(2).data, "zzzz", 4);
    }
}

void a_full_arena_is_an_error(void**) {
    const FileBytes bytes = small_file().write();
    for (size_t room : {size_t{0}, size_t{64}, 2 * sizeof(TensorEntry), size_t{256}, size_t{320}}) {
        const Opened opened(bytes, room);
        if (!opened.status.ok()) assert_int_equal(opened.status.code, SAMLET_ERROR_MEMORY);
        if (room < 2 * sizeof(TensorEntry)) assert_false(opened.status.ok());
    }
}

// ---- Spoiled fields ---------------------------------------------------------------------------------------

FileBytes with(const FileBytes& sound, size_t offset, const std::string& value) {
    FileBytes bytes(sound);
    std::memcpy(bytes.data() + offset, value.data(), value.size());
    return bytes;
}

size_t offset_of(const FileBytes& bytes, const std::string& text) {
    const std::string all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const size_t at = all.find(text);
    assert_true(at != std::string::npos);
    return at;
}

void spoiled_headers(void**) {
    const FileBytes sound = small_file().write();
    for (size_t i = 0; i < 4; i++) expect("magic", with(sound, i, "g"), "GGUF");
    for (uint32_t version : {0u, 1u, 2u, 4u, 0x03000000u})
        expect("version", with(sound, 4, raw(version)), "version", std::to_string(version).c_str());
    expect("no tensors", with(sound, 8, raw(uint64_t{0})), "0 tensors");
    for (uint64_t count : {uint64_t{16385}, uint64_t{1} << 40, uint64_t{INT64_MAX}})
        expect("tensors", with(sound, 8, raw(count)), "damaged", std::to_string(count).c_str());
    expect("tensors", with(sound, 8, raw(uint64_t{3})), "damaged");
    expect("tensors", with(sound, 8, raw(uint64_t{400})), "damaged");
    for (uint64_t count : {uint64_t{4097}, uint64_t{1} << 40, uint64_t{INT64_MAX}})
        expect("metadata", with(sound, 16, raw(count)), "damaged", std::to_string(count).c_str());
    expect("metadata", with(sound, 16, raw(uint64_t{12})), "damaged");
    expect("metadata", with(sound, 16, raw(~uint64_t{0})), "damaged");
}

void spoiled_alignments(void**) {
    for (uint32_t alignment : {0u, 1u, 2u, 3u, 33u, 48u, 131072u, 0x80000000u, 0xffffffffu}) {
        Gguf file = small_file();
        file.set_u32("general.alignment", alignment);
        file.alignment = 32;
        expect("alignment", file.write(), std::to_string(alignment).c_str(), "alignment");
    }
    // The tensors lie where an alignment of 32 put them; one of 64 finds the second elsewhere.
    Gguf file = small_file();
    file.set_u32("general.alignment", 64);
    expect("alignment", file.write(), "tensor 1");
}

void spoiled_metadata(void**) {
    const uint64_t hostile[] = {uint64_t{1} << 20, uint64_t{1} << 32, uint64_t{1} << 61, uint64_t{1} << 63,
                                ~uint64_t{0}};
    const FileBytes sound = small_file().write();
    const size_t key = offset_of(sound, raw_string("number"));
    for (uint64_t length : hostile) expect("key length", with(sound, key, raw(length)), "damaged");
    const size_t type = key + 8 + 6;
    for (uint32_t t : {13u, 255u, 0xffffffffu}) expect("value type", with(sound, type, raw(t)), "damaged");
    const size_t text = offset_of(sound, raw_string("sam2"));
    for (uint64_t length : hostile) expect("text length", with(sound, text, raw(length)), "damaged");
    const size_t list = offset_of(sound, raw_string("list")) + 8 + 4 + 4;
    for (uint32_t t : {uint32_t{kGgufArray}, 13u, 0xffffffffu})
        expect("element type", with(sound, list, raw(t)), "damaged");
    for (uint64_t count : hostile) {
        expect("list length", with(sound, list + 4, raw(count)), "damaged");
        expect("list of wide numbers", with(sound, list, raw(uint32_t{kGgufU64}) + raw(count)), "damaged");
        expect("list of bytes", with(sound, list, raw(uint32_t{kGgufU8}) + raw(count)), "damaged");
        expect("list of texts", with(sound, list, raw(uint32_t{kGgufString}) + raw(count)), "damaged");
    }
}

void spoiled_tensor_names(void**) {
    for (const std::string& name :
         {std::string(), std::string(256, 'n'), std::string("a\0b", 3), std::string(1, '\0')}) {
        Gguf file = small_file();
        file.tensors[1].name = name;
        expect("name", file.write(), "tensor 1", std::to_string(name.size()).c_str());
    }
    const FileBytes sound = small_file().write();
    const size_t at = offset_of(sound, raw_string("second"));
    for (uint64_t length : {uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{7}})
        expect("name length", with(sound, at, raw(length)), "damaged");
    Gguf longest = small_file();
    longest.tensors[1].name = std::string(255, 'n');
    assert_true(Opened(longest.write()).status.ok());
}

void five_dimensions_are_too_many(void**) {
    Gguf file = small_file();
    file.tensors.push_back({"five", {1, 1, 1, 1, 1}, 0, std::string(4, 'z')});  // else sound
    expect("rank", file.write(), "damaged");
}

void spoiled_shapes(void**) {
    const FileBytes sound = small_file().write();
    const size_t rank = offset_of(sound, raw_string("first.weight")) + 8 + 12;
    for (uint32_t r : {5u, 255u, 0x80000000u, 0xffffffffu})
        expect("rank", with(sound, rank, raw(r)), "damaged");
    for (size_t d = 0; d < 2; d++)
        for (uint64_t extent :
             {uint64_t{0}, (uint64_t{1} << 31) + 1, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}})
            expect("extent", with(sound, rank + 4 + 8 * d, raw(extent)), "tensor 0");
    // Each extent is sensible, their product is not.
    expect("product", with(sound, rank + 4, raw(uint64_t{1} << 31) + raw(uint64_t{1} << 31)), "tensor 0");
    expect("product", with(sound, rank + 4, raw(uint64_t{1} << 16) + raw(uint64_t{1} << 16)), "tensor 0");
    // Sensible, but larger than the file.
    expect("size", with(sound, rank + 4, raw(uint64_t{1000})), "tensor 0",
           std::to_string(sound.size()).c_str());
}

void spoiled_types_and_offsets(void**) {
    const FileBytes sound = small_file().write();
    const size_t type = offset_of(sound, raw_string("first.weight")) + 8 + 12 + 4 + 16;
    for (uint32_t t : {2u, 30u, 0xffffffffu}) {
        expect("type", with(sound, type, raw(t)), "tensor 0", std::to_string(t).c_str());
    }
    for (uint64_t offset : {uint64_t{1}, uint64_t{31}, uint64_t{64}, uint64_t{1} << 32, uint64_t{1} << 63,
                            ~uint64_t{0} - 31, ~uint64_t{0} - 63})
        expect("offset", with(sound, type + 4, raw(offset)), "tensor 0");
}

void names_that_come_twice(void**) {
    Gguf file = small_file();
    file.tensors[1].name = "first.weight";
    expect("twice", file.write(), "first.weight", "twice");
}

// ---- Everything else that can happen to bytes -------------------------------------------------------------

void cut_at_every_byte(void**) {
    Gguf file = small_file();
    const FileBytes sound = file.write();
    const size_t needed = file.header_bytes() + 32 + 10;  // the rest is padding
    for (size_t left = 0; left < sound.size(); left++) {
        const FileBytes cut(sound.data(), left);
        const Opened opened(cut);
        if (opened.status.ok() != (left >= needed))
            fail_msg("cut to %zu bytes: %s", left, opened.status.text);
        if (!opened.status.ok()) assert_int_equal(opened.status.code, SAMLET_ERROR_FORMAT);
    }
}

void check_inside(const ModelFile& file, const FileBytes& bytes) {
    for (size_t i = 0; i < file.tensor_count(); i++) {
        const TensorEntry& t = file.tensor(i);
        const uint8_t* data = static_cast<const uint8_t*>(t.data);
        assert_true(data >= bytes.data() && t.bytes <= bytes.size() &&
                    data <= bytes.data() + bytes.size() - t.bytes);
        assert_true(strlen(t.name) > 0 && t.rank <= 4);
    }
    // Whatever the metadata became, asking is safe.
    uint32_t number, list[3], count;
    float value, floats[2];
    bool yes;
    char text[8];
    for (const char* key :
         {"number", "signed", "positive", "float", "yes", "list", "floats", "words", "wide"}) {
        file.get_u32(key, &number);
        file.get_f32(key, &value);
        file.get_bool(key, &yes);
        file.get_string(key, text, sizeof text);
        file.get_u32_array(key, list, 3, &count);
        file.get_f32_array(key, floats, 2);
    }
}

void every_byte_changed(void**) {
    Gguf file = small_file();
    const FileBytes sound = file.write();
    size_t refused = 0;
    for (size_t at = 0; at < file.header_bytes(); at++)
        for (int change : {0x01, 0x02, 0x10, 0x80, 0xff}) {
            FileBytes bytes(sound);
            bytes.data()[at] = static_cast<uint8_t>(bytes.data()[at] ^ change);
            const Opened opened(bytes);
            if (opened.status.ok())
                check_inside(opened.file, bytes);
            else
                refused++;
        }
    assert_true(refused > file.header_bytes());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_file_is_read),      cmocka_unit_test(numbers_and_texts_are_found),
        cmocka_unit_test(lists_are_found),           cmocka_unit_test(alignments_and_scalars),
        cmocka_unit_test(a_full_arena_is_an_error),  cmocka_unit_test(spoiled_headers),
        cmocka_unit_test(spoiled_alignments),        cmocka_unit_test(spoiled_metadata),
        cmocka_unit_test(spoiled_tensor_names),      cmocka_unit_test(five_dimensions_are_too_many),
        cmocka_unit_test(spoiled_shapes),
        cmocka_unit_test(spoiled_types_and_offsets), cmocka_unit_test(names_that_come_twice),
        cmocka_unit_test(cut_at_every_byte),         cmocka_unit_test(every_byte_changed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
