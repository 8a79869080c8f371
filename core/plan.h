// Lays a session out in a block, part by part, or measures how large the block must be: one code path for
// both.
//
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/arena.h"
#include "core/status.h"

namespace samlet {

class Plan {
  public:
    explicit Plan(Arena& arena) : arena_(arena), mark_(arena.used()) {}

    // What was taken from the arena since the last call belongs to the part of this name.
    void close_part(const char* name) {
        if (arena_.used() == mark_) return;
        if (count_ < SAMLET_MEMORY_PARTS) {
            samlet_memory_part& part = parts_[count_++];
            size_t i = 0;
            for (; name[i] && i + 1 < sizeof(part.name); i++) part.name[i] = name[i];
            part.name[i] = 0;
            part.bytes = arena_.used() - mark_;
        } else {
            parts_[count_ - 1].bytes += arena_.used() - mark_;
        }
        mark_ = arena_.used();
    }

    // Into a struct whose size has been checked; it stays as it is.
    void report(samlet_memory_plan* plan) const {
        plan->bytes = arena_.used();
        plan->alignment = Arena::kAlignment;
        plan->part_count = count_;
        for (uint32_t i = 0; i < SAMLET_MEMORY_PARTS; i++)
            plan->parts[i] = i < count_ ? parts_[i] : samlet_memory_part{};
    }

  private:
    Arena& arena_;
    size_t mark_;
    uint32_t count_ = 0;
    samlet_memory_part parts_[SAMLET_MEMORY_PARTS] = {};
};

}  // namespace samlet
