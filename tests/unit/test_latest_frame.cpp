// A slow reader of a camera gets the newest picture, not the oldest one that waits.
//
// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "tools/samlet/latest_frame.h"
// After samlet's headers: cmocka defines fail().
#include "scene.h"

using namespace cli;

namespace {

// What a camera does next: a picture that holds a number, the end, or a failure.
constexpr int kEnd = -1, kFailure = -2;

// Outlives the camera.
struct Wire {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<int> coming;
    bool hungry = false;  // the camera's reader waits for more

    void send(int what) {
        const std::lock_guard<std::mutex> lock(mutex);
        coming.push_back(what);
        hungry = false;
        changed.notify_all();
    }
    void wait_until_all_is_taken() {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return hungry && coming.empty(); });
    }
};

class FakeCamera : public VideoSource {
  public:
    explicit FakeCamera(Wire& wire) : wire_(wire) {}
    int64_t frame_count() const override { return 0; }
    double frames_per_second() const override { return 30; }
    bool live() const override { return true; }
    bool read(int64_t, Picture& picture) override {
        std::unique_lock<std::mutex> lock(wire_.mutex);
        wire_.hungry = wire_.coming.empty();
        wire_.changed.notify_all();
        wire_.changed.wait(lock, [&] { return !wire_.coming.empty(); });
        const int what = wire_.coming.front();
        wire_.coming.pop_front();
        if (what == kFailure) throw std::runtime_error("unplugged");
        if (what == kEnd) return false;
        shape_rgb(picture, 1, 1);
        picture.bytes[0] = static_cast<uint8_t>(what);
        return true;
    }

  private:
    Wire& wire_;
};

int read(LatestFrame& camera, int64_t number = 0) {
    Picture picture;
    if (!camera.read(number, picture)) return kEnd;
    return picture.bytes[0];
}

// One picture every few milliseconds until the reader has what it waits for.
int read_while_it_films(Wire& wire, LatestFrame& camera, int64_t number, int& next) {
    std::future<int> found = std::async(std::launch::async, [&] { return read(camera, number); });
    while (found.wait_for(std::chrono::milliseconds(2)) != std::future_status::ready && next < 200)
        wire.send(next++);
    if (next == 200) wire.send(kEnd);
    return found.get();
}

void the_newest_picture_wins(void**) {
    Wire wire;
    {
        LatestFrame camera(std::make_unique<FakeCamera>(wire));
        assert_true(camera.live() && camera.frames_per_second() == 30);
        for (int i = 1; i <= 20; i++) wire.send(i);
        wire.wait_until_all_is_taken();
        assert_int_equal(read(camera), 20);
        wire.send(21);
        assert_int_equal(read(camera), 21);  // waits, and does not give one twice
        wire.send(22);
        wire.wait_until_all_is_taken();
        wire.send(kEnd);
        assert_int_equal(read(camera), 22);
        assert_int_equal(read(camera), kEnd);
        assert_int_equal(read(camera), kEnd);
    }
}

// Whoever reads slowly learns how long ago the first picture was.
void pictures_know_when_they_came(void**) {
    Wire wire;
    LatestFrame camera(std::make_unique<FakeCamera>(wire));
    Picture picture;
    wire.send(1);
    assert_true(camera.read(0, picture) && picture.seconds == 0.0);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    wire.send(2);
    assert_true(camera.read(1, picture));
    assert_true(picture.seconds > 0.045 && picture.seconds < 60);
    wire.send(kEnd);
}

// Pictures that the camera took while nobody read do not count.
void pictures_before_the_wanted_one_are_dropped(void**) {
    Wire wire;
    LatestFrame camera(std::make_unique<FakeCamera>(wire));
    int next = 1;
    const int third = read_while_it_films(wire, camera, 2, next);
    assert_in_range(third, 3, 200);
    // The next one follows without another gap.
    wire.wait_until_all_is_taken();
    const int newest = next++;
    wire.send(newest);
    wire.wait_until_all_is_taken();
    assert_int_equal(read(camera, 3), newest);
    const int sixth = read_while_it_films(wire, camera, 5, next);
    assert_in_range(sixth, newest + 2, 200);
    wire.send(kEnd);
}

void an_end_before_the_wanted_picture(void**) {
    Wire wire;
    LatestFrame camera(std::make_unique<FakeCamera>(wire));
    wire.send(1);
    wire.wait_until_all_is_taken();
    wire.send(kEnd);
    assert_int_equal(read(camera, 5), kEnd);
}

void failures_come_after_the_last_picture(void**) {
    Wire wire;
    LatestFrame camera(std::make_unique<FakeCamera>(wire));
    wire.send(1);
    wire.wait_until_all_is_taken();
    wire.send(kFailure);
    assert_int_equal(read(camera), 1);
    std::string message;
    try {
        read(camera);
    } catch (const std::runtime_error& error) {
        message = error.what();
    }
    assert_string_equal(message.c_str(), "unplugged");
}

void it_ends_with_pictures_unread(void**) {
    Wire wire;
    LatestFrame camera(std::make_unique<FakeCamera>(wire));
    for (int i = 1; i <= 3; i++) wire.send(i);
    wire.wait_until_all_is_taken();
    wire.send(kEnd);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_picture_wins),
        cmocka_unit_test(pictures_know_when_they_came),
        cmocka_unit_test(pictures_before_the_wanted_one_are_dropped),
        cmocka_unit_test(an_end_before_the_wanted_picture),
        cmocka_unit_test(failures_come_after_the_last_picture),
        cmocka_unit_test(it_ends_with_pictures_unread),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
