// Linux.
//
// SPDX-License-Identifier: Apache-2.0
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ports/port.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace samlet {
namespace port {

MapResult map_file(const char* path, FileMapping* mapping) {
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would wait for a writer
    if (file < 0) return MapResult::unreadable;
    MapResult result = MapResult::mapped;
    struct stat facts;
    if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        result = MapResult::irregular;
    } else if (facts.st_size == 0) {
        result = MapResult::empty;
    } else {
        void* data = mmap(nullptr, static_cast<size_t>(facts.st_size), PROT_READ, MAP_PRIVATE, file, 0);
        if (data == MAP_FAILED)
            result = MapResult::unmappable;
        else
            *mapping = {data, static_cast<size_t>(facts.st_size)};
    }
    close(file);
    return result;
}

void unmap_file(const FileMapping& mapping) {
    if (mapping.data) munmap(const_cast<void*>(mapping.data), mapping.size);
}

void release_pages(const void* data, size_t size) {
    const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const uintptr_t first = (reinterpret_cast<uintptr_t>(data) + page - 1) / page * page;
    const uintptr_t last = (reinterpret_cast<uintptr_t>(data) + size) / page * page;
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

void* allocate(size_t bytes, size_t alignment) {
    void* memory = nullptr;
    return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nullptr;
}

void release(void* memory) {
    free(memory);
}

void* borrow(size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

void give_back(void* memory, size_t bytes) {
    if (memory) munmap(memory, bytes);
}

double milliseconds() {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

uint32_t processor_count() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        return static_cast<uint32_t>(CPU_COUNT(&set));
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? static_cast<uint32_t>(online) : 1;
}

uint32_t thread_limit() {
    return UINT32_MAX;
}

void** thread_slot() {
    static thread_local void* slot = nullptr;
    return &slot;
}

void pin_thread(uint32_t k) {
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof(all), &all) != 0 || CPU_COUNT(&all) == 0) return;
    uint32_t skip = k % static_cast<uint32_t>(CPU_COUNT(&all));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all)) continue;
        if (skip-- > 0) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof(one), &one);
        return;
    }
}

void yield_thread() {
    sched_yield();
}

const char* environment(const char* name) {
    return getenv(name);
}

}  // namespace port
}  // namespace samlet
