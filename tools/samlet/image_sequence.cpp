// Pictures as a video: a directory in name order, or a single file.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <vector>

#include "error.h"
#include "files.h"
#include "image_io.h"
#include "video_source.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

class ImageSequence : public VideoSource {
  public:
    explicit ImageSequence(std::vector<std::string> files) : files_(std::move(files)) {}

    int64_t frame_count() const override { return static_cast<int64_t>(files_.size()); }
    double frames_per_second() const override { return 0; }
    bool read(int64_t number, Picture& picture) override {
        if (number < 0 || number >= frame_count()) return false;
        picture = read_image(files_[static_cast<size_t>(number)]);
        return true;
    }

  private:
    std::vector<std::string> files_;
};

bool is_digit(char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// The digits at `at`, without leading zeros; moves `at` behind them.
std::string take_number(const std::string& text, size_t& at) {
    size_t end = at;
    while (end < text.size() && is_digit(text[end])) end++;
    while (at + 1 < end && text[at] == '0') at++;
    const std::string number = text.substr(at, end - at);
    at = end;
    return number;
}

// frame2 before frame10, as people expect: runs of digits compare as numbers.
bool natural_less(const std::string& a, const std::string& b) {
    size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (is_digit(a[i]) && is_digit(b[j])) {
            const std::string left = take_number(a, i), right = take_number(b, j);
            if (left.size() != right.size()) return left.size() < right.size();
            if (left != right) return left < right;
        } else {
            if (a[i] != b[j]) return a[i] < b[j];
            i++;
            j++;
        }
    }
    if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
    return a < b;  // 1.png and 01.png
}

bool is_picture_name(const std::string& name) {
    const std::string kind = extension(name);
    return name[0] != '.' && (kind == ".jpg" || kind == ".jpeg" || kind == ".png");
}

}  // namespace

std::unique_ptr<VideoSource> open_directory(const std::string& path) {
    std::error_code code;
    std::vector<std::string> names;
    for (fs::directory_iterator entry(path, code), end; !code && entry != end; entry.increment(code)) {
        const std::string name = entry->path().filename().string();
        if (is_picture_name(name)) names.push_back(name);
    }
    if (code) throw Error("cannot read the directory '" + path + "': " + code.message());
    if (names.empty()) throw Error("the directory '" + path + "' holds no .jpg, .jpeg or .png files");
    std::sort(names.begin(), names.end(), natural_less);
    for (std::string& name : names) name = join(path, name);
    return std::make_unique<ImageSequence>(std::move(names));
}

std::unique_ptr<VideoSource> open_picture(const std::string& path) {
    return std::make_unique<ImageSequence>(std::vector<std::string>{path});
}

}  // namespace cli
