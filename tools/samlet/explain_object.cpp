// The part of the report that is about one object.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "explain_chart.h"
#include "explain_report.h"

namespace cli {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr char kPrompted[] = "#3b6fd4", kPointers[] = "#e08a2e";
constexpr const char* kRecent[] = {"#0f6e4f", "#24916a", "#4bb188", "#7acaa6",
                                   "#a5dcc2", "#c9ebdb", "#e0f4ea"};

const char* recent_colour(size_t age_index) {
    const size_t count = sizeof(kRecent) / sizeof(kRecent[0]);
    return kRecent[std::min(age_index, count - 1)];
}

std::string percent(double share) {
    return formatted("%.1f&#8239;%%", 100 * share);
}

int64_t distance(int64_t a, int64_t b) {
    return a > b ? a - b : b - a;
}

// One object through the report's frames: null where it has no result.
struct Track {
    int32_t id;
    std::vector<int64_t> numbers;
    std::vector<const ReportObject*> frames;

    Track(const std::vector<ReportFrame>& all, int32_t object) : id(object) {
        for (const ReportFrame& frame : all) {
            const auto found = std::find_if(frame.objects.begin(), frame.objects.end(),
                                            [&](const ReportObject& one) { return one.id == object; });
            numbers.push_back(frame.number);
            frames.push_back(found == frame.objects.end() ? nullptr : &*found);
        }
    }

    template <class Value>
    std::vector<double> values(Value value) const {
        std::vector<double> list;
        for (size_t i = 0; i < frames.size(); i++) list.push_back(frames[i] ? value(*frames[i], i) : kGap);
        return list;
    }
    // The same where the object looked at memories inside of a mask.
    template <class Value>
    std::vector<double> attended(Value value) const {
        return values([&](const ReportObject& one, size_t i) {
            return one.attention.empty() || one.attention.mean.mask_area == 0 ? kGap
                                                                              : value(one.attention, i);
        });
    }
    template <class Text>
    std::vector<std::string> hints(Text text) const {
        std::vector<std::string> list;
        for (size_t i = 0; i < frames.size(); i++)
            list.push_back("frame " + std::to_string(numbers[i]) +
                           (frames[i] ? text(*frames[i], i) : ": not tracked"));
        return list;
    }
};

std::string score_chart(const Track& track) {
    const std::vector<double> scores =
        track.values([](const ReportObject& one, size_t) { return one.score; });
    double low = -1, high = 1;
    for (const double score : scores)
        if (std::isfinite(score)) {
            low = std::min(low, score);
            high = std::max(high, score);
        }
    Chart chart(track.numbers, low, high);
    const std::string colour = object_colour(track.id);
    chart.line({"object score (logit; above 0: present)", colour, scores});
    chart.strip({"visible", colour,
                 track.values([](const ReportObject& one, size_t) { return one.visible ? 1.0 : 0.0; })});
    chart.strip({"prompted", kPrompted,
                 track.values([](const ReportObject& one, size_t) { return one.prompted ? 1.0 : 0.0; })});
    chart.hint(track.hints([](const ReportObject& one, size_t) {
        return formatted(": score %.2f, predicted IoU %.3f, area %llu pixels%s", one.score, one.iou,
                         static_cast<unsigned long long>(one.area), one.visible ? "" : ", not visible");
    }));
    return "<h3>Score and visibility</h3>\n" + chart.html();
}

std::string iou_chart(const Track& track) {
    Chart chart(track.numbers, 0, 1);
    chart.line({"predicted IoU of the mask", object_colour(track.id),
                track.values([](const ReportObject& one, size_t) { return one.iou; })});
    return chart.html();
}

// Share of the recent memories of one age.
double share_at_age(const Attention& attention, int64_t frame, int64_t age) {
    double share = 0;
    for (const samlet_memory_share& memory : attention.memories)
        if (memory.kind == SAMLET_MEMORY_RECENT && distance(memory.frame, frame) == age)
            share += static_cast<double>(memory.share);
    return share;
}

std::set<int64_t> ages_of(const Track& track) {
    std::set<int64_t> ages;
    for (size_t i = 0; i < track.frames.size(); i++)
        if (track.frames[i])
            for (const samlet_memory_share& memory : track.frames[i]->attention.memories)
                if (memory.kind == SAMLET_MEMORY_RECENT)
                    ages.insert(distance(memory.frame, track.numbers[i]));
    return ages;
}

std::string memory_hint(const ReportObject& one) {
    if (one.attention.empty()) return ": looked at no memory";
    if (one.attention.mean.mask_area == 0) return ": no mask to look from";
    std::string text = ":";
    for (const samlet_memory_share& memory : one.attention.memories)
        if (memory.kind != SAMLET_MEMORY_POINTER)
            text +=
                formatted(" %s %lld %.1f %%,", memory.kind == SAMLET_MEMORY_PROMPTED ? "prompted" : "recent",
                          static_cast<long long>(memory.frame), 100 * static_cast<double>(memory.share));
    return text + formatted(" pointers %.1f %%", 100 * one.attention.shares.pointers);
}

std::string share_chart(const Track& track) {
    Chart chart(track.numbers, 0, 1);
    chart.stack({"prompted frames", kPrompted,
                 track.attended([](const Attention& a, size_t) { return a.shares.prompted; })});
    size_t index = 0;
    for (const int64_t age : ages_of(track))
        chart.stack({formatted("%lld frame%s away", static_cast<long long>(age), age == 1 ? "" : "s"),
                     recent_colour(index++), track.attended([&](const Attention& a, size_t i) {
                         return share_at_age(a, track.numbers[i], age);
                     })});
    chart.stack({"object pointers", kPointers,
                 track.attended([](const Attention& a, size_t) { return a.shares.pointers; })});
    chart.hint(track.hints([](const ReportObject& one, size_t) { return memory_hint(one); }));
    return "<h3>Where the object's pixels looked</h3>\n<p class=\"note\">Share of cross-attention by memory, "
           "mean of the layers, averaged over the mask.</p>\n" +
           chart.html();
}

std::string focus_chart(const Track& track) {
    Chart chart(track.numbers, 0, 1);
    chart.line({"entropy, of the most that is possible (1: looks everywhere alike)", "#7a5bb5",
                track.attended([](const Attention& a, size_t) {
                    return static_cast<double>(a.mean.entropy) /
                           std::log(static_cast<double>(a.mean.token_count));
                })});
    chart.line({"largest single weight", "#c8443c", track.attended([](const Attention& a, size_t) {
                    return static_cast<double>(a.mean.largest);
                })});
    chart.hint(track.hints([](const ReportObject& one, size_t) {
        if (one.attention.empty()) return std::string(": looked at no memory");
        return formatted(": entropy %.2f nats of %.2f, largest weight %.3f",
                         static_cast<double>(one.attention.mean.entropy),
                         std::log(static_cast<double>(one.attention.mean.token_count)),
                         static_cast<double>(one.attention.mean.largest));
    }));
    return "<h3>How sharply</h3>\n" + chart.html();
}

std::string layer_table(const Track& track) {
    struct Sums {
        KindShares shares;
        double entropy = 0, largest = 0;
    };
    std::vector<Sums> layers;
    double count = 0;
    for (const ReportObject* one : track.frames) {
        if (!one || one->attention.empty() || one->attention.mean.mask_area == 0) continue;
        layers.resize(one->attention.layers.size());
        count++;
        for (size_t i = 0; i < layers.size(); i++) {
            const LayerAttention& layer = one->attention.layers[i];
            layers[i].shares.prompted += layer.shares.prompted;
            layers[i].shares.recent += layer.shares.recent;
            layers[i].shares.pointers += layer.shares.pointers;
            layers[i].entropy += static_cast<double>(layer.figures.entropy);
            layers[i].largest = std::max(layers[i].largest, static_cast<double>(layer.figures.largest));
        }
    }
    if (layers.empty()) return "";
    std::string html =
        "<h3>By layer</h3>\n<div><table><tr><th>layer</th><th>prompted</th><th>recent</th><th>pointers</th>"
        "<th>entropy, nats</th><th>largest weight</th></tr>\n";
    for (size_t i = 0; i < layers.size(); i++)
        html +=
            formatted("<tr><td>%zu</td><td>", i + 1) + percent(layers[i].shares.prompted / count) +
            "</td><td>" + percent(layers[i].shares.recent / count) + "</td><td>" +
            percent(layers[i].shares.pointers / count) +
            formatted("</td><td>%.2f</td><td>%.3f</td></tr>\n", layers[i].entropy / count, layers[i].largest);
    return html +
           "</table></div>\n<p class=\"note\">Means over the frames; of the largest weights the "
           "largest.</p>\n";
}

std::string map_figure(const ReportMap& map) {
    const bool prompted = map.kind == SAMLET_MEMORY_PROMPTED;
    return formatted("<figure><img alt=\"heat map over frame %lld\" src=\"",
                     static_cast<long long>(map.frame)) +
           map.picture +
           formatted(
               "\"><span class=\"bar\"><b style=\"width:%.1f%%;background:%s\"></b></span><figcaption>%s "
               "%lld<br>",
               100 * std::min(map.share, 1.0), prompted ? kPrompted : kRecent[1],
               prompted ? "prompted" : "recent", static_cast<long long>(map.frame)) +
           percent(map.share) + "</figcaption></figure>\n";
}

std::string heat_rows(const std::vector<ReportFrame>& frames, const Track& track) {
    std::string rows;
    for (size_t i = 0; i < frames.size(); i++) {
        const ReportObject* one = track.frames[i];
        if (!one || one->maps.empty()) continue;
        rows += formatted("<div class=\"row\" id=\"f%lld-%d\"><figure><img alt=\"frame %lld\" src=\"",
                          static_cast<long long>(frames[i].number), track.id,
                          static_cast<long long>(frames[i].number)) +
                frames[i].overlay +
                formatted("\"><figcaption><b>frame %lld</b><br>pointers ",
                          static_cast<long long>(frames[i].number)) +
                percent(one->attention.shares.pointers) + "</figcaption></figure>\n";
        for (const ReportMap& map : one->maps) rows += map_figure(map);
        rows += "</div>\n";
    }
    if (rows.empty()) return "";
    return "<h3>Heat maps</h3>\n<p class=\"note\">Left the frame; then each memory's frame under the "
           "attention that the object's pixels paid to it. Colours compare within a row: "
           "<span class=\"scale\"></span></p>\n"
           "<div class=\"scroll\">\n" +
           rows + "</div>\n";
}

}  // namespace

std::string object_colour(int32_t id) {
    const Colour colour = palette_colour(static_cast<uint8_t>(id));
    const int highest = std::max({colour.red, colour.green, colour.blue, uint8_t{1}});
    // Not quite full brightness: lines lie on white.
    const auto channel = [&](int value) { return value * 215 / highest; };
    return formatted("#%02x%02x%02x", channel(colour.red), channel(colour.green), channel(colour.blue));
}

std::string object_section(const std::vector<ReportFrame>& frames, int32_t id) {
    const Track track(frames, id);
    return formatted("<h2><i style=\"background:%s\"></i>Object %d</h2>\n<div class=\"card\">\n",
                     object_colour(id).c_str(), id) +
           score_chart(track) + iou_chart(track) + share_chart(track) + focus_chart(track) +
           layer_table(track) + heat_rows(frames, track) + "</div>\n";
}

}  // namespace cli
