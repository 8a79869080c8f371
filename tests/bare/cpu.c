/* cpuinfo for one x86-64 processor, asked directly: the library reads /proc and /sys, which are not there. Of
 * the instruction sets those that samlet and XNNPACK's f32 and int8 products choose by.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <cpuid.h>
#include <cpuinfo.h>

struct cpuinfo_x86_isa cpuinfo_isa;

static uint64_t enabled_registers(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

bool cpuinfo_initialize(void) {
    enum { OSXSAVE = 1 << 27, YMM = 0x6, ZMM = 0xe6 };
    uint32_t a, b, c, d, b7, c7, d7;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
    cpuinfo_isa.ssse3 = c & bit_SSSE3;
    cpuinfo_isa.sse4_1 = c & bit_SSE4_1;
    cpuinfo_isa.sse4_2 = c & bit_SSE4_2;
    if (!(c & OSXSAVE) || (enabled_registers() & YMM) != YMM) return true;
    cpuinfo_isa.avx = c & bit_AVX;
    cpuinfo_isa.fma3 = c & bit_FMA;
    cpuinfo_isa.f16c = c & bit_F16C;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d7)) return true;
    cpuinfo_isa.avx2 = b7 & bit_AVX2;
    if ((enabled_registers() & ZMM) != ZMM) return true;
    cpuinfo_isa.avx512f = b7 & bit_AVX512F;
    cpuinfo_isa.avx512cd = b7 & bit_AVX512CD;
    cpuinfo_isa.avx512bw = b7 & bit_AVX512BW;
    cpuinfo_isa.avx512dq = b7 & bit_AVX512DQ;
    cpuinfo_isa.avx512vl = b7 & bit_AVX512VL;
    cpuinfo_isa.avx512vbmi = c7 & bit_AVX512VBMI;
    cpuinfo_isa.avx512vnni = c7 & bit_AVX512VNNI;
    return true;
}

/* Its micro-architecture, here unknown, chooses between tiles of the same product. */
const struct cpuinfo_core* cpuinfo_get_core(uint32_t index) {
    static const struct cpuinfo_core core;
    (void)index;
    return &core;
}
