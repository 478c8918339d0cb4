// SPDX-License-Identifier: MIT
#include "core/memory.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>

#include "core/pages.h"
#include "core/require.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace fastconv {
namespace {

constexpr index_t kMiB = index_t{1} << 20;

// The header that stands before the memory of each block. `newer` and `older` are the neighbours in
// the list of blocks of one size, and have a meaning only while the block is kept.
struct alignas(64) Block {
  index_t size, used;  // of the memory behind the header; what was asked for
  int size_class;
  std::uint64_t kept_at;  // the reading of Pool::clock when it was given back
  Block *newer, *older;

  void* data() noexcept { return this + 1; }
  static Block* of(void* data) noexcept { return static_cast<Block*>(data) - 1; }
};

// Blocks come in four sizes for each power of two, from 4 KiB on: 4, 5, 6, 7, 8, 10, 12, 14, 16
// KiB, ..
constexpr int kSmallest = 12;
constexpr int kClasses = 4 * (62 - kSmallest) + 1;

struct SizeClass {
  int index;
  index_t size;
};
SizeClass class_of(index_t bytes) noexcept {
  if (bytes <= index_t{1} << kSmallest) return {0, index_t{1} << kSmallest};
  const int power = 63 - std::countl_zero(static_cast<std::uint64_t>(bytes - 1));
  const index_t quarter = index_t{1} << (power - 2);
  const index_t quarters = (bytes + quarter - 1) / quarter;  // 5..8
  return {4 * (power - kSmallest) + static_cast<int>(quarters) - 4, quarters * quarter};
}

struct Kept {  // blocks of one size that wait; the one that was given back last is taken first
  Block *newest = nullptr, *oldest = nullptr;
};

struct Pool {
  std::mutex mutex;
  index_t most = 256 * kMiB;  // the cap
  index_t bytes = 0;          // of all blocks that are kept
  std::uint64_t clock = 0;    // counts blocks that were given back
  Kept kept[kClasses];
};
constinit Pool pool;  // never destroyed: arrays may outlive the interpreter

// Notes that `used` bytes of the block are in use, and tells AddressSanitizer, where it watches,
// that no others may be touched.
void allow([[maybe_unused]] Block* block, index_t used) noexcept {
  block->used = used;
#ifdef __SANITIZE_ADDRESS__
  const auto* data = static_cast<std::byte*>(block->data());
  __asan_unpoison_memory_region(data, static_cast<std::size_t>(block->size));
  __asan_poison_memory_region(data + used, static_cast<std::size_t>(block->size - used));
#endif
}

void unlink(Block* block) noexcept {
  Kept& kept = pool.kept[block->size_class];
  (block->newer ? block->newer->older : kept.newest) = block->older;
  (block->older ? block->older->newer : kept.oldest) = block->newer;
  pool.bytes -= block->size;
}

void link(Block* block) noexcept {
  Kept& kept = pool.kept[block->size_class];
  block->newer = nullptr;
  block->older = kept.newest;
  (block->older ? block->older->newer : kept.oldest) = block;
  kept.newest = block;
  block->kept_at = ++pool.clock;
  pool.bytes += block->size;
}

// Takes those blocks out of the lists that have waited longest, until no more than `most` bytes are
// kept. Returns them chained by `older`: they are freed when the mutex is free again.
Block* surplus(index_t most) noexcept {
  Block* chain = nullptr;
  while (pool.bytes > most) {
    Block* oldest = nullptr;
    for (const Kept& kept : pool.kept)
      if (kept.oldest && (!oldest || kept.oldest->kept_at < oldest->kept_at)) oldest = kept.oldest;
    unlink(oldest);
    oldest->older = std::exchange(chain, oldest);
  }
  return chain;
}

void free_chain(Block* chain) noexcept {
  while (chain) {
    Block* block = std::exchange(chain, chain->older);
    allow(block, block->size);
    system_free(block, block->size + index_t{sizeof(Block)});
  }
}

Block* take_kept(const SizeClass& wanted) noexcept {
  const std::lock_guard lock(pool.mutex);
  Block* block = pool.kept[wanted.index].newest;
  if (block) unlink(block);
  return block;
}

Block* make_block(const SizeClass& wanted) noexcept {
  const index_t whole = wanted.size + index_t{sizeof(Block)};
  void* memory = system_allocate(whole);
  if (memory == nullptr) {  // the blocks that are kept may be the memory that is missing
    release_cached_memory();
    memory = system_allocate(whole);
  }
  if (memory == nullptr) return nullptr;
  auto* block = new (memory) Block{};
  block->size = wanted.size;
  block->size_class = wanted.index;
  return block;
}

// std::bad_alloc with a message, which Python shows as MemoryError("...").
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(index_t bytes) noexcept {
    std::snprintf(text_, sizeof text_, "cannot allocate a workspace of %td bytes", bytes);
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[80];
};

}  // namespace

void* take_block(index_t bytes) noexcept {
  const SizeClass wanted = class_of(bytes);
  Block* block = take_kept(wanted);
  if (block == nullptr) block = make_block(wanted);
  if (block == nullptr) return nullptr;
  allow(block, bytes);
  return block->data();
}

void give_block(void* data) noexcept {
  if (data == nullptr) return;
  Block* chain = Block::of(data);
  chain->older = nullptr;
  allow(chain, 0);
  {
    const std::lock_guard lock(pool.mutex);
    if (chain->size <= pool.most) {
      link(chain);
      chain = surplus(pool.most);
    }
  }
  free_chain(chain);
}

index_t block_size(const void* data) noexcept {
  return (static_cast<const Block*>(data) - 1)->used;
}

PoolState pool_state() noexcept {
  const std::lock_guard lock(pool.mutex);
  return {pool.most, pool.bytes};
}

void release_cached_memory() noexcept {
  Block* chain = nullptr;
  {
    const std::lock_guard lock(pool.mutex);
    chain = surplus(0);
  }
  free_chain(chain);
}

std::string init_pool_from_environment() {
  const char* text = std::getenv("FASTCONV_POOL_MB");
  if (text == nullptr || *text == '\0') return {};
  char* end = nullptr;
  const long mebibytes = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || mebibytes < 0)
    return sentence("FASTCONV_POOL_MB='", text,
                    "' is not a number of MiB, 0 or more; it is ignored");
  pool.most = std::min<index_t>(mebibytes, PTRDIFF_MAX / kMiB) * kMiB;
  return {};
}

Scratch::Scratch(index_t bytes) {
  require(bytes >= 0 && bytes <= PTRDIFF_MAX / 2, "a workspace of ", bytes,
          " bytes is too large to address");
  if (bytes == 0) return;
  data_ = take_block(bytes);
  if (data_ == nullptr) throw OutOfMemory(bytes);
}

void lock_memory_for_fork() noexcept { pool.mutex.lock(); }
void unlock_memory_after_fork() noexcept { pool.mutex.unlock(); }

}  // namespace fastconv
