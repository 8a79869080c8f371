// Frames to model input: against Pillow's own answers, against the formulas in double, and at the edges.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "core/preprocess.h"
#include "tests/unit/image_support.h"

using namespace samlet;

namespace {

const float kMean[3] = {0.485f, 0.456f, 0.406f};
const float kDeviation[3] = {0.229f, 0.224f, 0.225f};

std::vector<uint8_t> make_picture(int kind, uint32_t width, uint32_t height) {
    Lcg lcg{width * 1000 + height};
    std::vector<uint8_t> out;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            for (uint32_t c = 0; c < 3; c++) {
                const uint8_t byte = lcg.byte();
                const uint8_t ramp = static_cast<uint8_t>(7 * x + 13 * y + 50 * c);
                out.push_back(kind == 0 ? byte : kind == 1 ? (byte > 127 ? 255 : 0) : ramp);
            }
        }
    }
    return out;
}

samlet_frame make_frame(samlet_pixel_format format, uint32_t width, uint32_t height, const void* data,
                        uint64_t stride) {
    samlet_frame frame = {};
    frame.size = sizeof frame;
    frame.format = format;
    frame.width = width;
    frame.height = height;
    frame.plane[0] = data;
    frame.stride[0] = stride;
    return frame;
}

// The whole stage, with the rows cut into `parts` ranges.
std::vector<float> preprocess(const samlet_frame& frame, ResizeFilter filter, uint32_t size,
                              uint32_t parts = 1) {
    assert_int_equal(check_frame(frame, size, kMaxSide, kMaxSide).code, SAMLET_OK);
    const Block tables(preprocess_table_bytes(filter, frame.width, frame.height, size));
    const Block scratch(preprocess_scratch_bytes(filter, frame.width, frame.height, size));
    std::vector<float> out(size_t{3} * size * size, -1000.0f);
    PreprocessJob job;
    prepare_preprocess(frame, filter, size, kMean, kDeviation, tables.p, Map{out.data(), false},
                       generic_kernels, &job);
    for (uint32_t i = 0; i < parts; i++)
        preprocess_rows(job, size * i / parts, size * (i + 1) / parts, scratch.p);
    return out;
}

std::vector<float> preprocess_rgb(const std::vector<uint8_t>& rgb, uint32_t width, uint32_t height,
                                  ResizeFilter filter, uint32_t size, uint32_t parts = 1) {
    const samlet_frame frame = make_frame(SAMLET_PIXEL_RGB, width, height, rgb.data(), uint64_t{3} * width);
    return preprocess(frame, filter, size, parts);
}

float normalised(uint8_t byte, size_t channel) {
    return (static_cast<float>(byte / 255.0) - kMean[channel]) / kDeviation[channel];
}

struct BicubicCase {
    int kind;
    uint32_t width, height, size;
    const char* hex;
};
const BicubicCase kBicubicCases[] = {
#include "tests/data/bicubic_pillow.inc"
};

void bicubic_equals_pillow(void**) {
    for (const BicubicCase& c : kBicubicCases) {
        const std::vector<float> out = preprocess_rgb(make_picture(c.kind, c.width, c.height), c.width,
                                                      c.height, ResizeFilter::bicubic, c.size);
        assert_int_equal(std::strlen(c.hex), 2 * out.size());
        for (size_t i = 0; i < out.size(); i++) {
            const char digits[3] = {c.hex[2 * i], c.hex[2 * i + 1], 0};
            const uint8_t byte = static_cast<uint8_t>(std::strtoul(digits, nullptr, 16));
            assert_true(out[i] == normalised(byte, i % 3));
        }
    }
}

void bilinear_equals_formula(void**) {
    const uint32_t cases[][3] = {{40, 30, 16}, {61, 47, 24}, {7, 5, 16},   {16, 16, 16},
                                 {33, 16, 16}, {16, 27, 16}, {1, 1, 8},    {1, 9, 8},
                                 {90, 2, 12},  {5, 5, 1},    {64, 64, 32}, {96, 54, 26}};
    for (const auto& c : cases) {
        const uint32_t width = c[0], height = c[1], size = c[2];
        const std::vector<uint8_t> rgb = make_picture(0, width, height);
        const std::vector<float> out = preprocess_rgb(rgb, width, height, ResizeFilter::bilinear, size);
        std::vector<std::vector<double>> wx, wy;
        for (uint32_t i = 0; i < size; i++) {
            wx.push_back(triangle_weights(width, size, i));
            wy.push_back(triangle_weights(height, size, i));
        }
        for (uint32_t y = 0; y < size; y++) {
            for (uint32_t x = 0; x < size; x++) {
                for (size_t ch = 0; ch < 3; ch++) {
                    double sum = 0;
                    for (uint32_t v = 0; v < height; v++) {
                        if (wy[y][v] == 0) continue;
                        for (uint32_t u = 0; u < width; u++) {
                            sum += wy[y][v] * wx[x][u] * rgb[(size_t{v} * width + u) * 3 + ch] / 255.0;
                        }
                    }
                    const double expected = (sum - kMean[ch]) / kDeviation[ch];
                    const double got = out[(size_t{y} * size + x) * 3 + ch];
                    assert_true(std::fabs(expected - got) < 3e-5);
                }
            }
        }
    }
}

void any_split_gives_the_same(void**) {
    Lcg lcg{7};
    for (int round = 0; round < 60; round++) {
        const uint32_t width = 1 + lcg.below(70), height = 1 + lcg.below(70), size = 1 + lcg.below(50);
        const std::vector<uint8_t> rgb = make_picture(round % 3, width, height);
        for (const ResizeFilter filter : {ResizeFilter::bicubic, ResizeFilter::bilinear}) {
            const std::vector<float> whole = preprocess_rgb(rgb, width, height, filter, size);
            for (const uint32_t parts : {2u, 3u, size}) {
                assert_true(whole == preprocess_rgb(rgb, width, height, filter, size, parts));
            }
        }
    }
}

void constant_stays_constant(void**) {
    const uint32_t sides[] = {1, 2, 3, 16, 17, 255, 1000};
    for (const uint32_t width : sides) {
        for (const uint32_t height : sides) {
            for (const uint8_t value : {uint8_t{0}, uint8_t{1}, uint8_t{128}, uint8_t{254}, uint8_t{255}}) {
                const std::vector<uint8_t> rgb(size_t{3} * width * height, value);
                const std::vector<float> cubic =
                    preprocess_rgb(rgb, width, height, ResizeFilter::bicubic, 16);
                const std::vector<float> linear =
                    preprocess_rgb(rgb, width, height, ResizeFilter::bilinear, 16);
                for (size_t i = 0; i < cubic.size(); i++) {
                    assert_true(cubic[i] == normalised(value, i % 3));
                    assert_true(std::fabs(linear[i] - normalised(value, i % 3)) < 1e-5f);
                }
            }
        }
    }
}

void largest_sides(void**) {
    const uint32_t sizes[][2] = {{kMaxSide, 2}, {2, kMaxSide}, {4096, 4096}};
    for (const auto& s : sizes) {
        const std::vector<uint8_t> grey(size_t{s[0]} * s[1], 200);
        const samlet_frame frame = make_frame(SAMLET_PIXEL_GREY, s[0], s[1], grey.data(), s[0]);
        for (const float value : preprocess(frame, ResizeFilter::bicubic, 32))
            assert_true(std::fabs(value) < 3);
        for (const float value : preprocess(frame, ResizeFilter::bilinear, 32))
            assert_true(std::fabs(value) < 3);
    }
}

void byte_formats_agree(void**) {
    const uint32_t width = 19, height = 11, size = 13;
    const std::vector<uint8_t> rgb = make_picture(0, width, height);
    const std::vector<float> expected = preprocess_rgb(rgb, width, height, ResizeFilter::bicubic, size);
    const struct {
        samlet_pixel_format format;
        int step, red, blue;
    } formats[] = {{SAMLET_PIXEL_BGR, 3, 2, 0},
                   {SAMLET_PIXEL_RGBA, 4, 0, 2},
                   {SAMLET_PIXEL_BGRA, 4, 2, 0},
                   {SAMLET_PIXEL_RGB, 3, 0, 2}};
    for (const auto& f : formats) {
        for (const size_t padding : {0, 1, 77}) {
            const size_t stride = width * static_cast<size_t>(f.step) + padding;
            // The last row ends with its last pixel, and the first byte has an odd address.
            const size_t bytes = stride * (height - 1) + width * static_cast<size_t>(f.step) + 1;
            const std::unique_ptr<uint8_t[]> space(new uint8_t[bytes]);
            std::memset(space.get(), 0xEE, bytes);
            uint8_t* data = space.get() + 1;
            for (uint32_t y = 0; y < height; y++) {
                for (uint32_t x = 0; x < width; x++) {
                    const uint8_t* in = rgb.data() + (size_t{y} * width + x) * 3;
                    uint8_t* to = data + y * stride + x * static_cast<size_t>(f.step);
                    to[f.red] = in[0];
                    to[1] = in[1];
                    to[f.blue] = in[2];
                }
            }
            const samlet_frame frame = make_frame(f.format, width, height, data, stride);
            assert_true(preprocess(frame, ResizeFilter::bicubic, size) == expected);
        }
    }
    std::vector<uint8_t> grey(size_t{width} * height), grey_rgb;
    for (size_t i = 0; i < grey.size(); i++) {
        grey[i] = rgb[i];
        for (int c = 0; c < 3; c++) grey_rgb.push_back(rgb[i]);
    }
    const samlet_frame frame = make_frame(SAMLET_PIXEL_GREY, width, height, grey.data(), width);
    assert_true(preprocess(frame, ResizeFilter::bilinear, size) ==
                preprocess_rgb(grey_rgb, width, height, ResizeFilter::bilinear, size));
}

// Nearest byte to the BT.601 studio range matrix in double, or the other one next to a tie.
void assert_yuv(int y, int u, int v, const uint8_t* rgb) {
    const double l = 1.164383 * (y - 16), cb = u - 128, cr = v - 128;
    const double exact[3] = {l + 1.596027 * cr, l - 0.391762 * cb - 0.812968 * cr, l + 2.017232 * cb};
    for (int c = 0; c < 3; c++) {
        const double clamped = std::fmin(255.0, std::fmax(0.0, exact[c]));
        assert_true(std::fabs(rgb[c] - clamped) < 0.51);
    }
}

void yuv_matrix(void**) {
    uint8_t luma[256];
    for (int y = 0; y < 256; y++) luma[y] = static_cast<uint8_t>(y);
    uint8_t chroma[256], rgb[256 * 3];
    for (int u = 0; u < 256; u += 5) {
        for (int v = 0; v < 256; v += 5) {
            for (int i = 0; i < 256; i += 2) {
                chroma[i] = static_cast<uint8_t>(u);
                chroma[i + 1] = static_cast<uint8_t>(v);
            }
            samlet_frame frame = make_frame(SAMLET_PIXEL_NV12, 256, 1, luma, 256);
            frame.plane[1] = chroma;
            frame.stride[1] = 256;
            convert_row(frame, 0, rgb);
            for (int y = 0; y < 256; y++) assert_yuv(y, u, v, rgb + 3 * y);
        }
    }
    const struct {
        int y, u, v;
        uint8_t rgb[3];
    } known[] = {{16, 128, 128, {0, 0, 0}},        {235, 128, 128, {255, 255, 255}},
                 {126, 128, 128, {128, 128, 128}}, {81, 90, 240, {254, 0, 0}},
                 {145, 54, 34, {0, 255, 1}},       {41, 240, 110, {0, 0, 255}},
                 {0, 128, 128, {0, 0, 0}},         {255, 128, 128, {255, 255, 255}}};
    for (const auto& k : known) {
        const uint8_t yuyv[4] = {static_cast<uint8_t>(k.y), static_cast<uint8_t>(k.u),
                                 static_cast<uint8_t>(k.y), static_cast<uint8_t>(k.v)};
        const samlet_frame frame = make_frame(SAMLET_PIXEL_YUYV, 2, 1, yuyv, 4);
        uint8_t out[6];
        convert_row(frame, 0, out);
        assert_memory_equal(out, k.rgb, 3);
        assert_memory_equal(out + 3, k.rgb, 3);
    }
}

void yuv_layouts(void**) {
    Lcg lcg{3};
    for (const uint32_t width : {1u, 2u, 7u, 8u}) {
        for (const uint32_t height : {1u, 2u, 5u, 6u}) {
            const uint32_t half_width = (width + 1) / 2, half_height = (height + 1) / 2;
            const size_t luma_stride = width + 3, chroma_stride = 2 * half_width + 5;
            const size_t luma_bytes = luma_stride * (height - 1) + width;
            const size_t chroma_bytes = chroma_stride * (half_height - 1) + 2 * half_width;
            const std::unique_ptr<uint8_t[]> luma(new uint8_t[luma_bytes]), chroma(new uint8_t[chroma_bytes]);
            for (size_t i = 0; i < luma_bytes; i++) luma[i] = lcg.byte();
            for (size_t i = 0; i < chroma_bytes; i++) chroma[i] = lcg.byte();
            samlet_frame nv12 = make_frame(SAMLET_PIXEL_NV12, width, height, luma.get(), luma_stride);
            nv12.plane[1] = chroma.get();
            nv12.stride[1] = chroma_stride;
            assert_int_equal(check_frame(nv12, 32, 8, 8).code, SAMLET_OK);
            std::vector<uint8_t> rgb(size_t{3} * width);
            for (uint32_t y = 0; y < height; y++) {
                convert_row(nv12, y, rgb.data());
                for (uint32_t x = 0; x < width; x++) {
                    const uint8_t* uv = chroma.get() + (y / 2) * chroma_stride + x / 2 * 2;
                    assert_yuv(luma[y * luma_stride + x], uv[0], uv[1], &rgb[size_t{3} * x]);
                }
            }
            if (width % 2 != 0) continue;
            const size_t stride = 2 * width + 1, bytes = stride * (height - 1) + 2 * width;
            const std::unique_ptr<uint8_t[]> packed(new uint8_t[bytes]);
            for (size_t i = 0; i < bytes; i++) packed[i] = lcg.byte();
            const samlet_frame yuyv = make_frame(SAMLET_PIXEL_YUYV, width, height, packed.get(), stride);
            for (uint32_t y = 0; y < height; y++) {
                convert_row(yuyv, y, rgb.data());
                for (uint32_t x = 0; x < width; x++) {
                    const uint8_t* pair = packed.get() + y * stride + x / 2 * 4;
                    assert_yuv(pair[x % 2 * 2], pair[1], pair[3], &rgb[size_t{3} * x]);
                }
            }
            preprocess(nv12, ResizeFilter::bicubic, 5);
            preprocess(yuyv, ResizeFilter::bilinear, 5);
        }
    }
}

void normalised_is_copied(void**) {
    const uint32_t size = 9;
    const size_t stride = size + 2;  // floats
    std::vector<float> planes(stride * size * 3 - 2);
    for (size_t i = 0; i < planes.size(); i++) planes[i] = static_cast<float>(i) * 0.25f - 3;
    samlet_frame frame =
        make_frame(SAMLET_PIXEL_NORMALISED, size, size, planes.data(), stride * sizeof(float));
    frame.output_width = 640;
    frame.output_height = 480;
    for (const uint32_t parts : {1u, 4u}) {
        const std::vector<float> out = preprocess(frame, ResizeFilter::bilinear, size, parts);
        for (uint32_t y = 0; y < size; y++) {
            for (uint32_t x = 0; x < size; x++) {
                for (uint32_t c = 0; c < 3; c++) {
                    assert_true(out[(size_t{y} * size + x) * 3 + c] == planes[(c * size + y) * stride + x]);
                }
            }
        }
    }
    const PictureSize picture = picture_size(frame);
    assert_int_equal(picture.width, 640);
    assert_int_equal(picture.height, 480);
}

void frames_are_checked(void**) {
    const uint32_t size = 8;
    alignas(4) uint8_t space[8 * 8 * 3 * 4 + 4] = {};
    const auto code = [&](const samlet_frame& f) {
        const Status status = check_frame(f, size, 100, 50);
        assert_true(status.ok() || std::strlen(status.text) > 10);
        return status.code;
    };
    const samlet_frame good = make_frame(SAMLET_PIXEL_RGB, 8, 4, space, 24);
    assert_int_equal(code(good), SAMLET_OK);

    samlet_frame f = good;
    for (const int32_t format : {8, 9, -1, INT32_MAX, INT32_MIN}) {
        std::memcpy(&f.format, &format, sizeof format);
        assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    }
    f = good, f.width = 0;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = good, f.height = 0;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = good, f.plane[0] = nullptr;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = good, f.stride[0] = 23;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = good, f.stride[0] = 0;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = good, f.stride[0] = UINT64_MAX;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = good, f.stride[0] = uint64_t{1} << 62;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = good, f.width = 101, f.stride[0] = 303;
    assert_int_equal(code(f), SAMLET_ERROR_CAPACITY);
    f = good, f.height = 51;
    assert_int_equal(code(f), SAMLET_ERROR_CAPACITY);
    f = good, f.width = UINT32_MAX;
    assert_int_equal(code(f), SAMLET_ERROR_CAPACITY);
    const struct {
        samlet_pixel_format format;
        uint64_t least;
    } strides[] = {{SAMLET_PIXEL_RGB, 24},  {SAMLET_PIXEL_BGR, 24}, {SAMLET_PIXEL_RGBA, 32},
                   {SAMLET_PIXEL_BGRA, 32}, {SAMLET_PIXEL_GREY, 8}, {SAMLET_PIXEL_YUYV, 16}};
    for (const auto& s : strides) {
        f = good, f.format = s.format, f.stride[0] = s.least;
        assert_int_equal(code(f), SAMLET_OK);
        f.stride[0]--;
        assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    }
    f = good, f.format = SAMLET_PIXEL_YUYV, f.width = 7;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    // One row may claim any stride: it is never stepped over.
    f = good, f.height = 1, f.stride[0] = UINT64_MAX;
    assert_int_equal(code(f), SAMLET_OK);
    preprocess(f, ResizeFilter::bicubic, size);

    f = good, f.format = SAMLET_PIXEL_NV12, f.width = 7, f.stride[0] = 7;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);  // no second plane
    f.plane[1] = space, f.stride[1] = 8;
    assert_int_equal(code(f), SAMLET_OK);
    f.stride[1] = 7;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);

    samlet_frame n = make_frame(SAMLET_PIXEL_NORMALISED, 8, 8, space, 32);
    n.output_width = 100, n.output_height = 50;
    assert_int_equal(code(n), SAMLET_OK);
    f = n, f.width = 7;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = n, f.height = 9;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = n, f.output_width = 0;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = n, f.output_width = 101;
    assert_int_equal(code(f), SAMLET_ERROR_CAPACITY);
    f = n, f.output_height = 51;
    assert_int_equal(code(f), SAMLET_ERROR_CAPACITY);
    f = n, f.stride[0] = 28;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = n, f.stride[0] = 34;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    f = n, f.plane[0] = space + 1;
    assert_int_equal(code(f), SAMLET_ERROR_INVALID_ARGUMENT);
    const float infinite[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()};
    for (const float value : infinite) {
        std::memcpy(space + 8 * 8 * 3 * 4 - 4, &value, sizeof value);
        assert_int_equal(code(n), SAMLET_ERROR_INVALID_ARGUMENT);
    }
}

// Memory planned for the largest frame must do for every smaller one, also where the filter changes its kind.
void smaller_frames_need_no_more(void**) {
    for (const ResizeFilter filter : {ResizeFilter::bicubic, ResizeFilter::bilinear}) {
        for (const uint32_t size : {1u, 2u, 31u, 64u}) {
            size_t tables = 0, scratch = 0;
            for (uint32_t side = 1; side < 300; side++) {
                const size_t t = preprocess_table_bytes(filter, side, side, size);
                const size_t s = preprocess_scratch_bytes(filter, side, side, size);
                assert_true(t >= tables && s >= scratch);
                assert_true(t % Arena::kAlignment == 0 && s % Arena::kAlignment == 0);
                tables = t;
                scratch = s;
            }
        }
    }
    // And the tables keep their promises about ranges.
    for (uint32_t in = 1; in < 90; in++) {
        for (uint32_t out = 1; out < 40; out++) {
            const Block a(bicubic_axis_bytes(in, out)), b(triangle_axis_bytes(in, out)),
                c(linear_axis_bytes(out));
            const BicubicAxis cubic = make_bicubic_axis(in, out, a.p);
            const TriangleAxis triangle = make_triangle_axis(in, out, b.p);
            const LinearAxis linear = make_linear_axis(in, out, c.p);
            for (uint32_t i = 0; i < out; i++) {
                assert_true(cubic.count[i] >= 1 && cubic.count[i] <= cubic.taps);
                assert_true(cubic.first[i] + cubic.count[i] <= in);
                assert_true(i == 0 || cubic.first[i] >= cubic.first[i - 1]);
                assert_true(triangle.count[i] >= 1 && triangle.count[i] <= triangle.taps);
                assert_true(triangle.first[i] + triangle.count[i] <= in);
                assert_true(i == 0 || triangle.first[i] >= triangle.first[i - 1]);
                assert_true(linear.right[i] < in && linear.right[i] - linear.left[i] <= 1);
                assert_true(linear.weight[i] >= 0 && linear.weight[i] <= 1);
            }
        }
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bicubic_equals_pillow),
        cmocka_unit_test(bilinear_equals_formula),
        cmocka_unit_test(any_split_gives_the_same),
        cmocka_unit_test(constant_stays_constant),
        cmocka_unit_test(largest_sides),
        cmocka_unit_test(byte_formats_agree),
        cmocka_unit_test(yuv_matrix),
        cmocka_unit_test(yuv_layouts),
        cmocka_unit_test(normalised_is_copied),
        cmocka_unit_test(frames_are_checked),
        cmocka_unit_test(smaller_frames_need_no_more),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
