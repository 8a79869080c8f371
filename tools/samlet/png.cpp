// SPDX-License-Identifier: Apache-2.0
#include <png.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "error.h"
#include "image_io.h"
#include "palette.h"

namespace cli {
namespace {

// libpng reports errors by a jump. Functions between setjmp() and the jump keep no objects with destructors:
// what they need lives in these structures, one frame further out.
struct Message {
    char text[160] = "";
};

[[noreturn]] void on_error(png_structp png, png_const_charp text) {
    Message* message = static_cast<Message*>(png_get_error_ptr(png));
    snprintf(message->text, sizeof(message->text), "%s", text);
    png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

struct Input {
    const uint8_t* data;
    size_t size;
    size_t position;
};

void read_bytes(png_structp png, png_bytep target, size_t size) {
    Input* input = static_cast<Input*>(png_get_io_ptr(png));
    if (size > input->size - input->position) png_error(png, "the file ends too early");
    memcpy(target, input->data + input->position, size);
    input->position += size;
}

void write_bytes(png_structp png, png_bytep data, size_t size) {
    Bytes* bytes = static_cast<Bytes*>(png_get_io_ptr(png));
    bool stored = true;
    try {
        bytes->insert(bytes->end(), data, data + size);
    } catch (...) {
        stored = false;  // no exception may pass through libpng
    }
    if (!stored) png_error(png, "out of memory");
}

void flush_bytes(png_structp) {}

struct Reader {
    Message message;
    Input input;
    png_structp png;
    png_infop info;
    std::vector<png_bytep> rows;

    Reader(const uint8_t* data, size_t size) : input{data, size, 0} {
        png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning);
        info = png ? png_create_info_struct(png) : nullptr;
        if (!info) throw Error("out of memory");
        png_set_read_fn(png, &input, read_bytes);
    }
    ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }

    bool read_header() {
        if (setjmp(png_jmpbuf(png))) return false;
        png_set_user_limits(png, 32768, 32768);
        png_read_info(png, info);
        return true;
    }
    bool as_rgb() {
        if (setjmp(png_jmpbuf(png))) return false;
        png_set_scale_16(png);
        // Not png_set_expand(): transparent colours would become an alpha channel only to be dropped again.
        if (png_get_color_type(png, info) == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
        if (png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
        png_set_gray_to_rgb(png);
        png_set_strip_alpha(png);
        png_set_interlace_handling(png);
        png_read_update_info(png, info);
        return true;
    }
    bool as_stored() {
        if (setjmp(png_jmpbuf(png))) return false;
        png_set_packing(png);
        png_set_interlace_handling(png);
        png_read_update_info(png, info);
        return true;
    }
    bool read_rows() {
        if (setjmp(png_jmpbuf(png))) return false;
        png_read_image(png, rows.data());
        png_read_end(png, nullptr);
        return true;
    }

    uint32_t width() const { return png_get_image_width(png, info); }
    uint32_t height() const { return png_get_image_height(png, info); }
    void point_rows(uint8_t* first, size_t stride) {
        rows.resize(height());
        for (size_t y = 0; y < rows.size(); y++) rows[y] = first + y * stride;
    }
};

struct Writer {
    Message message;
    Bytes bytes;
    png_structp png;
    png_infop info;

    Writer() {
        png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning);
        info = png ? png_create_info_struct(png) : nullptr;
        if (!info) throw Error("out of memory");
        png_set_write_fn(png, &bytes, write_bytes, flush_bytes);
    }
    ~Writer() { png_destroy_write_struct(&png, &info); }

    bool write(uint32_t width, uint32_t height, int bits, int colour_type, const png_color* palette,
               const uint8_t* first, size_t stride) {
        if (setjmp(png_jmpbuf(png))) return false;
        png_set_IHDR(png, info, width, height, bits, colour_type, PNG_INTERLACE_NONE,
                     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        if (palette) {
            png_set_PLTE(png, info, palette, 256);
            // Masks are flat: filters only disturb the runs.
            png_set_filter(png, 0, PNG_FILTER_NONE);
        }
        png_set_compression_level(png, 3);
        png_write_info(png, info);
        for (uint32_t y = 0; y < height; y++) png_write_row(png, first + y * stride);
        png_write_end(png, info);
        return true;
    }
};

[[noreturn]] void unusable(const std::string& path, const Reader& reader) {
    throw Error("'" + path + "' is not a usable PNG: " + reader.message.text);
}

// Whether any colour sample of a pixel is set; the alpha channel does not count.
bool any_sample(const uint8_t* pixel, size_t bytes, size_t alpha_bytes) {
    return std::any_of(pixel, pixel + bytes - alpha_bytes, [](uint8_t sample) { return sample != 0; });
}

// Several levels of 16 bits are a label map, which one object would not be.
bool has_several_values(const uint8_t* samples, size_t count, size_t pixel_bytes) {
    int only = 0;
    for (size_t i = 0; i < count; i++) {
        const int value = samples[i * pixel_bytes] << 8 | samples[i * pixel_bytes + 1];
        if (value != 0 && only != 0 && value != only) return true;
        if (value != 0) only = value;
    }
    return false;
}

}  // namespace

bool is_png(const Bytes& bytes) {
    return bytes.size() >= 8 && png_sig_cmp(bytes.data(), 0, 8) == 0;
}

Picture decode_png(const Bytes& bytes, const std::string& name) {
    Reader reader(bytes.data(), bytes.size());
    if (!reader.read_header() || !reader.as_rgb()) unusable(name, reader);
    Picture picture;
    shape_rgb(picture, reader.width(), reader.height());
    reader.point_rows(picture.bytes.data(), picture.stride[0]);
    if (!reader.read_rows()) unusable(name, reader);
    return picture;
}

IndexMask read_mask(const std::string& path) {
    const Bytes bytes = read_file(path);
    if (!is_png(bytes)) throw Error("'" + path + "' is not a PNG, which masks must be");
    Reader reader(bytes.data(), bytes.size());
    if (!reader.read_header() || !reader.as_stored()) unusable(path, reader);
    const int type = png_get_color_type(reader.png, reader.info);
    const size_t row_bytes = png_get_rowbytes(reader.png, reader.info);
    Bytes samples(row_bytes * reader.height());
    reader.point_rows(samples.data(), row_bytes);
    if (!reader.read_rows()) unusable(path, reader);

    IndexMask mask;
    mask.width = reader.width();
    mask.height = reader.height();
    mask.palette = type == PNG_COLOR_TYPE_PALETTE;
    mask.pixels.resize(size_t{mask.width} * mask.height);
    const size_t pixel_bytes = row_bytes / mask.width;
    const size_t alpha_bytes =
        type & PNG_COLOR_MASK_ALPHA ? pixel_bytes / png_get_channels(reader.png, reader.info) : 0;
    const bool grey16 = !(type & (PNG_COLOR_MASK_COLOR | PNG_COLOR_MASK_PALETTE)) &&
                        png_get_bit_depth(reader.png, reader.info) == 16;
    if (grey16 && has_several_values(samples.data(), mask.pixels.size(), pixel_bytes))
        throw Error("'" + path + "' is a grey PNG of 16 bits with several values, and as a mask it would be one "
                    "object: save it as a palette PNG, or as 0 and 255");
    for (size_t i = 0; i < mask.pixels.size(); i++) {
        const uint8_t* pixel = samples.data() + i * pixel_bytes;
        mask.pixels[i] = mask.palette ? *pixel : any_sample(pixel, pixel_bytes, alpha_bytes);
    }
    return mask;
}

void write_palette_png(const std::string& path, uint32_t width, uint32_t height, const uint8_t* indices) {
    png_color palette[256];
    for (int i = 0; i < 256; i++) {
        const Colour colour = palette_colour(static_cast<uint8_t>(i));
        palette[i] = {colour.red, colour.green, colour.blue};
    }
    Writer writer;
    if (!writer.write(width, height, 8, PNG_COLOR_TYPE_PALETTE, palette, indices, width))
        throw Error("cannot encode '" + path + "': " + writer.message.text);
    write_file(path, writer.bytes.data(), writer.bytes.size());
}

void write_grey16_png(const std::string& path, uint32_t width, uint32_t height, const uint16_t* values) {
    Bytes samples;  // high bytes first
    samples.reserve(size_t{2} * width * height);
    for (size_t i = 0; i < size_t{width} * height; i++) {
        samples.push_back(static_cast<uint8_t>(values[i] >> 8));
        samples.push_back(static_cast<uint8_t>(values[i] & 255));
    }
    Writer writer;
    if (!writer.write(width, height, 16, PNG_COLOR_TYPE_GRAY, nullptr, samples.data(), size_t{2} * width))
        throw Error("cannot encode '" + path + "': " + writer.message.text);
    write_file(path, writer.bytes.data(), writer.bytes.size());
}

void write_rgb_png(const std::string& path, const Picture& rgb) {
    Writer writer;
    if (!writer.write(rgb.width, rgb.height, 8, PNG_COLOR_TYPE_RGB, nullptr, rgb.bytes.data(), rgb.stride[0]))
        throw Error("cannot encode '" + path + "': " + writer.message.text);
    write_file(path, writer.bytes.data(), writer.bytes.size());
}

}  // namespace cli
