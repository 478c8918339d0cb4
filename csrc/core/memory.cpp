// SPDX-License-Identifier: MIT
#include "core/memory.h"

#include <mutex>
#include <new>

#include "core/require.h"

namespace fastconv {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr int kSlots = 8;
// Scratch of one call is a few MiB beside packed weights; two or three calls in flight fit.
constexpr index_t kMostKept = index_t{64} << 20;

struct Block {
  void* data = nullptr;
  index_t size = 0;
};

std::mutex& mutex() noexcept {
  static std::mutex instance;
  return instance;
}
Block kept[kSlots];  // guarded by mutex()
index_t kept_bytes = 0;

// The smallest kept block that fits without wasting more than three quarters of itself.
Block take(index_t bytes) noexcept {
  const std::lock_guard lock(mutex());
  Block* best = nullptr;
  for (Block& block : kept)
    if (block.data && block.size >= bytes && block.size / 4 <= bytes)
      if (!best || block.size < best->size) best = &block;
  if (!best) return {};
  kept_bytes -= best->size;
  return std::exchange(*best, Block{});
}

bool keep(Block block) noexcept {
  const std::lock_guard lock(mutex());
  if (kept_bytes + block.size > kMostKept) return false;
  for (Block& slot : kept)
    if (!slot.data) {
      slot = block;
      kept_bytes += block.size;
      return true;
    }
  return false;
}

}  // namespace

Scratch::Scratch(index_t bytes) {
  if (bytes <= 0) return;
  require(bytes <= kMostKept || bytes < PTRDIFF_MAX - 4096, "workspace of ", bytes,
          " bytes is too large to address");
  const index_t rounded = (bytes + 4095) / 4096 * 4096;
  const Block block = take(rounded);
  data_ = block.data ? block.data : ::operator new(static_cast<std::size_t>(rounded), kAlignment);
  size_ = block.data ? block.size : rounded;
}

Scratch::~Scratch() {
  if (data_ && !keep({data_, size_})) ::operator delete(data_, kAlignment);
}

void release_cached_memory() noexcept {
  const std::lock_guard lock(mutex());
  for (Block& block : kept) ::operator delete(std::exchange(block, Block{}).data, kAlignment);
  kept_bytes = 0;
}

void lock_memory_for_fork() noexcept { mutex().lock(); }
void unlock_memory_after_fork() noexcept { mutex().unlock(); }

}  // namespace fastconv
