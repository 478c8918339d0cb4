// SPDX-License-Identifier: MIT
#include "core/worker.h"

#include <mutex>
#include <new>

#include "core/shares.h"

namespace fastconv {
namespace {

constexpr int kMostWorkers = 1024;

std::atomic<Worker*> workers[kMostWorkers] = {};
std::mutex making;             // held while a worker is made, and across a fork
Clock::time_point retry = {};  // after a failure none is made until then

// A worker's life.
void serve(void* self) noexcept {
  Worker& me = *static_cast<Worker*>(self);
  in_call = true;
  me.sleeps.store(false, std::memory_order_relaxed);
  awake.fetch_add(1, std::memory_order_relaxed);
  for (;;) {
    const auto is_asked = [&] { return me.asked.load(std::memory_order_acquire) > kReserved; };
    const std::uint32_t bell = me.bell.load(std::memory_order_acquire);
    if (!is_asked() && !spin_until(is_asked)) {
      me.sleeps.store(true, std::memory_order_relaxed);
      awake.fetch_sub(1, std::memory_order_relaxed);
      if (!is_asked()) me.bell.wait(bell, std::memory_order_acquire);
      awake.fetch_add(1, std::memory_order_relaxed);
      me.sleeps.store(false, std::memory_order_relaxed);
      continue;
    }
    Word word = me.asked.load(std::memory_order_acquire);
    if (word <= kReserved ||
        !me.asked.compare_exchange_strong(word, word + 1, std::memory_order_acq_rel))
      continue;  // taken back
    Call& call = *reinterpret_cast<Call*>(word);
    if (call.rounding != float_mode()) set_float_mode(call.rounding);
    call.work(me.thread);
    me.asked.store(0, std::memory_order_release);  // the call may be gone from here on
    me.left.fetch_add(1, std::memory_order_release);
    me.left.notify_all();
  }
}

Worker* make(int slot, int cpu) noexcept {
  const std::lock_guard lock(making);
  Worker* worker = workers[slot].load(std::memory_order_relaxed);
  const auto now = Clock::now();
  if (worker != nullptr || now < retry) return worker;
  worker = new (std::nothrow) Worker;
  // Where it may not be pinned, it can still work.
  if (worker == nullptr ||
      (!start_thread(serve, worker, cpu) && !start_thread(serve, worker, -1))) {
    delete worker;
    retry = now + std::chrono::seconds(1);  // callers go on alone; each new try costs them
    return nullptr;
  }
  workers[slot].store(worker, std::memory_order_release);
  return worker;
}

}  // namespace

thread_local bool in_call = false;
std::atomic<int> callers{0};
std::atomic<int> awake{0};

Worker* worker_of(int slot, int cpu) noexcept {
  if (slot >= kMostWorkers) return nullptr;
  Worker* worker = workers[slot].load(std::memory_order_acquire);
  return worker != nullptr ? worker : make(slot, cpu);
}

void lock_workers_for_fork() noexcept { making.lock(); }
void unlock_workers_in_parent() noexcept { making.unlock(); }
void forget_workers_in_child() noexcept {
  for (auto& worker : workers) worker.store(nullptr, std::memory_order_relaxed);
  retry = {};
  callers.store(0, std::memory_order_relaxed);
  awake.store(0, std::memory_order_relaxed);
  making.unlock();
}

}  // namespace fastconv
