// SPDX-License-Identifier: MIT
// Scratch for one call: 64-byte aligned, taken before the parallel region and before the GIL is
// dropped (std::bad_alloc becomes MemoryError). Freed blocks are kept for the next call, up to a
// cap: a fresh block costs a page fault every 4 KiB.
#pragma once

#include <utility>

#include "core/types.h"

namespace fastconv {

class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(index_t bytes);
  ~Scratch();
  Scratch(Scratch&& other) noexcept { swap(other); }
  Scratch& operator=(Scratch&& other) noexcept {
    swap(other);
    return *this;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  T* as() const noexcept {
    return static_cast<T*>(data_);
  }
  std::byte* bytes() const noexcept { return static_cast<std::byte*>(data_); }

 private:
  void swap(Scratch& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  void* data_ = nullptr;
  index_t size_ = 0;
};

// Rounds a size in bytes up to whole cache lines, so that neighbours in one block stay aligned.
constexpr index_t cache_lines(index_t bytes) { return (bytes + 63) / 64 * 64; }

void release_cached_memory() noexcept;  // gives every kept block back to the system

void lock_memory_for_fork() noexcept;  // a child must not inherit a locked mutex
void unlock_memory_after_fork() noexcept;

}  // namespace fastconv
