/* The clip that diet.c is fed with, and the memory that it may have beside what samlet promises.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SAMLET_TESTS_DIET_H
#define SAMLET_TESTS_DIET_H

enum { DIET_WIDTH = 960, DIET_HEIGHT = 540 };
#define DIET_BOX 315, 0, 520, 400

/* All that is not the model's file, weights or arena: code and constants of the program, samlet and XNNPACK,
 * the C and C++ libraries, pthreadpool and cpuinfo, the dynamic linker's tables, the main thread's stack and
 * two pictures. There are no other threads: each would add its stack. */
#define DIET_CONSTANT (12ll << 20)

#endif
