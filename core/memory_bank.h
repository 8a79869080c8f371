// Memory bank of one object: what it keeps of earlier frames, what a frame reads of it, and what is given up.
//
// SPDX-License-Identifier: Apache-2.0
//
// Three stores of fixed size: memories of prompted frames, memories of recent frames, and the pointers of
// recent frames, which reach further back than their memories. Frames are found by number, as in the
// reference; a frame that is not there is skipped.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/arena.h"

namespace samlet {

struct BankSizes {
    size_t prompted, recent, pointers;  // frames
    size_t memory_values;               // bfloat16 values of a memory
    size_t pointer_values;              // floats of a pointer
};

struct BankSlot {
    bool used = false;
    int64_t frame = 0;
    uint64_t order = 0;          // of prompted frames: when it was stored first
    uint64_t given_up = 0;       // recent and pointer slots: when a prompted frame had to give way that nothing
                                 // has replaced since, or 0
    uint16_t* memory = nullptr;  // [cells][memory_dim], bfloat16; null in pointer slots
    float* pointer = nullptr;    // [d_model]; null in recent slots
};

// One memory that a frame reads, and the row of the time table that goes with it.
struct MemoryRead {
    const uint16_t* memory;
    size_t time_row;
    int64_t frame;  // where it was made
    bool prompted;
};
struct PointerRead {
    const float* pointer;
    float distance;  // frames; pointers come from the past only, so the sign of SAM 2.1 never shows
    int64_t frame;
};

class MemoryBank {
  public:
    // Takes all its memory from the arena. With a measuring arena the bank is not usable.
    void lay_out(const BankSizes& sizes, Arena& arena, bool measuring);
    void clear();

    bool has_prompted(int64_t frame) const { return find(prompted_, sizes_.prompted, frame) != nullptr; }
    bool has_recent(int64_t frame) const { return find(recent_, sizes_.recent, frame) != nullptr; }

    // Where to write a new memory of a tracked frame: its slot again, a free one, or that of the frame
    // farthest from where the track is going (`frame` plus one step). Writes the pointer. Null: the bank keeps
    // no recent frames.
    uint16_t* store_recent(int64_t frame, bool reverse, const float* pointer);
    // The same for a prompted frame. When all slots are taken, the first prompted frame and those closest in
    // time stay; the one given up goes on as a recent frame. With a single slot the latest stays.
    uint16_t* store_prompted(int64_t frame, bool reverse, const float* pointer);
    // Whether there was one, given up or not, be it only its pointer. Its slot goes back to the one given up
    // last, if that is still here.
    bool forget_prompted(int64_t frame);

    // What `frame` reads: memories (at most prompted + recent) and pointers (at most prompted + pointers).
    // `frames_ahead`: how far recent memories reach, num_maskmem - 1; `pointer_reach`: how far pointers do.
    size_t read_memories(int64_t frame, bool reverse, size_t frames_ahead, MemoryRead* reads) const;
    size_t read_pointers(int64_t frame, bool reverse, size_t pointer_reach, PointerRead* reads) const;
    // Whether these two give anything.
    bool can_be_read(int64_t frame, bool reverse, size_t frames_ahead, size_t pointer_reach) const;

  private:
    static BankSlot* find(BankSlot* slots, size_t count, int64_t frame);
    static const BankSlot* find(const BankSlot* slots, size_t count, int64_t frame) {
        return find(const_cast<BankSlot*>(slots), count, frame);
    }
    // The slot for `frame` in a store: its own, a free one, or that of the frame farthest from `next`, where
    // the track is going. `given_up`: see BankSlot; such a frame gets null if it is itself the farthest. (The
    // frame of a track never is, but with a single slot, which holds `next` already.)
    static BankSlot* place(BankSlot* slots, size_t count, int64_t frame, int64_t next, uint64_t given_up);
    void store_pointer(int64_t frame, int64_t next, uint64_t given_up, const float* pointer);
    static BankSlot* find_given_up(BankSlot* slots, size_t count, int64_t frame);
    void take_back(BankSlot* slot);

    BankSizes sizes_ = {};
    BankSlot* prompted_ = nullptr;
    BankSlot* recent_ = nullptr;
    BankSlot* pointers_ = nullptr;
    uint64_t clock_ = 0;  // of BankSlot::order and given_up
};

}  // namespace samlet
