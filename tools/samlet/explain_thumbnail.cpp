// SPDX-License-Identifier: Apache-2.0
#include "explain_thumbnail.h"

#include <algorithm>

#include "error.h"

extern "C" {
#include <libavutil/base64.h>
}

namespace cli {
namespace {

// Pixels of the large picture that make pixel `index` of the small one, along one axis.
struct Run {
    uint32_t first, last;
    Run(uint32_t index, uint32_t small, uint32_t large)
        : first(static_cast<uint32_t>(uint64_t{index} * large / small)),
          last(static_cast<uint32_t>(uint64_t{index + 1} * large / small)) {}
    uint32_t count() const { return last - first; }
};

}  // namespace

Picture thumbnail(const Picture& rgb, uint32_t width) {
    if (rgb.width <= width) return rgb;
    Picture small;
    shape_rgb(small, width, std::max(1u, static_cast<uint32_t>(uint64_t{rgb.height} * width / rgb.width)));
    for (uint32_t y = 0; y < small.height; y++)
        for (uint32_t x = 0; x < small.width; x++) {
            const Run rows(y, small.height, rgb.height), columns(x, small.width, rgb.width);
            uint32_t sums[3] = {0, 0, 0};
            for (uint32_t from = rows.first; from < rows.last; from++)
                for (uint32_t i = columns.first * 3; i < columns.last * 3; i++)
                    sums[i % 3] += rgb.row(from)[i];
            for (uint32_t channel = 0; channel < 3; channel++)
                small.row(y)[3 * x + channel] =
                    static_cast<uint8_t>(sums[channel] / (rows.count() * columns.count()));
        }
    return small;
}

std::string data_uri(const Bytes& jpeg) {
    std::string text(AV_BASE64_SIZE(jpeg.size()), '\0');
    if (!av_base64_encode(text.data(), static_cast<int>(text.size()), jpeg.data(),
                          static_cast<int>(jpeg.size())))
        throw Error("cannot encode a picture for the report");
    text.resize(text.find('\0'));
    return "data:image/jpeg;base64," + text;
}

}  // namespace cli
