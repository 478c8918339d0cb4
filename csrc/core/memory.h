// SPDX-License-Identifier: MIT
// Memory of calls: workspaces, and the data of large results. Blocks are 64-byte aligned; a freed
// one waits for the next call, up to a cap that all share: a overwrite one costs a page fault every
// 4 KiB.
#pragma once

#include <string>
#include <utility>

#include "core/types.h"

namespace fastconv {

// From any thread. A block is at most a quarter larger than asked for; null if memory is short.
void* take_block(index_t bytes) noexcept;
void give_block(void* data) noexcept;           // null is nothing
index_t block_size(const void* data) noexcept;  // what was asked for

struct PoolState {
  index_t most, kept;  // bytes of freed blocks: at most, and now
};
PoolState pool_state() noexcept;

void release_cached_memory() noexcept;  // gives every kept block back to the system

// FASTCONV_POOL_MB: the cap in MiB; 0 keeps nothing. A sentence if it is no such number, else
// empty.
std::string init_pool_from_environment();

// Memory for one call: taken before the parallel region and before the GIL is dropped
// (std::bad_alloc becomes MemoryError).
class Scratch {
 public:
  Scratch() = default;
  explicit Scratch(index_t bytes);
  ~Scratch() { give_block(data_); }
  Scratch(Scratch&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Scratch& operator=(Scratch&& other) noexcept {
    std::swap(data_, other.data_);
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
  void* data_ = nullptr;
};

// Rounds a size in bytes up to whole cache lines, so that neighbours in one block stay aligned.
constexpr index_t cache_lines(index_t bytes) { return (bytes + 63) / 64 * 64; }

void lock_memory_for_fork() noexcept;  // a child must not inherit a locked mutex
void unlock_memory_after_fork() noexcept;

}  // namespace fastconv
