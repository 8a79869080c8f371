// Scripted events of a view become changes of the objects; no display and no tracker.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <string>
#include <vector>

#include "tools/samlet/live_control.h"
#include "tools/samlet/live_fit.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace cli;

namespace {

using Kind = ViewEvent::Kind;
using Button = ViewEvent::Button;

constexpr float kSlack = 4;

ViewEvent event(Kind kind, float x, float y, Button button = Button::left, bool shift = false) {
    ViewEvent event;
    event.kind = kind;
    event.x = x;
    event.y = y;
    event.button = button;
    event.shift = shift;
    return event;
}

std::string number(float value) {
    const std::string text = std::to_string(value);
    return text.substr(0, text.find('.') + 2);
}

// "point 1 10.0,20.0 +", "box 2 1.0,2.0,3.0,4.0", "remove 1", "reset".
std::string shown(const LiveChange& change) {
    const std::string object = std::to_string(change.object);
    switch (change.kind) {
        case LiveChange::Kind::point:
            return "point " + object + " " + number(change.point.x) + "," + number(change.point.y) +
                   (change.point.label == SAMLET_POINT_POSITIVE ? " +" : " -");
        case LiveChange::Kind::box:
            return "box " + object + " " + number(change.box.x0) + "," + number(change.box.y0) + "," +
                   number(change.box.x1) + "," + number(change.box.y1);
        case LiveChange::Kind::remove:
            return "remove " + object;
        case LiveChange::Kind::reset:
            return "reset";
    }
    return "";
}

// A hand before a picture of 200 x 100.
struct Hand {
    explicit Hand(uint32_t most_objects = 8, bool waits = false) : control(most_objects, waits) {
        control.set_picture_size(200, 100);
    }
    void click(float x, float y, Button button = Button::left, bool shift = false) {
        control.handle(event(Kind::press, x, y, button, shift), kSlack);
        control.handle(event(Kind::release, x, y, button), kSlack);
    }
    void drag(float x0, float y0, float x1, float y1, bool shift = false) {
        control.handle(event(Kind::press, x0, y0, Button::left, shift), kSlack);
        control.handle(event(Kind::move, (x0 + x1) / 2, (y0 + y1) / 2), kSlack);
        control.handle(event(Kind::move, x1, y1), kSlack);
        control.handle(event(Kind::release, x1, y1), kSlack);
    }
    void key(char key) {
        ViewEvent pressed;
        pressed.kind = Kind::key;
        pressed.key = key;
        control.handle(pressed, kSlack);
    }
    void expect(const std::vector<std::string>& want) {
        const std::vector<LiveChange> changes = control.take_changes();
        assert_int_equal(changes.size(), want.size());
        for (size_t i = 0; i < want.size(); i++)
            assert_string_equal(shown(changes[i]).c_str(), want[i].c_str());
        assert_true(control.take_changes().empty());
    }
    void expect_message(const char* part) { assert_non_null(strstr(control.message().c_str(), part)); }

    LiveControl control;
};

void clicks_add_objects(void**) {
    Hand hand;
    hand.click(10, 20);
    hand.click(199.5f, 0.5f);
    hand.expect({"point 1 10.0,20.0 +", "point 2 199.5,0.5 +"});
    assert_int_equal(hand.control.selected(), 2);
}

void a_trembling_click_is_a_click_where_it_began(void**) {
    Hand hand;
    hand.drag(50, 50, 53, 47);
    hand.expect({"point 1 50.0,50.0 +"});
}

void drags_are_boxes_in_any_direction(void**) {
    Hand hand;
    hand.drag(60, 70, 20, 10);
    hand.drag(50, 50, 54.5f, 48);  // just farther than a click
    hand.expect({"box 1 20.0,10.0,60.0,70.0", "box 2 50.0,48.0,54.5,50.0"});
    assert_false(hand.control.box().has_value());
}

void a_box_is_shown_while_it_is_drawn_and_stays_inside(void**) {
    Hand hand;
    hand.control.handle(event(Kind::press, 150, 50), kSlack);
    assert_false(hand.control.box().has_value());
    hand.control.handle(event(Kind::move, 500, -40), kSlack);
    assert_true(hand.control.box().has_value());
    assert_true(hand.control.box()->x1 == 200 && hand.control.box()->y0 == 0);
    hand.expect({});
    hand.control.handle(event(Kind::release, 500, -40), kSlack);
    hand.expect({"box 1 150.0,0.0,200.0,50.0"});
}

void a_drag_back_to_its_start_is_nothing(void**) {
    Hand hand;
    hand.control.handle(event(Kind::press, 50, 50), kSlack);
    hand.control.handle(event(Kind::move, 90, 90), kSlack);
    hand.control.handle(event(Kind::move, 50, 50.5f), kSlack);
    hand.control.handle(event(Kind::release, 50, 50.5f), kSlack);
    hand.expect({});
}

void clicks_beside_the_picture_are_nothing(void**) {
    Hand hand;
    hand.click(-0.5f, 50);
    hand.click(201, 50);
    hand.click(50, 100.5f);
    hand.drag(-20, -20, 50, 50);
    hand.expect({});
}

void other_buttons_refine_the_selected_object(void**) {
    Hand hand;
    hand.click(10, 10);
    hand.click(20, 20);
    hand.click(30, 30, Button::right);
    hand.click(40, 40, Button::middle);
    hand.click(50, 50, Button::left, true);
    hand.drag(60, 60, 90, 90, true);
    hand.expect({"point 1 10.0,10.0 +", "point 2 20.0,20.0 +", "point 2 30.0,30.0 -", "point 2 40.0,40.0 +",
                 "point 2 50.0,50.0 +", "box 2 60.0,60.0,90.0,90.0"});
    hand.key('\t');
    assert_int_equal(hand.control.selected(), 1);
    hand.click(30, 30, Button::right);
    hand.expect({"point 1 30.0,30.0 -"});
    hand.key('\t');
    assert_int_equal(hand.control.selected(), 2);
}

void without_objects_there_is_nothing_to_refine_or_remove(void**) {
    Hand hand;
    hand.click(30, 30, Button::right);
    hand.expect_message("no object yet");
    hand.click(30, 30, Button::left, true);
    hand.expect_message("no object yet");
    hand.key('x');
    hand.expect_message("no object");
    hand.key('\t');
    hand.expect({});
    assert_int_equal(hand.control.selected(), 0);
}

void removal_selects_another(void**) {
    Hand hand;
    for (int i = 0; i < 3; i++) hand.click(10, 10);
    hand.control.take_changes();
    hand.key('\t');  // 1
    hand.key('x');
    assert_int_equal(hand.control.selected(), 3);
    hand.key(127);
    assert_int_equal(hand.control.selected(), 2);
    hand.expect({"remove 1", "remove 3"});
    hand.key('r');
    hand.expect({"reset"});
    assert_int_equal(hand.control.selected(), 0);
}

void numbers_are_not_used_again(void**) {
    Hand hand;
    hand.control.set_objects({3, 7});  // of the command line
    assert_int_equal(hand.control.selected(), 7);
    hand.click(10, 10);
    hand.key('x');
    hand.key('r');
    hand.click(10, 10);
    hand.expect({"point 8 10.0,10.0 +", "remove 8", "reset", "point 9 10.0,10.0 +"});
}

void but_they_are_when_all_were_used(void**) {
    Hand hand;
    hand.control.set_objects({1, 2, 255});
    hand.click(10, 10);
    hand.click(20, 20);
    hand.expect({"point 3 10.0,10.0 +", "point 4 20.0,20.0 +"});
}

void no_more_objects_than_there_is_room_for(void**) {
    Hand hand(2);
    for (int i = 0; i < 3; i++) hand.click(10, 10);
    hand.expect_message("all 2 objects are taken");
    hand.expect({"point 1 10.0,10.0 +", "point 2 10.0,10.0 +"});
    hand.key('x');
    assert_true(hand.control.message().empty());
    hand.click(20, 20);
    hand.expect({"remove 2", "point 3 20.0,20.0 +"});
    // The tracker took none of it.
    hand.control.set_objects({1});
    assert_int_equal(hand.control.selected(), 1);
    hand.click(20, 20);
    hand.expect({"point 4 20.0,20.0 +"});
}

void the_player_pauses_and_steps(void**) {
    Hand hand;
    assert_true(hand.control.take_turn() && hand.control.take_turn());
    hand.key(' ');
    assert_true(hand.control.holding());
    assert_false(hand.control.take_turn());
    hand.key('n');
    hand.key('n');
    assert_true(hand.control.take_turn() && hand.control.take_turn());
    assert_false(hand.control.take_turn());
    hand.key(' ');
    assert_true(hand.control.take_turn());
    hand.key('n');  // pauses after one
    assert_true(hand.control.holding() && hand.control.take_turn());
    assert_false(hand.control.take_turn());
    hand.click(10, 10);
    assert_true(hand.control.holding());
}

void the_player_holds_while_something_is_drawn(void**) {
    Hand hand;
    hand.control.handle(event(Kind::press, 50, 50), kSlack);
    assert_true(hand.control.holding() && !hand.control.take_turn());
    hand.key(' ');  // pauses
    hand.control.handle(event(Kind::release, 50, 50), kSlack);
    assert_false(hand.control.take_turn());
    hand.key(' ');
    hand.control.handle(event(Kind::press, 50, 50), kSlack);
    hand.control.handle(event(Kind::release, 50, 50), kSlack);
    assert_true(hand.control.take_turn());
}

void the_first_object_ends_the_wait(void**) {
    Hand clicking(8, true);
    assert_true(clicking.control.waiting() && !clicking.control.take_turn());
    clicking.click(300, 10);
    assert_true(clicking.control.waiting());
    clicking.click(10, 10);
    assert_true(!clicking.control.waiting() && clicking.control.take_turn());
    Hand playing(8, true);
    playing.key(' ');
    assert_true(!playing.control.holding() && playing.control.take_turn());
    Hand stepping(8, true);
    stepping.key('n');
    assert_true(stepping.control.holding() && stepping.control.take_turn());
    assert_false(stepping.control.take_turn());
}

void quitting_and_help(void**) {
    Hand hand;
    hand.key('?');
    assert_false(hand.control.quitting() || hand.control.helping());
    hand.key('h');
    assert_true(hand.control.helping());
    hand.key('q');
    assert_true(hand.control.quitting());
    Hand closing;
    closing.control.handle(event(Kind::close, 0, 0), kSlack);
    assert_true(closing.control.quitting());
}

// ---- Where the picture lies

void a_picture_fills_one_direction_and_is_centred_in_the_other(void**) {
    const Fit wide = Fit::of(200, 100, 400, 300);
    assert_true(wide.left == 0 && wide.width == 400 && wide.top == 50 && wide.height == 200);
    assert_true(wide.picture_x(100) == 50 && wide.picture_y(150) == 50);
    assert_true(wide.picture_y(49) < 0 && wide.picture_y(251) > 100);
    assert_true(wide.screen_x(50) == 100 && wide.screen_y(50) == 150);
    const Fit tall = Fit::of(100, 200, 60, 40);
    assert_true(tall.left == 20 && tall.width == 20 && tall.top == 0 && tall.height == 40);
    assert_true(tall.picture_x(40) == 100 && tall.picture_y(40) == 200);
    const Fit thin = Fit::of(1000, 2, 10, 10);
    assert_int_equal(thin.height, 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(clicks_add_objects),
        cmocka_unit_test(a_trembling_click_is_a_click_where_it_began),
        cmocka_unit_test(drags_are_boxes_in_any_direction),
        cmocka_unit_test(a_box_is_shown_while_it_is_drawn_and_stays_inside),
        cmocka_unit_test(a_drag_back_to_its_start_is_nothing),
        cmocka_unit_test(clicks_beside_the_picture_are_nothing),
        cmocka_unit_test(other_buttons_refine_the_selected_object),
        cmocka_unit_test(without_objects_there_is_nothing_to_refine_or_remove),
        cmocka_unit_test(removal_selects_another),
        cmocka_unit_test(numbers_are_not_used_again),
        cmocka_unit_test(but_they_are_when_all_were_used),
        cmocka_unit_test(no_more_objects_than_there_is_room_for),
        cmocka_unit_test(the_player_pauses_and_steps),
        cmocka_unit_test(the_player_holds_while_something_is_drawn),
        cmocka_unit_test(the_first_object_ends_the_wait),
        cmocka_unit_test(quitting_and_help),
        cmocka_unit_test(a_picture_fills_one_direction_and_is_centred_in_the_other),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
