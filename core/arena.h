// Bump arena over one block, and its rehearsal.
//
// SPDX-License-Identifier: Apache-2.0
//
// The same code lays memory out and plans it: a measuring arena hands out addresses that nobody may follow,
// and counts. Since both take the same path, a plan cannot disagree with what the run needs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace samlet {

class Arena {
  public:
    static constexpr size_t kAlignment = 64;  // a cache line, and what XNNPACK wants

    Arena() = default;
    // A block of `capacity` bytes at `base`, aligned to kAlignment.
    Arena(void* base, size_t capacity) : base_(static_cast<uint8_t*>(base)), capacity_(capacity) {}
    static Arena measuring() {
        Arena arena;
        arena.base_ = reinterpret_cast<uint8_t*>(kAlignment);
        arena.capacity_ = SIZE_MAX / 2;
        return arena;
    }

    static constexpr size_t rounded(size_t bytes) {
        return (bytes + kAlignment - 1) / kAlignment * kAlignment;
    }

    // Null if the block is exhausted; a planned arena never is.
    void* take_bytes(size_t bytes) {
        const size_t size = rounded(bytes);
        if (size < bytes || size > available()) return nullptr;
        void* p = base_ + used_;
        used_ += size;
        count_peak();
        return p;
    }
    template <typename T>
    T* take(size_t count) {
        return count > SIZE_MAX / 4 / sizeof(T) ? nullptr : static_cast<T*>(take_bytes(count * sizeof(T)));
    }

    size_t used() const { return used_; }
    size_t peak() const { return peak_; }
    size_t capacity() const { return capacity_; }
    size_t available() const { return capacity_ - used_ - lent_; }
    void rewind(size_t used) { used_ = used; }

    // Gives back at the end of a block of code what was taken in it.
    class Scope {
      public:
        explicit Scope(Arena& arena) : arena_(arena), used_(arena.used()) {}
        ~Scope() { arena_.rewind(used_); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;

      private:
        Arena& arena_;
        size_t used_;
    };

    // A piece of the block's far end, for a block of code in which more may be taken from the front. Loans
    // end in the reverse order in which they took.
    class Loan {
      public:
        explicit Loan(Arena& arena) : arena_(arena) {}
        ~Loan() { arena_.lent_ -= bytes_; }
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;

        // Once. Null if the block is exhausted.
        void* take_bytes(size_t bytes) {
            const size_t size = rounded(bytes);
            if (size < bytes || size > arena_.available()) return nullptr;
            bytes_ = size;
            arena_.lent_ += size;
            arena_.count_peak();
            return arena_.base_ + (arena_.capacity_ - arena_.lent_);
        }

      private:
        Arena& arena_;
        size_t bytes_ = 0;
    };

  private:
    void count_peak() {
        if (used_ + lent_ > peak_) peak_ = used_ + lent_;
    }

    uint8_t* base_ = nullptr;
    size_t capacity_ = 0, used_ = 0, lent_ = 0, peak_ = 0;
};

}  // namespace samlet
