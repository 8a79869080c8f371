// Cameras through V4L2: memory-mapped buffers, and the latest picture of those that are ready. Who reads
// slowly wraps it in a LatestFrame.
//
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "error.h"
#include "image_io.h"
#include "interrupt.h"
#include "video_source.h"

namespace cli {
namespace {

constexpr uint32_t kBuffers = 4;
constexpr int kPatience = 5000;  // milliseconds without a picture until it is an error

// In order of preference: what the library reads directly, then what must be decoded.
constexpr uint32_t kFormats[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_MJPEG};

class Camera : public VideoSource {
  public:
    Camera(const std::string& device, const CameraSize& size) : device_(device) {
        try {
            open_device();
            choose_format(size);
            map_buffers();
            int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
            control(VIDIOC_STREAMON, &type, "start");
            streaming_ = true;
        } catch (...) {
            close_device();
            throw;
        }
    }
    ~Camera() override { close_device(); }
    Camera(const Camera&) = delete;
    Camera& operator=(const Camera&) = delete;

    int64_t frame_count() const override { return 0; }
    double frames_per_second() const override { return frames_per_second_; }
    bool live() const override { return true; }

    bool read(int64_t, Picture& picture) override {
        for (int failures = 0; !interrupted(); failures++) {
            v4l2_buffer buffer;
            if (!take_latest(buffer)) continue;
            const bool good = copy(buffer, picture);
            control(VIDIOC_QBUF, &buffer, "return a buffer to");
            if (good) return true;
            if (failures > 30) throw Error("the camera '" + device_ + "' delivers only broken pictures");
        }
        return false;
    }

  private:
    struct Mapping {
        void* memory;
        size_t size;
    };

    [[noreturn]] void fail(const char* doing) const {
        throw Error(std::string("cannot ") + doing + " the camera '" + device_ + "': " + strerror(errno));
    }
    int try_control(unsigned long request, void* argument) const {
        int code;
        do {
            code = ioctl(descriptor_, request, argument);
        } while (code < 0 && errno == EINTR && !interrupted());
        return code;
    }
    void control(unsigned long request, void* argument, const char* doing) const {
        if (try_control(request, argument) < 0) fail(doing);
    }

    // Whoever connected a camera and reads this has most likely one that V4L2 alone cannot drive.
    [[noreturn]] void refuse(const std::string& why) const {
        throw Error("'" + device_ + "' " + why +
                    "; camera modules of a Raspberry Pi need libcamera: "
                    "rpicam-vid -t 0 --codec mjpeg -o - | samlet track --video - ...");
    }

    void open_device() {
        descriptor_ = open(device_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (descriptor_ < 0) fail("open");
        v4l2_capability capability = {};
        if (try_control(VIDIOC_QUERYCAP, &capability) < 0) {
            if (errno == ENOTTY) refuse("is no camera");
            fail("query");
        }
        const uint32_t able =
            capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
        if (!(able & V4L2_CAP_VIDEO_CAPTURE) || !(able & V4L2_CAP_STREAMING))
            refuse("is not a camera that can stream in a single plane");
    }

    void choose_format(const CameraSize& size) {
        for (const uint32_t wanted : kFormats) {
            format_ = {};
            format_.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
            format_.fmt.pix.width = size.width;
            format_.fmt.pix.height = size.height;
            format_.fmt.pix.pixelformat = wanted;
            format_.fmt.pix.field = V4L2_FIELD_NONE;
            // The driver answers with what it can do instead.
            if (try_control(VIDIOC_S_FMT, &format_) == 0 && format_.fmt.pix.pixelformat == wanted &&
                format_.fmt.pix.width > 0 && format_.fmt.pix.height > 0) {
                read_rate();
                return;
            }
        }
        refuse("offers none of the formats YUYV, NV12 and MJPEG");
    }

    void read_rate() {
        v4l2_streamparm parameters = {};
        parameters.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        if (try_control(VIDIOC_G_PARM, &parameters) != 0) return;
        const v4l2_fract& frame_time = parameters.parm.capture.timeperframe;
        if (frame_time.numerator > 0)
            frames_per_second_ = double(frame_time.denominator) / frame_time.numerator;
    }

    void map_buffers() {
        v4l2_requestbuffers request = {};
        request.count = kBuffers;
        request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        request.memory = V4L2_MEMORY_MMAP;
        control(VIDIOC_REQBUFS, &request, "get buffers from");
        for (uint32_t i = 0; i < request.count; i++) {
            v4l2_buffer buffer = empty_buffer();
            buffer.index = i;
            control(VIDIOC_QUERYBUF, &buffer, "query");
            void* memory = mmap(nullptr, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_,
                                buffer.m.offset);
            if (memory == MAP_FAILED) fail("map the buffers of");
            mappings_.push_back({memory, buffer.length});
            control(VIDIOC_QBUF, &buffer, "give a buffer to");
        }
        if (mappings_.empty()) throw Error("the camera '" + device_ + "' has no buffers");
    }

    static v4l2_buffer empty_buffer() {
        v4l2_buffer buffer = {};
        buffer.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        buffer.memory = V4L2_MEMORY_MMAP;
        return buffer;
    }

    // Waits for a picture, then gives back all that are ready but the newest. False when a signal came
    // instead.
    bool take_latest(v4l2_buffer& latest) {
        pollfd ready = {descriptor_, POLLIN, 0};
        const int count = poll(&ready, 1, kPatience);
        if (count < 0 && errno == EINTR) return false;
        if (count < 0) fail("wait for");
        if (count == 0) throw Error("the camera '" + device_ + "' sent no picture for 5 seconds");
        bool found = false;
        for (v4l2_buffer buffer = empty_buffer(); try_control(VIDIOC_DQBUF, &buffer) == 0;
             buffer = empty_buffer()) {
            if (found) control(VIDIOC_QBUF, &latest, "return a buffer to");
            latest = buffer;
            found = true;
        }
        if (!found && errno != EAGAIN && errno != EINTR) fail("read from");
        return found;
    }

    // False for a picture that was damaged on its way, which happens on USB.
    bool copy(const v4l2_buffer& buffer, Picture& picture) const {
        if (buffer.index >= mappings_.size() || buffer.flags & V4L2_BUF_FLAG_ERROR) return false;
        const uint8_t* data = static_cast<const uint8_t*>(mappings_[buffer.index].memory);
        const size_t size = std::min<size_t>(buffer.bytesused, mappings_[buffer.index].size);
        if (format_.fmt.pix.pixelformat == V4L2_PIX_FMT_MJPEG) {
            try {
                decode_jpeg(data, size, device_, picture);
            } catch (const Error&) {
                return false;
            }
            return true;
        }
        shape_raw(picture);
        if (size < picture.bytes.size()) return false;
        memcpy(picture.bytes.data(), data, picture.bytes.size());
        return true;
    }

    void shape_raw(Picture& picture) const {
        const v4l2_pix_format& pixels = format_.fmt.pix;
        const bool nv12 = pixels.pixelformat == V4L2_PIX_FMT_NV12;
        picture.format = nv12 ? SAMLET_PIXEL_NV12 : SAMLET_PIXEL_YUYV;
        picture.width = pixels.width;
        picture.height = pixels.height;
        const uint32_t row = nv12 ? pixels.width : 2 * pixels.width;
        picture.stride[0] = std::max(pixels.bytesperline, row);
        picture.stride[1] = nv12 ? picture.stride[0] : 0;
        picture.second_plane = nv12 ? picture.stride[0] * pixels.height : 0;
        picture.bytes.resize(picture.stride[0] * pixels.height +
                             picture.stride[1] * ((pixels.height + 1) / 2));
    }

    void close_device() {
        int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
        if (streaming_) ioctl(descriptor_, VIDIOC_STREAMOFF, &type);
        for (const Mapping& mapping : mappings_) munmap(mapping.memory, mapping.size);
        if (descriptor_ >= 0) close(descriptor_);
        streaming_ = false;
        mappings_.clear();
        descriptor_ = -1;
    }

    std::string device_;
    int descriptor_ = -1;
    v4l2_format format_ = {};
    double frames_per_second_ = 0;
    std::vector<Mapping> mappings_;
    bool streaming_ = false;
};

}  // namespace

std::unique_ptr<VideoSource> open_camera(const std::string& device, const CameraSize& size) {
    return std::make_unique<Camera>(device, size);
}

}  // namespace cli
