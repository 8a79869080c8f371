// samlet track: a video in, masks out.
//
// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "files.h"
#include "interrupt.h"
#include "progress.h"
#include "track_live.h"

namespace cli {
namespace {

class TrackRun {
  public:
    explicit TrackRun(const TrackOptions& options) : options_(options), input_(options), track_(input_) {}

    int run() {
        Progress progress(expected_frames(input_.passes, input_.source->frame_count()),
                          options_.quiet || options_.json || options_.live);
        try {
            if (options_.live)
                show_live(progress);
            else
                for (const Pass& pass : input_.passes) run_pass(pass, progress);
            progress.finish();
            track_.finish();
        } catch (const std::exception& error) {
            progress.finish();
            if (track_.output()) track_.output()->close(false, error.what());
            throw;
        }
        if (track_.output()) track_.output()->close(!stopped_);
        report(progress);
        return stopped_ ? 130 : 0;
    }

  private:
    void run_pass(const Pass& pass, Progress& progress) {
        Picture picture;
        int64_t number = pass.first;
        for (int64_t done = 0; number >= 0 && (pass.limit == 0 || done < pass.limit);
             number += pass.step, done++) {
            if (interrupted() || !input_.read(number, picture)) break;
            track_.track(number, picture);
            track_.write(number, picture);
            progress.step();
        }
        note_interrupt();
    }

    void show_live(Progress& progress) {
        const int64_t frames = TrackLive(input_, track_).run();
        for (int64_t i = 0; i < frames; i++) progress.step();
        note_interrupt();
    }

    // Ctrl-C is how a camera's track ends.
    void note_interrupt() {
        if (interrupted() && !input_.source->live()) stopped_ = true;
    }

    void report(const Progress& progress) const {
        const std::string results = track_.output() ? track_.output()->results() : "";
        const std::string page = track_.output() ? track_.output()->report() : "";
        if (options_.json) {
            nlohmann::ordered_json summary = {{"command", "track"},
                                              {"frames", progress.done()},
                                              {"objects", input_.prompts.objects()},
                                              {"seconds", rounded(progress.seconds())},
                                              {"frames_per_second", rounded(progress.frames_per_second())},
                                              {"arena_bytes", track_.arena_bytes()},
                                              {"model_bytes", input_.model_info.memory_bytes},
                                              {"out", options_.out},
                                              {"results", results},
                                              {"complete", !stopped_}};
            if (!page.empty()) summary["report"] = page;
            print_text(json_text(summary, 1) + "\n");
        } else if (!options_.quiet) {
            const std::string where = results.empty() ? "" : "; masks and results.json in " + options_.out;
            printf("%s%lld frames in %.1f s, %.2f frames/s%s\n", stopped_ ? "interrupted after " : "",
                   static_cast<long long>(progress.done()), progress.seconds(), progress.frames_per_second(),
                   where.c_str());
            if (!page.empty()) printf("what the objects looked at: %s\n", page.c_str());
        }
    }

    const TrackOptions& options_;
    TrackInput input_;
    TrackSession track_;
    bool stopped_ = false;
};

}  // namespace

int run_track(const TrackOptions& options) {
    catch_interrupts();
    return TrackRun(options).run();
}

}  // namespace cli
