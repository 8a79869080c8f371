// SPDX-License-Identifier: Apache-2.0
#pragma once

// Put before a loop over accumulators whose length is a constant: only unrolled do they live in registers, at
// any optimisation level above -O0.
#if defined(__clang__)
#define SAMLET_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SAMLET_UNROLL _Pragma("GCC unroll 16")
#endif
#define SAMLET_INLINE inline __attribute__((always_inline))
// For functions around a hot loop: inlined into something larger, gcc may spill the loop's registers.
#define SAMLET_APART __attribute__((noinline))
// What holds by contract: the sanitizers report where it does not, other builds take it for granted.
#define SAMLET_ASSUME(condition) ((condition) ? (void)0 : __builtin_unreachable())
// Names the loop that it stands in, and the multiply-adds of one turn of it, for tools/bench/static_cost.py.
#if defined(SAMLET_STATIC_COST)
#define SAMLET_HOT_LOOP(name, multiply_adds) __asm__ volatile("// samlet loop " name " %0" ::"i"(multiply_adds))
#else
#define SAMLET_HOT_LOOP(name, multiply_adds) static_cast<void>(0)
#endif
