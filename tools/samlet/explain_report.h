// The HTML report of `samlet track --explain`: one file that needs no other, no script and no network.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "explain_attention.h"
#include "palette.h"

namespace cli {

// A heat map over a memory's frame.
struct ReportMap {
    samlet_memory_kind kind;
    int64_t frame;
    double share;
    std::string picture;  // data URI
};

struct ReportObject {
    int32_t id;
    double score, iou;
    uint64_t area;
    bool visible, prompted;
    Attention attention;  // without maps
    std::vector<ReportMap> maps;
};

struct ReportFrame {
    int64_t number;
    double stages[SAMLET_STAGE_COUNT];  // milliseconds
    double explaining;                  // the same
    std::vector<ReportObject> objects;
    std::string overlay;  // data URI; "" where pictures are left out
};

// A name and what it is.
struct ReportFact {
    std::string name, value;
};

// `frames` ascending by number.
std::string report_page(const std::string& title, const std::vector<ReportFact>& facts,
                        const std::vector<ReportFrame>& frames);

// The section of object `id`.
std::string object_section(const std::vector<ReportFrame>& frames, int32_t id);

// The colour of an object in overlays, bright enough for a line; "#rrggbb".
std::string object_colour(int32_t id);

}  // namespace cli
