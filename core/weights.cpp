// SPDX-License-Identifier: Apache-2.0
#include "core/weights.h"

#include <cmath>
#include <cstring>

#include "core/half.h"
#include "ports/port.h"

namespace samlet {

TensorName::TensorName(const char* pattern, uint32_t a, uint32_t b) {
    text_[0] = 0;
    const uint32_t numbers[2] = {a, b};
    int next = 0;
    for (const char* p = pattern; *p; p++) {
        if (p[0] == '%' && p[1] == 'u') {
            append(numbers[next++ & 1]);
            p++;
        } else {
            const char one[2] = {*p, 0};
            append(one);
        }
    }
}

TensorName::TensorName(const TensorName& prefix, const char* suffix) {
    append(prefix.text());
    append(suffix);
}

void TensorName::append(const char* text) {
    while (*text && length_ + 1 < sizeof(text_)) text_[length_++] = *text++;
    text_[length_] = 0;
}

void TensorName::append(uint32_t number) {
    char digits[12];
    size_t n = sizeof(digits);
    digits[--n] = 0;
    do digits[--n] = static_cast<char>('0' + number % 10);
    while (number /= 10);
    append(digits + n);
}

// Memory for reshuffling weights while a model is opened: where later weights will be packed, if that leaves
// the `keep` bytes that these need; else the system's, for a moment. Where that has none, the plan makes the
// block larger.
struct WeightReader::Temporary {
    Arena& arena;
    size_t keep;
    Arena::Loan loan;
    void* borrowed = nullptr;
    size_t bytes = 0;
    explicit Temporary(WeightReader& reader, size_t keep = 0)
        : arena(reader.arena_), keep(keep), loan(reader.arena_) {}
    float* floats(size_t count) {
        bytes = count * sizeof(float);
        void* memory = nullptr;
        if (arena.available() >= Arena::rounded(bytes) + keep) memory = loan.take_bytes(bytes);
        if (!memory) memory = borrowed = port::borrow(bytes);
        return static_cast<float*>(memory);
    }
    ~Temporary() { port::give_back(borrowed, bytes); }
};

namespace {

constexpr char kScaleSuffix[] = "_scale";

// Rows of f32 that came from an int8 tensor, as numbers -127 .. 127 again. Exact where a row is all that a scale
// belongs to, since the largest number of a row is 127 or -127. Deconvolutions, whose rows in the file are inputs, and
// products of two layers are rounded a second time: the converter leaves them in f16.
bool quantise_rows(const float* weights, size_t in, size_t out, int8_t* numbers, float* scales) {
    for (size_t o = 0; o < out; o++) {
        const float* row = weights + o * in;
        float largest = 0;
        for (size_t i = 0; i < in; i++) largest = std::fmax(largest, std::fabs(row[i]));
        scales[o] = largest > 0 ? largest / 127.0f : 1.0f;
        if (!std::isnormal(scales[o])) return false;
        for (size_t i = 0; i < in; i++)
            numbers[o * in + i] = static_cast<int8_t>(std::lrintf(row[i] / scales[o]));
    }
    return true;
}

}  // namespace

Precisions Precisions::heeding(const ModelFile& file) const {
    Precisions heeded = *this;
    char reason[2];
    if (f16_unasked && file.get_string("samlet.f32_products", reason, sizeof(reason))) heeded.of_f16 = Precision::f32;
    return heeded;
}

WeightReader::WeightReader(const ModelFile& file, const Precisions& precisions, Arena& arena, bool* used,
                           LinearWeights* linears, LayerLabel* labels)
    : file_(file), precisions_(precisions.heeding(file)), arena_(arena), used_(used), linears_(linears), labels_(labels) {
    memset(used_, 0, file.tensor_count() * sizeof(bool));
}

void WeightReader::fail_with(const Status& status) {
    if (status_.ok()) status_ = status;
}

void WeightReader::out_of_memory() {
    fail_with(fail(SAMLET_ERROR_MEMORY, "there is not enough memory to load the model"));
}

const TensorEntry* WeightReader::find(const char* name) const {
    for (size_t i = 0; i < file_.tensor_count(); i++) {
        if (strcmp(file_.tensor(i).name, name) != 0) continue;
        used_[i] = true;
        return &file_.tensor(i);
    }
    return nullptr;
}

const TensorEntry* WeightReader::require(const TensorName& name, size_t d0, size_t d1, size_t d2, size_t d3) {
    if (!status_.ok()) return nullptr;
    const TensorEntry* entry = find(name.text());
    if (!entry) {
        fail_with(fail(SAMLET_ERROR_FORMAT, "the model file lacks the tensor %s", 0, 0, name.text()));
        return nullptr;
    }
    const size_t wanted[4] = {d0, d1, d2, d3};
    uint32_t rank = 0;
    while (rank < 4 && wanted[rank]) rank++;
    if (entry->rank != rank) {
        fail_with(fail(SAMLET_ERROR_FORMAT,
                       "tensor %s of the model file has %a dimensions where %b are expected", entry->rank,
                       rank, entry->name));
        return nullptr;
    }
    for (uint32_t d = 0; d < rank; d++) {
        if (entry->shape[d] == wanted[d]) continue;
        fail_with(fail(SAMLET_ERROR_FORMAT,
                       "tensor %s of the model file has a dimension of %a where %b is expected",
                       static_cast<int64_t>(entry->shape[d]), static_cast<int64_t>(wanted[d]), entry->name));
        return nullptr;
    }
    if (entry->type == TensorType::int8 && !scales_of(*entry)) return nullptr;
    return entry;
}

// An int8 tensor X comes with X_scale, f32, one number for each element of its outermost dimension.
const float* WeightReader::scales_of(const TensorEntry& entry) {
    const TensorName name(entry.name, kScaleSuffix);
    const TensorEntry* scales = find(name.text());
    const bool fits = scales && scales->type == TensorType::f32 && scales->rank == 1 &&
                      reinterpret_cast<uintptr_t>(scales->data) % 4 == 0 &&
                      scales->elements == entry.shape[0];
    const float* values = fits ? static_cast<const float*>(scales->data) : nullptr;
    for (uint64_t i = 0; values && i < scales->elements; i++)
        if (!std::isnormal(values[i]) || values[i] < 0) values = nullptr;
    if (!values)
        fail_with(fail(SAMLET_ERROR_FORMAT,
                       "tensor %s of the model file is of type I8, but has no scales: an f32 tensor %s_scale "
                       "with a positive number for each row",
                       0, 0, entry.name));
    return values;
}

// The elements of a tensor as finite f32: in place, or in `temporary`. Not to be read while measuring.
const float* WeightReader::as_f32(const TensorEntry& entry, Temporary& temporary) {
    const bool in_place = entry.type == TensorType::f32 && reinterpret_cast<uintptr_t>(entry.data) % 4 == 0;
    const float* values = static_cast<const float*>(entry.data);
    if (!in_place) {
        float* copy = temporary.floats(entry.elements);
        if (!copy) {
            out_of_memory();
            return nullptr;
        }
        if (measuring()) return copy;
        const uint8_t* bytes = static_cast<const uint8_t*>(entry.data);
        switch (entry.type) {
            case TensorType::f32: memcpy(copy, bytes, entry.bytes); break;
            case TensorType::f16:
                for (size_t i = 0; i < entry.elements; i++) {
                    uint16_t h;
                    memcpy(&h, bytes + 2 * i, 2);
                    copy[i] = half_to_float(h);
                }
                break;
            case TensorType::int8: {
                const float* scales = scales_of(entry);
                if (!scales) return nullptr;
                const size_t row = static_cast<size_t>(entry.elements / entry.shape[0]);
                for (size_t i = 0; i < entry.elements; i++)
                    copy[i] = static_cast<float>(static_cast<int8_t>(bytes[i])) * scales[i / row];
                break;
            }
        }
        values = copy;
    }
    for (size_t i = 0; !measuring() && i < entry.elements; i++) {
        if (std::isfinite(values[i])) continue;
        fail_with(fail(SAMLET_ERROR_FORMAT, "tensor %s of the model file is not a number at element %a", i, 0,
                       entry.name));
        return nullptr;
    }
    return values;
}

void WeightReader::release(const TensorEntry& entry) const {
    if (mapped_) port::release_pages(entry.data, static_cast<size_t>(entry.bytes));
}

uint32_t WeightReader::extent(const TensorName& name, uint32_t dim) {
    if (!status_.ok()) return 0;
    const TensorEntry* entry = find(name.text());
    if (!entry || dim >= entry->rank) {
        fail_with(fail(SAMLET_ERROR_FORMAT,
                       "the model file lacks the tensor %s, or it has fewer than %a dimensions", dim + 1, 0,
                       name.text()));
        return 0;
    }
    return static_cast<uint32_t>(entry->shape[dim]);
}

void WeightReader::ignore(const TensorName& name) {
    find(name.text());
}

void WeightReader::finish() {
    for (size_t i = 0; i < file_.tensor_count(); i++)
        if (!used_[i])
            fail_with(fail(SAMLET_ERROR_FORMAT,
                           "the model file has a tensor %s that its architecture does not know", 0, 0,
                           file_.tensor(i).name));
}

float* WeightReader::array(size_t count) {
    return objects<float>(count);
}

const float* WeightReader::values(const TensorName& name, size_t d0, size_t d1, size_t d2, size_t d3) {
    const TensorEntry* entry = require(name, d0, d1, d2, d3);
    if (!entry) return nullptr;
    if (entry->type == TensorType::f32 && reinterpret_cast<uintptr_t>(entry->data) % 4 == 0) {
        Temporary none(*this);
        return as_f32(*entry, none);
    }
    float* copy = array(entry->elements);
    if (!copy) return nullptr;
    Temporary temporary(*this);
    const float* source = as_f32(*entry, temporary);
    if (source && !measuring()) memcpy(copy, source, entry->elements * sizeof(float));
    return copy;
}

const float* WeightReader::depthwise(const TensorName& name, size_t channels, size_t size) {
    const TensorEntry* entry = require(name, channels, 1, size, size);
    if (!entry) return nullptr;
    float* out = array(entry->elements);
    if (!out) return nullptr;
    Temporary temporary(*this);
    const float* source = as_f32(*entry, temporary);
    for (size_t c = 0; source && !measuring() && c < channels; c++)
        for (size_t k = 0; k < size * size; k++) out[k * channels + c] = source[c * size * size + k];
    return out;
}

// Bytes of the arena that add() takes.
size_t WeightReader::packed(Precision precision, size_t in, size_t out) const {
    return Arena::rounded(LinearWeights::packed_bytes(precision, in, out, precisions_.half_gemm));
}

LinearId WeightReader::add(const TensorEntry& stored, size_t in, size_t out, Activation activation,
                           const float* weights, const float* bias) {
    if (linear_count_ == kMaxLinears) {
        fail_with(fail(SAMLET_ERROR_UNSUPPORTED, "the model has more than %a linear layers", kMaxLinears));
        return 0;
    }
    const LinearId id = static_cast<LinearId>(linear_count_++);
    const Precision precision = precision_of(stored);
    const size_t bytes = packed(precision, in, out);
    void* memory = arena_.take_bytes(bytes);
    packed_bytes_ += bytes;
    if (!memory) {
        out_of_memory();
        return id;
    }
    Temporary quantised(*this);
    LinearSource source = {weights, nullptr, bias};
    if (!measuring()) labels_[id] = {&stored, group_};
    if (precision == Precision::int8) {
        float* scales = quantised.floats(out + (in * out + 3) / 4);
        if (!scales) {
            out_of_memory();
            return id;
        }
        int8_t* numbers = reinterpret_cast<int8_t*>(scales + out);
        if (measuring()) return id;
        if (!quantise_rows(weights, in, out, numbers, scales)) {
            fail_with(fail(SAMLET_ERROR_FORMAT, "tensor %s of the model file has a channel of vanishing weights",
                           0, 0, stored.name));
            return id;
        }
        source.weights = numbers;
        source.scales = scales;
    }
    if (measuring()) return id;
    if (!linears_[id].pack(precision, in, out, activation, source, memory, precisions_.half_gemm))
        fail_with(fail(SAMLET_ERROR_INTERNAL, "XNNPACK refused a linear layer of %a to %b channels", in, out));
    return id;
}

LinearId WeightReader::linear(const TensorName& prefix, size_t in, size_t out, Activation activation) {
    const TensorName name(prefix, ".weight");
    const TensorEntry* found = status_.ok() ? find(name.text()) : nullptr;
    const bool convolution = found && found->rank == 4;
    const TensorEntry* weight = convolution ? require(name, out, in, 1, 1) : require(name, out, in, 0, 0);
    const TensorEntry* bias = require(TensorName(prefix, ".bias"), out, 0, 0, 0);
    if (!weight || !bias) return 0;
    const size_t keep = packed(precision_of(*weight), in, out);
    Temporary weight_memory(*this, keep), bias_memory(*this, keep);
    const float* w = as_f32(*weight, weight_memory);
    const float* b = as_f32(*bias, bias_memory);
    if (!w || !b) return 0;
    const LinearId id = add(*weight, in, out, activation, w, b);
    release(*weight);
    return id;
}

LinearId WeightReader::linear_rows(const TensorName& prefix, size_t in, size_t total, size_t first,
                                   size_t out) {
    const TensorEntry* weight = require(TensorName(prefix, ".weight"), total, in, 0, 0);
    const TensorEntry* bias = require(TensorName(prefix, ".bias"), total, 0, 0, 0);
    if (!weight || !bias) return 0;
    const size_t keep = packed(precision_of(*weight), in, out);
    Temporary weight_memory(*this, keep), bias_memory(*this, keep);
    const float* w = as_f32(*weight, weight_memory);
    const float* b = as_f32(*bias, bias_memory);
    if (!w || !b) return 0;
    const LinearId id = add(*weight, in, out, Activation::none, w + first * in, b + first);
    if (first + out == total) release(*weight);
    return id;
}

LinearId WeightReader::convolution(const TensorName& prefix, size_t in, size_t out, size_t size) {
    const TensorEntry* weight = require(TensorName(prefix, ".weight"), out, in, size, size);
    const TensorEntry* bias = require(TensorName(prefix, ".bias"), out, 0, 0, 0);
    if (!weight || !bias) return 0;
    const size_t taps = size * size, patch = taps * in;
    const size_t keep = packed(precision_of(*weight), patch, out);
    Temporary weight_memory(*this, keep), bias_memory(*this, keep), order(*this, keep);
    const float* w = as_f32(*weight, weight_memory);
    const float* b = as_f32(*bias, bias_memory);
    float* ordered = order.floats(out * patch);
    if (!ordered) out_of_memory();
    if (!w || !b || !ordered) return 0;
    for (size_t o = 0; !measuring() && o < out; o++)
        for (size_t c = 0; c < in; c++)
            for (size_t k = 0; k < taps; k++) ordered[o * patch + k * in + c] = w[(o * in + c) * taps + k];
    release(*weight);
    return add(*weight, patch, out, Activation::none, ordered, b);
}

LinearId WeightReader::deconvolution(const TensorName& prefix, size_t in, size_t out) {
    const TensorEntry* weight = require(TensorName(prefix, ".weight"), in, out, 2, 2);
    const TensorEntry* bias = require(TensorName(prefix, ".bias"), out, 0, 0, 0);
    if (!weight || !bias) return 0;
    const size_t keep = packed(precision_of(*weight), in, 4 * out);
    Temporary weight_memory(*this, keep), bias_memory(*this, keep), order(*this, keep);
    const float* w = as_f32(*weight, weight_memory);
    const float* b = as_f32(*bias, bias_memory);
    float* ordered = order.floats(4 * out * in + 4 * out);
    if (!ordered) out_of_memory();
    if (!w || !b || !ordered) return 0;
    float* repeated = ordered + 4 * out * in;
    for (size_t k = 0; !measuring() && k < 4; k++)
        for (size_t o = 0; o < out; o++) {
            repeated[k * out + o] = b[o];
            for (size_t c = 0; c < in; c++) ordered[(k * out + o) * in + c] = w[(c * out + o) * 4 + k];
        }
    release(*weight);
    return add(*weight, in, 4 * out, Activation::none, ordered, repeated);
}

LinearId WeightReader::folded(const TensorName& first, size_t in, size_t middle, const TensorName& second,
                              size_t out) {
    const TensorName names[2] = {TensorName(first, ".weight"), TensorName(second, ".weight")};
    const size_t sizes[2][2] = {{middle, in}, {out, middle}};
    const TensorEntry* weight[2];
    const TensorEntry* bias[2];
    for (int i = 0; i < 2; i++) {
        const TensorEntry* found = status_.ok() ? find(names[i].text()) : nullptr;
        const size_t one = found && found->rank == 4 ? 1 : 0;
        weight[i] = require(names[i], sizes[i][0], sizes[i][1], one, one);
        bias[i] = require(TensorName(i ? second : first, ".bias"), sizes[i][0], 0, 0, 0);
        if (!weight[i] || !bias[i]) return 0;
    }
    const size_t keep = packed(precision_of(*weight[0]), in, out);
    Temporary memory[4] = {Temporary(*this, keep), Temporary(*this, keep), Temporary(*this, keep),
                           Temporary(*this, keep)};
    Temporary product(*this, keep);
    const float *w[2], *b[2];
    for (int i = 0; i < 2; i++) {
        w[i] = as_f32(*weight[i], memory[2 * i]);
        b[i] = as_f32(*bias[i], memory[2 * i + 1]);
        if (!w[i] || !b[i]) return 0;
    }
    float* result = product.floats(out * in + out);
    if (!result) {
        out_of_memory();
        return 0;
    }
    // In double: the product replaces two roundings of the reference by one.
    for (size_t o = 0; !measuring() && o < out; o++) {
        const float* row = w[1] + o * middle;
        double offset = b[1][o];
        for (size_t m = 0; m < middle; m++) offset += static_cast<double>(row[m]) * b[0][m];
        result[out * in + o] = static_cast<float>(offset);
        for (size_t c = 0; c < in; c++) {
            double sum = 0;
            for (size_t m = 0; m < middle; m++) sum += static_cast<double>(row[m]) * w[0][m * in + c];
            result[o * in + c] = static_cast<float>(sum);
        }
    }
    return add(*weight[0], in, out, Activation::none, result, result + out * in);
}

}  // namespace samlet
