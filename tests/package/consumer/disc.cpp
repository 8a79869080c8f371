// The same as disc.c with the wrapper for C++.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>
#include <samlet/samlet.hpp>
#include <vector>

namespace {

namespace sam = samlet::api;

constexpr int kWidth = 160, kHeight = 120, kRadius = 25;

void draw(std::vector<unsigned char>& grey, int centre_x) {
    for (int y = 0; y < kHeight; y++)
        for (int x = 0; x < kWidth; x++) {
            const int dx = x - centre_x, dy = y - kHeight / 2;
            grey[static_cast<size_t>(y * kWidth + x)] = dx * dx + dy * dy < kRadius * kRadius ? 230 : 40;
        }
}

void track(const char* path) {
    sam::ModelConfig model_config;
    model_config.path = path;
    const sam::Model model(model_config);
    sam::TrackerConfig config;
    config.flags = SAMLET_TRACKER_YIELD;
    sam::Tracker tracker(model, config);

    std::vector<unsigned char> grey(size_t{kWidth} * kHeight);
    for (int n = 0; n < 2; n++) {
        draw(grey, 60 + 10 * n);
        tracker.set_frame(sam::Frame::packed(SAMLET_PIXEL_GREY, grey.data(), kWidth, kHeight), n);
        if (n == 0) tracker.prompt(1, sam::Prompt().positive(60, kHeight / 2));
        tracker.track();
        const sam::Result result = tracker.result(1);
        std::printf("samlet %s frame %d visible %u area %llu\n", samlet_version(), n, result.visible,
                    static_cast<unsigned long long>(result.area));
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc == 2) track(argv[1]);
        return argc == 2 ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "disc: %s\n", error.what());
        return 1;
    }
}
