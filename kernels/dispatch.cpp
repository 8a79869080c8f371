// Chooses the table for this CPU.
//
// SPDX-License-Identifier: Apache-2.0
#include <cpuinfo.h>

#include <cstring>

#include "kernels/levels.h"

namespace samlet {
namespace {

struct Level {
    const Kernels* kernels;
    bool (*supported)();
};

bool always() {
    return true;
}

#if defined(__x86_64__)
bool has_avx2() {
    return cpuinfo_has_x86_avx2() && cpuinfo_has_x86_fma3() && cpuinfo_has_x86_f16c();
}

bool has_avx512() {
    return has_avx2() && cpuinfo_has_x86_avx512f() && cpuinfo_has_x86_avx512bw() &&
           cpuinfo_has_x86_avx512dq() && cpuinfo_has_x86_avx512vl();
}
#elif defined(__aarch64__)
bool has_fp16() {
    return cpuinfo_has_arm_neon_fp16_arith();
}
#endif

// Best first.
const Level levels[] = {
#if defined(__x86_64__)
    {&avx512_kernels, has_avx512},
    {&avx2_kernels, has_avx2},
#elif defined(__aarch64__)
    {&neon_fp16_kernels, has_fp16},
    {&neon_kernels, always},
#endif
    {&generic_kernels, always},
};

}  // namespace

const Kernels* find_kernels(const char* name) {
    if (!cpuinfo_initialize()) return nullptr;
    for (const Level& level : levels) {
        const bool wanted = name == nullptr || std::strcmp(name, level.kernels->name) == 0;
        if (wanted && level.supported()) return level.kernels;
    }
    return nullptr;
}

}  // namespace samlet
