/* The start of the program, two system calls, the C library that samlet and XNNPACK need, and traps in place
 * of what XNNPACK links but never calls here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "system.h"

#include <stdint.h>

#define STACK_BYTES 32768
#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

/* ---- Start and end ------------------------------------------------------------------------------------- */

/* A small stack, as boards have. The kernel's is left alone. */
static uint8_t stack[STACK_BYTES] __attribute__((aligned(64), used));

__asm__(
    ".text\n.global _start\n_start:\n\txor %ebp, %ebp\n\tlea stack+" TEXT(STACK_BYTES) "(%rip), %rsp\n"
    "\tcall program\n\tud2\n");

size_t stack_left(void) {
    size_t untouched = 0;
    while (untouched < sizeof(stack) && !stack[untouched]) untouched++;
    return untouched;
}

enum { SYSTEM_WRITE = 1, SYSTEM_EXIT = 60 };

static long system_call(long number, long a, const void* b, size_t c) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void write_all(int file, const char* bytes, size_t count) {
    while (count) {
        const long written = system_call(SYSTEM_WRITE, file, bytes, count);
        if (written <= 0) leave(2);
        bytes += written;
        count -= (size_t)written;
    }
}

size_t strlen(const char* text);

void put(const void* bytes, size_t count) {
    write_all(1, bytes, count);
}

void complain(const char* text) {
    write_all(2, text, strlen(text));
    write_all(2, "\n", 1);
}

void leave(int status) {
    for (;;) system_call(SYSTEM_EXIT, status, 0, 0);
}

/* ---- <string.h> ---------------------------------------------------------------------------------------- */

void* memcpy(void* to, const void* from, size_t count) {
    uint8_t* t = to;
    const uint8_t* f = from;
    while (count--) *t++ = *f++;
    return to;
}

void* memmove(void* to, const void* from, size_t count) {
    uint8_t* t = to;
    const uint8_t* f = from;
    if ((uintptr_t)t - (uintptr_t)f >= count) return memcpy(to, from, count);
    while (count--) t[count] = f[count];
    return to;
}

void* memset(void* to, int value, size_t count) {
    uint8_t* t = to;
    while (count--) *t++ = (uint8_t)value;
    return to;
}

int memcmp(const void* a, const void* b, size_t count) {
    const uint8_t *x = a, *y = b;
    for (; count--; x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}

void* memchr(const void* bytes, int value, size_t count) {
    const uint8_t* b = bytes;
    for (; count--; b++)
        if (*b == (uint8_t)value) return (void*)b;
    return 0;
}

size_t strlen(const char* text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

int strcmp(const char* a, const char* b) {
    for (; *a && *a == *b; a++) b++;
    return (uint8_t)*a - (uint8_t)*b;
}

char* strchr(const char* text, int wanted) {
    for (; *text != (char)wanted; text++)
        if (!*text) return 0;
    return (char*)text;
}

char* strstr(const char* text, const char* part) {
    const size_t length = strlen(part), room = strlen(text);
    for (size_t i = 0; i + length <= room; i++)
        if (memcmp(text + i, part, length) == 0) return (char*)text + i;
    return 0;
}

/* ---- What XNNPACK calls -------------------------------------------------------------------------------- */

/* Around every table that it fills once. glibc's pthread_once_t is an int that begins as 0. */
int pthread_once(int* control, void (*routine)(void)) {
    if (!*control) routine();
    *control = 1;
    return 0;
}

/* ---- What it links only -------------------------------------------------------------------------------- */

#define NEVER_CALLED(name)                     \
    void name(void) {                          \
        complain(#name " must not be called"); \
        leave(3);                              \
    }

NEVER_CALLED(abort)
/* Its own allocator; samlet gives it another. */
NEVER_CALLED(malloc)
NEVER_CALLED(realloc)
NEVER_CALLED(free)
NEVER_CALLED(posix_memalign)
/* Its own weights cache. */
NEVER_CALLED(mmap)
NEVER_CALLED(mprotect)
NEVER_CALLED(mremap)
NEVER_CALLED(munmap)
NEVER_CALLED(sysconf)
NEVER_CALLED(pthread_mutex_init)
NEVER_CALLED(pthread_mutex_lock)
NEVER_CALLED(pthread_mutex_unlock)
NEVER_CALLED(pthread_mutex_destroy)
/* What threadpool.c leaves out: other operators use it, and samlet only with several threads. */
NEVER_CALLED(pthreadpool_create)
NEVER_CALLED(pthreadpool_destroy)
NEVER_CALLED(pthreadpool_parallelize_2d)
NEVER_CALLED(pthreadpool_parallelize_2d_with_thread)
NEVER_CALLED(pthreadpool_parallelize_3d)
NEVER_CALLED(pthreadpool_parallelize_3d_tile_1d)
NEVER_CALLED(pthreadpool_parallelize_3d_tile_1d_with_thread)
NEVER_CALLED(pthreadpool_parallelize_3d_tile_2d)
NEVER_CALLED(pthreadpool_parallelize_4d)
NEVER_CALLED(pthreadpool_parallelize_4d_tile_2d)
NEVER_CALLED(pthreadpool_parallelize_5d)
NEVER_CALLED(pthreadpool_parallelize_5d_tile_2d)
NEVER_CALLED(pthreadpool_parallelize_6d_tile_2d)
