// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "tests/kernels/support.h"

using namespace samlet;
using namespace samlet::test;

namespace {

// Every row of a map, so that each row of the filter is once outside at the top and at the bottom.
void compare(const Kernels& kernels, size_t height, size_t width, size_t channels, size_t size) {
    // Every row is an allocation of its own, to see reads beyond the ends.
    std::vector<const Input<float>*> rows;
    for (size_t y = 0; y < height; ++y) rows.push_back(new Input<float>(width * channels, uint32_t(y + 1)));
    const Input<float> weights(size * size * channels, 100), bias(channels, 101);
    const ptrdiff_t half = ptrdiff_t(size / 2);
    for (size_t y = 0; y < height; ++y) {
        std::vector<const float*> pointers;
        for (size_t dy = 0; dy < size; ++dy) {
            const ptrdiff_t at = ptrdiff_t(y + dy) - half;
            pointers.push_back(at >= 0 && at < ptrdiff_t(height) ? rows[size_t(at)]->data() : nullptr);
        }
        Output<float> out(width * channels);
        DepthwiseRowTask task;
        task.rows = pointers.data();
        task.width = width;
        task.channels = channels;
        task.size = size;
        task.weights = weights.data();
        task.bias = bias.data();
        task.out = out.data();
        kernels.depthwise_row(task);
        out.check_guards(kernels.name);
        for (size_t x = 0; x < width; ++x) {
            for (size_t c = 0; c < channels; ++c) {
                double want = double(bias[c]);
                for (size_t i = 0; i < size * size; ++i) {
                    const ptrdiff_t at = ptrdiff_t(x + i % size) - half;
                    if (pointers[i / size] == nullptr || at < 0 || at >= ptrdiff_t(width)) continue;
                    want += double(pointers[i / size][size_t(at) * channels + c]) *
                            double(weights[i * channels + c]);
                }
                check_near(kernels.name, "depthwise", x * channels + c, double(out[x * channels + c]), want,
                           1e-5);
            }
        }
    }
    for (const Input<float>* row : rows) delete row;
}

void ragged_shapes(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t channels : {1, 3, 4, 7, 8, 9, 16, 17, 33, 64}) compare(kernels, 3, 19, channels, 7);
        for (size_t width : {0, 1, 2, 3, 4, 6, 7, 8, 13, 14, 15, 22, 31, 64})
            compare(kernels, 2, width, 12, 7);
        compare(kernels, 9, 9, 0, 7);
    });
}

void other_sizes(void**) {
    each_level([](const Kernels& kernels) {
        for (size_t size : {1, 3, 5, 9}) compare(kernels, 5, 17, 18, size);
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(ragged_shapes),
        cmocka_unit_test(other_sizes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
