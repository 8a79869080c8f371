// When the frames of a track are shown again: as they were taken, not as fast as they were tracked.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

namespace cli {

class PlayTime {
  public:
    // In frames of a video of this rate. Without times, numbers tell: those that were skipped leave a gap.
    explicit PlayTime(double frames_per_second) : rate_(frames_per_second) {}

    // Of frame `number`, taken at `seconds`; 0 for the first. Always later than the frame before.
    int64_t next(int64_t number, std::optional<double> seconds = {}) {
        if (last_ < 0) {
            first_number_ = number;
            first_seconds_ = seconds.value_or(0);
        }
        const int64_t due =
            seconds ? std::llround((*seconds - first_seconds_) * rate_) : number - first_number_;
        last_ = std::max(last_ + 1, due);
        return last_;
    }

  private:
    double rate_;
    int64_t last_ = -1, first_number_ = 0;
    double first_seconds_ = 0;
};

}  // namespace cli
