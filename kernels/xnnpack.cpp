// SPDX-License-Identifier: Apache-2.0
#include "kernels/xnnpack.h"

#include <cmath>
#include <cstring>

#include "ports/port.h"

namespace samlet {
namespace {

// Blocks from the heap carry a header, so that release() can tell them from arena memory, which is never
// released.
struct Header {
    uint64_t from_heap;
    uint64_t size;
};
constexpr size_t kHeader = 64;
static_assert(sizeof(Header) <= kHeader, "the header must keep the payload aligned");

void* allocate(void*, size_t size) {
    // A session is created by one thread, hence a scope belongs to a thread.
    const AllocationScope* scope = static_cast<const AllocationScope*>(*port::thread_slot());
    void* block = scope ? scope->take(size + kHeader) : port::allocate(size + kHeader, kHeader);
    if (!block) return nullptr;
    const Header header = {scope ? 0u : 1u, size};
    memcpy(block, &header, sizeof(header));
    return static_cast<uint8_t*>(block) + kHeader;
}

void release(void*, void* memory) {
    if (!memory) return;
    uint8_t* block = static_cast<uint8_t*>(memory) - kHeader;
    Header header;
    memcpy(&header, block, sizeof(header));
    if (header.from_heap) port::release(block);
}

void* reallocate(void* context, void* memory, size_t size) {
    void* fresh = allocate(context, size);
    if (!fresh || !memory) return fresh;
    Header header;
    memcpy(&header, static_cast<uint8_t*>(memory) - kHeader, sizeof(header));
    memcpy(fresh, memory, header.size < size ? header.size : size);
    release(context, memory);
    return fresh;
}

void* aligned_allocate(void* context, size_t alignment, size_t size) {
    return alignment <= kHeader ? allocate(context, size) : nullptr;
}

void aligned_release(void* context, void* memory) {
    release(context, memory);
}

const xnn_allocator kAllocator = {nullptr, allocate, reallocate, release, aligned_allocate, aligned_release};

}  // namespace

bool start_xnnpack() {
    return xnn_initialize(&kAllocator) == xnn_status_success;
}

AllocationScope::AllocationScope(Take take, void* context)
    : take_(take), context_(context), outer_(*port::thread_slot()) {
    *port::thread_slot() = this;
}
AllocationScope::~AllocationScope() {
    *port::thread_slot() = outer_;
}

void* OperatorRoom::take(void* context, size_t bytes) {
    OperatorRoom* room = static_cast<OperatorRoom*>(context);
    const size_t size = (bytes + 63) / 64 * 64;
    if (size > sizeof(room->bytes_) - room->used_) return nullptr;
    void* p = room->bytes_ + room->used_;
    room->used_ += size;
    return p;
}

// The cache interface, answered for exactly one tensor: what XNNPACK would look up by key is this object
// itself.
size_t LinearWeights::look_up(void* context, const xnn_weights_cache_look_up_key*) {
    return static_cast<LinearWeights*>(context)->is_packed_ ? 0 : SIZE_MAX;
}
void* LinearWeights::reserve(void* context, size_t bytes) {
    LinearWeights* self = static_cast<LinearWeights*>(context);
    self->wanted_ = bytes;
    return self->packed_;  // null while measuring: XNNPACK then gives up
}
size_t LinearWeights::insert(void* context, const xnn_weights_cache_look_up_key*, void*, size_t) {
    static_cast<LinearWeights*>(context)->is_packed_ = true;
    return 0;
}
bool LinearWeights::finalized(void*) {
    return true;
}
void* LinearWeights::address(void* context, size_t) {
    return static_cast<LinearWeights*>(context)->packed_;
}
xnn_status LinearWeights::drop(void*) {
    return xnn_status_success;
}

void LinearWeights::connect() {
    provider_ = {this, look_up, reserve, insert, finalized, address, drop};
}

xnn_status LinearWeights::create(const LinearSource& source, uint32_t flags, xnn_operator_t* op) const {
    const float lowest = activation_ == Activation::relu ? 0.0f : -INFINITY;
    switch (precision_) {
        case Precision::f16:
            return xnn_create_fully_connected_nc_f16(in_, out_, in_, out_, source.weights, source.bias, lowest,
                                                     INFINITY, flags | XNN_FLAG_FP32_STATIC_WEIGHTS, nullptr,
                                                     &provider_, op);
        case Precision::int8:
            return xnn_create_fully_connected_nc_qd8_f32_qc8w(
                in_, out_, in_, out_, source.scales, static_cast<const int8_t*>(source.weights), source.bias,
                lowest, INFINITY, flags, nullptr, &provider_, op);
        default:
            return xnn_create_fully_connected_nc_f32(
                in_, out_, in_, out_, static_cast<const float*>(source.weights), source.bias, lowest, INFINITY,
                flags, nullptr, &provider_, op);
    }
}

bool can_compute(Precision precision) {
    return LinearWeights::packed_bytes(precision, 64, 64) > 0;
}

size_t LinearWeights::packed_bytes(Precision precision, size_t in, size_t out, const HalfGemm* half_gemm) {
    if (half_gemm && precision == Precision::f16) return half_gemm->weight_bytes(in, out);
    LinearWeights probe;
    probe.in_ = in;
    probe.out_ = out;
    probe.precision_ = precision;
    probe.connect();
    const float one = 1.0f;  // numbers are never read: reserve() has no memory to pack into
    OperatorRoom room;
    xnn_operator_t op = nullptr;
    if (probe.create({&one, &one, &one}, 0, &op) == xnn_status_success) xnn_delete_operator(op);
    return probe.wanted_;
}

bool LinearWeights::pack(Precision precision, size_t in, size_t out, Activation activation,
                         const LinearSource& source, void* memory, const HalfGemm* half_gemm) {
    in_ = in;
    out_ = out;
    precision_ = precision;
    activation_ = activation;
    packed_ = memory;
    half_gemm_ = precision == Precision::f16 ? half_gemm : nullptr;
    if (half_gemm_) {
        wanted_ = half_gemm_->weight_bytes(in, out);
        half_gemm_->pack_weights(static_cast<const float*>(source.weights), source.bias, in, out, memory);
        return true;
    }
    is_packed_ = false;
    connect();
    OperatorRoom room;
    xnn_operator_t op = nullptr;
    if (create(source, 0, &op) != xnn_status_success) return false;
    xnn_delete_operator(op);
    return is_packed_;
}

bool Quantiser::create(uint32_t flags) {
    return op_ || xnn_create_convert_nc_f32_qd8(flags, &op_) == xnn_status_success;
}

void Quantiser::destroy() {
    if (op_) xnn_delete_operator(op_);
    op_ = nullptr;
}

bool Linear::create(const LinearWeights& weights, uint32_t flags) {
    weights_ = &weights;
    if (weights.half_gemm()) return true;
    const float one = 1.0f;  // never read: the packed weights are found in the cache
    return weights.create({&one, &one, &one}, flags, &op_) == xnn_status_success;
}

void Linear::destroy() {
    if (op_) xnn_delete_operator(op_);
    op_ = nullptr;
}

bool Linear::run_f32(const float* x, size_t rows, float* y, pthreadpool_t threads) {
    rows_ += rows;
    return xnn_reshape_fully_connected_nc_f32(op_, rows, threads) == xnn_status_success &&
           xnn_setup_fully_connected_nc_f32(op_, x, y) == xnn_status_success &&
           xnn_run_operator(op_, threads) == xnn_status_success;
}

bool Linear::run_f16(const uint16_t* x, size_t rows, uint16_t* y, pthreadpool_t threads) {
    rows_ += rows;
    return xnn_reshape_fully_connected_nc_f16(op_, rows, threads) == xnn_status_success &&
           xnn_setup_fully_connected_nc_f16(op_, x, y) == xnn_status_success &&
           xnn_run_operator(op_, threads) == xnn_status_success;
}

namespace {

size_t numbers_bytes(size_t rows, size_t in) {
    return (rows * in + XNN_EXTRA_BYTES + 63) / 64 * 64;
}

}  // namespace

size_t Linear::work_bytes(size_t rows, size_t in) {
    return numbers_bytes(rows, in) + (rows + XNN_EXTRA_QUANTIZATION_PARAMS) * sizeof(xnn_quantization_params);
}

bool Linear::run_int8(const Quantiser& quantiser, const float* x, size_t rows, float* y, void* work,
                      pthreadpool_t threads) {
    rows_ += rows;
    const size_t in = weights_->in();
    int8_t* numbers = static_cast<int8_t*>(work);
    auto* scales = reinterpret_cast<xnn_quantization_params*>(numbers + numbers_bytes(rows, in));
    return xnn_reshape_convert_nc_f32_qd8(quantiser.op_, rows, in, in, in, threads) == xnn_status_success &&
           xnn_setup_convert_nc_f32_qd8(quantiser.op_, x, numbers, scales) == xnn_status_success &&
           xnn_run_operator(quantiser.op_, threads) == xnn_status_success &&
           xnn_reshape_fully_connected_nc_qd8_f32_qc8w(op_, rows, threads) == xnn_status_success &&
           xnn_setup_fully_connected_nc_qd8_f32_qc8w(op_, numbers, y, scales) == xnn_status_success &&
           xnn_run_operator(op_, threads) == xnn_status_success;
}

}  // namespace samlet
