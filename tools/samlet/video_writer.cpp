// SPDX-License-Identifier: Apache-2.0
#include "video_writer.h"

#include <algorithm>
#include <cstring>

#include "error.h"
#include "files.h"
#include "libav.h"

namespace cli {
namespace {

struct CloseOutput {
    void operator()(AVFormatContext* p) const {
        avio_closep(&p->pb);
        avformat_free_context(p);
    }
};
using OutputContext = std::unique_ptr<AVFormatContext, CloseOutput>;

void check(int code, const std::string& path) {
    if (code < 0) throw Error("cannot write '" + path + "': " + libav_message(code));
}

int even(uint32_t size) {
    return static_cast<int>(size + size % 2);
}

// Null when this libav lacks the encoder or refuses it.
CodecContext open_encoder(const AVCodec* codec, const AVFormatContext& output, int width, int height,
                          AVRational rate) {
    if (!codec) return nullptr;
    CodecContext context(avcodec_alloc_context3(codec));
    if (!context) return nullptr;
    context->width = width;
    context->height = height;
    context->pix_fmt = AV_PIX_FMT_YUV420P;
    context->time_base = av_inv_q(rate);
    context->framerate = rate;
    context->colorspace = AVCOL_SPC_SMPTE170M;
    context->color_range = AVCOL_RANGE_MPEG;
    context->thread_count = 1;  // the tracker needs the processors more
    if (output.oformat->flags & AVFMT_GLOBALHEADER) context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (codec->id == AV_CODEC_ID_H264) {
        av_opt_set(context->priv_data, "preset", "veryfast", 0);
        av_opt_set(context->priv_data, "crf", "20", 0);
        av_opt_set(context->priv_data, "x264-params", "log-level=none", 0);
    } else {
        context->flags |= AV_CODEC_FLAG_QSCALE;
        context->global_quality = 3 * FF_QP2LAMBDA;
    }
    if (avcodec_open2(context.get(), codec, nullptr) < 0) return nullptr;
    return context;
}

}  // namespace

struct VideoWriter::Encoder {
    std::string path;
    uint32_t width, height;  // of the pictures; the video's are even
    OutputContext output;
    AVStream* stream = nullptr;
    CodecContext codec;
    Scaler scaler;
    Frame frame;
    Packet packet;
    Picture padded;
    bool finished = false;

    Encoder(const std::string& file, uint32_t w, uint32_t h, double frames_per_second)
        : path(file), width(w), height(h), frame(av_frame_alloc()), packet(av_packet_alloc()) {
        if (!frame || !packet) throw Error("out of memory");
        AVFormatContext* context = nullptr;
        check(avformat_alloc_output_context2(&context, nullptr, nullptr, path.c_str()), path);
        output.reset(context);
        // MPEG-4 allows no denominator above 65535.
        const AVRational rate = av_d2q(frames_per_second, 60000);
        codec = open_encoder(avcodec_find_encoder_by_name("libx264"), *output, even(w), even(h), rate);
        if (!codec)
            codec = open_encoder(avcodec_find_encoder(AV_CODEC_ID_MPEG4), *output, even(w), even(h), rate);
        if (!codec)
            throw Error("cannot write '" + path + "': this libav has no usable H.264 or MPEG-4 encoder");
        start();
    }

    void start() {
        stream = avformat_new_stream(output.get(), nullptr);
        if (!stream) throw Error("out of memory");
        stream->time_base = codec->time_base;
        stream->avg_frame_rate = codec->framerate;
        check(avcodec_parameters_from_context(stream->codecpar, codec.get()), path);
        frame->format = AV_PIX_FMT_YUV420P;
        frame->width = codec->width;
        frame->height = codec->height;
        check(av_frame_get_buffer(frame.get(), 0), path);
        scaler.reset(sws_getContext(codec->width, codec->height, AV_PIX_FMT_RGB24, codec->width,
                                    codec->height, AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND,
                                    nullptr, nullptr, nullptr));
        if (!scaler) throw Error("cannot write '" + path + "': libswscale refuses the size");
        // Vectors of swscale may read a little behind the last row.
        shape_rgb(padded, static_cast<uint32_t>(codec->width), static_cast<uint32_t>(codec->height), 64, 64);
        check(avio_open(&output->pb, path.c_str(), AVIO_FLAG_WRITE), path);
        check(avformat_write_header(output.get(), nullptr), path);
    }

    // 4:2:0 needs even sizes: the last column and row are repeated.
    void pad(const Picture& rgb) {
        for (uint32_t y = 0; y < padded.height; y++) {
            const uint8_t* from = rgb.row(std::min(y, height - 1));
            uint8_t* to = padded.row(y);
            memcpy(to, from, size_t{3} * width);
            if (padded.width > width) memcpy(to + 3 * width, from + 3 * (width - 1), 3);
        }
    }

    void add(const Picture& rgb, int64_t time) {
        if (rgb.width != width || rgb.height != height)
            throw Error("cannot go on writing '" + path + "': the frame size changed from " +
                        std::to_string(width) + "x" + std::to_string(height) + " to " +
                        std::to_string(rgb.width) + "x" + std::to_string(rgb.height) +
                        "; give --overlay a directory instead");
        pad(rgb);
        check(av_frame_make_writable(frame.get()), path);
        const uint8_t* planes[4] = {padded.bytes.data()};
        const int strides[4] = {static_cast<int>(padded.stride[0])};
        check(sws_scale(scaler.get(), planes, strides, 0, codec->height, frame->data, frame->linesize), path);
        frame->pts = time;
        send(frame.get());
    }

    // A null frame drains the encoder.
    void send(const AVFrame* picture) {
        check(avcodec_send_frame(codec.get(), picture), path);
        for (;;) {
            const int code = avcodec_receive_packet(codec.get(), packet.get());
            if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
            check(code, path);
            av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
            packet->stream_index = stream->index;
            check(av_interleaved_write_frame(output.get(), packet.get()), path);
        }
    }

    void finish() {
        if (finished) return;
        finished = true;
        send(nullptr);
        check(av_write_trailer(output.get()), path);
        check(avio_closep(&output->pb), path);
    }
};

VideoWriter::VideoWriter(const std::string& path, uint32_t width, uint32_t height, double frames_per_second) {
    av_log_set_level(AV_LOG_QUIET);
    encoder_ = std::make_unique<Encoder>(path, width, height, frames_per_second);
}

VideoWriter::~VideoWriter() {
    try {
        finish();
    } catch (const Error&) {
        // The error that led here is the one to report.
    }
}

void VideoWriter::add(const Picture& rgb, int64_t time) {
    encoder_->add(rgb, time);
}
void VideoWriter::finish() {
    encoder_->finish();
}

bool is_video_name(const std::string& path) {
    const std::string kind = extension(path);
    return kind == ".mp4" || kind == ".mkv" || kind == ".mov" || kind == ".m4v" || kind == ".avi";
}

}  // namespace cli
