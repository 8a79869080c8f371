// SPDX-License-Identifier: Apache-2.0
#include "explain_report.h"

#include <set>

#include "explain_chart.h"
#include "explain_style.h"
#include "statistics.h"

namespace cli {
namespace {

constexpr char kIntroduction[] =
    R"(<p class="note">On each frame every pixel of the picture asks the object's memories,
in the cross-attention of memory attention: prompted frames, recent frames, and object pointers, a few tokens a frame that
sum the object up. This report shows where the answers came from. The pointer over a chart tells figures.</p>
)";

constexpr const char* kStages[] = {"#8a94a3", "#3b6fd4", "#6fb1e8", "#24916a", "#e08a2e", "#b75aa3"};
static_assert(sizeof(kStages) / sizeof(kStages[0]) == SAMLET_STAGE_COUNT, "a colour for each stage");

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
    Chart chart(numbers, 0, quantile(totals, 1));
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
           "together, without what explaining took.</p>\n" +
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

std::string report_page(const std::string& title, const std::vector<ReportFact>& facts,
                        const std::vector<ReportFrame>& frames) {
    std::string html = "<!doctype html>\n<html lang=\"en\">\n<head>\n" + std::string(kReportHead) +
                       "<title>" + escaped(title) + "</title>\n</head>\n<body>\n<h1>" + escaped(title) +
                       "</h1>\n<dl>\n";
    for (const ReportFact& fact : facts)
        html += "<dt>" + escaped(fact.name) + "</dt><dd>" + escaped(fact.value) + "</dd>\n";
    html += "</dl>\n" + std::string(kIntroduction) + filmstrip(frames);
    for (const int32_t id : object_ids(frames)) html += object_section(frames, id);
    return html + latency(frames) + "</body>\n</html>\n";
}

}  // namespace cli
