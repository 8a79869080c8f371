// SPDX-License-Identifier: Apache-2.0
#include "image_io.h"

#include "error.h"

namespace cli {

Picture read_image(const std::string& path) {
    const Bytes bytes = read_file(path);
    if (is_png(bytes)) return decode_png(bytes, path);
    if (bytes.size() < 3 || bytes[0] != 0xff || bytes[1] != 0xd8)
        throw Error("'" + path + "' is neither a JPEG nor a PNG");
    Picture picture;
    decode_jpeg(bytes.data(), bytes.size(), path, picture);
    return picture;
}

}  // namespace cli
