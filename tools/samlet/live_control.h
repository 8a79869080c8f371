// What hands do to a live run: turns the events of a view into changes of the tracked objects, and keeps the
// state of the player. Needs no display and no tracker.
//
//   left click          a new object
//   left drag           a new object in this box
//   right click         not part of the selected object
//   middle click        also part of the selected object, as is a left click with shift
//   left drag + shift   a new box for the selected object
//   space               pause, go on           n    one frame on
//   tab                 select the next object x    remove the selected object
//   r                   remove all objects     h    help
//   q                   quit
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "live_view.h"

namespace cli {

// A change of the objects, for the tracker to make on the frame that is shown.
struct LiveChange {
    enum class Kind { point, box, remove, reset };
    Kind kind = Kind::reset;
    int32_t object = 0;  // but for a reset
    samlet_point point = {};
    samlet_box box = {};
};

class LiveControl {
  public:
    // `waits`: nothing plays before the first object, or a key, says so.
    LiveControl(uint32_t most_objects, bool waits) : most_objects_(most_objects), waiting_(waits) {}

    // What is shown and tracked; told before events are handled.
    void set_picture_size(uint32_t width, uint32_t height);
    void set_objects(const std::vector<int32_t>& objects);

    // `slack`: as the view says.
    void handle(const ViewEvent& event, float slack);

    // The changes since the last call, in order.
    std::vector<LiveChange> take_changes();
    // Whether the next frame is to be shown: always, but once for each step asked for while the player holds.
    bool take_turn();

    bool quitting() const { return quitting_; }
    bool waiting() const { return waiting_; }
    // Also while something is drawn: it means this frame.
    bool holding() const { return paused_ || waiting_ || drag_; }
    bool helping() const { return helping_; }
    int32_t selected() const { return selected_; }  // 0: none
    std::optional<samlet_box> box() const;          // being drawn
    // The last thing that could not be done; "" if the last one could.
    const std::string& message() const { return message_; }
    void set_message(const std::string& message) { message_ = message; }

  private:
    struct Place {
        float x, y;
    };
    struct Drag {
        Place from, to;
        bool shift;
        bool moved;  // farther than a click
    };

    bool inside(const ViewEvent& event) const;
    Place clamped(const ViewEvent& event) const;
    void press(const ViewEvent& event);
    void drag_to(const ViewEvent& event, float slack);
    void release();
    void press_key(char key);

    void start_object(LiveChange change);
    void refine_selected(LiveChange change);
    int32_t free_number() const;
    void select_next();
    void remove_selected();
    void remove_all();

    uint32_t most_objects_;
    float width_ = 0, height_ = 0;
    std::vector<int32_t> objects_;  // those of the tracker and those that `changes_` will start
    int32_t highest_ = 0;           // number that was ever used
    int32_t selected_ = 0;
    std::optional<Drag> drag_;
    std::vector<LiveChange> changes_;
    int64_t steps_ = 0;
    bool waiting_, paused_ = false, quitting_ = false, helping_ = false;
    std::string message_;
};

}  // namespace cli
