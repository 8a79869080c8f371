// SPDX-License-Identifier: Apache-2.0
#include "prompts.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "error.h"
#include "files.h"

namespace cli {
namespace {

using nlohmann::json;

// ---- Options
// -------------------------------------------------------------------------------------------------------

// "1,2.5,3" -> numbers. False for anything else.
bool parse_numbers(const std::string& text, std::vector<float>& numbers) {
    const char* at = text.data();
    const char* end = at + text.size();
    for (;;) {
        float number = 0;
        const std::from_chars_result result = std::from_chars(at, end, number);
        if (result.ec != std::errc()) return false;
        numbers.push_back(number);
        if (result.ptr == end) return true;
        if (*result.ptr != ',') return false;
        at = result.ptr + 1;
    }
}

bool is_label(float value) {
    return value == 0.0f || value == 1.0f;
}

// ---- The prompts file
// ----------------------------------------------------------------------------------------------

// One entry; every complaint names it and the field.
class EntryReader {
  public:
    EntryReader(const json& entry, std::string name) : entry_(entry), name_(std::move(name)) {
        static const std::set<std::string> known = {"frame", "object", "points", "box", "mask", "clear"};
        if (!entry.is_object()) throw Error(name_ + ": an object {...} is needed, got " + shown(entry));
        for (const auto& field : entry.items())
            if (known.count(field.key()) == 0) throw Error(name_ + ": unknown field \"" + field.key() + "\"");
    }

    bool has(const char* field) const { return entry_.contains(field); }

    int64_t integer(const char* field, int64_t lowest, int64_t highest) const {
        const json& value = entry_.at(field);
        if (!value.is_number_integer() || value.get<double>() < static_cast<double>(lowest) ||
            value.get<double>() > static_cast<double>(highest))
            fail(field, "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest),
                 value);
        return value.get<int64_t>();
    }
    bool boolean(const char* field) const {
        const json& value = entry_.at(field);
        if (!value.is_boolean()) fail(field, "true or false", value);
        return value.get<bool>();
    }
    std::string text(const char* field) const {
        const json& value = entry_.at(field);
        if (!value.is_string()) fail(field, "the name of a PNG file", value);
        return value.get<std::string>();
    }
    std::vector<samlet_point> points() const {
        const json& list = entry_.at("points");
        if (!list.is_array() || list.empty()) fail("points", "[[x, y, label], ...]", list);
        std::vector<samlet_point> points;
        for (size_t i = 0; i < list.size(); i++) {
            const std::string field = "points[" + std::to_string(i) + "]";
            const std::vector<float> numbers = floats(list[i]);
            if (numbers.size() != 2 && numbers.size() != 3) fail(field, "[x, y, label]", list[i]);
            if (numbers.size() == 3 && !is_label(numbers[2])) fail(field, "the label 0 or 1", list[i]);
            const int32_t label =
                numbers.size() == 3 ? static_cast<int32_t>(numbers[2]) : SAMLET_POINT_POSITIVE;
            points.push_back({numbers[0], numbers[1], label});
        }
        return points;
    }
    samlet_box box() const {
        const json& value = entry_.at("box");
        const std::vector<float> numbers = floats(value);
        if (numbers.size() != 4) fail("box", "[x0, y0, x1, y1]", value);
        return {numbers[0], numbers[1], numbers[2], numbers[3]};
    }

  private:
    static std::string shown(const json& value) {
        std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
        if (text.size() > 60) text = text.substr(0, 57) + "...";
        return text;
    }
    [[noreturn]] void fail(const std::string& field, const std::string& needed, const json& value) const {
        throw Error(name_ + "." + field + ": " + needed + " is needed, got " + shown(value));
    }
    // Empty unless `value` is an array of numbers.
    static std::vector<float> floats(const json& value) {
        std::vector<float> numbers;
        if (!value.is_array()) return numbers;
        for (const json& number : value) {
            if (!number.is_number()) return {};
            numbers.push_back(number.get<float>());
        }
        return numbers;
    }

    const json& entry_;
    std::string name_;
};

// A prompts file has five levels. What is far deeper would overflow the stack where a complaint shows it.
constexpr int kDeepest = 16;

json parse_file(const std::string& path) {
    const Bytes bytes = read_file(path);
    json document;
    try {
        document = json::parse(bytes.begin(), bytes.end(), [&](int depth, json::parse_event_t, json&) {
            if (depth <= kDeepest) return true;
            throw Error("'" + path + "' is nested too deeply: {\"prompts\": [...]} is needed");
        });
    } catch (const json::parse_error& error) {
        throw Error("'" + path + "' is not JSON: broken near byte " + std::to_string(error.byte));
    } catch (const json::out_of_range&) {
        throw Error("'" + path + "' holds a number that is too large");
    }
    const bool shaped =
        document.is_object() && document.contains("prompts") && document["prompts"].is_array();
    if (!shaped) throw Error("'" + path + "': {\"prompts\": [...]} is needed");
    if (document["prompts"].empty()) throw Error("'" + path + "' holds no prompts");
    return document;
}

Prompt read_entry(const EntryReader& reader, const std::string& name) {
    Prompt prompt;
    prompt.origin = name;
    if (!reader.has("frame")) throw Error(name + ".frame is missing");
    prompt.frame = reader.integer("frame", 0, 1000000000);
    // Object numbers are the indices of 8-bit mask files.
    if (reader.has("object")) prompt.object = static_cast<int32_t>(reader.integer("object", 1, 255));
    if (reader.has("clear")) prompt.clear = reader.boolean("clear");
    if (reader.has("points")) prompt.points = reader.points();
    if (reader.has("box")) prompt.box = reader.box();
    if (reader.has("mask") && !prompt.empty())
        throw Error(name + ".mask: a mask cannot be combined with points or a box");
    if (prompt.empty() && !reader.has("mask") && !prompt.clear)
        throw Error(name + ": one of points, box, mask and clear is needed");
    return prompt;
}

// ---- Masks
// ---------------------------------------------------------------------------------------------------------

std::set<uint8_t> indices_of(const IndexMask& mask) {
    std::set<uint8_t> indices(mask.pixels.begin(), mask.pixels.end());
    indices.erase(0);
    return indices;
}

std::shared_ptr<const IndexMask> select(const IndexMask& mask, const std::set<uint8_t>& chosen) {
    auto selected = std::make_shared<IndexMask>(mask);
    for (uint8_t& pixel : selected->pixels) pixel = chosen.count(pixel) != 0;
    return selected;
}

}  // namespace

samlet_prompt Prompt::prompt() const {
    samlet_prompt prompt;
    samlet_prompt_init(&prompt);
    prompt.points = points.data();
    prompt.point_count = static_cast<uint32_t>(points.size());
    if (box) {
        prompt.box = &*box;
        // A box must come before an object's points; after some, it starts them anew.
        prompt.flags |= SAMLET_PROMPT_REPLACE_POINTS;
    }
    if (mask) {
        prompt.mask = mask->pixels.data();
        prompt.mask_width = mask->width;
        prompt.mask_height = mask->height;
        prompt.mask_stride = mask->width;
    }
    return prompt;
}

nlohmann::ordered_json Prompt::json() const {
    nlohmann::ordered_json entry = {{"frame", frame}, {"object", object}};
    for (const samlet_point& point : points) entry["points"].push_back({point.x, point.y, point.label});
    if (box) entry["box"] = {box->x0, box->y0, box->x1, box->y1};
    if (mask) entry["mask"] = mask_file;
    if (clear) entry["clear"] = true;
    return entry;
}

samlet_point parse_point(const std::string& text) {
    std::vector<float> numbers;
    if (!parse_numbers(text, numbers) || numbers.size() < 2 || numbers.size() > 3)
        throw UsageError("--point: x,y or x,y,label is needed, got '" + text + "'");
    if (numbers.size() == 3 && !is_label(numbers[2]))
        throw UsageError("--point: the label must be 1 (inside) or 0 (outside), got '" + text + "'");
    return {numbers[0], numbers[1],
            numbers.size() == 3 ? static_cast<int32_t>(numbers[2]) : SAMLET_POINT_POSITIVE};
}

samlet_box parse_box(const std::string& text) {
    std::vector<float> numbers;
    if (!parse_numbers(text, numbers) || numbers.size() != 4)
        throw UsageError("--box: x0,y0,x1,y1 is needed, got '" + text + "'");
    return {numbers[0], numbers[1], numbers[2], numbers[3]};
}

// A palette of several objects gives each its own prompt, unless an object was named: then only that index.
void Prompts::add_mask(Prompt prompt, const IndexMask& mask, const std::string& path, bool object_given) {
    const std::set<uint8_t> indices = indices_of(mask);
    prompt.mask_file = path;
    if (indices.empty()) throw Error(prompt.origin + ": the mask '" + path + "' is empty");
    if (indices.size() == 1) {
        prompt.mask = select(mask, indices);
        prompts_.push_back(prompt);
        return;
    }
    if (object_given && indices.count(static_cast<uint8_t>(prompt.object)) == 0)
        throw Error(prompt.origin + ": the mask '" + path + "' has several objects, but none of index " +
                    std::to_string(prompt.object));
    for (const uint8_t index : indices) {
        if (object_given && index != prompt.object) continue;
        Prompt part = prompt;
        part.object = index;
        part.mask = select(mask, {index});
        prompts_.push_back(part);
    }
}

Prompts Prompts::from_options(const PromptOptions& options, int64_t frame) {
    if (!options.file.empty()) {
        if (!options.points.empty() || !options.box.empty() || !options.mask.empty() || options.object)
            throw UsageError("--prompts cannot be combined with --point, --box, --mask and --object");
        return from_file(options.file);
    }
    if (!options.any())
        throw UsageError("nothing to track: give --point, --box, --mask, --prompts or --everything");
    if (!options.mask.empty() && (!options.points.empty() || !options.box.empty()))
        throw UsageError("--mask cannot be combined with --point and --box");
    Prompts prompts;
    Prompt prompt;
    prompt.frame = frame;
    prompt.object = options.object.value_or(1);
    if (!options.mask.empty()) {
        prompt.origin = "--mask";
        prompts.add_mask(prompt, read_mask(options.mask), options.mask, options.object.has_value());
        return prompts;
    }
    prompt.origin = options.box.empty() ? "--point" : "--box";
    for (const std::string& point : options.points) prompt.points.push_back(parse_point(point));
    if (!options.box.empty()) prompt.box = parse_box(options.box);
    prompts.prompts_.push_back(prompt);
    return prompts;
}

Prompts Prompts::from_file(const std::string& path) {
    const json document = parse_file(path);
    const json& entries = document["prompts"];
    Prompts prompts;
    for (size_t i = 0; i < entries.size(); i++) {
        const std::string name = "prompts[" + std::to_string(i) + "]";
        const EntryReader reader(entries[i], "'" + path + "': " + name);
        Prompt prompt = read_entry(reader, "'" + path + "': " + name);
        prompt.origin = name;
        if (!reader.has("mask")) {
            prompts.prompts_.push_back(prompt);
            continue;
        }
        const std::filesystem::path file = reader.text("mask");
        const std::string mask = (std::filesystem::path(path).parent_path() / file).string();
        prompts.add_mask(prompt, read_mask(mask), mask, reader.has("object"));
    }
    return prompts;
}

Prompts Prompts::from_mask(const IndexMask& mask, const std::string& name, int64_t frame) {
    Prompts prompts;
    Prompt prompt;
    prompt.origin = "'" + name + "'";
    prompt.frame = frame;
    prompts.add_mask(prompt, mask, name, false);
    return prompts;
}

Prompts Prompts::awaited(const std::string& origin, int64_t frame) {
    Prompts prompts;
    Prompt prompt;
    prompt.origin = origin;
    prompt.frame = frame;
    prompts.prompts_.push_back(prompt);
    return prompts;
}

std::vector<const Prompt*> Prompts::on_frame(int64_t frame) const {
    std::vector<const Prompt*> found;
    for (const Prompt& prompt : prompts_)
        if (prompt.frame == frame) found.push_back(&prompt);
    return found;
}

std::vector<int32_t> Prompts::objects() const {
    std::set<int32_t> objects;
    for (const Prompt& prompt : prompts_) objects.insert(prompt.object);
    return {objects.begin(), objects.end()};
}

nlohmann::ordered_json Prompts::listed(const std::string& folder) const {
    nlohmann::ordered_json entries = nlohmann::ordered_json::array();
    for (const Prompt& prompt : prompts_) {
        entries.push_back(prompt.json());
        std::error_code failed;  // then it is named as it is
        if (prompt.mask && !folder.empty())
            entries.back()["mask"] = std::filesystem::proximate(prompt.mask_file, folder, failed).string();
    }
    return entries;
}

std::vector<int64_t> Prompts::frames() const {
    std::set<int64_t> frames;
    for (const Prompt& prompt : prompts_) frames.insert(prompt.frame);
    return {frames.begin(), frames.end()};
}

}  // namespace cli
