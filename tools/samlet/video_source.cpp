// SPDX-License-Identifier: Apache-2.0
#include "video_source.h"

#include <algorithm>
#include <cctype>

#include "error.h"
#include "files.h"
#include "latest_frame.h"

namespace cli {
namespace {

bool is_number(const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

// The device of a camera; "" if the path is none.
std::string camera_device(const std::string& path) {
    const std::string device = "/dev/video", named = "camera:";
    if (path == "camera") return device + "0";
    if (path.rfind(named, 0) == 0 && is_number(path.substr(named.size())))
        return device + path.substr(named.size());
    if (path.rfind(device, 0) == 0) return path;
    return "";
}

}  // namespace

std::unique_ptr<VideoSource> open_source(const std::string& path, const CameraSize& camera_size) {
    if (path == "-") return open_video_file("/dev/stdin");
    const std::string camera = camera_device(path);
    if (!camera.empty()) return std::make_unique<LatestFrame>(open_camera(camera, camera_size));
    if (!file_exists(path)) throw Error("cannot open '" + path + "': No such file or directory");
    if (is_directory(path)) return open_directory(path);
    const std::string kind = extension(path);
    if (kind == ".jpg" || kind == ".jpeg" || kind == ".png") return open_picture(path);
    return open_video_file(path);
}

}  // namespace cli
