// SPDX-License-Identifier: Apache-2.0
#include "live_control.h"

#include <algorithm>
#include <cmath>

namespace cli {
namespace {

// Objects are the indices of 8-bit masks.
constexpr int32_t kHighestNumber = 255;
constexpr char kDelete = 127;

bool contains(const std::vector<int32_t>& objects, int32_t object) {
    return std::find(objects.begin(), objects.end(), object) != objects.end();
}

LiveChange point_change(float x, float y, samlet_point_label label) {
    LiveChange change;
    change.kind = LiveChange::Kind::point;
    change.point = {x, y, label};
    return change;
}

}  // namespace

void LiveControl::set_picture_size(uint32_t width, uint32_t height) {
    width_ = static_cast<float>(width);
    height_ = static_cast<float>(height);
}

void LiveControl::set_objects(const std::vector<int32_t>& objects) {
    objects_ = objects;
    for (const int32_t object : objects) highest_ = std::max(highest_, object);
    if (!contains(objects_, selected_)) selected_ = objects_.empty() ? 0 : objects_.back();
}

std::vector<LiveChange> LiveControl::take_changes() {
    std::vector<LiveChange> changes;
    changes.swap(changes_);
    return changes;
}

bool LiveControl::take_turn() {
    if (!holding()) return true;
    if (steps_ == 0) return false;
    steps_--;
    return true;
}

std::optional<samlet_box> LiveControl::box() const {
    if (!drag_ || !drag_->moved) return std::nullopt;
    const Place &a = drag_->from, &b = drag_->to;
    return samlet_box{std::min(a.x, b.x), std::min(a.y, b.y), std::max(a.x, b.x), std::max(a.y, b.y)};
}

// ---- Events
// --------------------------------------------------------------------------------------------------------

void LiveControl::handle(const ViewEvent& event, float slack) {
    switch (event.kind) {
        case ViewEvent::Kind::press:
            press(event);
            break;
        case ViewEvent::Kind::move:
            drag_to(event, slack);
            break;
        case ViewEvent::Kind::release:
            drag_to(event, slack);
            if (event.button == ViewEvent::Button::left) release();
            break;
        case ViewEvent::Kind::key:
            press_key(event.key);
            break;
        case ViewEvent::Kind::close:
            quitting_ = true;
            break;
        case ViewEvent::Kind::redraw:
            break;
    }
}

bool LiveControl::inside(const ViewEvent& event) const {
    return event.x >= 0 && event.x <= width_ && event.y >= 0 && event.y <= height_;
}

LiveControl::Place LiveControl::clamped(const ViewEvent& event) const {
    return {std::clamp(event.x, 0.0f, width_), std::clamp(event.y, 0.0f, height_)};
}

void LiveControl::press(const ViewEvent& event) {
    if (!inside(event)) return;
    message_.clear();
    switch (event.button) {
        case ViewEvent::Button::left:
            drag_ = Drag{clamped(event), clamped(event), event.shift, false};
            break;
        case ViewEvent::Button::middle:
            refine_selected(point_change(event.x, event.y, SAMLET_POINT_POSITIVE));
            break;
        case ViewEvent::Button::right:
            refine_selected(point_change(event.x, event.y, SAMLET_POINT_NEGATIVE));
            break;
    }
}

void LiveControl::drag_to(const ViewEvent& event, float slack) {
    if (!drag_) return;
    drag_->to = clamped(event);
    const float distance =
        std::max(std::fabs(drag_->to.x - drag_->from.x), std::fabs(drag_->to.y - drag_->from.y));
    // Once a drag, always a drag: back at its start it is a box of no size, and given up.
    drag_->moved |= distance > slack;
}

void LiveControl::release() {
    if (!drag_) return;
    LiveChange change = point_change(drag_->from.x, drag_->from.y, SAMLET_POINT_POSITIVE);
    const std::optional<samlet_box> drawn = box();
    const bool shift = drag_->shift;
    drag_.reset();
    if (drawn) {
        if (drawn->x1 - drawn->x0 < 1 || drawn->y1 - drawn->y0 < 1) return;
        change.kind = LiveChange::Kind::box;
        change.box = *drawn;
    }
    if (shift)
        refine_selected(change);
    else
        start_object(change);
}

void LiveControl::press_key(char key) {
    message_.clear();
    switch (key) {
        case 'q':
            quitting_ = true;
            break;
        case ' ':
            paused_ = !paused_ && !waiting_;
            waiting_ = false;
            steps_ = 0;
            break;
        case 'n':
            paused_ = true;
            waiting_ = false;
            steps_++;
            break;
        case '\t':
            select_next();
            break;
        case 'x':
        case kDelete:
            remove_selected();
            break;
        case 'r':
            remove_all();
            break;
        case 'h':
            helping_ = !helping_;
            break;
        default:
            break;
    }
}

// ---- Objects
// -------------------------------------------------------------------------------------------------------

void LiveControl::start_object(LiveChange change) {
    change.object = free_number();
    if (objects_.size() >= most_objects_ || change.object == 0) {
        message_ = "all " + std::to_string(most_objects_) +
                   " objects are taken: remove one (x), or start with more (--objects)";
        return;
    }
    objects_.push_back(change.object);
    highest_ = std::max(highest_, change.object);
    selected_ = change.object;
    waiting_ = false;
    changes_.push_back(change);
}

void LiveControl::refine_selected(LiveChange change) {
    if (selected_ == 0) {
        message_ = "there is no object yet: click on one first";
        return;
    }
    change.object = selected_;
    changes_.push_back(change);
}

// A number is used again only when all were used: results of different objects stay apart. 0: none is free.
int32_t LiveControl::free_number() const {
    if (highest_ < kHighestNumber) return highest_ + 1;
    for (int32_t number = 1; number <= kHighestNumber; number++)
        if (!contains(objects_, number)) return number;
    return 0;
}

void LiveControl::select_next() {
    if (objects_.empty()) return;
    const auto at = std::find(objects_.begin(), objects_.end(), selected_);
    selected_ = at == objects_.end() || at + 1 == objects_.end() ? objects_.front() : *(at + 1);
}

void LiveControl::remove_selected() {
    if (selected_ == 0) {
        message_ = "there is no object to remove";
        return;
    }
    LiveChange change;
    change.kind = LiveChange::Kind::remove;
    change.object = selected_;
    changes_.push_back(change);
    std::vector<int32_t> left = objects_;
    left.erase(std::remove(left.begin(), left.end(), selected_), left.end());
    set_objects(left);
}

void LiveControl::remove_all() {
    changes_.push_back({});
    set_objects({});
}

}  // namespace cli
