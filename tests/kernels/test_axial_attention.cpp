// Attention to memories of every level: against the textbook in double precision, which forms every key,
// turns it by its place and compares it, and against generic/.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

struct Problem {
    size_t queries, channels, grid, dim, frames, free_count;
    size_t gap = 0;  // what strides of queries and results exceed rows by
    float scale = 0.25f;
    bool flushing = false;  // see call_kernel()

    size_t placed() const { return grid * grid * frames; }
    size_t keys() const { return placed() + free_count; }
};

struct Data {
    Data(const Problem& p, uint32_t seed, float q_size = 1, float v_size = 1)
        : q(p.queries == 0 ? 0 : p.queries * (p.channels + p.gap) - p.gap, seed, -q_size, q_size),
          cosine(p.grid * p.channels / 2),
          sine(p.grid * p.channels / 2),
          weight(p.channels * p.dim, seed + 1, -0.5f, 0.5f),
          bias(p.channels, seed + 2),
          keys(p.placed() * p.dim, seed + 3),
          values(p.placed() * p.dim, seed + 4, -v_size, v_size),
          free_keys(p.free_count * p.dim, seed + 5),
          free_values(p.free_count * p.dim, seed + 6, -v_size, v_size) {
        Random random(seed + 7);
        for (size_t i = 0; i < cosine.size(); i += 2) set_angle(i, random.between(-7, 7));
    }
    void set_angle(size_t i, float angle) {
        cosine[i] = cosine[i + 1] = std::cos(angle);
        sine[i + 1] = std::sin(angle);
        sine[i] = -sine[i + 1];
    }
    // The key of token j becomes `value` times q's first channel, wherever its place is.
    void make_plain(const Problem& p) {
        for (size_t i = 0; i < cosine.size(); i += 2) set_angle(i, 0);
        for (size_t i = 0; i < weight.size(); ++i) weight[i] = i == 0 ? 1.0f : 0.0f;
        for (size_t i = 0; i < bias.size(); ++i) bias[i] = 0;
        for (size_t i = 0; i < p.queries; ++i) {
            for (size_t c = 0; c < p.channels; ++c) q[i * (p.channels + p.gap) + c] = c == 0 ? 1.0f : 0.0f;
        }
    }

    // Token j: those with a place come first.
    const float* key(const Problem& p, size_t j) const {
        return j < p.placed() ? keys.data() + j * p.dim : free_keys.data() + (j - p.placed()) * p.dim;
    }
    float* key(const Problem& p, size_t j) { return const_cast<float*>(std::as_const(*this).key(p, j)); }
    const float* value(const Problem& p, size_t j) const {
        return j < p.placed() ? values.data() + j * p.dim : free_values.data() + (j - p.placed()) * p.dim;
    }
    float* value(const Problem& p, size_t j) { return const_cast<float*>(std::as_const(*this).value(p, j)); }

    Input<float> q, cosine, sine, weight, bias, keys, values, free_keys, free_values;
};

struct Naive {
    std::vector<double> out;
    std::vector<Sensitivity> sensitivity;
    double largest_term = 0;  // of what scores are sums of: what their rounding errors are in proportion to
};

Naive naive(const Problem& p, const Data& data) {
    Naive result;
    const size_t half = p.channels / 2;
    std::vector<double> keys(p.keys() * p.channels), sizes(p.keys() * p.channels);
    for (size_t j = 0; j < p.keys(); ++j) {
        double *key = &keys[j * p.channels], *size = &sizes[j * p.channels];
        for (size_t c = 0; c < p.channels; ++c) {
            key[c] = double(data.bias[c]);
            size[c] = std::fabs(key[c]);
            for (size_t i = 0; i < p.dim; ++i) {
                const double product = double(data.weight[c * p.dim + i]) * double(data.key(p, j)[i]);
                key[c] += product;
                size[c] += std::fabs(product);
            }
        }
        if (j >= p.placed()) continue;
        const size_t place = j / p.frames;
        for (size_t c = 0; c < p.channels; c += 2) {
            const size_t at = c < half ? place % p.grid * half + c : place / p.grid * half + c - half;
            const double cosine = double(data.cosine[at]), sine = double(data.sine[at + 1]);
            const double re = key[c], im = key[c + 1];
            key[c] = re * cosine - im * sine;
            key[c + 1] = im * cosine + re * sine;
            size[c] = size[c + 1] = size[c] + size[c + 1];
        }
    }
    result.out.assign(p.queries * p.dim, 0.0);
    result.sensitivity.resize(p.queries);
    std::vector<double> scores(p.keys());
    for (size_t i = 0; i < p.queries; ++i) {
        const float* q = data.q.data() + i * (p.channels + p.gap);
        double maximum = -INFINITY, sum = 0, squares = 0;
        for (size_t j = 0; j < p.keys(); ++j) {
            double score = 0, term = 0;
            for (size_t c = 0; c < p.channels; ++c) {
                score += double(q[c]) * keys[j * p.channels + c];
                term += std::fabs(double(q[c])) * sizes[j * p.channels + c];
            }
            scores[j] = score * double(p.scale);
            maximum = std::fmax(maximum, scores[j]);
            result.sensitivity[i].terms = std::fmax(result.sensitivity[i].terms, term * double(p.scale));
        }
        for (double& score : scores) sum += score = std::exp(score - maximum);
        for (size_t j = 0; j < p.keys(); ++j) {
            squares += scores[j] / sum * (scores[j] / sum);
            for (size_t c = 0; c < p.dim; ++c)
                result.out[i * p.dim + c] += scores[j] / sum * double(data.value(p, j)[c]);
        }
        result.sensitivity[i].spread = std::sqrt(squares);
        result.largest_term = std::fmax(result.largest_term, result.sensitivity[i].terms);
    }
    return result;
}

void attend(const Kernels& kernels, const Problem& p, const Data& data, const Output<float>& out) {
    assert_true(p.queries <= kernels.axial_block);
    const size_t scratch_floats = kernels.axial_scratch(p.channels, p.grid, p.dim, p.frames, p.queries);
    Scratch scratch(scratch_floats);
    for (size_t i = 0; i < scratch_floats; ++i)
        scratch.data()[i] = NAN;  // shows what is read before it is written
    AxialTask task;
    task.q = data.q.data();
    task.q_stride = p.channels + p.gap;
    task.queries = p.queries;
    task.channels = p.channels;
    task.grid = p.grid;
    task.cosine = data.cosine.data();
    task.sine = data.sine.data();
    task.weight = data.weight.data();
    task.bias = data.bias.data();
    task.dim = p.dim;
    task.frames = p.frames;
    task.keys = data.keys.data();
    task.values = data.values.data();
    task.free_count = p.free_count;
    task.free_keys = data.free_keys.data();
    task.free_values = data.free_values.data();
    task.scale = p.scale;
    task.out = out.data();
    task.out_stride = out.stride();
    task.scratch = scratch.data();
    call_kernel(p.flushing, [&] { kernels.attend_axial(task); });
    scratch.check(kernels.name);
    out.check_guards(kernels.name);
}

double half_tolerance(const Problem& p, const Naive& want, size_t i, double v_size) {
    // W, query, A, A + B and token, and sums of at most 8 and 16.
    const double score_roundings = 5 + std::sqrt(double(std::min(p.channels / 2, size_t(8)))) +
                                   std::sqrt(double(std::min(p.dim, size_t(16))));
    return test::half_tolerance(want.sensitivity[i / p.dim], score_roundings, v_size, want.out[i]);
}

// All levels on one problem. `queries` beyond what a level takes at a time are left out.
void compare(const Problem& p, uint32_t seed, float q_size = 1, float v_size = 1) {
    const Data data(p, seed, q_size, v_size);
    const Naive want = naive(p, data);
    // An error of a score counts as a relative error of its probability.
    const double float_tolerance = (2e-6 + 3e-7 * want.largest_term) * 2 * double(v_size);
    Output<float> plain(p.queries, p.dim, p.dim + p.gap);
    const bool has_plain = p.queries <= generic_kernels.axial_block;
    if (has_plain) attend(generic_kernels, p, data, plain);
    each_level([&](const Kernels& kernels) {
        if (p.queries > kernels.axial_block) return;
        Output<float> out(p.queries, p.dim, p.dim + p.gap);
        attend(kernels, p, data, out);
        char what[128];
        std::snprintf(what, sizeof what, "%zu queries of %zu, grid %zu, dim %zu, frames %zu, free %zu",
                      p.queries, p.channels, p.grid, p.dim, p.frames, p.free_count);
        for (size_t i = 0; i < p.queries; ++i) {
            for (size_t c = 0; c < p.dim; ++c) {
                const double got = double(out.at(i, c));
                double tolerance = float_tolerance;
                if (multiplies_halves(kernels)) tolerance += half_tolerance(p, want, i * p.dim + c, double(v_size));
                check_near(kernels.name, what, i * p.dim + c, got, want.out[i * p.dim + c], tolerance);
                if (has_plain)
                    check_near(kernels.name, what, i * p.dim + c, got, double(plain.at(i, c)), tolerance);
            }
        }
    });
}

size_t largest_block() {
    size_t largest = 0;
    each_level([&](const Kernels& kernels) { largest = std::max(largest, kernels.axial_block); });
    return largest;
}

void every_number_of_queries(void**) {
    for (size_t queries = 0; queries <= largest_block(); ++queries)
        compare({queries, 16, 3, 4, 2, 3, queries % 4}, uint32_t(queries + 1));
}

void grids_and_frames(void**) {
    uint32_t seed = 1;
    for (size_t grid : {1, 2, 5, 8, 9, 16})
        for (size_t frames : {0, 1, 2, 3, 4, 5, 7, 8, 9}) compare({11, 16, grid, 4, frames, 1}, ++seed);
}

void tokens_without_a_place(void**) {
    uint32_t seed = 1;
    for (size_t free_count : {0, 1, 4, 60, 100, 300})
        for (size_t frames : {0, 1, 3, 8}) compare({18, 32, 2, 8, frames, free_count, 3}, ++seed);
}

void channels_and_dims(void**) {
    uint32_t seed = 1;
    for (size_t channels : {4, 12, 16, 20, 32, 64, 256})
        for (size_t dim : {4, 8, 12, 16, 32, 64}) compare({17, channels, 3, dim, 3, 5, 1}, ++seed);
}

void model_shapes(void**) {
    compare({64, 128, 16, 32, 7, 28, 0, 0.088f}, 1);
    compare({64, 256, 9, 64, 7, 60, 0, 0.0625f}, 2);
    compare({largest_block(), 64, 10, 64, 7, 16, 0, 0.125f}, 3);
    compare({64, 128, 16, 32, 7, 28, 0, 0.088f, true}, 4);
}

void large_scores(void**) {
    for (float size : {10.0f, 100.0f, 1000.0f, 10000.0f}) compare({19, 16, 5, 8, 3, 9, 0, size / 16}, 3);
    compare({19, 16, 5, 8, 3, 9}, 4, 1e4f);
}

void denormals(void**) {
    compare({13, 16, 5, 8, 3, 9}, 5, 1e-39f);
    // Results are sums of denormals, exact to their last bit times the number of keys at best.
    const Problem p{13, 16, 5, 8, 3, 9};
    const Data data(p, 6, 1, 1e-39f);
    const Naive want = naive(p, data);
    each_level([&](const Kernels& kernels) {
        Output<float> out(p.queries, p.dim, p.dim);
        attend(kernels, p, data, out);
        for (size_t i = 0; i < p.queries * p.dim; ++i)
            check_near(kernels.name, "denormals", i, double(out[i]), want.out[i],
                       1e-43 + (multiplies_halves(kernels) ? half_tolerance(p, want, i, 1e-39) : 0));
    });
}

// One score of 1e4 among -1e4: the others vanish, to exactly zero, wherever the large one comes.
void one_key_dominates(void**) {
    Problem p{9, 8, 9, 4, 3, 70, 0, 1.0f};
    for (size_t winner : {0, 1, 23, 24, 95, 96, 242, 243, 312}) {
        Data data(p, 9);
        data.make_plain(p);
        for (size_t j = 0; j < p.keys(); ++j) data.key(p, j)[0] = j == winner ? 1e4f : -1e4f;
        each_level([&](const Kernels& kernels) {
            Output<float> out(p.queries, p.dim, p.dim);
            attend(kernels, p, data, out);
            for (size_t i = 0; i < p.queries * p.dim; ++i) {
                const double want = double(data.value(p, winner)[i % p.dim]);
                const double rounding = multiplies_halves(kernels) ? half_roundoff * std::fabs(want) : 0;
                check_near(kernels.name, "one key", i, double(out[i]), want, rounding);
            }
        });
    }
}

void equal_scores_give_the_mean(void**) {
    const Problem p{7, 8, 8, 4, 3, 64, 0, 1.0f};
    for (float score : {0.0f, 1e4f, -1e4f}) {
        Data data(p, 21);
        data.make_plain(p);
        for (size_t j = 0; j < p.keys(); ++j) {
            data.key(p, j)[0] = score;
            for (size_t c = 0; c < p.dim; ++c) data.value(p, j)[c] = float(j);  // sums are exact
        }
        each_level([&](const Kernels& kernels) {
            Output<float> out(p.queries, p.dim, p.dim);
            attend(kernels, p, data, out);
            // A sum of halves is rounded wherever it exceeds 2048 times its last bit.
            const double rounding = multiplies_halves(kernels) ? 4 * half_roundoff * 127.5 : 0;
            for (size_t i = 0; i < p.queries * p.dim; ++i)
                check_near(kernels.name, "mean", i, double(out[i]), 127.5, rounding);
        });
    }
}

// Values of 2^-13.5 beside values of 1: flushing takes what halves cannot hold, but no more than must be.
void small_values_survive(void**) {
    const Problem p{7, 8, 16, 4, 4, 64, 0, 1.0f, true};
    Data data(p, 61);
    data.make_plain(p);
    const float small = 0x1.6ap-14f;
    for (size_t j = 0; j < p.keys(); ++j) {
        data.key(p, j)[0] = 0;
        for (size_t c = 0; c < p.dim; ++c) data.value(p, j)[c] = c % 2 ? small : 1;
    }
    each_level([&](const Kernels& kernels) {
        Output<float> out(p.queries, p.dim, p.dim);
        attend(kernels, p, data, out);
        for (size_t i = 0; i < p.queries * p.dim; ++i) {
            const double want = i % 2 ? double(small) : 1;
            check_near(kernels.name, "small values", i, double(out[i]), want, 0.01 * want);
        }
    });
}

// Errors in f16 are those of keys less what they have in common, however large that is.
void what_keys_share_costs_nothing(void**) {
    const Problem p{33, 32, 8, 8, 3, 0, 0, 0.01f};
    const Data apart(p, 71), shifted(p, 71);
    for (size_t i = 0; i < p.placed() * p.dim; ++i) shifted.keys[i] += 500;
    const Naive want = naive(p, shifted);
    const std::vector<Sensitivity> of_rest = naive(p, apart).sensitivity;
    each_level([&](const Kernels& kernels) {
        Output<float> out(p.queries, p.dim, p.dim);
        attend(kernels, p, shifted, out);
        for (size_t i = 0; i < p.queries * p.dim; ++i) {
            Naive allowed = want;
            allowed.sensitivity[i / p.dim].terms = of_rest[i / p.dim].terms;
            const double tolerance = (2e-6 + 3e-7 * want.largest_term) * 2 +
                                     (multiplies_halves(kernels) ? half_tolerance(p, allowed, i, 1) : 0);
            check_near(kernels.name, "shifted keys", i, double(out[i]), want.out[i], tolerance);
        }
    });
}

// Rising scores make the maximum grow in every tile.
void maximum_grows_all_the_time(void**) {
    const Problem p{6, 8, 16, 4, 2, 100, 0, 1.0f};
    Data data(p, 41);
    data.make_plain(p);
    for (size_t j = 0; j < p.keys(); ++j) data.key(p, j)[0] = float(j) * 0.5f;
    const Naive want = naive(p, data);
    each_level([&](const Kernels& kernels) {
        Output<float> out(p.queries, p.dim, p.dim);
        attend(kernels, p, data, out);
        for (size_t i = 0; i < p.queries * p.dim; ++i)
            check_near(kernels.name, "rising scores", i, double(out[i]), want.out[i],
                       2e-6 + (multiplies_halves(kernels) ? half_tolerance(p, want, i, 1) : 0));
    });
}

void no_keys_give_zeros(void**) {
    const Problem p{14, 16, 4, 12, 0, 0};
    const Data data(p, 1);
    each_level([&](const Kernels& kernels) {
        Output<float> out(p.queries, p.dim, p.dim);
        attend(kernels, p, data, out);
        for (size_t i = 0; i < p.queries * p.dim; ++i) assert_true(out[i] == 0);
    });
}

// However many queries share a call, each gets the same bits: results do not depend on how work is divided.
void queries_do_not_touch_each_other(void**) {
    each_level([](const Kernels& kernels) {
        const Problem all{kernels.axial_block, 32, 5, 8, 3, 7};
        const Data data(all, 51);
        Output<float> together(all.queries, all.dim, all.dim);
        attend(kernels, all, data, together);
        for (size_t queries : {1, 3, 5, 16, 17, 33, 63}) {
            Problem some = all;
            some.queries = queries;
            Output<float> out(queries, all.dim, all.dim);
            attend(kernels, some, data, out);
            assert_memory_equal(out.data(), together.data(), queries * all.dim * sizeof(float));
        }
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_queries),
        cmocka_unit_test(grids_and_frames),
        cmocka_unit_test(tokens_without_a_place),
        cmocka_unit_test(channels_and_dims),
        cmocka_unit_test(model_shapes),
        cmocka_unit_test(large_scores),
        cmocka_unit_test(denormals),
        cmocka_unit_test(one_key_dominates),
        cmocka_unit_test(equal_scores_give_the_mean),
        cmocka_unit_test(small_values_survive),
        cmocka_unit_test(what_keys_share_costs_nothing),
        cmocka_unit_test(maximum_grows_all_the_time),
        cmocka_unit_test(no_keys_give_zeros),
        cmocka_unit_test(queries_do_not_touch_each_other),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
