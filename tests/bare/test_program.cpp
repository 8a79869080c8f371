// A program without an operating system under it finds what an ordinary one does, to the last bit.
//
// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scene.h"
#include "tests/bare/two_frames.h"

namespace {

const char* setting(const char* name) {
    const char* value = std::getenv(name);
    if (!value) fail_msg("%s is not set", name);
    return value;
}

std::vector<uint8_t> output_of(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    assert_non_null(pipe);
    std::vector<uint8_t> bytes;
    uint8_t buffer[4096];
    while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe))
        bytes.insert(bytes.end(), buffer, buffer + n);
    const int status = pclose(pipe);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail_msg("%s ends with %d", command.c_str(), status);
    return bytes;
}

std::unique_ptr<two_frames_answer> ordinary_answer() {
    std::vector<uint8_t> pixels(2 * 3 * TWO_FRAMES_WIDTH * TWO_FRAMES_HEIGHT);
    FILE* file = std::fopen(setting("SAMLET_BARE_FRAMES"), "rb");
    assert_non_null(file);
    assert_int_equal(std::fread(pixels.data(), 1, pixels.size(), file), pixels.size());
    std::fclose(file);
    const samlet_tracker_config config = two_frames_config();
    samlet_tracker* tracker = scene_tracker(&config);
    auto answer = std::make_unique<two_frames_answer>();
    const uint8_t* const frames[2] = {pixels.data(), pixels.data() + pixels.size() / 2};
    const char* message = two_frames_track(tracker, frames, answer.get());
    if (message) fail_msg("%s", message);
    samlet_tracker_destroy(tracker);
    return answer;
}

void finds_the_same(void**) {
    const auto ordinary = ordinary_answer();
    const std::vector<uint8_t> bytes = output_of(setting("SAMLET_BARE_PROGRAM"));
    assert_int_equal(bytes.size(), sizeof(two_frames_answer));
    const auto bare = std::make_unique<two_frames_answer>();
    std::memcpy(bare.get(), bytes.data(), bytes.size());
    for (int i = 0; i < 2; i++) {
        size_t set = 0;
        for (const uint8_t pixel : ordinary->mask[i]) set += pixel != 0;
        print_message("frame %d: %zu pixels of the object\n", i, set);
        assert_in_range(set, 10000, 200000);  // there is something to compare
        assert_memory_equal(bare->mask[i], ordinary->mask[i], sizeof(ordinary->mask[i]));
        assert_memory_equal(bare->logits[i], ordinary->logits[i], sizeof(ordinary->logits[i]));
    }
}

// Nothing but libm is linked to it.
void needs_arithmetic_only(void**) {
    const std::vector<uint8_t> text =
        output_of(std::string("nm -u '") + setting("SAMLET_BARE_PROGRAM") + "'");
    // The last row is XNNPACK's: the operator that quantises activations lives beside all other unary ones.
    const std::set<std::string> arithmetic = {
        "cos",   "erff",  "expf", "floor",  "fmaxf", "fminf",   "ldexpf", "lrintf", "pow", "sin", "sincos",
        "sincosf", "sqrt", "sqrtf",
        "cbrtf", "cosf",  "erf",  "exp",   "expm1f", "logf",  "nearbyintf", "powf", "roundf", "sinf", "tanhf"};
    std::string word;
    size_t found = 0;
    for (const uint8_t c : text) {
        if (c != ' ' && c != '\n') {
            word += static_cast<char>(c);
            continue;
        }
        word = word.substr(0, word.find('@'));
        if (word.size() > 1) {
            found++;
            if (!arithmetic.count(word)) fail_msg("the program needs %s", word.c_str());
        }
        word.clear();
    }
    assert_in_range(found, 1, arithmetic.size());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_same),
        cmocka_unit_test(needs_arithmetic_only),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
