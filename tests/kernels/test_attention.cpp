// Attention of every level against the textbook in double precision.
//
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <vector>

#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

struct Problem {
    size_t queries, keys, dk, dv;
    size_t gap = 0;  // what strides exceed rows by
    float scale = 0.125f;
    bool flushing = false;  // see call_kernel()
};

struct Data {
    Data(const Problem& p, uint32_t seed, float q_size = 1, float v_size = 1)
        : q(rows(p.queries, p.dk, p.gap), seed, -q_size, q_size),
          k(rows(p.keys, p.dk, p.gap), seed + 1),
          v(rows(p.keys, p.dv, p.gap), seed + 2, -v_size, v_size) {}
    // The last row ends with its last column: nothing beyond may be read.
    static size_t rows(size_t n, size_t columns, size_t gap) {
        return n == 0 ? 0 : n * (columns + gap) - gap;
    }

    Input<float> q, k, v;
};

std::vector<double> naive(const Problem& p, const Data& data, double* largest_score,
                          std::vector<Sensitivity>* sensitivity) {
    std::vector<double> out(p.queries * p.dv, 0.0), scores(p.keys);
    *largest_score = 0;
    sensitivity->assign(p.queries, Sensitivity());
    for (size_t i = 0; i < p.queries; ++i) {
        double maximum = -INFINITY, sum = 0;
        for (size_t j = 0; j < p.keys; ++j) {
            double score = 0, terms = 0;
            for (size_t c = 0; c < p.dk; ++c) {
                const double term =
                    double(data.q[i * (p.dk + p.gap) + c]) * double(data.k[j * (p.dk + p.gap) + c]);
                score += term;
                terms += std::fabs(term) * double(p.scale);
            }
            (*sensitivity)[i].terms = std::fmax((*sensitivity)[i].terms, terms);
            scores[j] = score * double(p.scale);
            *largest_score = std::fmax(*largest_score, std::fabs(scores[j]));
            maximum = std::fmax(maximum, scores[j]);
        }
        for (size_t j = 0; j < p.keys; ++j) sum += scores[j] = std::exp(scores[j] - maximum);
        double squares = 0;
        for (size_t j = 0; j < p.keys; ++j) {
            squares += scores[j] / sum * (scores[j] / sum);
            for (size_t c = 0; c < p.dv; ++c) {
                out[i * p.dv + c] += scores[j] / sum * double(data.v[j * (p.dv + p.gap) + c]);
            }
        }
        (*sensitivity)[i].spread = std::sqrt(squares);
    }
    return out;
}

// Attends with the keys in calls of at most `keys_per_call`, the values in place.
void attend(const Kernels& kernels, const Problem& p, const Data& data, size_t keys_per_call,
            Output<float>& out) {
    const size_t panel = kernels.key_panel;
    const size_t scratch_floats = kernels.attend_scratch(p.dk, p.dv);
    Scratch scratch(scratch_floats);
    Output<float> running(p.queries, 2, 2);
    size_t key = 0;
    do {
        const size_t count = std::min(keys_per_call, p.keys - key);
        Scratch packed((count + panel - 1) / panel * panel * p.dk);
        kernels.pack_keys(data.k.data() + key * (p.dk + p.gap), p.dk + p.gap, count, p.dk, packed.data());
        packed.check(kernels.name);

        AttendTask task;
        task.q = data.q.data();
        task.q_stride = p.dk + p.gap;
        task.queries = p.queries;
        task.packed_keys = packed.data();
        task.key_count = count;
        task.dk = p.dk;
        task.v = data.v.data() + key * (p.dv + p.gap);
        task.v_stride = p.dv + p.gap;
        task.dv = p.dv;
        task.scale = p.scale;
        task.out = out.data();
        task.out_stride = out.stride();
        task.first = key == 0;
        task.last = key + count == p.keys;
        task.running = task.first && task.last ? nullptr : running.data();
        task.scratch = scratch.data();
        call_kernel(p.flushing, [&] { kernels.attend(task); });
        key += count;
    } while (key < p.keys);
    scratch.check(kernels.name);
    running.check_guards(kernels.name);
    out.check_guards(kernels.name);
}

// Errors of a score grow with it and with the length of the sum, and count as relative errors of the
// probability.
double tolerance(const Problem& p, double largest_score, double largest_v) {
    return (1e-6 + 4e-7 * largest_score + 1e-8 * double(p.dk)) * 2 * largest_v;
}

void compare(const Kernels& kernels, const Problem& p, const Data& data, size_t keys_per_call,
             double largest_v) {
    double largest_score;
    std::vector<Sensitivity> sensitivity;
    const std::vector<double> want = naive(p, data, &largest_score, &sensitivity);
    // Of both factors, and of sums of at most 16.
    const double score_roundings = 2 + std::sqrt(double(std::min(p.dk, size_t(16))));
    Output<float> out(p.queries, p.dv, p.dv + p.gap);
    attend(kernels, p, data, keys_per_call, out);
    char what[96];
    std::snprintf(what, sizeof what, "%zux%zu dk %zu dv %zu calls of %zu", p.queries, p.keys, p.dk, p.dv,
                  keys_per_call);
    for (size_t i = 0; i < p.queries; ++i) {
        for (size_t c = 0; c < p.dv; ++c) {
            double allowed = tolerance(p, largest_score, largest_v);
            if (multiplies_halves(kernels))
                allowed += half_tolerance(sensitivity[i], score_roundings, largest_v, want[i * p.dv + c]);
            check_near(kernels.name, what, i * p.dv + c, double(out.at(i, c)), want[i * p.dv + c], allowed);
        }
    }
}

void ragged_shapes(void**) {
    each_level([](const Kernels& kernels) {
        uint32_t seed = 1;
        for (size_t n : ragged_sizes) {
            for (const Problem& p :
                 {Problem{n, 37, 19, 23}, Problem{5, n + 1, 8, 16}, Problem{7, 41, n, 33, 5},
                  Problem{3, 29, 16, n, 3}, Problem{n, n + 1, n, n, 1}}) {
                const Data data(p, seed += 3);
                compare(kernels, p, data, p.keys, 1);
            }
        }
    });
}

// Every number of rows of a group, with values in whole vectors and pairs of them.
void row_counts(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t queries = 1; queries <= 30; ++queries) {
            const Problem p{queries, 70, 32, 80};
            const Data data(p, uint32_t(queries));
            compare(kernels, p, data, p.keys, 1);
        }
    });
}

// More than one block of queries, several tiles of keys.
void model_shapes(void**) {
    each_level([](const Kernels& kernels) {
        for (const Problem& p :
             {Problem{64, 64, 96, 96}, Problem{49, 49, 96, 96, 7}, Problem{211, 523, 64, 64},
              Problem{33, 1031, 256, 64, 0, 0.0625f}, Problem{70, 600, 256, 256, 0, 0.0625f},
              Problem{300, 20, 16, 16, 112}, Problem{8, 4096, 16, 16},
              Problem{70, 600, 256, 256, 0, 0.0625f, true}}) {
            const Data data(p, uint32_t(p.queries));
            compare(kernels, p, data, p.keys, 1);
        }
    });
}

void several_calls(void**) {
    each_level([](const Kernels& kernels) {
        const Problem p{29, 701, 24, 20, 3};
        const Data data(p, 77, 8);
        for (size_t keys_per_call : {1, 13, 32, 64, 256, 350, 700})
            compare(kernels, p, data, keys_per_call, 1);
    });
}

void long_key_set(void**) {
    each_level([](const Kernels& kernels) {
        const Problem p{5, 30011, 16, 8};
        const Data data(p, 5, 4);
        compare(kernels, p, data, p.keys, 1);
        compare(kernels, p, data, 4096, 1);
    });
}

void large_scores(void**) {
    each_level([](const Kernels& kernels) {
        for (float size : {10.0f, 100.0f, 1000.0f, 10000.0f}) {
            if (multiplies_halves(kernels) && size > 100) continue;  // halves then say no more than which key is largest
            Problem p{19, 300, 16, 16};
            p.scale = size / 16;
            const Data data(p, 3);
            compare(kernels, p, data, p.keys, 1);
            compare(kernels, p, data, 64, 1);
        }
    });
}

// One score of 1e4 among -1e4: the others vanish, to exactly zero, wherever the large one comes.
void one_key_dominates(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t winner : {0, 5, 255, 256, 400}) {
            const Problem p{3, 401, 1, 5, 0, 1.0f};
            const Data data(p, 9);
            for (size_t i = 0; i < p.queries; ++i) data.q[i] = 100;
            for (size_t j = 0; j < p.keys; ++j) data.k[j] = j == winner ? 100.0f : -100.0f;
            for (size_t calls : {size_t(401), size_t(50)}) {
                Output<float> out(p.queries, p.dv, p.dv);
                attend(kernels, p, data, calls, out);
                for (size_t i = 0; i < p.queries * p.dv; ++i) {
                    const double want = double(data.v[winner * p.dv + i % p.dv]);
                    const double rounding = multiplies_halves(kernels) ? half_roundoff * std::fabs(want) : 0;
                    check_near(kernels.name, "one key", i, double(out[i]), want, rounding);
                }
            }
        }
    });
}

void equal_scores_give_the_mean(void**) {
    each_level([](const Kernels& kernels) {
        for (float score : {0.0f, 1e4f, -1e4f}) {
            const Problem p{7, 256, 1, 3, 0, 1.0f};
            const Data data(p, 21);
            for (size_t i = 0; i < p.queries; ++i) data.q[i] = score;
            for (size_t j = 0; j < p.keys; ++j) {
                data.k[j] = 1;
                for (size_t c = 0; c < p.dv; ++c) data.v[j * p.dv + c] = float(j);  // sums are exact
            }
            Output<float> out(p.queries, p.dv, p.dv);
            attend(kernels, p, data, p.keys, out);
            // A sum of halves is rounded wherever it exceeds 2048 times its last bit.
            const double rounding = multiplies_halves(kernels) ? 4 * half_roundoff * 127.5 : 0;
            for (size_t i = 0; i < p.queries * p.dv; ++i)
                check_near(kernels.name, "mean", i, double(out[i]), 127.5, rounding);
        }
    });
}

void denormals_and_tiny_probabilities(void**) {
    each_level([](const Kernels& kernels) {
        Problem p{6, 90, 8, 12};
        const Data tiny(p, 31, 1e-39f, 1e-39f);
        compare(kernels, p, tiny, p.keys, 1e-39);
        p.scale = 40;  // probabilities from 1 down to e^-300
        const Data wide(p, 33);
        compare(kernels, p, wide, p.keys, 1);
    });
}

// Values of 2^-13.5 beside values of 1: flushing takes what halves cannot hold, but no more than must be.
void small_values_survive(void**) {
    each_level([](const Kernels& kernels) {
        const Problem p{7, 1000, 1, 4, 0, 1.0f, true};
        const Data data(p, 61);
        const float small = 0x1.6ap-14f;
        for (size_t i = 0; i < p.queries; ++i) data.q[i] = 0;
        for (size_t i = 0; i < p.keys * p.dv; ++i) data.v[i] = i % 2 ? small : 1;
        Output<float> out(p.queries, p.dv, p.dv);
        attend(kernels, p, data, p.keys, out);
        for (size_t i = 0; i < p.queries * p.dv; ++i) {
            const double want = i % 2 ? double(small) : 1;
            check_near(kernels.name, "small values", i, double(out[i]), want, 0.01 * want);
        }
    });
}

// Rising scores make the maximum grow with every key.
void maximum_grows_all_the_time(void**) {
    each_level([](const Kernels& kernels) {
        const Problem p{2, 600, 1, 2, 0, 1.0f};
        const Data data(p, 41);
        for (size_t i = 0; i < p.queries; ++i) data.q[i] = 1;
        for (size_t j = 0; j < p.keys; ++j) data.k[j] = float(j) * 0.5f;
        compare(kernels, p, data, p.keys, 1);
        compare(kernels, p, data, 7, 1);
    });
}

void no_keys_give_zeros(void**) {
    each_level([](const Kernels& kernels) {
        const Problem p{14, 0, 8, 37};
        const Data data(p, 1);
        Output<float> out(p.queries, p.dv, p.dv);
        attend(kernels, p, data, 1, out);
        for (size_t i = 0; i < p.queries * p.dv; ++i) assert_true(out[i] == 0);
    });
}

// Channel c of key j, as a level has packed it.
double unpacked(const Kernels& kernels, const float* packed, size_t dk, size_t j, size_t c) {
    const size_t panel = kernels.key_panel;
    packed += j / panel * panel * dk;
    if (!multiplies_halves(kernels)) return double(packed[c * panel + j % panel]);
    uint16_t half;  // [dk][panel] of them, then the factor of the panel
    std::memcpy(&half, reinterpret_cast<const char*>(packed) + (c * panel + j % panel) * sizeof half, sizeof half);
    float value;
    generic_kernels.f16_to_f32(&half, 1, &value);
    return double(value) * double(packed[panel * dk / 2]);
}

void panels_are_transposed_and_filled_up(void**) {
    each_level([](const Kernels& kernels) {
        const size_t panel = kernels.key_panel;
        for (size_t keys : ragged_sizes) {
            for (size_t dk : ragged_sizes) {
                const size_t stride = dk + 3;
                const Input<float> k(keys == 0 ? 0 : keys * stride - 3, 1);
                const double rounding = multiplies_halves(kernels) ? half_roundoff : 0;
                const size_t panels = (keys + panel - 1) / panel;
                Scratch packed(panels * panel * dk);
                kernels.pack_keys(k.data(), stride, keys, dk, packed.data());
                packed.check(kernels.name);
                for (size_t j = 0; j < panels * panel; ++j) {
                    for (size_t c = 0; c < dk; ++c) {
                        const double want = j < keys ? double(k[j * stride + c]) : 0;
                        const double got = unpacked(kernels, packed.data(), dk, j, c);
                        if (!(std::fabs(got - want) <= rounding * (std::fabs(want) + 0x1p-14)))
                            fail_msg("%s, key %zu channel %zu of %zu x %zu", kernels.name, j, c, keys, dk);
                    }
                }
            }
        }
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ragged_shapes),
        cmocka_unit_test(row_counts),
        cmocka_unit_test(model_shapes),
        cmocka_unit_test(several_calls),
        cmocka_unit_test(long_key_set),
        cmocka_unit_test(large_scores),
        cmocka_unit_test(one_key_dominates),
        cmocka_unit_test(equal_scores_give_the_mean),
        cmocka_unit_test(denormals_and_tiny_probabilities),
        cmocka_unit_test(small_values_survive),
        cmocka_unit_test(maximum_grows_all_the_time),
        cmocka_unit_test(no_keys_give_zeros),
        cmocka_unit_test(panels_are_transposed_and_filled_up),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
