// SPDX-License-Identifier: Apache-2.0
#include "track_seeds.h"

#include "error.h"
#include "files.h"

namespace cli {

Prompts find_seeds(const TrackInput& input, int64_t number, const Picture& first, const SearchWatch& watch) {
    const TrackOptions& options = input.options;
    const Picture rgb = to_rgb(first);
    // A live view shows the progress itself.
    const bool silent = options.quiet || options.json || options.live;
    const std::vector<FoundMask> masks =
        find_everything(create_segmenter(input.model, segmenter_config(options, rgb)), rgb,
                        options.everything_options, silent, watch);
    if (masks.empty())
        throw Error("--everything finds no objects on frame " + std::to_string(number) +
                    ": looser --pred-iou-thresh and --stability-score-thresh may help" +
                    bundled_model_hint(input.model_path));
    const IndexMask seeds = largest_masks(masks, options.everything, rgb.width, rgb.height);
    if (options.out.empty()) return Prompts::from_mask(seeds, "--everything", number);
    make_directory(options.out);
    const std::string path = join(options.out, "seeds.png");
    write_palette_png(path, rgb.width, rgb.height, seeds.pixels.data());
    return Prompts::from_mask(seeds, path, number);
}

}  // namespace cli
