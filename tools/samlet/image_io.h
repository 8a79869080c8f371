// Still pictures and masks: JPEG through libjpeg, PNG through libpng. Nothing else knows these libraries.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "files.h"
#include "picture.h"

namespace cli {

// A mask or an annotation: one byte a pixel. From a palette PNG the index, from anything else 0 or 1.
struct IndexMask {
    uint32_t width = 0, height = 0;
    bool palette = false;
    std::vector<uint8_t> pixels;
};

// A JPEG or PNG, told apart by content, as RGB: alpha is dropped, grey and palettes are expanded.
Picture read_image(const std::string& path);
// `name` is for messages. Decodes as libjpeg does by default (exact integer DCT, smooth chroma) and turns
// photographs as their Exif data says.
void decode_jpeg(const uint8_t* data, size_t size, const std::string& name, Picture& picture);
bool is_png(const Bytes& bytes);
Picture decode_png(const Bytes& bytes, const std::string& name);
// A PNG of any kind.
IndexMask read_mask(const std::string& path);

// `indices`: width * height; the palette is the one of DAVIS and VOC (see palette.h).
void write_palette_png(const std::string& path, uint32_t width, uint32_t height, const uint8_t* indices);
// `values`: width * height.
void write_grey16_png(const std::string& path, uint32_t width, uint32_t height, const uint16_t* values);
void write_rgb_png(const std::string& path, const Picture& rgb);
Bytes encode_jpeg(const Picture& rgb, int quality);
void write_jpeg(const std::string& path, const Picture& rgb, int quality);

}  // namespace cli
