// SPDX-License-Identifier: Apache-2.0
#include "core/position.h"

#include <cmath>

namespace samlet {

constexpr double kPi = 3.14159265358979323846;

// Arguments are rounded to float where the reference rounds them: sine of a large argument shows it.

void fill_sine_table(size_t side, size_t channels, float* table) {
    const size_t half = channels / 2;
    for (size_t p = 0; p < side; p++) {
        const float at =
            static_cast<float>(p + 1) / (static_cast<float>(side) + 1e-6f) * static_cast<float>(2 * kPi);
        for (size_t i = 0; i < half; i++) {
            const float period = static_cast<float>(
                std::pow(10000.0, static_cast<double>(2 * (i / 2)) / static_cast<double>(half)));
            const float angle = at / period;
            table[p * half + i] = static_cast<float>(i % 2 ? std::cos(static_cast<double>(angle))
                                                           : std::sin(static_cast<double>(angle)));
        }
    }
}

void fill_rotary_tables(size_t side, size_t channels, float theta, float* cosine, float* sine) {
    const size_t half = channels / 2;
    for (size_t p = 0; p < side; p++)
        for (size_t pair = 0; pair < half / 2; pair++) {
            const float frequency = static_cast<float>(
                1.0 / std::pow(static_cast<double>(theta),
                               static_cast<double>(4 * pair) / static_cast<double>(channels)));
            const double angle = static_cast<float>(p) * frequency;
            const float c = static_cast<float>(std::cos(angle)), s = static_cast<float>(std::sin(angle));
            float* cos_row = cosine + p * half + 2 * pair;
            float* sin_row = sine + p * half + 2 * pair;
            cos_row[0] = cos_row[1] = c;
            sin_row[0] = -s;
            sin_row[1] = s;
        }
}

void fill_time_code(float position, size_t channels, float* code) {
    const size_t half = channels / 2;
    for (size_t i = 0; i < half; i++) {
        const float period = static_cast<float>(
            std::pow(10000.0, static_cast<double>(2 * (i / 2)) / static_cast<double>(half)));
        const double angle = position / period;
        code[i] = static_cast<float>(std::sin(angle));
        code[half + i] = static_cast<float>(std::cos(angle));
    }
}

}  // namespace samlet
