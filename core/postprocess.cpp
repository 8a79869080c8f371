// SPDX-License-Identifier: Apache-2.0
#include "core/postprocess.h"

#include <cstring>

namespace samlet {
namespace {

// An overlapped pixel's logit is at most this (sigmoid 4.5e-5), as in the reference.
constexpr float kOverlapped = -10.0f;

// Rows that the objects of a non-overlapping picture are compared on before the next band.
constexpr uint32_t kBand = 8;

constexpr size_t kBlock = 64;

size_t row_bytes(size_t length) {
    return Arena::rounded(length * sizeof(float));
}

// ---- Bilinear ---------------------------------------------------------------------------------------------

// The only two places that mix samples: rows and columns of the picture come out the same, bit by bit.
inline float mix(float a, float b, float weight) {
    return (1.0f - weight) * a + weight * b;
}

void mix_rows(const float* top, const float* bottom, float weight, size_t n, float* out) {
    const float other = 1.0f - weight;
    size_t at = 0;
    for (; at + kBlock <= n; at += kBlock) {
        float block[kBlock];  // the compiler sees that nothing overlaps
        for (size_t i = 0; i < kBlock; i++) block[i] = other * top[at + i] + weight * bottom[at + i];
        std::memcpy(out + at, block, sizeof block);
    }
    for (; at < n; at++) out[at] = other * top[at] + weight * bottom[at];
}

// Makes rows of the picture in ascending order; keeps the two low-res rows, stretched, that the last one was
// mixed from.
class RowMaker {
  public:
    RowMaker(const PictureJob& job, const float* logits, float* a, float* b)
        : job_(job), logits_(logits), slot_{a, b}, held_{UINT32_MAX, UINT32_MAX} {}

    void make(uint32_t y, float* out) {
        const uint32_t upper = job_.y.left[y], lower = job_.y.right[y];
        const float* top = stretched(upper, lower);
        const float* bottom = stretched(lower, upper);
        mix_rows(top, bottom, job_.y.weight[y], job_.width, out);
    }

  private:
    // The low-res row `row` at the picture's width, without dropping `keep`.
    const float* stretched(uint32_t row, uint32_t keep) {
        for (int i = 0; i < 2; i++) {
            if (held_[i] == row) return slot_[i];
        }
        const int i = held_[0] == keep ? 1 : 0;
        held_[i] = row;
        const float* in = logits_ + size_t{row} * job_.n;
        const LinearAxis& axis = job_.x;
        for (uint32_t x = 0; x < job_.width; x++) {
            slot_[i][x] = mix(in[axis.left[x]], in[axis.right[x]], axis.weight[x]);
        }
        return slot_[i];
    }

    const PictureJob& job_;
    const float* logits_;
    float* slot_[2];
    uint32_t held_[2];
};

// value <- at most -10 where the rival wins.
void yield_to(const float* rival, bool rival_first, size_t n, float* value) {
    for (size_t i = 0; i < n; i++) {
        const bool beaten = rival_first ? rival[i] >= value[i] : rival[i] > value[i];
        if (beaten && value[i] > kOverlapped) value[i] = kOverlapped;
    }
}

// The parts of a thread's scratch. Columns (of the run-length code) use the same space.
struct PictureScratch {
    float *a, *b, *rival, *band;
    size_t pitch;  // floats from one row of the band to the next

    PictureScratch(const PictureJob& job, void* scratch) {
        pitch = row_bytes(job.width) / sizeof(float);
        a = static_cast<float*>(scratch);
        b = a + pitch;
        rival = b + pitch;
        band = rival + pitch;
    }
};

// Logits of rows first .. last - 1, at most kBand unless `out` has room for all; row y goes to out + (y -
// first) * pitch.
void make_band(const PictureJob& job, uint32_t first, uint32_t last, const PictureScratch& s, char* out,
               size_t pitch) {
    const auto row = [&](uint32_t y) { return reinterpret_cast<float*>(out + (y - first) * pitch); };
    RowMaker own(job, job.objects[job.object], s.a, s.b);
    for (uint32_t y = first; y < last; y++) own.make(y, row(y));
    for (size_t k = 0; k < job.object_count; k++) {
        if (k == job.object) continue;
        RowMaker other(job, job.objects[k], s.a, s.b);
        for (uint32_t y = first; y < last; y++) {
            other.make(y, s.rival);
            yield_to(s.rival, k < job.object, job.width, row(y));
        }
    }
}

// Calls visit(y, logits) for rows first .. last - 1.
template <typename Visit>
void visit_rows(const PictureJob& job, uint32_t first, uint32_t last, const PictureScratch& s, Visit visit) {
    if (job.object_count == 1) {
        RowMaker maker(job, job.objects[job.object], s.a, s.b);
        for (uint32_t y = first; y < last; y++) {
            maker.make(y, s.band);
            visit(y, s.band);
        }
        return;
    }
    for (uint32_t y = first; y < last; y += kBand) {
        const uint32_t end = last - y < kBand ? last : y + kBand;
        make_band(job, y, end, s, reinterpret_cast<char*>(s.band), s.pitch * sizeof(float));
        for (uint32_t row = y; row < end; row++) visit(row, s.band + (row - y) * s.pitch);
    }
}

// Turns logits into bytes and adds the row to the extent.
void threshold_row(const float* logits, uint32_t width, uint32_t y, float threshold, uint8_t* mask,
                   MaskExtent* extent) {
    uint32_t area = 0;
    size_t at = 0;
    for (; at + kBlock <= width; at += kBlock) {
        uint8_t block[kBlock];
        uint32_t inside = 0;
        for (size_t i = 0; i < kBlock; i++) block[i] = logits[at + i] > threshold ? 255 : 0;
        for (size_t i = 0; i < kBlock; i++) inside += block[i] & 1u;
        std::memcpy(mask + at, block, sizeof block);
        area += inside;
    }
    for (; at < width; at++) {
        mask[at] = logits[at] > threshold ? 255 : 0;
        area += mask[at] & 1u;
    }
    if (area == 0) return;
    const uint8_t* found = static_cast<const uint8_t*>(std::memchr(mask, 255, width));
    const uint32_t x0 = static_cast<uint32_t>(found - mask);
    uint32_t x1 = width;
    while (mask[x1 - 1] == 0) x1--;
    *extent = merged(*extent, MaskExtent{x0, y, x1, y + 1, area});
}

uint32_t count_above(const float* logits, uint32_t width, float cut) {
    uint32_t count = 0;
    for (uint32_t x = 0; x < width; x++) count += logits[x] > cut;
    return count;
}

// ---- Union-find over the pixels of one map ----------------------------------------------------------------

// A root holds minus the size of its set, any other pixel the index of one nearer to the root.
int32_t root_of(int32_t* parent, int32_t i) {
    while (parent[i] >= 0) {
        if (parent[parent[i]] >= 0) parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

// Joins pixel i to the set of pixel k.
void join(int32_t* parent, int32_t i, int32_t k) {
    i = root_of(parent, i);
    k = root_of(parent, k);
    if (i == k) return;
    if (parent[i] < parent[k]) {
        const int32_t swap = i;
        i = k;
        k = swap;
    }
    parent[k] += parent[i];
    parent[i] = k;
}

}  // namespace

MaskExtent merged(const MaskExtent& a, const MaskExtent& b) {
    if (a.area == 0) return b;
    if (b.area == 0) return a;
    return MaskExtent{a.x0 < b.x0 ? a.x0 : b.x0, a.y0 < b.y0 ? a.y0 : b.y0, a.x1 > b.x1 ? a.x1 : b.x1,
                      a.y1 > b.y1 ? a.y1 : b.y1, a.area + b.area};
}

MaskMeasure merged(const MaskMeasure& a, const MaskMeasure& b) {
    return MaskMeasure{merged(a.extent, b.extent), a.inner + b.inner, a.outer + b.outer};
}

size_t picture_table_bytes(uint32_t max_width, uint32_t max_height) {
    return linear_axis_bytes(max_width) + linear_axis_bytes(max_height);
}

size_t picture_scratch_bytes(uint32_t n, uint32_t max_width, uint32_t max_height) {
    const size_t rows = (3 + kBand) * row_bytes(max_width);
    const size_t columns = row_bytes(n) + 2 * row_bytes(max_height);
    return rows > columns ? rows : columns;
}

void prepare_picture(uint32_t n, uint32_t width, uint32_t height, const float* const* objects,
                     size_t object_count, size_t object, void* tables, PictureJob* job) {
    char* at = static_cast<char*>(tables);
    *job = PictureJob{n, width, height, {}, {}, objects, object_count, object};
    job->x = make_linear_axis(n, width, at);
    job->y = make_linear_axis(n, height, at + linear_axis_bytes(width));
}

void picture_logits(const PictureJob& job, uint32_t first, uint32_t last, float* out, size_t stride,
                    void* scratch) {
    const PictureScratch s(job, scratch);
    if (first < last) make_band(job, first, last, s, reinterpret_cast<char*>(out) + first * stride, stride);
}

MaskExtent picture_mask(const PictureJob& job, uint32_t first, uint32_t last, uint8_t* mask, size_t stride,
                        void* scratch) {
    const PictureScratch s(job, scratch);
    MaskExtent extent;
    uint8_t* spare = reinterpret_cast<uint8_t*>(s.rival);  // free again when a row is made
    visit_rows(job, first, last, s, [&](uint32_t y, const float* logits) {
        threshold_row(logits, job.width, y, 0, mask ? mask + y * stride : spare, &extent);
    });
    return extent;
}

MaskMeasure picture_measure(const PictureJob& job, const MaskCut& cut, uint32_t first, uint32_t last,
                            void* scratch) {
    const PictureScratch s(job, scratch);
    MaskMeasure measure;
    uint8_t* spare = reinterpret_cast<uint8_t*>(s.rival);
    visit_rows(job, first, last, s, [&](uint32_t y, const float* logits) {
        threshold_row(logits, job.width, y, cut.threshold, spare, &measure.extent);
        measure.inner += count_above(logits, job.width, cut.threshold + cut.offset);
        measure.outer += count_above(logits, job.width, cut.threshold - cut.offset);
    });
    return measure;
}

// ---- Run-length code --------------------------------------------------------------------------------------

void RleWriter::emit() {
    int64_t value = runs_ > 2 ? run_ - previous_[0] : run_;
    bool more = true;
    while (more) {
        const int64_t low = value & 31;
        value >>= 5;
        more = (low & 16) ? value != -1 : value != 0;
        if (length_ < capacity_) text_[length_] = static_cast<char>(low + (more ? 32 : 0) + 48);
        length_++;
    }
    previous_[0] = previous_[1];
    previous_[1] = run_;
    runs_++;
    run_ = 0;
}

void RleWriter::flip() {
    emit();
    inside_ = !inside_;
}

size_t RleWriter::finish() {
    emit();
    if (capacity_) text_[length_ < capacity_ ? length_ : 0] = 0;
    return length_;
}

size_t picture_rle(const PictureJob& job, char* text, size_t capacity, void* scratch) {
    float* stretched = static_cast<float*>(scratch);  // [n]: one picture column of the low-res rows
    float* own = stretched + row_bytes(job.n) / sizeof(float);
    float* rival = own + row_bytes(job.height) / sizeof(float);
    const auto make_column = [&](const float* logits, uint32_t x, float* out) {
        const uint32_t left = job.x.left[x], right = job.x.right[x];
        for (uint32_t row = 0; row < job.n; row++) {
            const float* in = logits + size_t{row} * job.n;
            stretched[row] = mix(in[left], in[right], job.x.weight[x]);
        }
        for (uint32_t y = 0; y < job.height; y++) {
            out[y] = mix(stretched[job.y.left[y]], stretched[job.y.right[y]], job.y.weight[y]);
        }
    };
    RleWriter writer(text, capacity);
    for (uint32_t x = 0; x < job.width; x++) {
        make_column(job.objects[job.object], x, own);
        for (size_t k = 0; k < job.object_count; k++) {
            if (k == job.object) continue;
            make_column(job.objects[k], x, rival);
            yield_to(rival, k < job.object, job.height, own);
        }
        for (uint32_t y = 0; y < job.height; y++) writer.add(own[y] > 0);
    }
    return writer.finish();
}

// ---- Antialiased resize -----------------------------------------------------------------------------------

namespace {

// One input row, filtered to the output's width. `value` gives a sample.
template <class Value>
void filter_row(const TriangleAxis& axis, Value value, float* out) {
    for (uint32_t x = 0; x < axis.out; x++) {
        const uint32_t first = axis.first[x];
        const float* weight = axis.weight + size_t{x} * axis.taps;
        float sum = value(first) * weight[0];
        for (uint32_t k = 1; k < axis.count[x]; k++) sum += value(first + k) * weight[k];
        out[x] = sum;
    }
}

void filter_input_row(const MapJob& job, uint32_t row, float* out) {
    const MapInput& in = job.in;
    if (in.mask) {
        const uint8_t* mask = in.mask + row * in.stride;
        const float values[2] = {in.bias, in.scale + in.bias};
        filter_row(
            job.x, [&](uint32_t x) { return values[mask[x] != 0]; }, out);
    } else {
        const float* map =
            reinterpret_cast<const float*>(reinterpret_cast<const char*>(in.map) + row * in.stride);
        filter_row(
            job.x, [&](uint32_t x) { return map[x] * in.scale + in.bias; }, out);
    }
}

}  // namespace

size_t map_table_bytes(uint32_t max_in_width, uint32_t max_in_height, uint32_t width, uint32_t height) {
    return triangle_axis_bytes(max_in_width, width) + triangle_axis_bytes(max_in_height, height);
}

size_t map_scratch_bytes(uint32_t, uint32_t max_in_height, uint32_t width, uint32_t height) {
    return triangle_taps(max_in_height, height) * row_bytes(width);
}

void prepare_map(const MapInput& in, uint32_t width, uint32_t height, bool binary, void* tables,
                 MapJob* job) {
    char* at = static_cast<char*>(tables);
    *job = MapJob{in, width, height, {}, {}, binary};
    job->x = make_triangle_axis(in.width, width, at);
    job->y = make_triangle_axis(in.height, height, at + triangle_axis_bytes(in.width, width));
}

void map_rows(const MapJob& job, uint32_t first, uint32_t last, float* out, void* scratch) {
    // A ring of filtered rows, as many as the vertical filter reads at once.
    const size_t pitch = row_bytes(job.width) / sizeof(float);
    float* ring = static_cast<float*>(scratch);
    const auto ring_row = [&](uint32_t row) { return ring + row % job.y.taps * pitch; };
    uint32_t next = 0;
    for (uint32_t y = first; y < last; y++) {
        const uint32_t begin = job.y.first[y], count = job.y.count[y];
        if (next < begin) next = begin;
        for (; next < begin + count; next++) filter_input_row(job, next, ring_row(next));
        const float* weight = job.y.weight + size_t{y} * job.y.taps;
        float* to = out + size_t{y} * job.width;
        for (uint32_t k = 0; k < count; k++) {
            const float* row = ring_row(begin + k);
            const float w = weight[k];
            if (k == 0) {
                for (uint32_t x = 0; x < job.width; x++) to[x] = row[x] * w;
            } else {
                for (uint32_t x = 0; x < job.width; x++) to[x] += row[x] * w;
            }
        }
        if (!job.binary) continue;
        for (uint32_t x = 0; x < job.width; x++) to[x] = to[x] >= 0.5f ? 1.0f : 0.0f;
    }
}

// ---- Holes and sprinkles ----------------------------------------------------------------------------------

size_t clean_scratch_bytes(uint32_t width, uint32_t height) {
    return Arena::rounded(size_t{width} * height * sizeof(int32_t));
}

void clean_logits(float* logits, uint32_t width, uint32_t height, const CleanRule& rule, void* scratch) {
    if (rule.hole_area == 0 && rule.sprinkle_area == 0) return;
    int32_t* parent = static_cast<int32_t*>(scratch);
    // Inside and outside are labelled together: a pixel joins earlier neighbours of its own kind. Neighbours
    // of the upper one are joined with it already, and so are left and upper left.
    for (uint32_t y = 0; y < height; y++) {
        const float* row = logits + size_t{y} * width;
        const float* above = y > 0 ? row - width : row;
        const int32_t base = static_cast<int32_t>(y * width);
        const int32_t w = static_cast<int32_t>(width);
        for (uint32_t x = 0; x < width; x++) {
            const int32_t i = base + static_cast<int32_t>(x);
            const bool inside = row[x] > 0;
            parent[i] = -1;
            if (y > 0 && (above[x] > 0) == inside) {
                join(parent, i, i - w);
                continue;
            }
            if (x > 0 && (row[x - 1] > 0) == inside) {
                join(parent, i, i - 1);
            } else if (x > 0 && y > 0 && (above[x - 1] > 0) == inside) {
                join(parent, i, i - w - 1);
            }
            if (y > 0 && x + 1 < width && (above[x + 1] > 0) == inside) join(parent, i, i - w + 1);
        }
    }
    const int32_t pixels = static_cast<int32_t>(width * height);
    for (int32_t i = 0; i < pixels; i++) {
        const uint32_t area = static_cast<uint32_t>(-parent[root_of(parent, i)]);
        if (logits[i] > 0) {
            if (area <= rule.sprinkle_area) logits[i] = rule.sprinkle_value;
        } else if (area <= rule.hole_area) {
            logits[i] = rule.hole_value;
        }
    }
}

}  // namespace samlet
