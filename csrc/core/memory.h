// SPDX-License-Identifier: MIT
// The memory of calls: workspaces, and the data of large results. Blocks are aligned to 64 bytes. A
// block that is given back is kept for the next call, because new memory from the system costs a
// page fault for every 4 KiB; all blocks that are kept share a cap.
#pragma once

#include <string>
#include <utility>

#include "core/types.h"

namespace fastconv {

// These may be called from any thread. take_block gives a block at most a quarter larger than asked
// for (but at least 4 KiB), or null if memory is short; give_block(nullptr) does nothing;
// block_size is what was asked for.
void* take_block(index_t bytes) noexcept;
void give_block(void* data) noexcept;
index_t block_size(const void* data) noexcept;

struct PoolState {
  index_t most, kept;  // bytes of the blocks that are kept: the cap, and now
};
PoolState pool_state() noexcept;

void release_cached_memory() noexcept;  // gives every kept block back to the system

// Takes the cap from FASTCONV_POOL_MB, in MiB; with 0 nothing is kept. Returns a sentence that says
// so if that is not such a number, else an empty string.
std::string init_pool_from_environment();

// The workspace of one call. It is taken before the GIL is released and before threads start, so
// that its std::bad_alloc can become a MemoryError; below, nothing allocates.
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

// Rounds a size in bytes up to whole cache lines, so that the parts of a workspace stay aligned.
constexpr index_t cache_lines(index_t bytes) { return (bytes + 63) / 64 * 64; }

// Held across a fork: the child must not inherit a mutex that another thread has locked.
void lock_memory_for_fork() noexcept;
void unlock_memory_after_fork() noexcept;

}  // namespace fastconv
