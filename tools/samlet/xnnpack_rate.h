// How fast XNNPACK's f32 matrix product is on this machine right now: the yardstick for the tracker's speed.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace cli {

// Fully connected, 4096 x 256 -> 2048, as large as the layers of the tracker. Make it after the first model
// is open: who starts XNNPACK in a process decides where it allocates, and that should be the library.
class XnnpackRate {
  public:
    explicit XnnpackRate(uint32_t threads);
    ~XnnpackRate();
    // Adds samples; called before, between and after the work it is compared with, because clocks and
    // neighbours change.
    void measure();
    // Median of all samples, in 1e9 multiply-accumulates a second.
    double gmac_per_second() const;

  private:
    struct Operator;
    std::unique_ptr<Operator> operator_;
    std::vector<double> samples_;
};

}  // namespace cli
