// What a track leaves behind: masks, results.json, logits, the overlay, the explanation.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "explain.h"
#include "frame_tracker.h"
#include "overlay.h"
#include "results.h"
#include "track_input.h"

namespace cli {

class TrackOutput {
  public:
    // Opens what the options ask for, for a video that begins with picture `first`.
    TrackOutput(TrackInput& input, const samlet_tracker_config& config, const Picture& first);

    void write(int64_t number, const Picture& picture, const FrameTracker& frames);
    // What can only be made from all frames.
    void finish();
    // results.json is closed in any case.
    void close(bool complete, const std::string& error = "");

    std::string results() const;                           // the file's name; "": none is written
    const std::string& report() const { return report_; }  // of --explain, after finish()

  private:
    nlohmann::ordered_json header(const samlet_tracker_config& config, const Picture& first) const;
    void write_logits(const samlet_result& result) const;
    void write_report();
    bool overlay_later() const;
    double overlay_rate() const;
    void draw_overlay();
    std::string mask_path(int64_t number) const;

    TrackInput& input_;
    const TrackOptions& options_;
    std::unique_ptr<ResultsFile> results_;
    std::unique_ptr<OverlayWriter> overlay_;
    std::unique_ptr<Explainer> explainer_;
    std::string report_;
    int64_t lowest_ = 0, highest_ = 0;
    bool written_ = false;
};

}  // namespace cli
