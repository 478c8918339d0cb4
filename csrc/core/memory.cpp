// SPDX-License-Identifier: MIT
#include "core/memory.h"

#include <cstdio>
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

// What Python shows as MemoryError("...").
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(index_t bytes) noexcept {
    std::snprintf(text_, sizeof text_, "cannot allocate a workspace of %td bytes", bytes);
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[80];
};

void* allocate(index_t bytes) {
  void* data = ::operator new(static_cast<std::size_t>(bytes), kAlignment, std::nothrow);
  if (data == nullptr) throw OutOfMemory(bytes);
  return data;
}

}  // namespace

Scratch::Scratch(index_t bytes) {
  require(bytes >= 0 && bytes < PTRDIFF_MAX - 4096, "a workspace of ", bytes,
          " bytes is too large to address");
  if (bytes == 0) return;
  const index_t rounded = (bytes + 4095) / 4096 * 4096;
  const Block block = take(rounded);
  data_ = block.data ? block.data : allocate(rounded);
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
