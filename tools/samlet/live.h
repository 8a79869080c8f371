// The live view of a track: shows frames with their masks, and makes the changes that hands ask for on the
// frame that is shown. Tracking runs on another thread, so that the view answers at once, however slow the
// model.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "live_control.h"
#include "live_view.h"

namespace cli {

// What the live view needs of a track. One call at a time, from changing threads; but paint() at any time.
class LiveSession {
  public:
    virtual ~LiveSession() = default;
    // The frame to go to after frame `after` when the clock says `wanted`, which lies behind it.
    virtual int64_t next(int64_t after, int64_t wanted) const = 0;
    // False behind the last frame. Touches nothing but the source.
    virtual bool read(int64_t number, Picture& picture) = 0;
    virtual void track(int64_t number, const Picture& picture) = 0;
    // Changes the frame given to track(). A sentence if that is refused, else "".
    virtual std::string change(int64_t number, const Picture& picture, const LiveChange& change) = 0;
    // Called at any time while track() works: what it does, if that takes long, else "".
    virtual std::string work() const { return ""; }
    // Called at any time: the user quits, so what takes long may end by throwing.
    virtual void quit() {}
    // The frame is done: writes what is to be written.
    virtual void leave(int64_t number, const Picture& picture) = 0;

    virtual std::vector<int32_t> objects() const = 0;
    // Of the frame given to track(), the objects that have one, and which object each pixel shows.
    virtual const std::vector<samlet_result>& results() const = 0;
    virtual const std::vector<uint8_t>& indices() const = 0;
    // The picture in RGB with masks, if `indices` fits it.
    virtual Picture paint(const Picture& picture, const std::vector<uint8_t>& indices) const = 0;
};

struct LivePlan {
    int64_t first = 0;
    int64_t limit = 0;        // frames at most; 0: no limit
    int64_t frame_count = 0;  // 0: unknown
    double rate = 0;          // frames a second at most; 0: as they come
    bool realtime = false;    // skip frames rather than fall behind `rate`
    bool waits = false;       // for an object, before it plays
    uint32_t most_objects = 1;
};

// Until the user quits or an interrupt comes; behind the end it stays on the last frame. Throws what the
// session throws. The number of frames shown.
int64_t run_live(View& view, LiveSession& session, const LivePlan& plan);

}  // namespace cli
