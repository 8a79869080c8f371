/* pthreadpool without threads: what samlet and XNNPACK's fully connected operator run, one item after the
 * other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <immintrin.h>
#include <pthreadpool.h>

/* Denormal numbers count as zero while items run, if the caller says so. */
static unsigned enter(uint32_t flags) {
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x40 };
    const unsigned before = _mm_getcsr();
    if (flags & PTHREADPOOL_FLAG_DISABLE_DENORMALS) _mm_setcsr(before | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return before;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

size_t pthreadpool_get_threads_count(pthreadpool_t pool) {
    (void)pool;
    return 1;
}

void pthreadpool_parallelize_1d(pthreadpool_t pool, pthreadpool_task_1d_t task, void* context, size_t range,
                                uint32_t flags) {
    const unsigned before = enter(flags);
    (void)pool;
    for (size_t i = 0; i < range; i++) task(context, i);
    _mm_setcsr(before);
}

void pthreadpool_parallelize_1d_with_thread(pthreadpool_t pool, pthreadpool_task_1d_with_thread_t task,
                                            void* context, size_t range, uint32_t flags) {
    const unsigned before = enter(flags);
    (void)pool;
    for (size_t i = 0; i < range; i++) task(context, 0, i);
    _mm_setcsr(before);
}

void pthreadpool_parallelize_1d_tile_1d(pthreadpool_t pool, pthreadpool_task_1d_tile_1d_t task, void* context,
                                        size_t range, size_t tile, uint32_t flags) {
    const unsigned before = enter(flags);
    (void)pool;
    for (size_t i = 0; i < range; i += tile) task(context, i, smaller(tile, range - i));
    _mm_setcsr(before);
}

void pthreadpool_parallelize_2d_tile_1d(pthreadpool_t pool, pthreadpool_task_2d_tile_1d_t task, void* context,
                                        size_t range_i, size_t range_j, size_t tile_j, uint32_t flags) {
    const unsigned before = enter(flags);
    (void)pool;
    for (size_t i = 0; i < range_i; i++)
        for (size_t j = 0; j < range_j; j += tile_j) task(context, i, j, smaller(tile_j, range_j - j));
    _mm_setcsr(before);
}

void pthreadpool_parallelize_2d_tile_2d(pthreadpool_t pool, pthreadpool_task_2d_tile_2d_t task, void* context,
                                        size_t range_i, size_t range_j, size_t tile_i, size_t tile_j,
                                        uint32_t flags) {
    const unsigned before = enter(flags);
    (void)pool;
    for (size_t i = 0; i < range_i; i += tile_i)
        for (size_t j = 0; j < range_j; j += tile_j)
            task(context, i, j, smaller(tile_i, range_i - i), smaller(tile_j, range_j - j));
    _mm_setcsr(before);
}
