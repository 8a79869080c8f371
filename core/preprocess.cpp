// SPDX-License-Identifier: Apache-2.0
#include "core/preprocess.h"

#include <cstring>

namespace samlet {
namespace {

constexpr uint32_t kFormatCount = SAMLET_PIXEL_NORMALISED + 1;

// The caller's memory may hold any number in the enum.
uint32_t format_number(const samlet_frame& frame) {
    static_assert(sizeof(frame.format) == sizeof(uint32_t), "enums take 32 bits");
    uint32_t number;
    std::memcpy(&number, &frame.format, sizeof number);
    return number;
}

// Bytes of a row of each plane that must be there; 0: the format has no such plane.
uint64_t row_bytes(uint32_t format, uint32_t width, int plane) {
    const uint64_t w = width;
    switch (format) {
        case SAMLET_PIXEL_RGB:
        case SAMLET_PIXEL_BGR:
            return plane == 0 ? 3 * w : 0;
        case SAMLET_PIXEL_RGBA:
        case SAMLET_PIXEL_BGRA:
        case SAMLET_PIXEL_NORMALISED:
            return plane == 0 ? 4 * w : 0;
        case SAMLET_PIXEL_GREY:
            return plane == 0 ? w : 0;
        case SAMLET_PIXEL_NV12:
            return plane == 0 ? w : (w + 1) / 2 * 2;
        case SAMLET_PIXEL_YUYV:
            return plane == 0 ? 2 * w : 0;
        default:
            return 0;
    }
}

uint64_t plane_rows(uint32_t format, uint32_t height, int plane) {
    const uint64_t h = height;
    if (format == SAMLET_PIXEL_NORMALISED) return 3 * h;
    return format == SAMLET_PIXEL_NV12 && plane == 1 ? (h + 1) / 2 : h;
}

bool all_finite(const float* values, size_t count) {
    constexpr uint32_t exponent = 0x7f800000u;
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        std::memcpy(&bits, values + i, sizeof bits);
        bad |= (bits & exponent) == exponent ? 1u : 0u;
    }
    return bad == 0;
}

const uint8_t* plane_row(const samlet_frame& frame, int plane, size_t row) {
    return static_cast<const uint8_t*>(frame.plane[plane]) + row * static_cast<size_t>(frame.stride[plane]);
}

uint8_t clamp_byte(int32_t fixed) {
    if (fixed < 0) return 0;
    const int32_t value = fixed >> 16;
    return static_cast<uint8_t>(value > 255 ? 255 : value);
}

// The matrix of the header, times 65536.
void store_yuv(int32_t y, int32_t u, int32_t v, uint8_t* rgb) {
    const int32_t luma = 76309 * (y - 16) + 32768;
    u -= 128;
    v -= 128;
    rgb[0] = clamp_byte(luma + 104597 * v);
    rgb[1] = clamp_byte(luma - 25675 * u - 53279 * v);
    rgb[2] = clamp_byte(luma + 132201 * u);
}

// The bytes of a row, without a copy where the frame has them in order.
const uint8_t* rgb_row(const samlet_frame& frame, uint32_t row, uint8_t* space) {
    if (frame.format == SAMLET_PIXEL_RGB) return plane_row(frame, 0, row);
    convert_row(frame, row, space);
    return space;
}

uint8_t round_fixed(int32_t sum) {
    if (sum < 0) return 0;
    const int32_t value = sum >> kBicubicBits;
    return static_cast<uint8_t>(value > 255 ? 255 : value);
}

constexpr int32_t kHalf = 1 << (kBicubicBits - 1);

void cubic_row(const BicubicAxis& axis, const uint8_t* rgb, uint8_t* out) {
    for (uint32_t x = 0; x < axis.out; x++) {
        const uint8_t* in = rgb + size_t{3} * axis.first[x];
        const int32_t* weight = axis.weight + size_t{x} * axis.taps;
        const uint32_t count = axis.count[x];
        int32_t r = kHalf, g = kHalf, b = kHalf;
        for (uint32_t k = 0; k < count; k++, in += 3) {
            r += in[0] * weight[k];
            g += in[1] * weight[k];
            b += in[2] * weight[k];
        }
        *out++ = round_fixed(r);
        *out++ = round_fixed(g);
        *out++ = round_fixed(b);
    }
}

void triangle_row(const TriangleAxis& axis, const uint8_t* rgb, const float* unit, float* out) {
    for (uint32_t x = 0; x < axis.out; x++) {
        const uint8_t* in = rgb + size_t{3} * axis.first[x];
        const float* weight = axis.weight + size_t{x} * axis.taps;
        const uint32_t count = axis.count[x];
        float r = unit[in[0]] * weight[0], g = unit[in[1]] * weight[0], b = unit[in[2]] * weight[0];
        for (uint32_t k = 1; k < count; k++) {
            in += 3;
            r += unit[in[0]] * weight[k];
            g += unit[in[1]] * weight[k];
            b += unit[in[2]] * weight[k];
        }
        *out++ = r;
        *out++ = g;
        *out++ = b;
    }
}

// Rows that the horizontal pass has made, kept as long as the vertical filter needs them.
template <class T>
struct Ring {
    T* rows;
    size_t length;      // values per row
    uint32_t capacity;  // rows
    uint32_t next = 0;  // the source row to be made next

    T* row(uint32_t source) const { return rows + size_t{source % capacity} * length; }
};

// The vertical pass goes block by block: sums stay in registers or close, and the length is known where it
// matters.
constexpr size_t kBlock = 64;

template <class In, class Sum>
void add_row(const In* in, Sum weight, size_t n, Sum* sum) {
    if (n == kBlock) {
        for (size_t i = 0; i < kBlock; i++) sum[i] += static_cast<Sum>(in[i]) * weight;
    } else {
        for (size_t i = 0; i < n; i++) sum[i] += static_cast<Sum>(in[i]) * weight;
    }
}

// sum[i] = start + column `at` + i of the filtered rows.
template <class T, class Weight>
void filter_columns(const FilterAxis<Weight>& axis, const Ring<T>& ring, uint32_t y, size_t at, size_t n,
                    Weight start, Weight* sum) {
    const Weight* weight = axis.weight + size_t{y} * axis.taps;
    for (size_t i = 0; i < kBlock; i++) sum[i] = start;
    for (uint32_t k = 0; k < axis.count[y]; k++) add_row(ring.row(axis.first[y] + k) + at, weight[k], n, sum);
}

// Makes the rows that output row y needs and that are not there yet.
template <class T, class Weight, class Make>
void fill_ring(const FilterAxis<Weight>& axis, uint32_t y, Ring<T>* ring, Make make) {
    if (ring->next < axis.first[y]) ring->next = axis.first[y];
    for (const uint32_t end = axis.first[y] + axis.count[y]; ring->next < end; ring->next++) {
        make(ring->next, ring->row(ring->next));
    }
}

// Bytes at the front of a thread's scratch for one row of the frame in R, G, B.
size_t rgb_bytes(uint32_t width) {
    return Arena::rounded(size_t{3} * width);
}

void bicubic_rows(const PreprocessJob& job, uint32_t first, uint32_t last, uint8_t* scratch) {
    const size_t n = size_t{3} * job.size;
    Ring<uint8_t> ring{scratch + rgb_bytes(job.frame.width), n, job.cubic_y.taps};
    const auto make = [&](uint32_t row, uint8_t* out) {
        cubic_row(job.cubic_x, rgb_row(job.frame, row, scratch), out);
    };
    const float *red = job.table, *green = job.table + 256, *blue = job.table + 512;
    for (uint32_t y = first; y < last; y++) {
        fill_ring(job.cubic_y, y, &ring, make);
        uint8_t bytes[kBlock * 3];
        // Three blocks at a time, so that a group begins with red.
        for (size_t at = 0; at < n; at += sizeof bytes) {
            const size_t group = n - at < sizeof bytes ? n - at : sizeof bytes;
            for (size_t part = 0; part < group; part += kBlock) {
                const size_t m = group - part < kBlock ? group - part : kBlock;
                int32_t sum[kBlock];
                filter_columns(job.cubic_y, ring, y, at + part, m, kHalf, sum);
                for (size_t i = 0; i < m; i++) bytes[part + i] = round_fixed(sum[i]);
            }
            float out[sizeof bytes];
            for (size_t i = 0; i < group; i += 3) {
                out[i] = red[bytes[i]];
                out[i + 1] = green[bytes[i + 1]];
                out[i + 2] = blue[bytes[i + 2]];
            }
            job.out.from(y * n + at).store(*job.kernels, out, group);
        }
    }
}

void bilinear_rows(const PreprocessJob& job, uint32_t first, uint32_t last, uint8_t* scratch) {
    const size_t n = size_t{3} * job.size;
    float* rows = reinterpret_cast<float*>(scratch + rgb_bytes(job.frame.width));
    Ring<float> ring{rows, n, job.triangle_y.taps};
    const auto make = [&](uint32_t row, float* out) {
        triangle_row(job.triangle_x, rgb_row(job.frame, row, scratch), job.table, out);
    };
    for (uint32_t y = first; y < last; y++) {
        fill_ring(job.triangle_y, y, &ring, make);
        for (size_t at = 0; at < n; at += kBlock) {
            const size_t m = n - at < kBlock ? n - at : kBlock;
            float sum[kBlock];
            filter_columns(job.triangle_y, ring, y, at, m, 0.0f, sum);
            for (size_t i = 0, c = at % 3; i < m; i++, c = c == 2 ? 0 : c + 1)
                sum[i] = (sum[i] - job.mean[c]) / job.deviation[c];
            job.out.from(y * n + at).store(*job.kernels, sum, m);
        }
    }
}

void normalised_rows(const PreprocessJob& job, uint32_t first, uint32_t last) {
    for (uint32_t y = first; y < last; y++) {
        const float* planes[3];
        for (size_t c = 0; c < 3; c++)
            planes[c] = reinterpret_cast<const float*>(plane_row(job.frame, 0, c * job.size + y));
        for (size_t at = 0; at < job.size; at += kBlock) {
            const size_t m = job.size - at < kBlock ? job.size - at : kBlock;
            float out[3 * kBlock];
            for (size_t i = 0; i < 3 * m; i++) out[i] = planes[i % 3][at + i / 3];
            job.out.from(3 * (y * job.size + at)).store(*job.kernels, out, 3 * m);
        }
    }
}

}  // namespace

Status check_reach(uint64_t stride, uint64_t row_bytes, uint64_t rows) {
    if (rows > 1 && stride > (static_cast<uint64_t>(PTRDIFF_MAX) - row_bytes) / (rows - 1))
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "%b rows at a stride of %a bytes reach beyond the address space", shown(stride),
                    static_cast<int64_t>(rows));
    return {};
}

Status check_frame(const samlet_frame& frame, uint32_t image_size, uint32_t max_width, uint32_t max_height) {
    const uint32_t format = format_number(frame);
    if (format >= kFormatCount)
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "frame: unknown pixel format %a", format);
    const bool normalised = format == SAMLET_PIXEL_NORMALISED;
    if (frame.width == 0 || frame.height == 0) {
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "frame: the size is %a x %b", frame.width, frame.height);
    }
    if (normalised) {
        if (frame.width != image_size || frame.height != image_size) {
            return fail(
                SAMLET_ERROR_INVALID_ARGUMENT,
                "frame: a normalised frame must be as large as the model's square; width %a, image_size %b",
                frame.width != image_size ? frame.width : frame.height, image_size);
        }
        if (frame.output_width == 0 || frame.output_height == 0) {
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "frame: a normalised frame needs output_width and output_height; they are %a and %b",
                        frame.output_width, frame.output_height);
        }
    }
    const PictureSize picture = picture_size(frame);
    if (picture.width > max_width) {
        return fail(SAMLET_ERROR_CAPACITY, "frame: %a pixels wide, max_frame_width is %b", picture.width,
                    max_width);
    }
    if (picture.height > max_height) {
        return fail(SAMLET_ERROR_CAPACITY, "frame: %a pixels high, max_frame_height is %b", picture.height,
                    max_height);
    }
    if (format == SAMLET_PIXEL_YUYV && frame.width % 2 != 0) {
        return fail(SAMLET_ERROR_INVALID_ARGUMENT, "frame: YUYV needs an even width, not %a", frame.width);
    }
    for (int plane = 0; plane < 2; plane++) {
        const uint64_t bytes = row_bytes(format, frame.width, plane);
        if (bytes == 0) continue;
        if (!frame.plane[plane])
            return fail(SAMLET_ERROR_INVALID_ARGUMENT, "frame: plane[%a] is NULL", plane);
        const uint64_t stride = frame.stride[plane];
        if (stride < bytes) {
            return fail(SAMLET_ERROR_INVALID_ARGUMENT, "frame: the stride is %a bytes, a row has %b",
                        shown(stride), static_cast<int64_t>(bytes));
        }
        SAMLET_TRY(check_reach(stride, bytes, plane_rows(format, frame.height, plane)));
    }
    if (!normalised) return Status{};
    if (frame.stride[0] % sizeof(float) != 0) {
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "frame: the stride of a normalised frame must be a multiple of 4, not %a",
                    static_cast<int64_t>(frame.stride[0]));
    }
    if (reinterpret_cast<uintptr_t>(frame.plane[0]) % alignof(float) != 0) {
        return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                    "frame: plane[0] of a normalised frame must be aligned to 4 bytes");
    }
    for (size_t row = 0; row < plane_rows(format, frame.height, 0); row++) {
        const float* values = reinterpret_cast<const float*>(plane_row(frame, 0, row));
        if (!all_finite(values, frame.width)) {
            return fail(SAMLET_ERROR_INVALID_ARGUMENT,
                        "frame: row %b of channel %a of the normalised frame is not finite",
                        static_cast<int64_t>(row / frame.height), static_cast<int64_t>(row % frame.height));
        }
    }
    return Status{};
}

PictureSize picture_size(const samlet_frame& frame) {
    if (format_number(frame) == SAMLET_PIXEL_NORMALISED)
        return PictureSize{frame.output_width, frame.output_height};
    return PictureSize{frame.width, frame.height};
}

size_t preprocess_table_bytes(ResizeFilter filter, uint32_t max_width, uint32_t max_height, uint32_t size) {
    if (filter == ResizeFilter::bicubic) {
        return Arena::rounded(3 * 256 * sizeof(float)) + bicubic_axis_bytes(max_width, size) +
               bicubic_axis_bytes(max_height, size);
    }
    return Arena::rounded(256 * sizeof(float)) + triangle_axis_bytes(max_width, size) +
           triangle_axis_bytes(max_height, size);
}

size_t preprocess_scratch_bytes(ResizeFilter filter, uint32_t max_width, uint32_t max_height, uint32_t size) {
    const size_t row = size_t{3} * size;
    const size_t ring = filter == ResizeFilter::bicubic
                            ? bicubic_taps(max_height, size) * row
                            : triangle_taps(max_height, size) * row * sizeof(float);
    return rgb_bytes(max_width) + Arena::rounded(ring);
}

void prepare_preprocess(const samlet_frame& frame, ResizeFilter filter, uint32_t size, const float mean[3],
                        const float deviation[3], void* tables, const Map& out, const Kernels& kernels,
                        PreprocessJob* job) {
    *job = PreprocessJob{};
    job->frame = frame;
    job->filter = filter;
    job->size = size;
    job->out = out;
    job->kernels = &kernels;
    for (int c = 0; c < 3; c++) {
        job->mean[c] = mean[c];
        job->deviation[c] = deviation[c];
    }
    if (frame.format == SAMLET_PIXEL_NORMALISED) return;
    char* at = static_cast<char*>(tables);
    float* table = reinterpret_cast<float*>(at);
    job->table = table;
    if (filter == ResizeFilter::bicubic) {
        for (int c = 0; c < 3; c++) {
            // The reference divides in double, then goes on in float.
            for (int value = 0; value < 256; value++) {
                table[256 * c + value] = (static_cast<float>(value / 255.0) - mean[c]) / deviation[c];
            }
        }
        at += Arena::rounded(3 * 256 * sizeof(float));
        job->cubic_x = make_bicubic_axis(frame.width, size, at);
        at += bicubic_axis_bytes(frame.width, size);
        job->cubic_y = make_bicubic_axis(frame.height, size, at);
    } else {
        for (int value = 0; value < 256; value++) table[value] = static_cast<float>(value) / 255.0f;
        at += Arena::rounded(256 * sizeof(float));
        job->triangle_x = make_triangle_axis(frame.width, size, at);
        at += triangle_axis_bytes(frame.width, size);
        job->triangle_y = make_triangle_axis(frame.height, size, at);
    }
}

void preprocess_rows(const PreprocessJob& job, uint32_t first, uint32_t last, void* scratch) {
    uint8_t* bytes = static_cast<uint8_t*>(scratch);
    if (job.frame.format == SAMLET_PIXEL_NORMALISED) {
        normalised_rows(job, first, last);
    } else if (job.filter == ResizeFilter::bicubic) {
        bicubic_rows(job, first, last, bytes);
    } else {
        bilinear_rows(job, first, last, bytes);
    }
}

void convert_row(const samlet_frame& frame, uint32_t row, uint8_t* rgb) {
    const uint8_t* in = plane_row(frame, 0, row);
    const uint32_t width = frame.width;
    switch (frame.format) {
        case SAMLET_PIXEL_RGB:
            std::memcpy(rgb, in, size_t{3} * width);
            break;
        case SAMLET_PIXEL_BGR:
        case SAMLET_PIXEL_BGRA:
        case SAMLET_PIXEL_RGBA: {
            const int red = frame.format == SAMLET_PIXEL_RGBA ? 0 : 2;
            const int step = frame.format == SAMLET_PIXEL_BGR ? 3 : 4;
            for (uint32_t x = 0; x < width; x++, in += step, rgb += 3) {
                rgb[0] = in[red];
                rgb[1] = in[1];
                rgb[2] = in[2 - red];
            }
            break;
        }
        case SAMLET_PIXEL_GREY:
            for (uint32_t x = 0; x < width; x++, rgb += 3) rgb[0] = rgb[1] = rgb[2] = in[x];
            break;
        case SAMLET_PIXEL_NV12: {
            const uint8_t* chroma = plane_row(frame, 1, row / 2);
            for (uint32_t x = 0; x < width; x++, rgb += 3) {
                store_yuv(in[x], chroma[x / 2 * 2], chroma[x / 2 * 2 + 1], rgb);
            }
            break;
        }
        case SAMLET_PIXEL_YUYV:
            for (uint32_t x = 0; x + 1 < width; x += 2, in += 4, rgb += 6) {
                store_yuv(in[0], in[1], in[3], rgb);
                store_yuv(in[2], in[1], in[3], rgb + 3);
            }
            break;
        case SAMLET_PIXEL_NORMALISED:
            break;
    }
}

}  // namespace samlet
