// SPDX-License-Identifier: Apache-2.0
#include "track_session.h"

#include "track_seeds.h"

namespace cli {

void TrackSession::track(int64_t number, const Picture& picture) {
    if (!frames_) begin(number, picture);
    frames_->track(number, picture, input_.prompts.on_frame(number));
}

void TrackSession::begin(int64_t number, const Picture& first) {
    if (input_.options.everything) {
        // What the tracker refuses is known before the long search.
        plan_of(input_.model, tracker_config(input_, first));
        input_.prompts = find_seeds(input_, number, first, watch_);
    }
    const samlet_tracker_config config = tracker_config(input_, first);
    arena_bytes_ = plan_of(input_.model, config).bytes;
    frames_ = std::make_unique<FrameTracker>(create_tracker(input_.model, config), first);
    output_ = std::make_unique<TrackOutput>(input_, config, first);
}

}  // namespace cli
