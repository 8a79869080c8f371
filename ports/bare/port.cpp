// No system at all: no files, clock, threads or heap. The caller brings the model's bytes and every block.
//
// SPDX-License-Identifier: Apache-2.0
//
// tests/bare/ is a program on top of this, with all that XNNPACK wants from a system beside it.
#include "ports/port.h"

namespace samlet {
namespace port {

MapResult map_file(const char*, FileMapping*) {
    return MapResult::no_files;
}

void unmap_file(const FileMapping&) {}

void release_pages(const void*, size_t) {}

void* allocate(size_t, size_t) {
    return nullptr;
}

void release(void*) {}

void* borrow(size_t) {
    return nullptr;
}

void give_back(void*, size_t) {}

double milliseconds() {
    return 0;
}

uint32_t processor_count() {
    return 1;
}

uint32_t thread_limit() {
    return 1;
}

void** thread_slot() {
    static void* slot = nullptr;
    return &slot;
}

void pin_thread(uint32_t) {}

void yield_thread() {}

const char* environment(const char*) {
    return nullptr;
}

}  // namespace port
}  // namespace samlet
