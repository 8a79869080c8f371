// Models run to the end of the bundled clip in a process that may have no more address space than `samlet
// info` promises, plus a constant (see diet.c).
//
// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "diet.h"
#include "tests/support/golden.h"

using namespace samlet;
using namespace samlet::test;

namespace {

std::vector<std::string> clip() {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(SAMLET_SOURCE_DIR "/examples/data/bedroom"))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

// Exit status of diet.c on the first `frames` frames of the clip.
int diet(const std::string& model, int image_size, size_t frames, long long extra) {
    const char* program = getenv("SAMLET_DIET");
    const std::string command = std::string("'") + program + "' '" + model + "' " +
                                std::to_string(image_size) + " " + std::to_string(extra);
    FILE* pipe = popen(command.c_str(), "w");
    assert_non_null(pipe);
    for (const std::string& file : clip()) {
        if (frames-- == 0) break;
        const cli::Picture picture = cli::to_rgb(read_jpeg(file));
        assert_true(picture.width == DIET_WIDTH && picture.height == DIET_HEIGHT);
        for (uint32_t y = 0; y < picture.height; y++) fwrite(picture.row(y), 3, picture.width, pipe);
    }
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

constexpr size_t kAll = SIZE_MAX;

void check(const std::string& model, int image_size, size_t frames) {
    assert_int_equal(diet(model, image_size, frames, 0), 0);
}

void micro_f16(void**) {
    check(SAMLET_SOURCE_DIR "/examples/data/samlet_micro.gguf", 256, kAll);
}

void tiny_f16_at_512(void**) {
    if (!has_golden()) skip();
    check(random_model("sam2.1_hiera_tiny", "f16"), 512, 9);  // the bank is full after 7
}

void micro_int8(void**) {
    if (!has_golden()) skip();
    check(converted_model("weights/samlet_micro.safetensors", "trained", "int8"), 256, kAll);
}

void tiny_int8_at_512(void**) {
    if (!has_golden()) skip();
    check(random_model("sam2.1_hiera_tiny", "int8"), 512, 9);
}

// Far less than the constant: samlet finds no block, and says so.
void too_little_is_refused(void**) {
    assert_int_equal(diet(SAMLET_SOURCE_DIR "/examples/data/samlet_micro.gguf", 256, 1, -DIET_CONSTANT), 3);
}

}  // namespace

int main() {
    if (kSanitized || !getenv("SAMLET_DIET")) {
        puts("skipped: sanitizers and emulators need address space of their own");
        return kSkipped;
    }
    signal(SIGPIPE, SIG_IGN);  // programs that are refused memory leave their frames unread
    const CMUnitTest tests[] = {
        cmocka_unit_test(micro_f16),
        cmocka_unit_test(tiny_f16_at_512),
        cmocka_unit_test(micro_int8),
        cmocka_unit_test(tiny_int8_at_512),
        cmocka_unit_test(too_little_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
