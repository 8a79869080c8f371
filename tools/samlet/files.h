// Files as whole byte strings, written so that a half-written one never replaces anything.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

using Bytes = std::vector<uint8_t>;

Bytes read_file(const std::string& path);
// Writes beside the final name and renames.
void write_file(const std::string& path, const void* data, size_t size);
// To standard output, at once. Throws if that, or anything printed before, could not be written.
void print_text(const std::string& text);
void make_directory(const std::string& path);
bool is_directory(const std::string& path);
bool file_exists(const std::string& path);
// No directory, pipe or device.
bool is_regular_file(const std::string& path);
// Whether both exist and are one, through whatever links and names.
bool same_file(const std::string& a, const std::string& b);
// ".png" in lower case; "" without one.
std::string extension(const std::string& path);
std::string join(const std::string& directory, const std::string& name);
// Frame numbers as the DAVIS data set writes them: 00042.
std::string frame_digits(int64_t frame);
// Whether a file name is frame_digits() of some frame with this extension.
bool is_frame_name(const std::string& name, const std::string& extension);
void remove_frames(const std::string& directory, const std::string& extension);

}  // namespace cli
