// SPDX-License-Identifier: Apache-2.0
#include "core/attention_statistics.h"

#include <cmath>
#include <cstring>

namespace samlet {
namespace {

// Queries that go through all keys together, one a lane. Every row below has a float for each of them.
constexpr size_t kLanes = 16;

void add_product(float* sums, const float* row, float factor) {
    for (size_t i = 0; i < kLanes; i++) sums[i] += row[i] * factor;
}

// out[k] = sum over c of weight[c][k] rows[c], and, as row `dim`, the same with the bias for a weight.
void project_back(const float* weight, const float* bias, size_t channels, size_t dim, const float* rows,
                  float* out) {
    for (size_t k = 0; k <= dim; k++) {
        float sums[kLanes] = {};
        const float* factor = k < dim ? weight + k : bias;
        const size_t step = k < dim ? dim : 1;
        for (size_t c = 0; c < channels; c++) add_product(sums, rows + c * kLanes, factor[c * step]);
        memcpy(out + k * kLanes, sums, sizeof(sums));
    }
}

// Turns pairs of channels back by the angles of one coordinate (Kernels::rotate has the layout of the
// tables).
void turn_back(const float* rows, const float* cosine, const float* sine, size_t channels, float* out) {
    for (size_t c = 0; c < channels; c += 2, rows += 2 * kLanes, out += 2 * kLanes)
        for (size_t i = 0; i < kLanes; i++) {
            const float even = rows[i], odd = rows[kLanes + i];
            out[i] = even * cosine[c] + odd * sine[c + 1];
            out[kLanes + i] = odd * cosine[c] - even * sine[c + 1];
        }
}

// What lanes know of one memory; unnormalised, relative to the maximum.
struct Slot {
    float total[kLanes], terms[kLanes], largest[kLanes];
};

// Room for one range of queries: what a block of lanes needs, and the sums of all blocks.
struct Range {
    float *queries, *turned, *along_x, *along_y, *unturned, *place, *scores;
    Slot* slots;
    MemoryFigures* sums;
    float* maps;

    static Range take(Arena& arena, const AxialTask& t, size_t memories) {
        const size_t row = (t.dim + 1) * kLanes, cells = t.grid * t.grid;
        Range r;
        r.queries = arena.take<float>(t.channels * kLanes);
        r.turned = arena.take<float>(t.channels / 2 * kLanes);
        r.along_x = arena.take<float>(t.grid * row);
        r.along_y = arena.take<float>(t.grid * row);
        r.unturned = arena.take<float>(row);
        r.place = arena.take<float>(row);
        r.scores = arena.take<float>((cells * t.frames + t.free_count) * kLanes);
        r.slots = arena.take<Slot>(memories);
        r.sums = arena.take<MemoryFigures>(memories);
        r.maps = arena.take<float>(t.frames * kRegions * cells);
        return r;
    }
};

// How much each lane counts in an average.
struct LaneWeights {
    float of[kRegions][kLanes];
};

class Block {
  public:
    Block(const AxialTask& task, size_t pointer_tokens, const Range& range)
        : t_(task), r_(range), pointer_tokens_(pointer_tokens) {}

    void run(size_t first, const LaneWeights& weights) {
        prepare(first);
        score();
        sum_up(weights);
        if (t_.frames > 0) draw(weights);
    }

  private:
    size_t memories() const { return t_.frames + t_.free_count / pointer_tokens_; }
    size_t placed() const { return t_.grid * t_.grid * t_.frames; }

    // The factors A and B of kernels/vector/axial_attention.h, and what stands for them without a place.
    void prepare(size_t first) {
        const size_t half = t_.channels / 2, row = (t_.dim + 1) * kLanes;
        for (size_t c = 0; c < t_.channels; c++)
            for (size_t i = 0; i < kLanes; i++)
                r_.queries[c * kLanes + i] =
                    first + i < t_.queries ? t_.q[(first + i) * t_.q_stride + c] * t_.scale : 0.0f;
        for (size_t p = 0; p < t_.grid && t_.frames > 0; p++) {
            const float *cosine = t_.cosine + p * half, *sine = t_.sine + p * half;
            turn_back(r_.queries, cosine, sine, half, r_.turned);
            project_back(t_.weight, t_.bias, half, t_.dim, r_.turned, r_.along_x + p * row);
            turn_back(r_.queries + half * kLanes, cosine, sine, half, r_.turned);
            project_back(t_.weight + half * t_.dim, t_.bias + half, half, t_.dim, r_.turned,
                         r_.along_y + p * row);
        }
        project_back(t_.weight, t_.bias, t_.channels, t_.dim, r_.queries, r_.unturned);
        for (float& m : maximum_) m = -INFINITY;
    }

    void score_key(const float* key, const float* factors, float* score) {
        float sums[kLanes];
        memcpy(sums, factors + t_.dim * kLanes, sizeof(sums));
        for (size_t k = 0; k < t_.dim; k++) add_product(sums, factors + k * kLanes, key[k]);
        memcpy(score, sums, sizeof(sums));
        for (size_t i = 0; i < kLanes; i++)
            if (sums[i] > maximum_[i]) maximum_[i] = sums[i];
    }

    void score() {
        const size_t row = (t_.dim + 1) * kLanes;
        const float* key = t_.keys;
        float* score = r_.scores;
        for (size_t place = 0; place < t_.grid * t_.grid && t_.frames > 0; place++) {
            const float* x = r_.along_x + place % t_.grid * row;
            const float* y = r_.along_y + place / t_.grid * row;
            for (size_t i = 0; i < row; i++) r_.place[i] = x[i] + y[i];
            for (size_t f = 0; f < t_.frames; f++, key += t_.dim, score += kLanes)
                score_key(key, r_.place, score);
        }
        for (size_t i = 0; i < t_.free_count; i++, score += kLanes)
            score_key(t_.free_keys + i * t_.dim, r_.unturned, score);
    }

    // Scores become weights, but for the total.
    void weigh(float* score, Slot& slot) {
        for (size_t i = 0; i < kLanes; i++) {
            const float distance = maximum_[i] - score[i], p = std::exp(-distance);
            score[i] = p;
            slot.total[i] += p;
            slot.terms[i] += p * distance;
            if (p > slot.largest[i]) slot.largest[i] = p;
        }
    }

    void sum_up(const LaneWeights& weights) {
        memset(r_.slots, 0, memories() * sizeof(Slot));
        float* score = r_.scores;
        for (size_t j = 0; j < placed(); j++, score += kLanes) weigh(score, r_.slots[j % t_.frames]);
        for (size_t j = 0; j < t_.free_count; j++, score += kLanes)
            weigh(score, r_.slots[t_.frames + j / pointer_tokens_]);
        float log_total[kLanes];
        for (size_t i = 0; i < kLanes; i++) {
            float total = 0;
            for (size_t s = 0; s < memories(); s++) total += r_.slots[s].total[i];
            inverse_[i] = 1.0f / total;  // the maximum alone is 1
            log_total[i] = std::log(total);
        }
        // With w = p / total: -w ln w = w (distance + ln total).
        for (size_t s = 0; s < memories(); s++) {
            const Slot& slot = r_.slots[s];
            MemoryFigures& sums = r_.sums[s];
            for (size_t region = 0; region < kRegions; region++)
                for (size_t i = 0; i < kLanes; i++) {
                    const float counts = weights.of[region][i];
                    if (!(counts > 0)) continue;
                    const float part = counts * inverse_[i], largest = slot.largest[i] * inverse_[i];
                    sums.share[region] += static_cast<double>(part * slot.total[i]);
                    sums.entropy[region] +=
                        static_cast<double>(part * (slot.terms[i] + slot.total[i] * log_total[i]));
                    if (largest > sums.largest[region]) sums.largest[region] = largest;
                }
        }
    }

    void draw(const LaneWeights& weights) {
        const size_t cells = t_.grid * t_.grid;
        for (size_t region = 0; region < kRegions; region++) {
            float factors[kLanes], any = 0;
            for (size_t i = 0; i < kLanes; i++) any += factors[i] = weights.of[region][i] * inverse_[i];
            if (!(any > 0)) continue;
            const float* p = r_.scores;
            for (size_t place = 0; place < cells; place++)
                for (size_t f = 0; f < t_.frames; f++, p += kLanes) {
                    float sum = 0;
                    for (size_t i = 0; i < kLanes; i++) sum += p[i] * factors[i];
                    r_.maps[(f * kRegions + region) * cells + place] += sum;
                }
        }
    }

    const AxialTask& t_;
    const Range& r_;
    size_t pointer_tokens_;
    float maximum_[kLanes], inverse_[kLanes];
};

LaneWeights lane_weights(const AxialTask& task, const float* inside, size_t first) {
    LaneWeights weights = {};
    for (size_t i = 0; i < kLanes && first + i < task.queries; i++) {
        weights.of[kInside][i] = inside[first + i];
        weights.of[kEverywhere][i] = 1;
    }
    return weights;
}

}  // namespace

void measure_attention(Exec& exec, const AxialTask& task, const float* inside, size_t pointer_tokens,
                       const AttentionStatistics& out) {
    Arena::Scope scope(exec.scratch);
    const size_t memories = task.frames + task.free_count / pointer_tokens;
    const size_t map_values = task.frames * kRegions * task.grid * task.grid;
    const size_t blocks = (task.queries + kLanes - 1) / kLanes;
    // Fixed ranges, so that sums do not depend on who was faster.
    Range* ranges = exec.scratch.take<Range>(exec.threads);
    for (size_t i = 0; i < exec.threads; i++) {
        const Range range = Range::take(exec.scratch, task, memories);
        if (!exec.rehearsing) ranges[i] = range;
    }
    exec.parallel(exec.threads, [&](size_t item, size_t) {
        const Range& range = ranges[item];
        memset(range.sums, 0, memories * sizeof(MemoryFigures));
        memset(range.maps, 0, map_values * sizeof(float));
        Block block(task, pointer_tokens, range);
        for (size_t b = item * blocks / exec.threads; b < (item + 1) * blocks / exec.threads; b++)
            block.run(b * kLanes, lane_weights(task, inside, b * kLanes));
    });
    exec.parallel(1, [&](size_t, size_t) {
        double count[kRegions] = {0, static_cast<double>(task.queries)};
        for (size_t i = 0; i < task.queries; i++) count[kInside] += static_cast<double>(inside[i]);
        memset(out.memories, 0, memories * sizeof(MemoryFigures));
        memset(out.maps, 0, map_values * sizeof(float));
        for (size_t region = 0; region < kRegions; region++) {
            if (!(count[region] > 0)) continue;
            for (size_t s = 0; s < memories; s++) {
                MemoryFigures& to = out.memories[s];
                for (size_t i = 0; i < exec.threads; i++) {
                    const MemoryFigures& from = ranges[i].sums[s];
                    to.share[region] += from.share[region] / count[region];
                    to.entropy[region] += from.entropy[region] / count[region];
                    if (from.largest[region] > to.largest[region]) to.largest[region] = from.largest[region];
                }
            }
            const float factor = static_cast<float>(1 / count[region]);
            const size_t cells = task.grid * task.grid;
            for (size_t f = 0; f < task.frames; f++) {
                float* to = out.maps + (f * kRegions + region) * cells;
                for (size_t i = 0; i < exec.threads; i++) {
                    const float* from = ranges[i].maps + (f * kRegions + region) * cells;
                    for (size_t place = 0; place < cells; place++) to[place] += from[place] * factor;
                }
            }
        }
    });
}

}  // namespace samlet
