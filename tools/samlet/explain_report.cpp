// SPDX-License-Identifier: Apache-2.0
#include "explain_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "explain_chart.h"
#include "statistics.h"

namespace cli {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();

// Nothing may be loaded from anywhere: the policy makes the browser keep what the file promises.
constexpr char kHead[] = R"(<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>
:root { --ink: #1d2530; --soft: #677180; --line: #dde2e8; --page: #f5f6f8; --card: #fff; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #98a2b0; --line: #333b46; --page: #14181d; --card: #1d232a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 60px; max-width: 1080px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 34px 0 8px; } h3 { font-size: 15px; margin: 20px 0 2px; }
p { margin: 4px 0 8px; max-width: 76ch; } .note { color: var(--soft); font-size: 13.5px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 12px 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; }
.strip { display: flex; gap: 8px; overflow-x: auto; padding-bottom: 8px; }
figure { margin: 0; flex: none; } figcaption { font-size: 12px; color: var(--soft); line-height: 1.35; }
img { display: block; border-radius: 4px; } a { color: inherit; text-decoration: none; } a:hover { text-decoration: underline; }
.strip img { width: 150px; } .row { display: flex; flex-wrap: wrap; gap: 8px; padding: 10px 0; border-top: 1px solid var(--line); }
.row img { width: 120px; } .row figure:first-child { border-right: 1px solid var(--line); padding-right: 8px; }
.row:target { background: color-mix(in srgb, var(--line) 50%, transparent); }
.scroll { max-height: 720px; overflow-y: auto; }
.bar { display: block; height: 4px; margin-top: 3px; background: var(--line); border-radius: 2px; }
.bar b { display: block; height: 4px; border-radius: 2px; }
.chart svg { display: block; width: 100%; height: auto; } svg text { font-size: 11.5px; fill: var(--soft); }
.grid { stroke: var(--line); } .zero { stroke: var(--soft); } .track { fill: var(--line); opacity: .5; }
.hint { fill: transparent; } .hint:hover { fill: var(--soft); opacity: .14; }
.legend { font-size: 12.5px; color: var(--soft); margin: 2px 0 0 46px; max-width: none; }
.legend span { margin-right: 12px; white-space: nowrap; }
.legend i, h2 i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
table { border-collapse: collapse; font-size: 13.5px; margin: 8px 0; }
th, td { text-align: right; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
.scale { display: inline-block; width: 130px; height: 10px; border-radius: 3px; vertical-align: -1px;
  background: linear-gradient(90deg, #8b8b8b, #5f1982, #be2d5a, #f57d28, #fcd75a, #ffffeb); }
</style>
)";

constexpr char kPrompted[] = "#3b6fd4", kPointers[] = "#e08a2e";
constexpr const char* kRecent[] = {"#0f6e4f", "#24916a", "#4bb188", "#7acaa6",
                                   "#a5dcc2", "#c9ebdb", "#e0f4ea"};
constexpr const char* kStages[] = {"#8a94a3", "#3b6fd4", "#6fb1e8", "#24916a", "#e08a2e", "#b75aa3"};
static_assert(sizeof(kStages) / sizeof(kStages[0]) == SAMLET_STAGE_COUNT, "a colour for each stage");

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

std::string memory_hint(const ReportObject& one, int64_t frame) {
    if (one.attention.empty()) return ": looked at no memory";
    if (one.attention.mean.mask_area == 0) return ": no mask to look from";
    std::string text = ":";
    for (const samlet_memory_share& memory : one.attention.memories)
        if (memory.kind != SAMLET_MEMORY_POINTER)
            text +=
                formatted(" %s %lld %.1f %%,", memory.kind == SAMLET_MEMORY_PROMPTED ? "prompted" : "recent",
                          static_cast<long long>(memory.frame), 100 * static_cast<double>(memory.share));
    (void)frame;
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
    chart.hint(
        track.hints([&](const ReportObject& one, size_t i) { return memory_hint(one, track.numbers[i]); }));
    return "<h3>Where the object's pixels looked</h3>\n<p class=\"note\">Share of cross-attention by memory, "
           "mean of the "
           "layers, averaged over the mask.</p>\n" +
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
           "attention that the "
           "object's pixels paid to it. Colours compare within a row: <span class=\"scale\"></span></p>\n"
           "<div class=\"scroll\">\n" +
           rows + "</div>\n";
}

std::string object_section(const std::vector<ReportFrame>& frames, int32_t id) {
    const Track track(frames, id);
    return formatted("<h2><i style=\"background:%s\"></i>Object %d</h2>\n<div class=\"card\">\n",
                     object_colour(id).c_str(), id) +
           score_chart(track) + iou_chart(track) + share_chart(track) + focus_chart(track) +
           layer_table(track) + heat_rows(frames, track) + "</div>\n";
}

std::string filmstrip(const std::vector<ReportFrame>& frames) {
    std::string strip;
    size_t shown = 0;
    for (const ReportFrame& frame : frames) {
        if (frame.overlay.empty()) continue;
        shown++;
        bool prompted = false;
        std::string target;
        for (const ReportObject& one : frame.objects) {
            prompted |= one.prompted;
            if (target.empty() && !one.maps.empty())
                target = formatted("#f%lld-%d", static_cast<long long>(frame.number), one.id);
        }
        const std::string picture =
            formatted("<img alt=\"frame %lld\" src=\"", static_cast<long long>(frame.number)) +
            frame.overlay + "\">";
        strip += "<figure>" + (target.empty() ? picture : "<a href=\"" + target + "\">" + picture + "</a>") +
                 formatted("<figcaption>frame %lld%s</figcaption></figure>\n",
                           static_cast<long long>(frame.number), prompted ? " &middot; prompted" : "");
    }
    std::string note;
    if (shown < frames.size())
        note = formatted("<p class=\"note\">Pictures of %zu of the %zu frames.</p>\n", shown, frames.size());
    return "<h2>Filmstrip</h2>\n" + note + "<div class=\"card\"><div class=\"strip\">\n" + strip +
           "</div></div>\n";
}

std::string stage_row(const std::string& name, const std::vector<double>& times) {
    return "<tr><td>" + escaped(name) + "</td>" +
           formatted("<td>%.2f</td><td>%.2f</td><td>%.2f</td></tr>\n", median(times), quantile(times, 0.9),
                     quantile(times, 1));
}

std::string latency(const std::vector<ReportFrame>& frames) {
    std::vector<int64_t> numbers;
    std::vector<double> totals, explaining;
    std::vector<std::string> hints;
    for (const ReportFrame& frame : frames) {
        double total = 0;
        for (const double time : frame.stages) total += time;
        numbers.push_back(frame.number);
        totals.push_back(total);
        explaining.push_back(frame.explaining);
        std::string hint = formatted("frame %lld: %.1f ms:", static_cast<long long>(frame.number), total);
        for (int i = 0; i < SAMLET_STAGE_COUNT; i++)
            hint += formatted("%s %s %.1f", i ? "," : "", samlet_stage_name(static_cast<samlet_stage>(i)),
                              frame.stages[i]);
        hints.push_back(hint);
    }
    // One slow frame, usually the first, may not flatten all others.
    Chart chart(numbers, 0, std::min(quantile(totals, 1), 2.5 * median(totals)));
    std::string rows;
    for (int i = 0; i < SAMLET_STAGE_COUNT; i++) {
        std::vector<double> times;
        for (const ReportFrame& frame : frames) times.push_back(frame.stages[i]);
        const std::string name = samlet_stage_name(static_cast<samlet_stage>(i));
        chart.stack({name, kStages[i], times});
        rows += stage_row(name, times);
    }
    chart.hint(hints);
    return "<h2>Latency</h2>\n<div class=\"card\">\n<p class=\"note\">Milliseconds a frame, all objects "
           "together, without "
           "what explaining took.</p>\n" +
           chart.html() + "<table><tr><th>stage, ms</th><th>median</th><th>90 %</th><th>most</th></tr>\n" +
           rows + stage_row("frame", totals) + stage_row("explaining, on top", explaining) +
           "</table></div>\n";
}

std::set<int32_t> object_ids(const std::vector<ReportFrame>& frames) {
    std::set<int32_t> ids;
    for (const ReportFrame& frame : frames)
        for (const ReportObject& one : frame.objects) ids.insert(one.id);
    return ids;
}

}  // namespace

std::string object_colour(int32_t id) {
    const Colour colour = palette_colour(static_cast<uint8_t>(id));
    const int highest = std::max({colour.red, colour.green, colour.blue, uint8_t{1}});
    // Not quite full brightness: lines lie on white.
    const auto channel = [&](int value) { return value * 215 / highest; };
    return formatted("#%02x%02x%02x", channel(colour.red), channel(colour.green), channel(colour.blue));
}

std::string report_page(const std::string& title, const std::vector<ReportFact>& facts,
                        const std::vector<ReportFrame>& frames) {
    std::string html = "<!doctype html>\n<html lang=\"en\">\n<head>\n" + std::string(kHead) + "<title>" +
                       escaped(title) + "</title>\n</head>\n<body>\n<h1>" + escaped(title) + "</h1>\n<dl>\n";
    for (const ReportFact& fact : facts)
        html += "<dt>" + escaped(fact.name) + "</dt><dd>" + escaped(fact.value) + "</dd>\n";
    html +=
        "</dl>\n<p class=\"note\">On each frame every pixel of the picture asks the object's memories, in "
        "the "
        "cross-attention of memory attention: prompted frames, recent frames, and object pointers, a few "
        "tokens a frame "
        "that sum the object up. This report shows where the answers came from. The pointer over a chart "
        "tells "
        "figures.</p>\n";
    html += filmstrip(frames);
    for (const int32_t id : object_ids(frames)) html += object_section(frames, id);
    return html + latency(frames) + "</body>\n</html>\n";
}

}  // namespace cli
