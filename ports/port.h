// What differs between systems: files, clock, processors, threads, memory for those who bring none. Every
// function may say that there is nothing of the kind: then the caller of the library has to bring it (see
// bare/).
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace samlet {

struct FileMapping {
    const void* data = nullptr;
    size_t size = 0;
};

namespace port {

enum class MapResult : uint8_t { mapped, unreadable, irregular, empty, unmappable, no_files };

// Maps a regular file read only.
MapResult map_file(const char* path, FileMapping* mapping);
void unmap_file(const FileMapping& mapping);
// This part of a mapping will not be needed soon: its whole pages may leave memory until they are.
void release_pages(const void* data, size_t size);

// For other users of XNNPACK in the process, which shares its allocator; samlet itself does without.
void* allocate(size_t bytes, size_t alignment);  // null when there is none
void release(void* memory);

// For blocks that the caller did not bring: they go back to the system at once, so that they do not stay in
// the process.
void* borrow(size_t bytes);  // page-aligned; null when there is none
void give_back(void* memory, size_t bytes);

double milliseconds();  // monotonic
uint32_t processor_count();
uint32_t thread_limit();  // of a session; 1 where there are no threads
// One pointer of the calling thread, null at first: for callbacks that are not told whose they are.
void** thread_slot();
// Pins the calling thread to the k-th of the processors that the process may use.
void pin_thread(uint32_t k);
// Lets another thread have the processor, also one of the same real-time priority.
void yield_thread();
const char* environment(const char* name);  // null when unset

}  // namespace port
}  // namespace samlet
