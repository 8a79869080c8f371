// What a terminal sends, as events: keys, and mouse reports in the SGR form (xterm's mode 1006). Places are
// cells, from 0.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "live_view.h"

namespace cli {

class TerminalInput {
  public:
    // Takes bytes as they come; a sequence may be cut anywhere.
    std::vector<ViewEvent> feed(const char* bytes, size_t count);

  private:
    // The length of the sequence that `pending_` begins with; 0 when its end is not there yet.
    size_t sequence_length() const;

    std::string pending_;
};

}  // namespace cli
