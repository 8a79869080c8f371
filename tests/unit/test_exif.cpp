// Photographs are turned as their Exif data says, and hostile Exif data does no harm.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <memory>
#include <vector>

#include "tools/samlet/error.h"
#include "tools/samlet/exif.h"
#include "tools/samlet/image_io.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace cli;

namespace {

// "Exif", and a directory with the width and the orientation.
Bytes exif(int orientation, bool big) {
    Bytes bytes = {'E', 'x', 'i', 'f', 0, 0};
    const auto number = [&](uint32_t value, int size) {
        for (int i = 0; i < size; i++)
            bytes.push_back(static_cast<uint8_t>(value >> 8 * (big ? size - 1 - i : i)));
    };
    bytes.insert(bytes.end(), 2, big ? 'M' : 'I');
    number(42, 2);
    number(8, 4);
    number(2, 2);
    for (const uint32_t tag : {0x0100u, 0x0112u}) {
        number(tag, 2);
        number(3, 2);
        number(1, 4);
        number(tag == 0x0112 ? static_cast<uint32_t>(orientation) : 640, 2);
        number(0, 2);
    }
    number(0, 4);
    return bytes;
}

// In a block of its own, where a byte too many is found out.
int read(const Bytes& bytes) {
    const std::unique_ptr<uint8_t[]> block(new uint8_t[bytes.size()]);
    if (!bytes.empty()) memcpy(block.get(), bytes.data(), bytes.size());
    return exif_orientation(block.get(), bytes.size());
}

void both_byte_orders(void**) {
    for (int orientation = 1; orientation <= 8; orientation++) {
        assert_int_equal(read(exif(orientation, false)), orientation);
        assert_int_equal(read(exif(orientation, true)), orientation);
    }
    assert_int_equal(read(exif(0, false)), 1);
    assert_int_equal(read(exif(9, true)), 1);
}

void hostile_bytes(void**) {
    for (const bool big : {false, true}) {
        const Bytes good = exif(6, big);
        for (size_t size = 0; size < good.size(); size++)
            assert_in_range(read(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), 1,
                            8);
        for (size_t at = 0; at < good.size(); at++)
            for (int value = 0; value < 256; value++) {
                Bytes bad = good;
                bad[at] = static_cast<uint8_t>(value);
                assert_in_range(read(bad), 1, 8);
            }
        // The directory lies just behind, or as far away as can be written.
        for (const uint32_t where : {0x00000022u, 0x00000024u, 0x7fffffffu, 0xfffffffeu, 0xffffffffu}) {
            Bytes bad = good;
            for (int i = 0; i < 4; i++) bad[10 + i] = static_cast<uint8_t>(where >> 8 * (big ? 3 - i : i));
            assert_in_range(read(bad), 1, 8);
        }
    }
    uint32_t state = 1;
    for (int round = 0; round < 20000; round++) {
        Bytes bad = exif(6, round % 2);
        for (int i = 0; i < 4; i++) {
            state = state * 1664525 + 1013904223;
            bad[6 + (state >> 16) % (bad.size() - 6)] = static_cast<uint8_t>(state >> 8);
        }
        assert_in_range(read(bad), 1, 8);
    }
}

// ---- Turning

constexpr uint32_t kWidth = 48, kHeight = 32;

// Quarters of different colours.
Picture upright() {
    Picture picture;
    shape_rgb(picture, kWidth, kHeight);
    for (uint32_t y = 0; y < kHeight; y++)
        for (uint32_t x = 0; x < kWidth; x++) {
            uint8_t* pixel = picture.row(y) + 3 * x;
            pixel[0] = x < kWidth / 2 ? 220 : 30;
            pixel[1] = y < kHeight / 2 ? 220 : 30;
            pixel[2] = 100;
        }
    return picture;
}

// What a camera stores for an upright picture: row 0 and column 0 are those sides of it that Exif's table
// names for this orientation.
Picture stored(const Picture& picture, int orientation) {
    const bool across = orientation >= 5;
    Picture out;
    shape_rgb(out, across ? kHeight : kWidth, across ? kWidth : kHeight);
    const bool right = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
    const bool bottom = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
    for (uint32_t y = 0; y < out.height; y++)
        for (uint32_t x = 0; x < out.width; x++) {
            uint32_t from_x = across ? y : x, from_y = across ? x : y;
            if (right) from_x = kWidth - 1 - from_x;
            if (bottom) from_y = kHeight - 1 - from_y;
            memcpy(out.row(y) + 3 * x, picture.row(from_y) + 3 * from_x, 3);
        }
    return out;
}

Bytes with_exif(const Bytes& jpeg, const Bytes& exif) {
    const size_t size = exif.size() + 2;
    Bytes out = {0xff, 0xd8, 0xff, 0xe1, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size & 255)};
    out.insert(out.end(), exif.begin(), exif.end());
    out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
    return out;
}

void photographs_are_turned(void**) {
    const Picture expected = upright();
    for (int orientation = 1; orientation <= 8; orientation++) {
        const Bytes jpeg = with_exif(encode_jpeg(stored(expected, orientation), 95), exif(orientation, true));
        Picture picture;
        decode_jpeg(jpeg.data(), jpeg.size(), "photograph", picture);
        assert_int_equal(picture.width, kWidth);
        assert_int_equal(picture.height, kHeight);
        // In the middle of each quarter.
        for (uint32_t y = kHeight / 4; y < kHeight; y += kHeight / 2)
            for (uint32_t x = kWidth / 4; x < kWidth; x += kWidth / 2)
                for (int channel = 0; channel < 2; channel++)
                    assert_in_range(picture.row(y)[3 * x + channel] + 20 - expected.row(y)[3 * x + channel],
                                    0, 40);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(photographs_are_turned),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
