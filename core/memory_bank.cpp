// SPDX-License-Identifier: Apache-2.0
#include "core/memory_bank.h"

#include <cstring>
#include <new>

namespace samlet {
namespace {

uint64_t gap(int64_t a, int64_t b) {
    return a > b ? static_cast<uint64_t>(a) - static_cast<uint64_t>(b)
                 : static_cast<uint64_t>(b) - static_cast<uint64_t>(a);
}

}  // namespace

void MemoryBank::lay_out(const BankSizes& sizes, Arena& arena, bool measuring) {
    sizes_ = sizes;
    prompted_ = arena.take<BankSlot>(sizes.prompted);
    recent_ = arena.take<BankSlot>(sizes.recent);
    pointers_ = arena.take<BankSlot>(sizes.pointers);
    const bool usable = !measuring && pointers_;
    for (size_t i = 0; i < sizes.prompted; i++) {
        BankSlot slot;
        slot.memory = arena.take<uint16_t>(sizes.memory_values);
        slot.pointer = arena.take<float>(sizes.pointer_values);
        if (usable) new (&prompted_[i]) BankSlot(slot);
    }
    for (size_t i = 0; i < sizes.recent; i++) {
        BankSlot slot;
        slot.memory = arena.take<uint16_t>(sizes.memory_values);
        if (usable) new (&recent_[i]) BankSlot(slot);
    }
    for (size_t i = 0; i < sizes.pointers; i++) {
        BankSlot slot;
        slot.pointer = arena.take<float>(sizes.pointer_values);
        if (usable) new (&pointers_[i]) BankSlot(slot);
    }
}

void MemoryBank::clear() {
    for (size_t i = 0; i < sizes_.prompted; i++) prompted_[i].used = false;
    for (size_t i = 0; i < sizes_.recent; i++) recent_[i].used = false;
    for (size_t i = 0; i < sizes_.pointers; i++) pointers_[i].used = false;
    clock_ = 0;
}

BankSlot* MemoryBank::find(BankSlot* slots, size_t count, int64_t frame) {
    for (size_t i = 0; i < count; i++)
        if (slots[i].used && slots[i].frame == frame) return &slots[i];
    return nullptr;
}

BankSlot* MemoryBank::find_given_up(BankSlot* slots, size_t count, int64_t frame) {
    BankSlot* slot = find(slots, count, frame);
    return slot && slot->given_up ? slot : nullptr;
}

BankSlot* MemoryBank::place(BankSlot* slots, size_t count, int64_t frame, int64_t next, uint64_t given_up) {
    BankSlot* slot = find(slots, count, frame);
    for (size_t i = 0; !slot && i < count; i++)
        if (!slots[i].used) slot = &slots[i];
    if (!slot && count) {
        slot = slots;
        for (size_t i = 1; i < count; i++)
            if (gap(slots[i].frame, next) > gap(slot->frame, next)) slot = &slots[i];
        if (given_up && gap(slot->frame, next) < gap(frame, next)) return nullptr;
    }
    if (!slot) return nullptr;
    slot->used = true;
    slot->frame = frame;
    slot->given_up = given_up;
    return slot;
}

void MemoryBank::store_pointer(int64_t frame, int64_t next, uint64_t given_up, const float* pointer) {
    if (BankSlot* slot = place(pointers_, sizes_.pointers, frame, next, given_up))
        memcpy(slot->pointer, pointer, sizes_.pointer_values * sizeof(float));
}

uint16_t* MemoryBank::store_recent(int64_t frame, bool reverse, const float* pointer) {
    const int64_t next = reverse ? frame - 1 : frame + 1;
    store_pointer(frame, next, 0, pointer);
    BankSlot* slot = place(recent_, sizes_.recent, frame, next, 0);
    return slot ? slot->memory : nullptr;
}

uint16_t* MemoryBank::store_prompted(int64_t frame, bool reverse, const float* pointer) {
    // A prompted frame is not a recent one too.
    if (BankSlot* slot = find(recent_, sizes_.recent, frame)) slot->used = false;
    if (BankSlot* slot = find(pointers_, sizes_.pointers, frame)) slot->used = false;

    BankSlot* slot = find(prompted_, sizes_.prompted, frame);
    for (size_t i = 0; !slot && i < sizes_.prompted; i++)
        if (!prompted_[i].used) slot = &prompted_[i];
    if (!slot) {
        const BankSlot* first = prompted_;
        for (size_t i = 1; i < sizes_.prompted; i++)
            if (prompted_[i].order < first->order) first = &prompted_[i];
        for (size_t i = 0; i < sizes_.prompted; i++) {
            BankSlot* candidate = &prompted_[i];
            if (candidate == first && sizes_.prompted > 1) continue;
            if (!slot || gap(candidate->frame, frame) > gap(slot->frame, frame)) slot = candidate;
        }
        const int64_t next = reverse ? frame - 1 : frame + 1;
        const uint64_t now = ++clock_;
        store_pointer(slot->frame, next, now, slot->pointer);
        if (BankSlot* heir = place(recent_, sizes_.recent, slot->frame, next, now)) {
            uint16_t* memory = heir->memory;
            heir->memory = slot->memory;
            slot->memory = memory;
            heir->order = slot->order;
        }
        slot->used = false;
    }
    if (!slot->used || slot->frame != frame) slot->order = ++clock_;
    slot->used = true;
    slot->frame = frame;
    memcpy(slot->pointer, pointer, sizes_.pointer_values * sizeof(float));
    return slot->memory;
}

bool MemoryBank::forget_prompted(int64_t frame) {
    if (BankSlot* slot = find(prompted_, sizes_.prompted, frame)) {
        slot->used = false;
        take_back(slot);
        return true;
    }
    // A pointer outlives its memory: it reaches further.
    BankSlot* memory = find_given_up(recent_, sizes_.recent, frame);
    BankSlot* pointer = find_given_up(pointers_, sizes_.pointers, frame);
    if (memory) memory->used = false;
    if (pointer) pointer->used = false;
    return memory || pointer;
}

// Undoes what store_prompted() did to the prompted frame that had to give way.
void MemoryBank::take_back(BankSlot* slot) {
    BankSlot *last = nullptr, *pointer = nullptr;
    for (size_t i = 0; i < sizes_.recent; i++) {
        BankSlot* candidate = &recent_[i];
        if (!candidate->used || !candidate->given_up || (last && candidate->given_up < last->given_up)) continue;
        BankSlot* its_pointer = find_given_up(pointers_, sizes_.pointers, candidate->frame);
        if (!its_pointer) continue;
        last = candidate;
        pointer = its_pointer;
    }
    if (!last) return;
    uint16_t* memory = slot->memory;
    slot->memory = last->memory;
    last->memory = memory;
    memcpy(slot->pointer, pointer->pointer, sizes_.pointer_values * sizeof(float));
    slot->used = true;
    slot->frame = last->frame;
    slot->order = last->order;
    last->used = pointer->used = false;
}

size_t MemoryBank::read_memories(int64_t frame, bool reverse, size_t frames_ahead, MemoryRead* reads) const {
    size_t n = 0;
    // Prompted frames, at any distance, past or future, share the last time code; of recent ones the oldest
    // comes first.
    for (size_t i = 0; i < sizes_.prompted; i++)
        if (prompted_[i].used) reads[n++] = {prompted_[i].memory, frames_ahead, prompted_[i].frame, true};
    for (size_t back = frames_ahead; back > 0; back--) {
        const int64_t step = static_cast<int64_t>(back);
        const BankSlot* slot = find(recent_, sizes_.recent, reverse ? frame + step : frame - step);
        if (slot) reads[n++] = {slot->memory, back - 1, slot->frame, false};
    }
    return n;
}

size_t MemoryBank::read_pointers(int64_t frame, bool reverse, size_t pointer_reach,
                                 PointerRead* reads) const {
    size_t n = 0;
    for (size_t i = 0; i < sizes_.prompted; i++) {
        const BankSlot& slot = prompted_[i];
        if (!slot.used || (reverse ? slot.frame < frame : slot.frame > frame))
            continue;  // from the past only
        reads[n++] = {slot.pointer, static_cast<float>(gap(slot.frame, frame)), slot.frame};
    }
    for (size_t back = 1; back <= pointer_reach; back++) {
        const int64_t step = static_cast<int64_t>(back);
        const BankSlot* slot = find(pointers_, sizes_.pointers, reverse ? frame + step : frame - step);
        if (slot) reads[n++] = {slot->pointer, static_cast<float>(back), slot->frame};
    }
    return n;
}

bool MemoryBank::can_be_read(int64_t frame, bool reverse, size_t frames_ahead, size_t pointer_reach) const {
    for (size_t i = 0; i < sizes_.prompted; i++)
        if (prompted_[i].used) return true;
    const auto within = [&](const BankSlot* slots, size_t count, size_t reach) {
        for (size_t i = 0; i < count; i++) {
            const int64_t back = reverse ? slots[i].frame - frame : frame - slots[i].frame;
            if (slots[i].used && back > 0 && static_cast<uint64_t>(back) <= reach) return true;
        }
        return false;
    };
    return within(recent_, sizes_.recent, frames_ahead) || within(pointers_, sizes_.pointers, pointer_reach);
}

}  // namespace samlet
