// SPDX-License-Identifier: Apache-2.0
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
// libjpeg's header needs stdio before it.
#include <jerror.h>
#include <jpeglib.h>

#include "error.h"
#include "exif.h"
#include "image_io.h"

namespace cli {
namespace {

// libjpeg's default is to exit the process. Functions between setjmp() and longjmp() keep no objects with
// destructors.
struct Errors {
    jpeg_error_mgr base;
    jmp_buf back;
    char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_error(j_common_ptr codec) {
    Errors* errors = reinterpret_cast<Errors*>(codec->err);
    codec->err->format_message(codec, errors->message);
    longjmp(errors->back, 1);
}

// Odd bytes between markers are common and harmless; a missing end is not, though libjpeg would paint it
// grey.
void on_warning(j_common_ptr codec, int level) {
    if (level < 0 && codec->err->msg_code == JWRN_JPEG_EOF) on_error(codec);
}

jpeg_error_mgr* start_errors(Errors& errors) {
    jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.emit_message = on_warning;
    errors.message[0] = 0;
    return &errors.base;
}

constexpr int kExifMarker = JPEG_APP0 + 1;

struct Decoder {
    jpeg_decompress_struct codec = {};
    Errors errors;
    int orientation = 1;  // Exif's
    Decoder() {
        codec.err = start_errors(errors);
        jpeg_create_decompress(&codec);
    }
    ~Decoder() { jpeg_destroy_decompress(&codec); }
};

struct Encoder {
    jpeg_compress_struct codec = {};
    Errors errors;
    unsigned char* data = nullptr;
    unsigned long size = 0;
    Encoder() {
        codec.err = start_errors(errors);
        jpeg_create_compress(&codec);
    }
    ~Encoder() {
        jpeg_destroy_compress(&codec);
        free(data);
    }
};

bool decode(Decoder& decoder, const uint8_t* data, size_t size, Picture& picture) {
    jpeg_decompress_struct& codec = decoder.codec;
    if (setjmp(decoder.errors.back)) return false;
    jpeg_mem_src(&codec, data, size);
    jpeg_save_markers(&codec, kExifMarker, 0xffff);
    jpeg_read_header(&codec, TRUE);
    for (const jpeg_marker_struct* marker = codec.marker_list; marker && decoder.orientation == 1;
         marker = marker->next)
        if (marker->marker == kExifMarker)
            decoder.orientation = exif_orientation(marker->data, marker->data_length);
    codec.out_color_space = JCS_RGB;
    codec.dct_method = JDCT_ISLOW;
    codec.do_fancy_upsampling = TRUE;
    jpeg_start_decompress(&codec);
    shape_rgb(picture, codec.output_width, codec.output_height);
    while (codec.output_scanline < codec.output_height) {
        JSAMPROW row = picture.row(codec.output_scanline);
        jpeg_read_scanlines(&codec, &row, 1);
    }
    jpeg_finish_decompress(&codec);
    return true;
}

// Exif's orientations are mirrored, turned or both, in this order.
void set_upright(Picture& picture, int orientation) {
    constexpr int kQuarters[] = {0, 0, 2, 2, 3, 1, 1, 3};
    const int quarters = kQuarters[orientation - 1];
    if (orientation == 2 || orientation == 4 || orientation == 5 || orientation == 7) mirror(picture);
    if (quarters != 0) picture = turn(picture, quarters);
}

bool encode(Encoder& encoder, const Picture& rgb, int quality) {
    jpeg_compress_struct& codec = encoder.codec;
    if (setjmp(encoder.errors.back)) return false;
    jpeg_mem_dest(&codec, &encoder.data, &encoder.size);
    codec.image_width = rgb.width;
    codec.image_height = rgb.height;
    codec.input_components = 3;
    codec.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec);
    jpeg_set_quality(&codec, quality, TRUE);
    jpeg_start_compress(&codec, TRUE);
    while (codec.next_scanline < codec.image_height) {
        JSAMPROW row = const_cast<JSAMPROW>(rgb.row(codec.next_scanline));
        jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
    return true;
}

}  // namespace

void decode_jpeg(const uint8_t* data, size_t size, const std::string& name, Picture& picture) {
    Decoder decoder;
    if (!decode(decoder, data, size, picture))
        throw Error("'" + name + "' is not a usable JPEG: " + decoder.errors.message);
    set_upright(picture, decoder.orientation);
}

Bytes encode_jpeg(const Picture& rgb, int quality) {
    Encoder encoder;
    if (!encode(encoder, rgb, quality))
        throw Error("cannot encode a JPEG: " + std::string(encoder.errors.message));
    return Bytes(encoder.data, encoder.data + encoder.size);
}

void write_jpeg(const std::string& path, const Picture& rgb, int quality) {
    const Bytes bytes = encode_jpeg(rgb, quality);
    write_file(path, bytes.data(), bytes.size());
}

}  // namespace cli
