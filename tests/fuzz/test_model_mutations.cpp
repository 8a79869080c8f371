// Damaged model files: several hundred deterministic mutations of the bundled model. Each gives a status and
// a sentence, or a model that runs; none reads outside the file, behind which there is no memory.
// SAMLET_FUZZ_FACTOR=20 in the environment makes it try 20 times as many.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>
#include <string>

#include "gguf.h"
#include "guarded_block.h"
#include "scene.h"

using namespace samlet::test;

namespace {

int factor() {
    const char* text = std::getenv("SAMLET_FUZZ_FACTOR");
    return text && std::atoi(text) > 0 ? std::atoi(text) : 1;
}
const int kMutations = factor() * (SCENE_SANITIZED ? 150 : 1200);
const int kMaxRuns =
    factor() * (SCENE_SANITIZED ? 15 : 100);  // sessions on models that opened in spite of all

class Random {
  public:
    explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}
    uint32_t bits() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }
    size_t below(size_t n) { return bits() % n; }
    uint64_t hostile() {
        static const uint64_t numbers[] = {0,
                                           1,
                                           2,
                                           7,
                                           31,
                                           255,
                                           4095,
                                           65536,
                                           uint64_t{1} << 31,
                                           (uint64_t{1} << 32) - 1,
                                           uint64_t{1} << 40,
                                           uint64_t{1} << 62,
                                           uint64_t{1} << 63,
                                           ~uint64_t{0} - 31,
                                           ~uint64_t{0}};
        return numbers[below(sizeof numbers / sizeof numbers[0])];
    }

  private:
    uint32_t state_;
};

struct Counts {
    int refused = 0, opened = 0, ran = 0;
} counts;

void check_refusal(samlet_status status, const samlet_error& error) {
    assert_true(status == SAMLET_ERROR_FORMAT || status == SAMLET_ERROR_UNSUPPORTED ||
                status == SAMLET_ERROR_MEMORY);
    assert_int_equal(error.status, status);
    const size_t length = std::strlen(error.message);
    assert_true(length > 10 && length < sizeof error.message);
    for (size_t i = 0; i < length; i++) assert_true(static_cast<unsigned char>(error.message[i]) >= 0x20);
    counts.refused++;
}

// A model that opened runs, whatever it computes; a small square keeps it short.
void run(const samlet_model* model) {
    samlet_tracker_config config = scene_tracker_config();
    config.image_size = 64;
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    samlet_error error;
    samlet_tracker* t = nullptr;
    samlet_status status = samlet_tracker_memory(model, &config, &plan, &error);
    if (status == SAMLET_OK && plan.bytes > uint64_t{256} << 20) return;
    if (status == SAMLET_OK) status = samlet_tracker_create(model, &config, &t, &error);
    if (status != SAMLET_OK) return check_refusal(status, error);
    for (int i = 0; i < 2; i++) {
        scene_set(t, i, i);
        if (i == 0) scene_click(t, 1, scene_disc(SCENE_WIDTH, SCENE_HEIGHT, 0));
        scene_track(t);
        scene_result(t, 1);
    }
    samlet_tracker_destroy(t);
    counts.ran++;
}

void try_bytes(const uint8_t* data, size_t size) {
    samlet_model_config config;
    samlet_model_config_init(&config);
    config.data = data;
    config.data_size = size;
    samlet_memory_plan plan;
    samlet_memory_plan_init(&plan);
    samlet_error error;
    samlet_status status = samlet_model_memory(&config, &plan, &error);
    if (status != SAMLET_OK) return check_refusal(status, error);
    if (counts.ran >= kMaxRuns || plan.bytes > uint64_t{256} << 20) return;
    samlet_model* model = nullptr;
    status = samlet_model_open(&config, &model, &error);
    if (status != SAMLET_OK) return check_refusal(status, error);
    counts.opened++;
    run(model);
    samlet_model_close(model);
}

// The sound file in guarded memory; its header can be spoiled and mended.
struct Target {
    Target() : file(Gguf::bundled()), header(file.header_bytes()), sound(file.write()) {
        block = guarded_block_make((sound.size() + 63) / 64 * 64);
        // The file ends where the memory ends; it may begin at any multiple of 32.
        data = block.data + block.bytes - sound.size();
        assert_int_equal(sound.size() % 32, 0);
        std::memcpy(data, sound.data(), sound.size());
    }
    ~Target() { guarded_block_free(&block); }
    void mend() { std::memcpy(data, sound.data(), header); }

    Gguf file;
    size_t header;
    FileBytes sound;
    guarded_block block;
    uint8_t* data;
};

void spoil_bytes(Random& random, uint8_t* data, size_t header) {
    const size_t at = random.below(header - 8);
    const uint64_t number = random.hostile();
    switch (random.below(6)) {
        case 0:
            data[at] = static_cast<uint8_t>(data[at] ^ 1u << random.below(8));
            break;
        case 1:
            for (size_t n = 1 + random.below(16); n > 0; n--)
                data[random.below(header)] = static_cast<uint8_t>(random.bits());
            break;
        case 2:
            std::memcpy(data + at, &number, 8);
            break;
        case 3:
            std::memcpy(data + at, &number, 4);
            break;
        case 4:
            std::memmove(data + at, data + random.below(header - 8), 8);
            break;
        default:
            std::memset(data + at, 0, 1 + random.below(header - at < 64 ? header - at : 64));
            break;
    }
}

void headers_with_other_bytes(void**) {
    Target target;
    Random random(1);
    counts = Counts();
    for (int i = 0; i < kMutations; i++) {
        spoil_bytes(random, target.data, target.header);
        try_bytes(target.data, target.sound.size());
        target.mend();
    }
    print_message("%d refused, %d opened, %d ran\n", counts.refused, counts.opened, counts.ran);
    assert_true(counts.refused > kMutations / 2);
}

// The first fields count most: versions, numbers of tensors and metadata, the first keys.
void every_byte_of_the_first_fields(void**) {
    Target target;
    counts = Counts();
    for (size_t at = 0; at < (SCENE_SANITIZED ? 64 : 256); at++)
        for (int value : {0x00, 0x7f, 0xff}) {
            target.data[at] = static_cast<uint8_t>(value);
            try_bytes(target.data, target.sound.size());
            target.mend();
        }
    assert_true(counts.refused > 100);
}

// Files that are well-formed, but hold other values: the checks behind the reader.
void spoil_values(Random& random, Gguf* file) {
    GgufEntry& entry = file->metadata[random.below(file->metadata.size())];
    GgufTensor& tensor = file->tensors[random.below(file->tensors.size())];
    const uint32_t small = static_cast<uint32_t>(random.below(80));
    switch (random.below(6)) {
        case 0:
            if (entry.type == kGgufU32) entry.value = raw(small);
            if (entry.type == kGgufArray && entry.value.size() > 12)
                entry.value.replace(12 + 4 * random.below((entry.value.size() - 12) / 4), 4, raw(small));
            break;
        case 1:
            if (entry.type == kGgufU32 || entry.type == kGgufF32) entry.value = raw(random.bits());
            if (entry.type == kGgufString) entry.value = raw_string(std::string(random.below(300), '%'));
            break;
        case 2:
            if (entry.type == kGgufArray) entry.value = entry.value.substr(0, 4) + raw(uint64_t{0});
            if (entry.type == kGgufBool) entry.value[0] = static_cast<char>(entry.value[0] ^ 1);
            break;
        case 3:
            if (!tensor.dims.empty()) tensor.dims[random.below(tensor.dims.size())] = 1 + random.below(300);
            break;
        case 4:
            std::swap(tensor.name, file->tensors[random.below(file->tensors.size())].name);
            break;
        default:
            tensor.type = tensor.type == 0 ? 1 : 0;
            break;
    }
}

void well_formed_files_with_other_values(void**) {
    const Gguf sound = Gguf::bundled();
    Random random(2);
    counts = Counts();
    for (int i = 0; i < kMutations / 3; i++) {
        Gguf file = sound;
        for (size_t n = 1 + random.below(2); n > 0; n--) spoil_values(random, &file);
        const FileBytes bytes = file.write();
        try_bytes(bytes.data(), bytes.size());
    }
    print_message("%d refused, %d opened, %d ran\n", counts.refused, counts.opened, counts.ran);
    assert_true(counts.refused > 20 && counts.ran > 2);
}

// Cut short, right before the end of memory.
void truncated_files(void**) {
    const FileBytes sound = Gguf::bundled().write();
    Random random(3);
    counts = Counts();
    for (int i = 0; i < 60; i++) {
        const size_t left = (i < 30 ? random.below(40000) : random.below(sound.size())) / 32 * 32;
        if (left == 0) continue;
        guarded_block block = guarded_block_make(left);
        std::memcpy(block.data, sound.data(), left);
        try_bytes(block.data, left);
        guarded_block_free(&block);
    }
    assert_int_equal(counts.opened, 0);
    assert_true(counts.refused > 50);
}

// Weights that are noise: refused where not finite, else run.
void noise_for_weights(void**) {
    Random random(4);
    counts = Counts();
    for (int i = 0; i < 6; i++) {
        Gguf file = Gguf::bundled();
        for (GgufTensor& tensor : file.tensors) {
            if (random.below(4) != 0) continue;
            for (uint64_t k = 0; k < tensor.elements(); k++) {
                uint32_t bits = random.bits();
                if (i % 2) bits &= 0xbfffbbffu;  // no exponent of all ones
                tensor.set_element(k, bits, static_cast<uint16_t>(bits));
            }
        }
        const FileBytes bytes = file.write();
        try_bytes(bytes.data(), bytes.size());
    }
    print_message("%d refused, %d opened, %d ran\n", counts.refused, counts.opened, counts.ran);
    assert_true(counts.refused > 0 && counts.ran > 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(headers_with_other_bytes),
        cmocka_unit_test(every_byte_of_the_first_fields),
        cmocka_unit_test(well_formed_files_with_other_values),
        cmocka_unit_test(truncated_files),
        cmocka_unit_test(noise_for_weights),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
