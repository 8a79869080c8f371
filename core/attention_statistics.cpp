// SPDX-License-Identifier: Apache-2.0
#include "core/attention_statistics.h"

#include <cmath>
#include <cstring>

namespace samlet {
namespace {

// Queries that go through all keys together, one a lane. A vector of the compiler's, which keeps it in as
// many registers as the machine needs; arrays of floats it would keep in memory.
constexpr size_t kLanes = 16;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

// out[k] = sum over c of weight[c][k] rows[c].
void project_back(const float* weight, size_t channels, size_t dim, const Lanes* rows, Lanes* out) {
    size_t k = 0;
    for (; k + 2 <= dim; k += 2) {
        Lanes even = {}, odd = {};
        const float* factors = weight + k;
        for (size_t c = 0; c < channels; c++, factors += dim) {
            const Lanes row = rows[c];
            even += row * factors[0];
            odd += row * factors[1];
        }
        out[k] = even;
        out[k + 1] = odd;
    }
    if (k == dim) return;
    out[k] = Lanes{};
    for (size_t c = 0; c < channels; c++) out[k] += rows[c] * weight[c * dim + k];
}

// The same, and as row `dim` with the bias for a weight.
void project_back(const float* weight, const float* bias, size_t channels, size_t dim, const Lanes* rows,
                  Lanes* out) {
    project_back(weight, channels, dim, rows, out);
    project_back(bias, channels, 1, rows, out + dim);
}

// Turns pairs of channels back by the angles of one coordinate (Kernels::rotate has the layout of the
// tables).
void turn_back(const Lanes* rows, const float* cosine, const float* sine, size_t channels, Lanes* out) {
    for (size_t c = 0; c < channels; c += 2) {
        const Lanes even = rows[c], odd = rows[c + 1];
        out[c] = even * cosine[c] + odd * sine[c + 1];
        out[c + 1] = odd * cosine[c] - even * sine[c + 1];
    }
}

// What lanes know of one memory; unnormalised, relative to the maximum.
struct Slot {
    Lanes total, terms, largest;
};

// Room for one range of queries: what a block of lanes needs, and the sums of all blocks.
struct Range {
    Lanes *queries, *turned, *along_x, *along_y, *unturned, *place, *scores;
    Slot* slots;
    MemoryFigures* sums;
    float* maps;

    static Range take(Arena& arena, const AxialTask& t, size_t memories) {
        const size_t rows = t.dim + 1, cells = t.grid * t.grid;
        Range r;
        r.queries = arena.take<Lanes>(t.channels);
        r.turned = arena.take<Lanes>(t.channels / 2);
        r.along_x = arena.take<Lanes>(t.grid * rows);
        r.along_y = arena.take<Lanes>(t.grid * rows);
        r.unturned = arena.take<Lanes>(rows);
        r.place = arena.take<Lanes>(rows);
        r.scores = arena.take<Lanes>(cells * t.frames + t.free_count);
        r.slots = arena.take<Slot>(memories);
        r.sums = arena.take<MemoryFigures>(memories);
        r.maps = arena.take<float>(t.frames * kRegions * cells);
        return r;
    }
};

// How much each lane counts in an average.
struct LaneWeights {
    Lanes of[kRegions];
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
        const size_t half = t_.channels / 2, rows = t_.dim + 1;
        for (size_t c = 0; c < t_.channels; c++)
            for (size_t i = 0; i < kLanes; i++)
                r_.queries[c][i] =
                    first + i < t_.queries ? t_.q[(first + i) * t_.q_stride + c] * t_.scale : 0.0f;
        for (size_t p = 0; p < t_.grid && t_.frames > 0; p++) {
            const float *cosine = t_.cosine + p * half, *sine = t_.sine + p * half;
            turn_back(r_.queries, cosine, sine, half, r_.turned);
            project_back(t_.weight, t_.bias, half, t_.dim, r_.turned, r_.along_x + p * rows);
            turn_back(r_.queries + half, cosine, sine, half, r_.turned);
            project_back(t_.weight + half * t_.dim, t_.bias + half, half, t_.dim, r_.turned,
                         r_.along_y + p * rows);
        }
        project_back(t_.weight, t_.bias, t_.channels, t_.dim, r_.queries, r_.unturned);
        maximum_ = Lanes{} - INFINITY;
    }

    void score_key(const float* key, const Lanes* factors, Lanes* score) {
        Lanes sum = factors[t_.dim], other = {};
        for (size_t k = 0; k < t_.dim; k += 2) {  // dim is even
            sum += factors[k] * key[k];
            other += factors[k + 1] * key[k + 1];
        }
        sum += other;
        *score = sum;
        maximum_ = sum > maximum_ ? sum : maximum_;
    }

    void score() {
        const size_t rows = t_.dim + 1;
        const float* key = t_.keys;
        Lanes* score = r_.scores;
        for (size_t place = 0; place < t_.grid * t_.grid && t_.frames > 0; place++) {
            const Lanes* x = r_.along_x + place % t_.grid * rows;
            const Lanes* y = r_.along_y + place / t_.grid * rows;
            for (size_t k = 0; k < rows; k++) r_.place[k] = x[k] + y[k];
            for (size_t f = 0; f < t_.frames; f++, key += t_.dim) score_key(key, r_.place, score++);
        }
        for (size_t i = 0; i < t_.free_count; i++) score_key(t_.free_keys + i * t_.dim, r_.unturned, score++);
    }

    // Scores become weights, but for the total.
    void weigh(Lanes& score, Slot& slot) {
        const Lanes distance = maximum_ - score;
        Lanes p;
        for (size_t i = 0; i < kLanes; i++) p[i] = std::exp(-distance[i]);
        score = p;
        slot.total += p;
        slot.terms += p * distance;
        slot.largest = p > slot.largest ? p : slot.largest;
    }

    void sum_up(const LaneWeights& weights) {
        memset(static_cast<void*>(r_.slots), 0, memories() * sizeof(Slot));
        Lanes* score = r_.scores;
        for (size_t j = 0; j < placed(); j++) weigh(*score++, r_.slots[j % t_.frames]);
        for (size_t j = 0; j < t_.free_count; j++) weigh(*score++, r_.slots[t_.frames + j / pointer_tokens_]);
        Lanes total = {}, log_total;
        for (size_t s = 0; s < memories(); s++) total += r_.slots[s].total;
        inverse_ = 1.0f / total;  // the maximum alone is 1
        for (size_t i = 0; i < kLanes; i++) log_total[i] = std::log(total[i]);
        // With w = p / total: -w ln w = w (distance + ln total).
        for (size_t s = 0; s < memories(); s++) {
            const Slot& slot = r_.slots[s];
            MemoryFigures& sums = r_.sums[s];
            for (size_t region = 0; region < kRegions; region++) {
                const Lanes part = weights.of[region] * inverse_, largest = slot.largest * inverse_;
                const Lanes share = part * slot.total, entropy = part * slot.terms + share * log_total;
                for (size_t i = 0; i < kLanes; i++) {
                    if (!(weights.of[region][i] > 0)) continue;
                    sums.share[region] += static_cast<double>(share[i]);
                    sums.entropy[region] += static_cast<double>(entropy[i]);
                    if (largest[i] > sums.largest[region]) sums.largest[region] = largest[i];
                }
            }
        }
    }

    void draw(const LaneWeights& weights) {
        const size_t cells = t_.grid * t_.grid;
        for (size_t region = 0; region < kRegions; region++) {
            const Lanes factors = weights.of[region] * inverse_;
            float any = 0;
            for (size_t i = 0; i < kLanes; i++) any += factors[i];
            if (!(any > 0)) continue;
            const Lanes* p = r_.scores;
            for (size_t place = 0; place < cells; place++)
                for (size_t f = 0; f < t_.frames; f++) {
                    const Lanes parts = *p++ * factors;
                    float sum = 0;
                    for (size_t i = 0; i < kLanes; i++) sum += parts[i];
                    r_.maps[(f * kRegions + region) * cells + place] += sum;
                }
        }
    }

    const AxialTask& t_;
    const Range& r_;
    size_t pointer_tokens_;
    Lanes maximum_, inverse_;
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
        for (size_t i = 0; i < map_values; i++) out.maps[i] = 0;
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
