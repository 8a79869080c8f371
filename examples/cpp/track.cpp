// Tracks one object through a clip, in memory that this program owns: ../c/track.c with samlet.hpp.
//
// SPDX-License-Identifier: Apache-2.0
//
//   track MODEL.gguf X Y FRAME.ppm...
#include <cstdio>
#include <exception>
#include <fstream>
#include <samlet/samlet.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace sam = samlet::api;

struct Picture {
    uint32_t width = 0, height = 0;
    std::vector<char> rgb;
};

// Binary PPM as djpeg and ImageMagick write it (no comments).
static void read_ppm(const std::string& path, Picture& picture) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    uint32_t width = 0, height = 0, depth = 0;
    file >> magic >> width >> height >> depth;
    if (!file || file.get() == EOF || magic != "P6" || depth != 255 || width > 99999 || height > 99999)
        throw std::runtime_error(path + ": not a binary PPM file");
    if (picture.rgb.empty()) {
        picture.width = width;
        picture.height = height;
        picture.rgb.resize(size_t{3} * width * height);
    }
    if (width != picture.width || height != picture.height ||
        !file.read(picture.rgb.data(), static_cast<std::streamsize>(picture.rgb.size())))
        throw std::runtime_error(path + ": not a PPM file of the first one's size");
}

static void track(const std::string& model_path, float x, float y, const std::vector<std::string>& frames) {
    Picture picture;
    read_ppm(frames.at(0), picture);

    // How much memory does the model need? Give it that.
    sam::ModelConfig model_config;
    model_config.path = model_path;
    sam::Block model_block(sam::Model::memory(model_config));
    model_config.memory = model_block;
    const sam::Model model(model_config);

    // The same for a tracker. From its creation on the library allocates nothing any more.
    sam::TrackerConfig config;
    config.max_frame_width = picture.width;
    config.max_frame_height = picture.height;
    config.clip_length = static_cast<uint32_t>(frames.size());
    config.flags = SAMLET_TRACKER_YIELD;  // other programs share the cores
    sam::Block tracker_block(sam::Tracker::memory(model, config));
    config.place_in(tracker_block);
    sam::Tracker tracker(model, config);
    std::printf("memory model %llu tracker %llu\n", static_cast<unsigned long long>(model_block.size()),
                static_cast<unsigned long long>(tracker_block.size()));

    for (size_t number = 0; number < frames.size(); number++) {
        read_ppm(frames[number], picture);
        tracker.set_frame(sam::Frame::rgb(picture.rgb.data(), picture.width, picture.height),
                          static_cast<int64_t>(number));
        if (number == 0) tracker.prompt(1, sam::Prompt().positive(x, y));
        tracker.track();
        const sam::Result result = tracker.result(1);
        std::printf("frame %lld score %.3f iou %.3f visible %u box %.0f %.0f %.0f %.0f\n",
                    static_cast<long long>(result.frame), result.object_score, result.iou, result.visible,
                    result.box.x0, result.box.y0, result.box.x1, result.box.y1);
    }
}

int main(int argc, char** argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: track MODEL.gguf X Y FRAME.ppm...\n");
        return 1;
    }
    try {
        track(argv[1], std::stof(argv[2]), std::stof(argv[3]), {argv + 4, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "track: %s\n", error.what());
        return 1;
    }
    return 0;
}
