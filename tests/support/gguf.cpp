// SPDX-License-Identifier: Apache-2.0
#include "gguf.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace samlet::test {
namespace {

[[noreturn]] void stop(const char* what, const std::string& name) {
    std::fprintf(stderr, "gguf: %s %s\n", what, name.c_str());
    std::abort();
}

struct Reader {
    const uint8_t* data;
    size_t size;
    size_t at;

    template <typename T>
    T number() {
        T value;
        const std::string bytes = take(sizeof value);
        std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    std::string take(size_t n) {
        if (n > size - at) stop("file ends early", "");
        at += n;
        return std::string(reinterpret_cast<const char*>(data) + at - n, n);
    }
    std::string text() { return take(number<uint64_t>()); }
    std::string value(uint32_t type) {
        static const size_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
        if (type == kGgufString) return raw_string(text());
        if (type != kGgufArray) return take(bytes[type]);
        const uint32_t element = number<uint32_t>();
        const uint64_t count = number<uint64_t>();
        std::string all = raw(element) + raw(count);
        for (uint64_t i = 0; i < count; i++) all += value(element);
        return all;
    }
};

size_t padded(size_t bytes, size_t alignment) {
    return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

uint64_t GgufTensor::elements() const {
    uint64_t n = 1;
    for (uint64_t d : dims) n *= d;
    return n;
}

void GgufTensor::set_element(uint64_t index, uint32_t f32_bits, uint16_t f16_bits) {
    if (type == 0)
        std::memcpy(&data[4 * index], &f32_bits, 4);
    else
        std::memcpy(&data[2 * index], &f16_bits, 2);
}

Gguf Gguf::parse(const uint8_t* data, size_t size) {
    Gguf file;
    Reader in{data, size, 4};
    file.version = in.number<uint32_t>();
    const uint64_t tensors = in.number<uint64_t>(), entries = in.number<uint64_t>();
    for (uint64_t i = 0; i < entries; i++) {
        GgufEntry entry;
        entry.key = in.text();
        entry.type = in.number<uint32_t>();
        entry.value = in.value(entry.type);
        if (entry.key == "general.alignment") std::memcpy(&file.alignment, entry.value.data(), 4);
        file.metadata.push_back(entry);
    }
    std::vector<uint64_t> offsets;
    for (uint64_t i = 0; i < tensors; i++) {
        GgufTensor tensor;
        tensor.name = in.text();
        tensor.dims.resize(in.number<uint32_t>());
        for (uint64_t& d : tensor.dims) d = in.number<uint64_t>();
        tensor.type = in.number<uint32_t>();
        offsets.push_back(in.number<uint64_t>());
        file.tensors.push_back(tensor);
    }
    const size_t start = padded(in.at, file.alignment);
    for (uint64_t i = 0; i < tensors; i++) {
        in.at = start + offsets[i];
        file.tensors[i].data = in.take(file.tensors[i].elements() * (file.tensors[i].type == 0 ? 4 : file.tensors[i].type == 1 ? 2 : 1));
    }
    return file;
}

Gguf Gguf::bundled() {
    const std::string path = SAMLET_SOURCE_DIR "/examples/data/samlet_micro.gguf";
    std::ifstream file(path, std::ios::binary);
    std::stringstream bytes;
    bytes << file.rdbuf();
    if (!file) stop("cannot read", path);
    const std::string all = bytes.str();
    return parse(reinterpret_cast<const uint8_t*>(all.data()), all.size());
}

std::string Gguf::header() const {
    std::string out = "GGUF" + raw(version) + raw(static_cast<uint64_t>(tensors.size())) +
                      raw(static_cast<uint64_t>(metadata.size()));
    for (const GgufEntry& e : metadata) out += raw_string(e.key) + raw(e.type) + e.value;
    uint64_t offset = 0;
    for (const GgufTensor& t : tensors) {
        out += raw_string(t.name) + raw(static_cast<uint32_t>(t.dims.size()));
        for (uint64_t d : t.dims) out += raw(d);
        out += raw(t.type) + raw(offset);
        offset += padded(t.data.size(), alignment);
    }
    out.resize(padded(out.size(), alignment));
    return out;
}

size_t Gguf::header_bytes() const {
    return header().size();
}

FileBytes Gguf::write() const {
    std::string out = header();
    for (const GgufTensor& t : tensors) {
        out += t.data;
        out.resize(padded(out.size(), alignment));
    }
    return FileBytes(out);
}

GgufTensor& Gguf::tensor(const std::string& name) {
    for (GgufTensor& t : tensors)
        if (t.name == name) return t;
    stop("no tensor", name);
}

void Gguf::drop_tensor(const std::string& name) {
    const GgufTensor* found = &tensor(name);
    tensors.erase(tensors.begin() + (found - tensors.data()));
}

GgufEntry& Gguf::entry(const std::string& key) {
    for (GgufEntry& e : metadata)
        if (e.key == key) return e;
    stop("no metadata", key);
}

void Gguf::drop_entry(const std::string& key) {
    const GgufEntry* found = &entry(key);
    metadata.erase(metadata.begin() + (found - metadata.data()));
}

void Gguf::set(const std::string& key, GgufType type, const std::string& value) {
    for (GgufEntry& e : metadata)
        if (e.key == key) {
            e.type = type;
            e.value = value;
            return;
        }
    metadata.push_back({key, type, value});
}

void Gguf::set_u32(const std::string& key, uint32_t value) {
    set(key, kGgufU32, raw(value));
}
void Gguf::set_f32(const std::string& key, float value) {
    set(key, kGgufF32, raw(value));
}
void Gguf::set_bool(const std::string& key, bool value) {
    set(key, kGgufBool, raw(static_cast<uint8_t>(value)));
}
void Gguf::set_string(const std::string& key, const std::string& value) {
    set(key, kGgufString, raw_string(value));
}

void Gguf::set_u32s(const std::string& key, const std::vector<uint32_t>& values) {
    std::string bytes = raw(static_cast<uint32_t>(kGgufU32)) + raw(static_cast<uint64_t>(values.size()));
    for (uint32_t v : values) bytes += raw(v);
    set(key, kGgufArray, bytes);
}

void Gguf::set_f32s(const std::string& key, const std::vector<float>& values) {
    std::string bytes = raw(static_cast<uint32_t>(kGgufF32)) + raw(static_cast<uint64_t>(values.size()));
    for (float v : values) bytes += raw(v);
    set(key, kGgufArray, bytes);
}

}  // namespace samlet::test
