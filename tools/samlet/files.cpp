// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "error.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
    void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

[[noreturn]] void fail(const std::string& doing, const std::string& path) {
    const std::string reason = errno ? strerror(errno) : "unknown error";
    throw Error("cannot " + doing + " '" + path + "': " + reason);
}

}  // namespace

Bytes read_file(const std::string& path) {
    // fopen() opens directories too, and only reading fails, with an unhelpful size.
    if (is_directory(path)) throw Error("cannot read '" + path + "': it is a directory");
    errno = 0;
    const File file(fopen(path.c_str(), "rb"));
    if (!file) fail("open", path);
    Bytes bytes;
    uint8_t block[1 << 16];
    while (const size_t got = fread(block, 1, sizeof(block), file.get()))
        bytes.insert(bytes.end(), block, block + got);
    if (ferror(file.get())) fail("read", path);
    return bytes;
}

void write_file(const std::string& path, const void* data, size_t size) {
    const std::string part = path + ".part";
    errno = 0;
    File file(fopen(part.c_str(), "wb"));
    if (!file) fail("create", path);
    const bool written = fwrite(data, 1, size, file.get()) == size && fflush(file.get()) == 0;
    const int reason = errno;
    file.reset();
    if (!written || rename(part.c_str(), path.c_str()) != 0) {
        if (!written) errno = reason;
        const int keep = errno;
        remove(part.c_str());
        errno = keep;
        fail("write", path);
    }
}

void print_text(const std::string& text) {
    errno = 0;
    const bool written = fwrite(text.data(), 1, text.size(), stdout) == text.size() && fflush(stdout) == 0;
    if (!written || ferror(stdout))
        throw Error(std::string("cannot write to standard output: ") +
                    (errno ? strerror(errno) : "something that was printed is lost"));
}

void make_directory(const std::string& path) {
    std::error_code code;
    fs::create_directories(path, code);
    if (!fs::is_directory(path))
        throw Error("cannot create the directory '" + path +
                    "': " + (code ? code.message() : "a file is in the way"));
}

bool is_directory(const std::string& path) {
    std::error_code code;
    return fs::is_directory(path, code);
}

bool file_exists(const std::string& path) {
    std::error_code code;
    return fs::exists(path, code);
}

bool is_regular_file(const std::string& path) {
    std::error_code code;
    return fs::is_regular_file(path, code);
}

bool same_file(const std::string& a, const std::string& b) {
    std::error_code code;
    return fs::equivalent(a, b, code);
}

std::string extension(const std::string& path) {
    std::string text = fs::path(path).extension().string();
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

std::string join(const std::string& directory, const std::string& name) {
    return (fs::path(directory) / name).string();
}

std::string frame_digits(int64_t frame) {
    char text[24];
    snprintf(text, sizeof(text), "%05lld", static_cast<long long>(frame));
    return text;
}

bool is_frame_name(const std::string& name, const std::string& extension) {
    if (name.size() <= extension.size()) return false;
    const size_t digits = name.size() - extension.size();
    const bool padded = digits == 5 || (digits > 5 && name[0] != '0');
    return padded && name.substr(digits) == extension &&
           std::all_of(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(digits),
                       [](unsigned char c) { return std::isdigit(c); });
}

void remove_frames(const std::string& directory, const std::string& extension) {
    std::vector<fs::path> frames;
    std::error_code code;
    for (fs::directory_iterator entry(directory, code), end; !code && entry != end; entry.increment(code))
        if (is_frame_name(entry->path().filename().string(), extension)) frames.push_back(entry->path());
    for (size_t i = 0; !code && i < frames.size(); i++) fs::remove(frames[i], code);
    if (code) throw Error("cannot remove the frames in '" + directory + "': " + code.message());
}

}  // namespace cli
