// SPDX-License-Identifier: Apache-2.0
#include "npz.h"

#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "core/half.h"
#include "tools/samlet/files.h"

namespace samlet::test {

// ---- Arrays --------------------------------------------------------------------------------------------

size_t Array::count() const {
    size_t n = 1;
    for (size_t extent : shape) n *= extent;
    return n;
}

std::vector<float> Array::floats() const {
    std::vector<float> values(count());
    if (type == Type::f32) {
        if (!values.empty()) memcpy(values.data(), bytes.data(), bytes.size());
    } else if (type == Type::f16) {
        for (size_t i = 0; i < values.size(); i++) {
            uint16_t half;
            memcpy(&half, bytes.data() + 2 * i, 2);
            values[i] = half_to_float(half);
        }
    } else {
        throw std::runtime_error("an array of integers was asked for floats");
    }
    return values;
}

float Array::scalar() const {
    const std::vector<float> values = floats();
    if (values.size() != 1)
        throw std::runtime_error("an array of " + std::to_string(values.size()) + " values is not a scalar");
    return values[0];
}

std::vector<float> channels_last(const Array& array) {
    const std::vector<float> in = array.floats();
    if (array.shape.size() != 4 || array.shape[0] != 1)
        throw std::runtime_error("a feature map must have the shape 1 x channels x height x width");
    const size_t channels = array.shape[1], cells = array.shape[2] * array.shape[3];
    std::vector<float> out(in.size());
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < cells; i++) out[i * channels + c] = in[c * cells + i];
    return out;
}

// ---- Zip archives: APPNOTE.TXT of PKWARE, without encryption, ZIP64 and several disks ------------------

namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEndOfDirectory = 0x06054b50;
constexpr size_t kEndBytes = 22, kMaxComment = 65535;
constexpr uint32_t kStored = 0, kDeflated = 8;

}  // namespace

void Npz::reject(const std::string& what) const {
    throw std::runtime_error("'" + path_ + "': " + what);
}

uint32_t Npz::read(size_t offset, size_t bytes) const {
    if (offset > file_.size() || bytes > file_.size() - offset) reject("the archive is truncated");
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) value |= uint32_t{file_[offset + i]} << 8 * i;
    return value;
}

Npz::Npz(const std::string& path) : path_(path), file_(cli::read_file(path)) {
    if (file_.size() < kEndBytes) reject("not a zip archive");
    size_t end = file_.size() - kEndBytes;
    const size_t last = end > kMaxComment ? end - kMaxComment : 0;
    while (read(end, 4) != kEndOfDirectory) {
        if (end == last) reject("not a zip archive");
        end--;
    }
    const uint32_t count = read(end + 10, 2);
    size_t at = read(end + 16, 4);
    for (uint32_t i = 0; i < count; i++) {
        if (read(at, 4) != kCentralHeader) reject("the archive's directory is damaged");
        const uint32_t name_bytes = read(at + 28, 2);
        const Member member = {read(at + 10, 2), read(at + 16, 4), read(at + 20, 4), read(at + 24, 4),
                               read(at + 42, 4)};
        read(at + 46 + name_bytes, 0);  // the name lies inside
        std::string name(file_.begin() + static_cast<ptrdiff_t>(at + 46),
                         file_.begin() + static_cast<ptrdiff_t>(at + 46 + name_bytes));
        const size_t stem = name.size() < 4 ? 0 : name.size() - 4;
        if (name.compare(stem, 4, ".npy") == 0) name.resize(stem);
        members_[name] = member;
        at += 46 + name_bytes + read(at + 30, 2) + read(at + 32, 2);
    }
}

std::vector<uint8_t> Npz::extract(const std::string& name) const {
    const auto found = members_.find(name);
    if (found == members_.end()) reject("there is no array '" + name + "'");
    const Member& member = found->second;
    if (read(member.offset, 4) != kLocalHeader) reject("the header of '" + name + "' is damaged");
    const size_t start =
        size_t{member.offset} + 30 + read(member.offset + 26, 2) + read(member.offset + 28, 2);
    read(start, 0);
    if (member.packed > file_.size() - start) reject("'" + name + "' is truncated");
    const uint8_t* packed = file_.data() + start;
    std::vector<uint8_t> bytes(member.size);
    if (member.method == kStored && member.packed == member.size) {
        bytes.assign(packed, packed + member.size);
    } else if (member.method == kDeflated) {
        z_stream stream = {};
        if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) reject("zlib does not start");
        stream.next_in = const_cast<uint8_t*>(packed);
        stream.avail_in = member.packed;
        stream.next_out = bytes.data();
        stream.avail_out = member.size;
        const int status = inflate(&stream, Z_FINISH);
        const bool complete = status == Z_STREAM_END && stream.total_out == member.size;
        inflateEnd(&stream);
        if (!complete) reject("'" + name + "' does not inflate");
    } else {
        reject("'" + name + "' is packed by an unknown method");
    }
    if (crc32(0, bytes.data(), member.size) != member.crc) reject("the checksum of '" + name + "' is wrong");
    return bytes;
}

// ---- The .npy format: numpy.lib.format, versions 1 to 3 ------------------------------------------------

Array Npz::get(const std::string& name) const {
    const std::vector<uint8_t> file = extract(name);
    const auto bad = [&](const std::string& what) { reject("'" + name + "' " + what); };
    static const uint8_t kMagic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    if (file.size() < 12 || memcmp(file.data(), kMagic, sizeof(kMagic)) != 0) bad("is not an array");
    const size_t prefix = file[6] == 1 ? 10 : 12;
    size_t length = file[8] | size_t{file[9]} << 8;
    if (prefix == 12) length |= size_t{file[10]} << 16 | size_t{file[11]} << 24;
    if (length > file.size() - prefix) bad("has a truncated header");
    const std::string header(file.begin() + static_cast<ptrdiff_t>(prefix),
                             file.begin() + static_cast<ptrdiff_t>(prefix + length));
    const auto value_of = [&](const char* key) {
        const size_t at = header.find(std::string("'") + key + "':");
        if (at == std::string::npos) bad(std::string("has no ") + key);
        return header.substr(header.find(':', at) + 1);
    };

    Array array;
    size_t item = 0;
    const std::string type = value_of("descr");
    static const struct {
        const char* text;
        Array::Type type;
        size_t bytes;
    } kTypes[] = {{" '<f4'", Array::Type::f32, 4},
                  {" '<f2'", Array::Type::f16, 2},
                  {" '<i4'", Array::Type::i32, 4},
                  {" '|u1'", Array::Type::u8, 1}};
    for (const auto& known : kTypes) {
        if (type.compare(0, 6, known.text) != 0) continue;
        array.type = known.type;
        item = known.bytes;
    }
    if (item == 0) bad("has a type that is not read:" + type.substr(0, 8));
    if (value_of("fortran_order").compare(0, 6, " False") != 0) bad("is in Fortran order");
    const std::string shape = value_of("shape");
    for (const char* at = shape.c_str(); *at && *at != ')';) {
        if (*at < '0' || *at > '9') {
            at++;
            continue;
        }
        char* next;
        array.shape.push_back(strtoull(at, &next, 10));
        at = next;
    }
    array.bytes.assign(file.begin() + static_cast<ptrdiff_t>(prefix + length), file.end());
    if (array.bytes.size() != array.count() * item) bad("has not as many bytes as its shape says");
    return array;
}

}  // namespace samlet::test
