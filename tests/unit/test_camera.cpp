// What is no camera is refused with a way out.
//
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "tools/samlet/error.h"
#include "tools/samlet/video_source.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

namespace {

std::string refusal_of(const std::string& device) {
    try {
        cli::open_camera(device, {});
    } catch (const cli::Error& error) {
        return error.what();
    }
    return "";
}

void other_devices_are_refused(void**) {
    const std::string text = refusal_of("/dev/null");
    assert_true(text.find("'/dev/null' is no camera") == 0);
    assert_true(text.find("libcamera") != std::string::npos);
    assert_true(text.find("rpicam-vid -t 0 --codec mjpeg -o - | samlet track --video - ") !=
                std::string::npos);
    assert_true(text.find('\n') == std::string::npos);
}

void missing_devices_are_just_missing(void**) {
    const std::string text = refusal_of("/dev/no-such-video");
    assert_true(text.find("No such file") != std::string::npos);
    assert_true(text.find("libcamera") == std::string::npos);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(other_devices_are_refused),
        cmocka_unit_test(missing_devices_are_just_missing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
