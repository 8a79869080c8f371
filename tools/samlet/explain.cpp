// SPDX-License-Identifier: Apache-2.0
#include "explain.h"

#include <algorithm>

#include "explain_chart.h"
#include "explain_heat_map.h"
#include "explain_thumbnail.h"
#include "files.h"
#include "image_io.h"
#include "overlay.h"

namespace cli {
namespace {

constexpr uint32_t kPictureWidth = 640;  // of heat maps in files
constexpr uint32_t kReportWidth = 240;   // of pictures in the report
constexpr int kQuality = 82, kReportQuality = 74;
constexpr size_t kMostEmbedded = 64;  // frames

}  // namespace

Explainer::Explainer(const std::string& directory, const std::vector<int64_t>& prompted, size_t recent)
    : directory_(directory), prompted_(prompted.begin(), prompted.end()), recent_(recent) {
    make_directory(join(directory, "heat"));
}

void Explainer::add(const ExplainedFrame& frame, std::vector<ExplainedObject> objects) {
    const Picture rgb = thumbnail(to_rgb(frame.picture), kPictureWidth);
    ReportFrame entry = {};
    entry.number = frame.number;
    std::copy_n(frame.profile.milliseconds, SAMLET_STAGE_COUNT, entry.stages);
    const bool embed = frames_.size() % step_ == 0;
    if (embed) {
        Picture overlay = to_rgb(frame.picture);
        paint_masks(overlay, frame.indices);
        entry.overlay = data_uri(encode_jpeg(thumbnail(overlay, kReportWidth), kReportQuality));
        embedded_++;
    }
    for (ExplainedObject& object : objects) {
        const samlet_result& r = object.result;
        ReportObject one = {r.object,
                            static_cast<double>(r.object_score),
                            static_cast<double>(r.iou),
                            r.area,
                            r.visible != 0,
                            r.prompted != 0,
                            {},
                            {}};
        one.maps = draw_maps(frame.number, r.object, object.attention, embed);
        entry.explaining += object.attention.mean.milliseconds;
        one.attention = object.attention;
        one.attention.maps.clear();
        entry.objects.push_back(std::move(one));
    }
    frames_.push_back(std::move(entry));
    pictures_[frame.number] = rgb;
    latest_.push_back(frame.number);
    forget_pictures(objects);
    if (embedded_ > kMostEmbedded) thin_out();
}

std::vector<ReportMap> Explainer::draw_maps(int64_t frame, int32_t object, const Attention& attention,
                                            bool embed) {
    std::vector<ReportMap> maps;
    const float ceiling = heat_ceiling(attention.maps);
    for (size_t i = 0; i < attention.maps.size(); i++) {
        const samlet_memory_share& memory = attention.memories[i];
        const auto picture = pictures_.find(memory.frame);
        if (picture == pictures_.end()) continue;
        Picture painted = picture->second;
        paint_heat(painted, attention.maps[i], attention.mean.map_side, ceiling);
        const std::string name = formatted("%s_obj%d_memory%s.jpg", frame_digits(frame).c_str(), object,
                                           frame_digits(memory.frame).c_str());
        write_jpeg(join(join(directory_, "heat"), name), painted, kQuality);
        if (!embed) continue;
        maps.push_back({memory.kind, memory.frame, static_cast<double>(memory.share),
                        data_uri(encode_jpeg(thumbnail(painted, kReportWidth), kReportQuality))});
    }
    return maps;
}

void Explainer::forget_pictures(const std::vector<ExplainedObject>& objects) {
    std::set<int64_t> needed = prompted_;
    for (const ExplainedObject& object : objects)
        for (size_t i = 0; i < object.attention.maps.size(); i++)
            needed.insert(object.attention.memories[i].frame);
    if (latest_.size() > recent_) latest_.erase(latest_.begin());
    needed.insert(latest_.begin(), latest_.end());
    for (auto picture = pictures_.begin(); picture != pictures_.end();)
        picture = needed.count(picture->first) ? std::next(picture) : pictures_.erase(picture);
}

void Explainer::thin_out() {
    step_ *= 2;
    embedded_ = 0;
    for (size_t i = 0; i < frames_.size(); i++) {
        if (i % step_ == 0) {
            embedded_++;
            continue;
        }
        frames_[i].overlay.clear();
        for (ReportObject& object : frames_[i].objects) object.maps.clear();
    }
}

std::string Explainer::finish(const std::string& title, const std::vector<ReportFact>& facts) {
    std::stable_sort(frames_.begin(), frames_.end(),
                     [](const ReportFrame& a, const ReportFrame& b) { return a.number < b.number; });
    const std::string page = report_page(title, facts, frames_);
    const std::string path = join(directory_, "report.html");
    write_file(path, page.data(), page.size());
    return path;
}

}  // namespace cli
