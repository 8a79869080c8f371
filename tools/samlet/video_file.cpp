// Video files through libav.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>

#include "error.h"
#include "files.h"
#include "libav.h"
#include "video_source.h"

namespace cli {
namespace {

struct CloseInput {
    void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
};
using InputContext = std::unique_ptr<AVFormatContext, CloseInput>;

// Phones store upright films lying down, with a matrix that tells how to turn them.
const int32_t* display_matrix(const AVStream* stream) {
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(60, 15, 100)
    const AVPacketSideData* data = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    return data ? reinterpret_cast<const int32_t*>(data->data) : nullptr;
#else
    return reinterpret_cast<const int32_t*>(
        av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr));
#endif
}

// Clockwise quarter turns that show the picture upright.
int quarter_turns(const AVStream* stream) {
    const int32_t* matrix = display_matrix(stream);
    if (!matrix) return 0;
    const double anticlockwise = av_display_rotation_get(matrix);
    if (std::isnan(anticlockwise)) return 0;
    return static_cast<int>(std::lround(-anticlockwise / 90) % 4 + 4) % 4;
}

// One pass through a file, from its first frame on.
class Decoder {
  public:
    explicit Decoder(const std::string& path) : path_(path) {
        AVFormatContext* input = nullptr;
        check(avformat_open_input(&input, path.c_str(), nullptr, nullptr), "open");
        input_.reset(input);
        check(avformat_find_stream_info(input, nullptr), "read");
        const AVCodec* codec = nullptr;
        const int stream = av_find_best_stream(input, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
        if (stream < 0 || !codec) throw Error("'" + path + "' holds no video that this libav can decode");
        stream_ = input->streams[stream];
        turns_ = quarter_turns(stream_);
        codec_.reset(avcodec_alloc_context3(codec));
        frame_.reset(av_frame_alloc());
        packet_.reset(av_packet_alloc());
        if (!codec_ || !frame_ || !packet_) throw Error("out of memory");
        check(avcodec_parameters_to_context(codec_.get(), stream_->codecpar), "read");
        // The tracker needs the processors more.
        codec_->thread_count = 1;
        check(avcodec_open2(codec_.get(), codec, nullptr), "decode");
    }

    int64_t frame_count() const { return std::max<int64_t>(stream_->nb_frames, 0); }
    double frames_per_second() const {
        const AVRational rate = av_guess_frame_rate(input_.get(), stream_, nullptr);
        return rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
    }

    // Decodes the next frame; false at the end of the file.
    bool next() {
        for (;;) {
            const int code = avcodec_receive_frame(codec_.get(), frame_.get());
            if (code == 0) {
                if (decoded_ == 0) first_timestamp_ = frame_->best_effort_timestamp;
                decoded_++;
                return true;
            }
            if (code == AVERROR_EOF) return false;
            if (code != AVERROR(EAGAIN)) fail(code);
            feed();
        }
    }
    // The frame that next() decoded.
    Picture picture() {
        Picture picture;
        if (is_library_nv12()) {
            copy_nv12(picture);
        } else {
            convert(picture);
        }
        if (turns_ != 0) picture = turn(to_rgb(picture), turns_);
        picture.seconds = seconds();
        return picture;
    }

  private:
    // Streams without a container have no times: libav makes them up.
    std::optional<double> seconds() const {
        const int64_t timestamp = frame_->best_effort_timestamp;
        if (input_->iformat->flags & AVFMT_NOTIMESTAMPS || timestamp == AV_NOPTS_VALUE ||
            first_timestamp_ == AV_NOPTS_VALUE)
            return {};
        return static_cast<double>(timestamp - first_timestamp_) * av_q2d(stream_->time_base);
    }
    void check(int code, const char* doing) const {
        if (code < 0)
            throw Error(std::string("cannot ") + doing + " '" + path_ + "': " + libav_message(code));
    }
    [[noreturn]] void fail(int code) const {
        throw Error("cannot decode frame " + std::to_string(decoded_) + " of '" + path_ +
                    "': " + libav_message(code));
    }

    void feed() {
        int code = 0;
        do {
            av_packet_unref(packet_.get());
            code = av_read_frame(input_.get(), packet_.get());
        } while (code == 0 && packet_->stream_index != stream_->index);
        if (code < 0 && code != AVERROR_EOF) fail(code);
        code = avcodec_send_packet(codec_.get(), code == AVERROR_EOF ? nullptr : packet_.get());
        av_packet_unref(packet_.get());
        if (code < 0) fail(code);
    }

    bool is_library_nv12() const {
        const bool bt601 = frame_->colorspace == AVCOL_SPC_UNSPECIFIED ||
                           frame_->colorspace == AVCOL_SPC_BT470BG ||
                           frame_->colorspace == AVCOL_SPC_SMPTE170M;
        return frame_->format == AV_PIX_FMT_NV12 && bt601 && frame_->color_range != AVCOL_RANGE_JPEG;
    }

    void copy_nv12(Picture& picture) const {
        picture.format = SAMLET_PIXEL_NV12;
        picture.width = static_cast<uint32_t>(frame_->width);
        picture.height = static_cast<uint32_t>(frame_->height);
        picture.stride[0] = picture.width;
        picture.stride[1] = (picture.width + 1) / 2 * 2;
        picture.second_plane = picture.stride[0] * picture.height;
        picture.bytes.resize(picture.second_plane + picture.stride[1] * ((picture.height + 1) / 2));
        for (uint32_t y = 0; y < picture.height; y++)
            std::copy_n(frame_->data[0] + y * frame_->linesize[0], picture.width, picture.row(y));
        for (uint32_t y = 0; y < (picture.height + 1) / 2; y++)
            std::copy_n(frame_->data[1] + y * frame_->linesize[1], picture.stride[1],
                        picture.bytes.data() + picture.second_plane + y * picture.stride[1]);
    }

    void convert(Picture& picture) {
        const int width = frame_->width, height = frame_->height;
        scaler_.reset(sws_getCachedContext(
            scaler_.release(), width, height, static_cast<AVPixelFormat>(frame_->format), width, height,
            AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr,
            nullptr));
        if (!scaler_) throw Error("cannot convert the pixels of '" + path_ + "' to RGB");
        // Unspecified colour spaces are taken for BT.601, as the ffmpeg program does.
        sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(frame_->colorspace),
                                 frame_->color_range == AVCOL_RANGE_JPEG, sws_getCoefficients(SWS_CS_DEFAULT),
                                 1, 0, 1 << 16, 1 << 16);
        // swscale stores whole vectors.
        shape_rgb(picture, static_cast<uint32_t>(width), static_cast<uint32_t>(height), 64, 64);
        uint8_t* planes[4] = {picture.bytes.data()};
        const int strides[4] = {static_cast<int>(picture.stride[0])};
        check(sws_scale(scaler_.get(), frame_->data, frame_->linesize, 0, height, planes, strides),
              "convert");
    }

    std::string path_;
    InputContext input_;
    AVStream* stream_ = nullptr;
    CodecContext codec_;
    Frame frame_;
    Packet packet_;
    Scaler scaler_;
    int turns_ = 0;
    int64_t decoded_ = 0;
    int64_t first_timestamp_ = AV_NOPTS_VALUE;
};

// Frames by number. Going back decodes from the start of the file again, which is exact in every container,
// and keeps the frames just below, so that reading downwards costs one such pass for each window.
class VideoFile : public VideoSource {
  public:
    explicit VideoFile(const std::string& path) : path_(path), decoder_(std::make_unique<Decoder>(path)) {
        frame_count_ = decoder_->frame_count();
        frames_per_second_ = decoder_->frames_per_second();
    }

    int64_t frame_count() const override { return frame_count_; }
    double frames_per_second() const override { return frames_per_second_; }
    bool piped() const override { return !is_regular_file(path_); }
    bool read(int64_t number, Picture& picture) override {
        if (number < 0) return false;
        if (kept_.count(number) == 0 && !decode_up_to(number)) return false;
        picture = std::move(kept_[number]);
        kept_.erase(number);
        return true;
    }

  private:
    static constexpr size_t kWindowBytes = size_t{256} << 20;

    bool decode_up_to(int64_t number) {
        int64_t lowest = number;
        if (number < next_) {
            decoder_ = std::make_unique<Decoder>(path_);
            next_ = 0;
            lowest = number - window_frames() + 1;
        }
        kept_.clear();
        while (next_ <= number) {
            if (!decoder_->next()) return false;
            if (next_ >= lowest) {
                kept_[next_] = decoder_->picture();
                frame_bytes_ = kept_[next_].bytes.size();
            }
            next_++;
        }
        return true;
    }
    int64_t window_frames() const {
        return static_cast<int64_t>(std::max<size_t>(1, kWindowBytes / std::max<size_t>(frame_bytes_, 1)));
    }

    std::string path_;
    std::unique_ptr<Decoder> decoder_;
    int64_t frame_count_ = 0;
    double frames_per_second_ = 0;
    int64_t next_ = 0;
    size_t frame_bytes_ = kWindowBytes;  // until a frame is known: keep one
    std::map<int64_t, Picture> kept_;
};

}  // namespace

std::unique_ptr<VideoSource> open_video_file(const std::string& path) {
    av_log_set_level(AV_LOG_QUIET);  // our errors are one sentence
    return std::make_unique<VideoFile>(path);
}

}  // namespace cli
