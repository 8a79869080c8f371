// Collects what `samlet track --explain DIR` tells: heat maps as JPEGs while frames pass, a report in the
// end.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "explain_report.h"
#include "picture.h"

namespace cli {

// What tracking answered on one frame.
struct ExplainedFrame {
    int64_t number;
    const Picture& picture;
    const uint8_t* indices;  // the mask, as paint_masks() takes it
    samlet_profile profile;
};

struct ExplainedObject {
    samlet_result result;
    Attention attention;
};

class Explainer {
  public:
    // Pictures are kept as long as a memory may be of them: those of `prompted`, the frames that have
    // prompts, and of the `recent` last frames.
    Explainer(const std::string& directory, const std::vector<int64_t>& prompted, size_t recent);

    void add(const ExplainedFrame& frame, std::vector<ExplainedObject> objects);
    // Writes report.html and returns its name.
    std::string finish(const std::string& title, const std::vector<ReportFact>& facts);

  private:
    std::vector<ReportMap> draw_maps(int64_t frame, int32_t object, const Attention& attention, bool embed);
    void forget_pictures(const std::vector<ExplainedObject>& objects);
    void thin_out();

    std::string directory_;
    std::set<int64_t> prompted_;
    size_t recent_;
    std::map<int64_t, Picture> pictures_;  // of frames that a memory may be of
    std::vector<int64_t> latest_;          // frames, the last one last
    std::vector<ReportFrame> frames_;
    // Pictures of every step-th frame are in the report: it may not grow without bound.
    size_t step_ = 1, embedded_ = 0;
};

}  // namespace cli
