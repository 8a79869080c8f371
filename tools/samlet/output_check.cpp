// SPDX-License-Identifier: Apache-2.0
#include "output_check.h"

#include <filesystem>

#include "error.h"
#include "files.h"
#include "video_writer.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& option, const std::string& path, const std::string& why,
                         const std::string& remedy) {
    throw UsageError(option + " '" + path + "' " + why + ": give " + option + " " + remedy);
}

// A folder's pictures are frames, whatever their names; a single picture is the video's frame 0, for which
// `first` is written.
void check_pictures(const std::string& option, const std::string& folder, const std::string& first,
                    const std::string& video) {
    const std::string other = "another folder";
    if (is_directory(video) && same_file(folder, video))
        refuse(option, folder, "is the folder of the frames, among which the results would lie", other);
    if (same_file(join(folder, first), video))
        refuse(option, folder, "would overwrite the picture '" + video + "'", other);
}

void check_overlay(const std::string& overlay, const std::string& video) {
    if (is_video_name(overlay)) {
        if (same_file(overlay, video))
            refuse("--overlay", overlay, "is the video itself and would be overwritten", "another name");
        return;
    }
    check_pictures("--overlay", overlay, frame_digits(0) + ".jpg", video);
    if (!extension(overlay).empty() && !is_directory(overlay))
        refuse("--overlay", overlay, "is no folder and no video that can be written",
               "a name that ends in .mp4, .mkv, .mov, .m4v or .avi, or in / for a folder of JPEGs");
}

}  // namespace

void check_outputs(const TrackOptions& options) {
    if (!options.out.empty()) check_pictures("--out", options.out, frame_digits(0) + ".png", options.video);
    if (options.everything) check_pictures("--out", options.out, "seeds.png", options.video);
    if (!options.overlay.empty()) check_overlay(options.overlay, options.video);
}

void check_outputs(const SegmentOptions& options) {
    const int count = options.multimask ? 3 : 1;
    std::vector<std::string> pictures = {"overlay.png"};
    if (options.everything) pictures.push_back("labels.png");
    for (int i = 0; i < count && !options.everything; i++)
        pictures.push_back("mask_" + std::to_string(i) + ".png");
    for (const std::string& name : pictures)
        if (same_file(join(options.out, name), options.image))
            refuse("--out", options.out, "would overwrite --image '" + options.image + "'", "another folder");
    if (options.logits.empty()) return;
    for (int i = 0; i < count; i++)
        if (same_file(join(options.logits, "mask_" + std::to_string(i) + ".npy"), options.logits_in))
            refuse("--logits", options.logits, "would overwrite --logits-in '" + options.logits_in + "'",
                   "another folder");
}

void check_masks_kept(const Prompts& prompts, const std::string& out) {
    if (out.empty()) return;
    for (const Prompt& prompt : prompts.all()) {
        const fs::path file = prompt.mask_file;
        if (prompt.mask && is_frame_name(file.filename().string(), ".png") &&
            same_file(join(out, file.filename().string()), prompt.mask_file))
            refuse("--out", out, "would overwrite the mask '" + prompt.mask_file + "'", "another folder");
    }
}

}  // namespace cli
