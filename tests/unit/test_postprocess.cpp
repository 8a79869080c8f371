// Logits to masks, boxes and run-length codes; masks to the model's square; holes and sprinkles. Truth is
// computed here in other ways: the formulas in double, a decoder, a flood fill, and answers of pycocotools.
//
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "core/postprocess.h"
#include "tests/unit/image_support.h"

using namespace samlet;

namespace {

using Map = std::vector<float>;

float make_logit(Lcg* lcg) {
    return static_cast<float>(lcg->below(1 << 16)) / 2048.0f - 16.0f;
}

Map make_map(Lcg* lcg, uint32_t n) {
    Map map(size_t{n} * n);
    for (float& v : map) v = make_logit(lcg);
    return map;
}

// A job with its memory, for some objects of which one is wanted.
struct Picture {
    Picture(const std::vector<Map>& objects, size_t object, uint32_t n, uint32_t width, uint32_t height)
        : maps(objects),
          tables(picture_table_bytes(width, height)),
          scratch(picture_scratch_bytes(n, width, height)) {
        for (const Map& map : maps) pointers.push_back(map.data());
        prepare_picture(n, width, height, pointers.data(), pointers.size(), object, tables.p, &job);
    }
    Map logits(uint32_t parts = 1) const {
        Map out(size_t{job.width} * job.height, -1000.0f);
        for (uint32_t i = 0; i < parts; i++) {
            picture_logits(job, job.height * i / parts, job.height * (i + 1) / parts, out.data(),
                           job.width * sizeof(float), scratch.p);
        }
        return out;
    }
    std::vector<uint8_t> mask(MaskExtent* extent, uint32_t parts = 1) const {
        std::vector<uint8_t> out(size_t{job.width} * job.height, 77);
        *extent = MaskExtent{};
        for (uint32_t i = 0; i < parts; i++) {
            *extent = merged(*extent, picture_mask(job, job.height * i / parts, job.height * (i + 1) / parts,
                                                   out.data(), job.width, scratch.p));
        }
        return out;
    }
    std::string rle() const {
        const size_t length = picture_rle(job, nullptr, 0, scratch.p);
        std::vector<char> text(length + 1, '!');
        assert_int_equal(picture_rle(job, text.data(), text.size(), scratch.p), length);
        assert_int_equal(text[length], 0);
        return std::string(text.data(), length);
    }

    std::vector<Map> maps;
    Block tables, scratch;
    std::vector<const float*> pointers;
    PictureJob job;
};

const uint32_t kPictures[][3] = {{8, 31, 17},  {8, 8, 8},    {8, 8, 20}, {8, 20, 8}, {64, 130, 97},
                                 {64, 20, 10}, {1, 1, 1},    {1, 9, 4},  {5, 1, 1},  {5, 1, 200},
                                 {5, 200, 1},  {16, 64, 64}, {2, 4, 4},  {33, 7, 90}};

double interpolated(const Map& map, uint32_t n, double u, double v) {
    const auto clamped = [&](double p) { return std::fmin(std::fmax(p, 0.0), n - 1.0); };
    const double x = clamped(u), y = clamped(v);
    const size_t x0 = static_cast<size_t>(x), y0 = static_cast<size_t>(y);
    const size_t x1 = x0 + 1 < n ? x0 + 1 : x0, y1 = y0 + 1 < n ? y0 + 1 : y0;
    const double a = x - static_cast<double>(x0), b = y - static_cast<double>(y0);
    const double top = (1 - a) * map[y0 * n + x0] + a * map[y0 * n + x1];
    const double bottom = (1 - a) * map[y1 * n + x0] + a * map[y1 * n + x1];
    return (1 - b) * top + b * bottom;
}

void logits_equal_formula(void**) {
    Lcg lcg{1};
    for (const auto& p : kPictures) {
        const uint32_t n = p[0], width = p[1], height = p[2];
        const std::vector<Map> maps = {make_map(&lcg, n)};
        const Picture picture(maps, 0, n, width, height);
        const Map out = picture.logits();
        for (uint32_t y = 0; y < height; y++) {
            for (uint32_t x = 0; x < width; x++) {
                const double u = (x + 0.5) * n / width - 0.5, v = (y + 0.5) * n / height - 0.5;
                assert_true(std::fabs(out[size_t{y} * width + x] - interpolated(maps[0], n, u, v)) < 3e-4);
            }
        }
        for (const uint32_t parts : {2u, 3u, height}) assert_true(out == picture.logits(parts));
        if (width == n && height == n) assert_true(out == maps[0]);
    }
}

void known_weights(void**) {
    const std::vector<Map> maps = {{0, 4, 8, 12}};
    const Map expected = {0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12};
    assert_true(Picture(maps, 0, 2, 4, 4).logits() == expected);
}

void masks_equal_logits(void**) {
    Lcg lcg{2};
    for (const auto& p : kPictures) {
        const uint32_t n = p[0], width = p[1], height = p[2];
        for (const float shift : {0.0f, -14.0f, -40.0f, 40.0f}) {
            std::vector<Map> maps = {make_map(&lcg, n)};
            for (float& v : maps[0]) v += shift;
            const Picture picture(maps, 0, n, width, height);
            const Map logits = picture.logits();
            MaskExtent extent, expected, alone;
            expected.x0 = width, expected.y0 = height;
            const std::vector<uint8_t> mask = picture.mask(&extent);
            for (uint32_t y = 0; y < height; y++) {
                for (uint32_t x = 0; x < width; x++) {
                    const size_t i = size_t{y} * width + x;
                    assert_int_equal(mask[i], logits[i] > 0 ? 255 : 0);
                    if (!(logits[i] > 0)) continue;
                    expected.area++;
                    if (x < expected.x0) expected.x0 = x;
                    if (y < expected.y0) expected.y0 = y;
                    if (x >= expected.x1) expected.x1 = x + 1;
                    if (y >= expected.y1) expected.y1 = y + 1;
                }
            }
            if (expected.area == 0) expected = MaskExtent{};
            assert_memory_equal(&extent, &expected, sizeof expected);
            assert_true(mask == picture.mask(&alone, 3));
            assert_memory_equal(&alone, &expected, sizeof expected);
            alone = picture_mask(picture.job, 0, height, nullptr, 0, picture.scratch.p);
            assert_memory_equal(&alone, &expected, sizeof expected);
        }
    }
}

void rows_keep_to_the_stride(void**) {
    Lcg lcg{5};
    const std::vector<Map> maps = {make_map(&lcg, 8)};
    const uint32_t width = 13, height = 6;
    const size_t stride = 29;
    const Picture picture(maps, 0, 8, width, height);
    MaskExtent extent;
    const std::vector<uint8_t> dense = picture.mask(&extent);
    std::vector<uint8_t> wide(stride * (height - 1) + width, 77);
    picture_mask(picture.job, 0, height, wide.data(), stride, picture.scratch.p);
    const Map dense_logits = picture.logits();
    Map wide_logits(stride * (height - 1) + width, 77.0f);
    picture_logits(picture.job, 0, height, wide_logits.data(), stride * sizeof(float), picture.scratch.p);
    for (size_t i = 0; i < wide.size(); i++) {
        const size_t x = i % stride, y = i / stride;
        assert_int_equal(wide[i], x < width ? dense[y * width + x] : 77);
        assert_true(wide_logits[i] == (x < width ? dense_logits[y * width + x] : 77.0f));
    }
}

void overlapping_pixels_have_one_owner(void**) {
    Lcg lcg{3};
    for (const auto& p : kPictures) {
        const uint32_t n = p[0], width = p[1], height = p[2];
        std::vector<Map> maps = {make_map(&lcg, n), make_map(&lcg, n), make_map(&lcg, n), {}};
        maps[3] = maps[1];  // equal logits: the first one wins
        std::vector<Map> alone, shared;
        for (size_t k = 0; k < maps.size(); k++) {
            alone.push_back(Picture({maps[k]}, 0, n, width, height).logits());
            const Picture picture(maps, k, n, width, height);
            shared.push_back(picture.logits());
            assert_true(shared[k] == picture.logits(5));
            MaskExtent extent;
            const std::vector<uint8_t> mask = picture.mask(&extent, 2);
            for (size_t i = 0; i < mask.size(); i++) assert_int_equal(mask[i], shared[k][i] > 0 ? 255 : 0);
        }
        for (size_t i = 0; i < alone[0].size(); i++) {
            size_t owner = 0;
            for (size_t k = 1; k < maps.size(); k++) owner = alone[k][i] > alone[owner][i] ? k : owner;
            for (size_t k = 0; k < maps.size(); k++) {
                assert_true(shared[k][i] == (k == owner ? alone[k][i] : std::fmin(alone[k][i], -10.0f)));
            }
        }
    }
}

// Turns compressed counts into a mask, column by column.
std::vector<uint8_t> decoded(const std::string& text, uint32_t width, uint32_t height) {
    std::vector<int64_t> runs;
    for (size_t at = 0; at < text.size();) {
        int64_t value = 0;
        int shift = 0;
        bool more = true;
        while (more) {
            const int c = text[at++] - 48;
            assert_true(c >= 0 && c < 64);
            value |= static_cast<int64_t>(c & 31) << shift;
            shift += 5;
            more = (c & 32) != 0;
            if (!more && (c & 16)) value -= int64_t{1} << shift;
        }
        if (runs.size() > 2) value += runs[runs.size() - 2];
        assert_true(value > 0 || (value == 0 && runs.empty()));
        runs.push_back(value);
    }
    std::vector<uint8_t> mask(size_t{width} * height);
    size_t at = 0;
    uint8_t inside = 0;
    for (const int64_t run : runs) {
        for (int64_t i = 0; i < run; i++, at++) {
            assert_true(at < mask.size());
            mask[at % height * width + at / height] = inside;
        }
        inside = inside ? 0 : 255;
    }
    assert_int_equal(at, mask.size());
    return mask;
}

void codes_decode_to_masks(void**) {
    Lcg lcg{4};
    for (const auto& p : kPictures) {
        const uint32_t n = p[0], width = p[1], height = p[2];
        for (const float shift : {0.0f, -14.0f, 40.0f, -40.0f}) {
            std::vector<Map> maps = {make_map(&lcg, n), make_map(&lcg, n)};
            for (float& v : maps[0]) v += shift;
            MaskExtent extent;
            const Picture one({maps[0]}, 0, n, width, height), both(maps, 0, n, width, height);
            assert_true(decoded(one.rle(), width, height) == one.mask(&extent));
            assert_true(decoded(both.rle(), width, height) == both.mask(&extent));
        }
    }
}

struct RleCase {
    uint32_t width, height, density;
    const char* text;
};
const RleCase kRleCases[] = {
#include "tests/data/rle_coco.inc"
};

void codes_equal_pycocotools(void**) {
    for (const RleCase& c : kRleCases) {
        Lcg lcg{c.width * 1000 + c.height};
        std::vector<bool> bits;
        for (size_t i = 0; i < size_t{c.width} * c.height; i++) bits.push_back(lcg.byte() < c.density);
        std::vector<char> text(std::strlen(c.text) + 1, '!');
        RleWriter writer(text.data(), text.size());
        for (size_t x = 0; x < c.width; x++) {
            for (size_t y = 0; y < c.height; y++) writer.add(bits[y * c.width + x]);
        }
        assert_int_equal(writer.finish(), std::strlen(c.text));
        assert_string_equal(text.data(), c.text);
        if (c.width != c.height) continue;
        std::vector<Map> maps(1);
        for (const bool bit : bits) maps[0].push_back(bit ? 3.0f : -3.0f);
        assert_string_equal(Picture(maps, 0, c.width, c.width, c.height).rle().c_str(), c.text);
    }
    // Numbers at the borders of the 5-bit groups, and runs longer than any picture.
    const struct {
        uint64_t run;
        const char* text;
    } numbers[] = {{15, "?"},   {16, "`0"},   {31, "o0"},    {32, "P1"},
                   {511, "o?"}, {512, "P`0"}, {1024, "PP1"}, {uint64_t{1} << 32, "PPPPPP4"}};
    for (const auto& number : numbers) {
        char text[16];
        RleWriter writer(text, sizeof text);
        writer.add(false, number.run);
        assert_int_equal(writer.finish(), std::strlen(number.text));
        assert_string_equal(text, number.text);
    }
}

void codes_that_do_not_fit_are_empty(void**) {
    Lcg lcg{6};
    const Picture picture({make_map(&lcg, 8)}, 0, 8, 40, 30);
    const std::string whole = picture.rle();
    assert_true(whole.size() > 20);
    for (const size_t capacity : {size_t{0}, size_t{1}, size_t{7}, whole.size() - 1, whole.size(),
                                  whole.size() + 1, whole.size() + 9}) {
        std::vector<char> text(capacity + 8, '!');
        assert_int_equal(picture_rle(picture.job, text.data(), capacity, picture.scratch.p), whole.size());
        if (capacity > 0) assert_string_equal(text.data(), capacity > whole.size() ? whole.c_str() : "");
        const size_t used = capacity < whole.size() + 1 ? capacity : whole.size() + 1;
        for (size_t i = used; i < text.size(); i++) assert_int_equal(text[i], '!');
    }
}

// ---- Antialiased resize -----------------------------------------------------------------------------------

Map resized(const MapInput& in, uint32_t width, uint32_t height, bool binary, uint32_t parts = 1) {
    const Block tables(map_table_bytes(in.width, in.height, width, height));
    const Block scratch(map_scratch_bytes(in.width, in.height, width, height));
    Map out(size_t{width} * height, -1000.0f);
    MapJob job;
    prepare_map(in, width, height, binary, tables.p, &job);
    for (uint32_t i = 0; i < parts; i++) {
        map_rows(job, height * i / parts, height * (i + 1) / parts, out.data(), scratch.p);
    }
    return out;
}

void maps_equal_formula(void**) {
    const uint32_t sizes[][4] = {{96, 54, 32, 32}, {32, 32, 8, 8}, {5, 7, 16, 16},
                                 {16, 16, 16, 16}, {1, 1, 4, 4},   {3, 90, 16, 16},
                                 {61, 1, 8, 3},    {17, 33, 1, 1}, {16, 9, 16, 20}};
    Lcg lcg{8};
    for (const auto& s : sizes) {
        const uint32_t width = s[2], height = s[3];
        MapInput in;
        in.width = s[0];
        in.height = s[1];
        in.scale = 20;
        in.bias = -10;
        const size_t stride = in.width + 3;
        std::vector<uint8_t> mask(stride * (in.height - 1) + in.width);
        Map values(mask.size());
        for (size_t i = 0; i < mask.size(); i++) {
            mask[i] = lcg.byte() < 100 ? static_cast<uint8_t>(1 + lcg.below(255)) : 0;
            values[i] = mask[i] ? 1.0f : 0.0f;
        }
        in.mask = mask.data();
        in.stride = stride;
        const Map out = resized(in, width, height, false);
        for (uint32_t y = 0; y < height; y++) {
            const std::vector<double> wy = triangle_weights(in.height, height, y);
            for (uint32_t x = 0; x < width; x++) {
                const std::vector<double> wx = triangle_weights(in.width, width, x);
                double sum = 0;
                for (uint32_t v = 0; v < in.height; v++) {
                    for (uint32_t u = 0; u < in.width; u++)
                        sum += wy[v] * wx[u] * (mask[v * stride + u] ? 10 : -10);
                }
                assert_true(std::fabs(out[size_t{y} * width + x] - sum) < 2e-4);
            }
        }
        for (const uint32_t parts : {2u, 3u, height})
            assert_true(out == resized(in, width, height, false, parts));

        MapInput floats = in;
        floats.mask = nullptr;
        floats.map = values.data();
        floats.stride = stride * sizeof(float);
        const Map same = resized(floats, width, height, false);
        for (size_t i = 0; i < out.size(); i++) assert_true(std::fabs(out[i] - same[i]) < 1e-5f);

        in.scale = 1;
        in.bias = 0;
        const Map plain = resized(in, width, height, false), binary = resized(in, width, height, true);
        for (size_t i = 0; i < plain.size(); i++) assert_true(binary[i] == (plain[i] >= 0.5f ? 1.0f : 0.0f));
        if (width == in.width && height == in.height) {
            for (size_t i = 0; i < plain.size(); i++) {
                assert_true(plain[i] == (mask[i / width * stride + i % width] ? 1.0f : 0.0f));
            }
        }
    }
}

void quarter_of_a_step(void**) {
    // A step between columns 7 and 8 of 16, at a quarter of the size: triangles of 8 samples.
    std::vector<uint8_t> mask(16 * 16);
    for (size_t i = 0; i < mask.size(); i++) mask[i] = i % 16 >= 8;
    MapInput in;
    in.mask = mask.data();
    in.stride = in.width = in.height = 16;
    const Map out = resized(in, 4, 4, false);
    const float edge = (3 + 1) / 8.0f / 4;  // weights of samples 8 and 9, over the sum of all
    const float expected[4] = {0, edge, 1 - edge, 1};
    for (size_t i = 0; i < out.size(); i++) assert_true(std::fabs(out[i] - expected[i % 4]) < 1e-6f);
}

void large_masks_become_squares(void**) {
    std::vector<uint8_t> mask(size_t{4096} * 2160, 1);
    MapInput in;
    in.mask = mask.data();
    in.stride = in.width = 4096;
    in.height = 2160;
    for (const float value : resized(in, 64, 64, true, 3)) assert_true(value == 1);
    in.stride = in.width = 1;
    in.height = 4096;
    for (const float value : resized(in, 64, 64, false)) assert_true(std::fabs(value - 1) < 1e-5f);
}

// ---- Holes and sprinkles ----------------------------------------------------------------------------------

// Component areas by flood fill.
std::vector<uint32_t> areas_of(const Map& map, uint32_t width, uint32_t height) {
    std::vector<uint32_t> areas(map.size(), 0);
    for (size_t seed = 0; seed < map.size(); seed++) {
        if (areas[seed]) continue;
        std::vector<size_t> component = {seed};
        areas[seed] = 1;
        for (size_t done = 0; done < component.size(); done++) {
            const int x = static_cast<int>(component[done] % width),
                      y = static_cast<int>(component[done] / width);
            for (int dy = -1; dy <= 1; dy++) {
                for (int dx = -1; dx <= 1; dx++) {
                    const int u = x + dx, v = y + dy;
                    if (u < 0 || v < 0 || u >= static_cast<int>(width) || v >= static_cast<int>(height))
                        continue;
                    const size_t k = static_cast<size_t>(v) * width + static_cast<size_t>(u);
                    if (areas[k] || (map[k] > 0) != (map[seed] > 0)) continue;
                    areas[k] = 1;
                    component.push_back(k);
                }
            }
        }
        for (const size_t k : component) areas[k] = static_cast<uint32_t>(component.size());
    }
    return areas;
}

Map cleaned(Map map, uint32_t width, uint32_t height, const CleanRule& rule) {
    const Block scratch(clean_scratch_bytes(width, height));
    clean_logits(map.data(), width, height, rule, scratch.p);
    return map;
}

void components_equal_flood_fill(void**) {
    Lcg lcg{9};
    for (int round = 0; round < 400; round++) {
        const uint32_t width = 1 + lcg.below(24), height = round % 2 ? width : 1 + lcg.below(24);
        const uint32_t share = lcg.below(257);
        Map map(size_t{width} * height);
        for (float& v : map) v = (lcg.byte() < share ? 1.0f : -1.0f) * static_cast<float>(lcg.byte() % 4);
        CleanRule rule;
        rule.hole_area = lcg.below(12);
        rule.sprinkle_area = lcg.below(12);
        if (round % 3 == 0) rule.hole_value = 10.0f, rule.sprinkle_value = -10.0f;
        const std::vector<uint32_t> areas = areas_of(map, width, height);
        const Map out = cleaned(map, width, height, rule);
        for (size_t i = 0; i < map.size(); i++) {
            float expected = map[i];
            if (map[i] > 0 && areas[i] <= rule.sprinkle_area) expected = rule.sprinkle_value;
            if (!(map[i] > 0) && areas[i] <= rule.hole_area) expected = rule.hole_value;
            assert_true(out[i] == expected);
        }
    }
}

void small_parts_and_limits(void**) {
    Map map(64, 5.0f);
    map[9] = map[18] = map[27] = -1.0f;  // a diagonal hole of three, one component
    CleanRule rule;
    rule.hole_area = 2;
    assert_true(cleaned(map, 8, 8, rule) == map);
    rule.hole_area = 3;
    Map filled = map;
    filled[9] = filled[18] = filled[27] = 0.1f;
    assert_true(cleaned(map, 8, 8, rule) == filled);

    for (float& v : map) v = -v;  // and now a diagonal island
    assert_true(cleaned(map, 8, 8, rule) == map);
    rule.sprinkle_area = 3;
    Map removed = map;
    removed[9] = removed[18] = removed[27] = -0.1f;
    assert_true(cleaned(map, 8, 8, rule) == removed);

    assert_true(cleaned(map, 8, 8, CleanRule{}) == map);
    const Map absent(64, -1024.0f);
    assert_true(cleaned(absent, 8, 8, rule) == absent);
    rule.hole_area = 0;
    assert_true(cleaned({0.0f}, 1, 1, rule) == Map({0.0f}));
    assert_true(cleaned({2.0f}, 1, 1, rule) == Map({-0.1f}));
}

// A comb and a spiral make long chains in the union-find.
void long_components(void**) {
    const uint32_t n = 256;
    Map comb(size_t{n} * n, -1.0f);
    for (uint32_t y = 0; y < n; y++) {
        for (uint32_t x = 0; x < n; x++) {
            if (x % 2 == 0 || y == n - 1) comb[size_t{y} * n + x] = 1.0f;
        }
    }
    CleanRule rule;
    rule.hole_area = n - 2;
    Map expected = comb;
    assert_true(cleaned(comb, n, n, rule) == expected);
    rule.hole_area = n - 1;  // each gap between the teeth is a hole of its own
    for (float& v : expected) v = v > 0 ? v : 0.1f;
    assert_true(cleaned(comb, n, n, rule) == expected);
    rule.hole_area = 0;
    rule.sprinkle_area = n * n / 2 + n / 2 - 1;  // the comb is one component of n * n / 2 + n / 2 pixels
    assert_true(cleaned(comb, n, n, rule) == comb);
    rule.sprinkle_area++;
    expected = comb;
    for (float& v : expected) v = v > 0 ? -0.1f : v;
    assert_true(cleaned(comb, n, n, rule) == expected);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(logits_equal_formula),
        cmocka_unit_test(known_weights),
        cmocka_unit_test(masks_equal_logits),
        cmocka_unit_test(rows_keep_to_the_stride),
        cmocka_unit_test(overlapping_pixels_have_one_owner),
        cmocka_unit_test(codes_decode_to_masks),
        cmocka_unit_test(codes_equal_pycocotools),
        cmocka_unit_test(codes_that_do_not_fit_are_empty),
        cmocka_unit_test(maps_equal_formula),
        cmocka_unit_test(quarter_of_a_step),
        cmocka_unit_test(large_masks_become_squares),
        cmocka_unit_test(components_equal_flood_fill),
        cmocka_unit_test(small_parts_and_limits),
        cmocka_unit_test(long_components),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
