// What `samlet segment --everything` decides masks by: crops, points, edges, overlaps, small regions, run
// lengths. Numbers of crops, points and edges were computed with the reference's sam2/utils/amg.py; codes are
// pycocotools'.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <vector>

#include "tools/samlet/error.h"
#include "tools/samlet/everything_crops.h"
#include "tools/samlet/everything_filter.h"
#include "tools/samlet/mask_runs.h"
// cmocka defines fail()
#include "tests/unit/image_support.h"

using namespace cli;

namespace {

constexpr double kOverlap = 512.0 / 1500;

template <typename Call>
std::string error_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

// ---- Where to look ----------------------------------------------------------------------------------------

struct Edges {
    uint32_t x0, y0, x1, y1, layer;
};

void check_crops(const std::vector<Crop>& crops, const std::vector<Edges>& expected) {
    assert_int_equal(crops.size(), expected.size());
    for (size_t i = 0; i < crops.size(); i++) {
        const Crop& crop = crops[i];
        assert_int_equal(crop.x0, expected[i].x0);
        assert_int_equal(crop.y0, expected[i].y0);
        assert_int_equal(crop.x1, expected[i].x1);
        assert_int_equal(crop.y1, expected[i].y1);
        assert_int_equal(crop.layer, expected[i].layer);
        assert_int_equal(crop.width(), crop.x1 - crop.x0);
        assert_int_equal(crop.height(), crop.y1 - crop.y0);
    }
}

void crops_equal_the_reference(void**) {
    check_crops(plan_crops(1800, 1200, 0, kOverlap), {{0, 0, 1800, 1200, 0}});
    check_crops(plan_crops(1800, 1200, 1, kOverlap), {{0, 0, 1800, 1200, 0},
                                                      {0, 0, 1105, 805, 1},
                                                      {0, 396, 1105, 1200, 1},
                                                      {696, 0, 1800, 805, 1},
                                                      {696, 396, 1800, 1200, 1}});
    check_crops(plan_crops(97, 63, 2, kOverlap),
                {{0, 0, 97, 63, 0},   {0, 0, 59, 42, 1},  {0, 21, 59, 63, 1},  {38, 0, 97, 42, 1},
                 {38, 21, 97, 63, 1}, {0, 0, 32, 24, 2},  {0, 14, 32, 38, 2},  {0, 28, 32, 52, 2},
                 {0, 42, 32, 63, 2},  {22, 0, 54, 24, 2}, {22, 14, 54, 38, 2}, {22, 28, 54, 52, 2},
                 {22, 42, 54, 63, 2}, {44, 0, 76, 24, 2}, {44, 14, 76, 38, 2}, {44, 28, 76, 52, 2},
                 {44, 42, 76, 63, 2}, {66, 0, 97, 24, 2}, {66, 14, 97, 38, 2}, {66, 28, 97, 52, 2},
                 {66, 42, 97, 63, 2}});
    check_crops(plan_crops(641, 427, 1, 0), {{0, 0, 641, 427, 0},
                                             {0, 0, 321, 214, 1},
                                             {0, 214, 321, 427, 1},
                                             {321, 0, 641, 214, 1},
                                             {321, 214, 641, 427, 1}});
}

void crops_of_nothing_are_refused(void**) {
    assert_int_equal(plan_crops(2, 2, 1, 0).size(), 5);
    assert_non_null(strstr(error_of([] { plan_crops(1, 9, 1, 0); }).c_str(), "1x9 is too small"));
    assert_non_null(strstr(error_of([] { plan_crops(9, 5, 2, 0); }).c_str(), "2 layers"));
}

void points_equal_the_reference(void**) {
    const std::vector<double> line = grid_line(4);
    assert_true(line == std::vector<double>({0.125, 0.375, 0.625, 0.875}));
    assert_true(grid_line(1) == std::vector<double>({0.5}));
    const uint32_t halved[] = {32, 16, 8, 4};
    for (uint32_t layer = 0; layer < 4; layer++) {
        assert_int_equal(points_in_layer(32, 2, layer), halved[layer]);
        assert_int_equal(points_in_layer(32, 1, layer), 32);
    }
    assert_int_equal(points_in_layer(10, 3, 1), 3);
    assert_int_equal(points_in_layer(10, 3, 2), 1);
    assert_non_null(strstr(error_of([] { points_in_layer(10, 3, 3); }).c_str(), "none for layer 3"));
}

// ---- What to keep -----------------------------------------------------------------------------------------

// A picture of 1800 x 1200; boxes are given in pixels of the crop.
void edges_of_crops_equal_the_reference(void**) {
    const PixelBox boxes[] = {{0, 0, 50, 50},       {10, 30, 100, 100},   {579, 300, 800, 500},
                              {600, 300, 880, 500}, {300, 300, 979, 500}, {300, 300, 980, 500},
                              {300, 300, 500, 780}, {300, 300, 500, 779}, {21, 21, 978, 778},
                              {300, 20, 400, 100},  {300, 21, 400, 100}};
    const struct {
        Crop crop;
        const char* near;
    } cases[] = {{{0, 0, 1000, 800, 1}, "00000110000"},
                 {{500, 250, 1500, 1050, 1}, "11000110010"},
                 {{800, 400, 1800, 1200, 1}, "11000000010"},
                 {{0, 0, 1800, 1200, 0}, "00000000000"}};
    for (const auto& c : cases)
        for (size_t i = 0; i < 11; i++) {
            PixelBox box = boxes[i];
            box.x0 += c.crop.x0, box.x1 += c.crop.x0;
            box.y0 += c.crop.y0, box.y1 += c.crop.y0;
            assert_int_equal(near_crop_edge(box, c.crop, 1800, 1200), c.near[i] == '1');
        }
}

using Order = std::vector<size_t>;

void overlapping_boxes_are_suppressed(void**) {
    // IoU of the first two: 70 / 100; of the second and third: 40 / 100.
    const std::vector<PixelBox> boxes = {{0, 0, 10, 10}, {0, 0, 10, 7}, {0, 3, 10, 10}, {50, 50, 60, 60}};
    assert_true(suppress(boxes, {0.9f, 0.8f, 0.7f, 0.6f}, 0.69) == Order({0, 3}));
    assert_true(suppress(boxes, {0.9f, 0.8f, 0.7f, 0.6f}, 0.71) == Order({0, 1, 2, 3}));
    // The second one goes first: what it hides hides nothing itself.
    assert_true(suppress(boxes, {0.8f, 0.9f, 0.7f, 0.95f}, 0.69) == Order({3, 1, 2}));
    assert_true(suppress(boxes, {0.8f, 0.9f, 0.7f, 0.95f}, 0.39) == Order({3, 1}));
    assert_true(suppress(boxes, {0.8f, 0.9f, 0.7f, 0.95f}, 1.0) == Order({3, 1, 0, 2}));
    assert_true(suppress({}, {}, 0.5).empty());
}

void equal_scores_keep_their_order(void**) {
    std::vector<PixelBox> boxes;
    for (int i = 0; i < 40; i++) boxes.push_back({20 * (i % 20), 0, 20 * (i % 20) + 10, 10});
    Order expected;
    for (size_t i = 0; i < 20; i++) expected.push_back(i);
    assert_true(suppress(boxes, std::vector<float>(40, 0.5f), 0.7) == expected);
}

void lines_overlap_with_nothing(void**) {
    const std::vector<PixelBox> boxes = {{5, 0, 5, 10}, {5, 0, 5, 10}, {0, 0, 10, 10}, {7, 7, 7, 7}};
    assert_true(suppress(boxes, {0.9f, 0.8f, 0.7f, 0.6f}, 0) == Order({0, 1, 2, 3}));
}

// ---- Small regions ----------------------------------------------------------------------------------------

std::vector<uint8_t> drawn(const std::string& rows) {
    std::vector<uint8_t> mask;
    for (const char c : rows) mask.push_back(c == '#');
    return mask;
}

void check_regions(const std::string& before, uint32_t width, uint64_t area, const std::string& after,
                   bool found) {
    std::vector<uint8_t> mask = drawn(before);
    const uint32_t height = static_cast<uint32_t>(mask.size()) / width;
    assert_int_equal(remove_small_regions(mask, width, height, area), found);
    assert_true(mask == drawn(after));
}

void small_regions_go(void**) {
    const std::string picture =
        "####...."
        "#..#.##."
        "#..#.##."
        "####...#"
        "........";
    check_regions(picture, 8, 4, picture, false);  // hole 4, islands 12 and 5: not fewer
    check_regions(picture, 8, 5,                   // the hole; the island of 5 holds on by a corner
                  "####...."
                  "####.##."
                  "####.##."
                  "####...#"
                  "........",
                  true);
    check_regions(picture, 8, 6,
                  "####...."
                  "####...."
                  "####...."
                  "####...."
                  "........",
                  true);
}

void holes_touch_by_corners(void**) {
    // The two white pixels are one hole of 2.
    const std::string picture =
        "####"
        "#.##"
        "##.#"
        "####";
    check_regions(picture, 4, 2, picture, false);
    check_regions(picture, 4, 3, "################", true);
}

void regions_turn_upwards(void**) {
    const std::string picture =
        "#....#"
        "#.##.#"
        "#....#"
        "######";
    check_regions(picture, 6, 4,
                  "#....#"
                  "#....#"
                  "#....#"
                  "######",
                  true);
    check_regions(picture, 6, 12,
                  "######"
                  "######"
                  "######"
                  "######",
                  true);
}

void the_largest_island_stays(void**) {
    const std::string picture =
        "##......"
        "........"
        "...###.."
        "........"
        "##.....#";
    check_regions(picture, 8, 4,
                  "........"
                  "........"
                  "...###.."
                  "........"
                  "........",
                  true);
    // One island is small and all there is: found, and unchanged. The outside is a hole that is large enough.
    check_regions("#...", 4, 2, "#...", true);
    check_regions("....", 4, 2, "....", false);
    // Everything outside is a small hole.
    check_regions("#...", 4, 4, "####", true);
}

// ---- Run lengths ------------------------------------------------------------------------------------------

struct RleCase {
    uint32_t width, height, density;
    const char* text;
};
const RleCase kRleCases[] = {
#include "tests/data/rle_coco.inc"
};

void runs_equal_pycocotools(void**) {
    for (const RleCase& c : kRleCases) {
        Lcg lcg{c.width * 1000 + c.height};
        std::vector<uint8_t> mask;
        uint64_t area = 0;
        for (size_t i = 0; i < size_t{c.width} * c.height; i++) {
            mask.push_back(lcg.byte() < c.density);
            area += mask.back();
        }
        const MaskRuns runs(c.width, c.height, mask.data());
        assert_string_equal(runs.counts().c_str(), c.text);
        assert_int_equal(runs.area(), area);
        assert_true(runs.pixels() == mask);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(crops_equal_the_reference),
        cmocka_unit_test(crops_of_nothing_are_refused),
        cmocka_unit_test(points_equal_the_reference),
        cmocka_unit_test(edges_of_crops_equal_the_reference),
        cmocka_unit_test(overlapping_boxes_are_suppressed),
        cmocka_unit_test(equal_scores_keep_their_order),
        cmocka_unit_test(lines_overlap_with_nothing),
        cmocka_unit_test(small_regions_go),
        cmocka_unit_test(holes_touch_by_corners),
        cmocka_unit_test(regions_turn_upwards),
        cmocka_unit_test(the_largest_island_stays),
        cmocka_unit_test(runs_equal_pycocotools),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
