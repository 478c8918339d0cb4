// SPDX-License-Identifier: MIT
#include "core/workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>

#include "core/platform.h"
#include "core/threads.h"

namespace fastconv {
namespace {

constexpr int kMostWorkers = 1024;

using Clock = std::chrono::steady_clock;

// A worker that waits spins for so long before it sleeps: it bridges the gap between two layers of
// a network, and is far below the 2 ms after which somebody would miss the core.
constexpr auto kSpin = std::chrono::microseconds(50);

// Every so many-th task, of which the first `next` are taken. Shares lie in cache lines of their
// own.
struct alignas(64) Share {
  std::atomic<index_t> next{0};
  index_t end = 0;
};

// One call of parallel_for, on the caller's stack. Share i has the tasks i, i + shares, i + 2 *
// shares and so on: where the first tasks are a little larger than the last, as they are where
// something was cut evenly, no share has all of them (256@14 3x3 on two threads: 475 us by halves,
// 411 so).
struct Call {
  static constexpr int kMostShares = 64;
  const Body& body;
  // How the caller's CPU rounds, and whether it flushes subnormals: all threads do as it does.
  const unsigned rounding = float_mode();
  int shares = 0;
  Share share[kMostShares];

  Call(index_t tasks, int threads, const Body& b)
      : body(b), shares(static_cast<int>(std::min<index_t>({threads, tasks, kMostShares}))) {
    for (int i = 0; i < shares; ++i) share[i].end = (tasks - i + shares - 1) / shares;
  }

  // Computes what is left of the share of `thread`, then of the others.
  void work(int thread) noexcept {
    for (int i = 0; i < shares; ++i) {
      const int own = (thread + i) % shares;
      Share& s = share[own];
      if (s.next.load(std::memory_order_relaxed) >= s.end) continue;
      for (;;) {
        const index_t n = s.next.fetch_add(1, std::memory_order_relaxed);
        if (n >= s.end) break;
        body(own + n * shares, thread);
      }
    }
  }
};

// What a worker is asked to do, in one word, so that a caller can take it back: 0 while it is idle,
// the call's address from when it is asked, and the address + 1 from when it has begun.
using Word = std::uintptr_t;
constexpr Word kReserved = 1;  // a caller is about to ask it

// Lives as long as the process, since nobody knows when a thread has looked at it for the last
// time.
struct Worker {
  int thread = 0;  // its number in the call that it is asked for
  std::atomic<Word> asked{0};
  std::atomic<std::uint32_t> bell{0};  // rung when it is asked
  std::atomic<std::uint32_t> left{0};  // counts the calls that it has left
};

thread_local bool in_call = false;  // this thread computes a task: what it calls stays on it

template <class Done>
bool spin_until(const Done& done) noexcept {
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      relax_cpu();
    }
    if (Clock::now() - start > kSpin) return false;
  }
}

// A worker's life.
void serve(void* self) noexcept {
  Worker& me = *static_cast<Worker*>(self);
  in_call = true;
  for (;;) {
    const auto is_asked = [&] { return me.asked.load(std::memory_order_acquire) > kReserved; };
    const std::uint32_t bell = me.bell.load(std::memory_order_acquire);
    if (!is_asked() && !spin_until(is_asked)) {
      if (!is_asked()) me.bell.wait(bell, std::memory_order_acquire);
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

class Workers {
 public:
  // The worker of CPU `slot`, or just the one of that number where `cpu` is -1; null if there is
  // none to be had.
  Worker* of(int slot, int cpu) noexcept {
    if (slot >= kMostWorkers) return nullptr;
    Worker* worker = workers_[slot].load(std::memory_order_acquire);
    return worker != nullptr ? worker : make(slot, cpu);
  }

  std::mutex mutex;  // held while a worker is made, and across a fork

  void forget() noexcept {
    for (auto& worker : workers_) worker.store(nullptr, std::memory_order_relaxed);
    retry_ = {};
  }

 private:
  Worker* make(int slot, int cpu) noexcept {
    const std::lock_guard lock(mutex);
    Worker* worker = workers_[slot].load(std::memory_order_relaxed);
    const auto now = Clock::now();
    if (worker != nullptr || now < retry_) return worker;
    worker = new (std::nothrow) Worker;
    // Where it may not be pinned, it can still work.
    if (worker == nullptr ||
        (!start_thread(serve, worker, cpu) && !start_thread(serve, worker, -1))) {
      delete worker;
      retry_ = now + std::chrono::seconds(1);  // callers go on alone; each new try costs them
      return nullptr;
    }
    workers_[slot].store(worker, std::memory_order_release);
    return worker;
  }

  std::atomic<Worker*> workers_[kMostWorkers] = {};
  Clock::time_point retry_ = {};  // after a failure none is made until then
};

Workers workers;
std::atomic<int> callers{0};  // threads that run a call now
std::atomic<Threading> layer{Threading::pool};

// The workers that a call has asked.
class Asked {
 public:
  Asked(Call& call, int threads) noexcept : call_(call) {
    const CpuSet cpus = allowed_cpus();
    const bool pinned = cpus.count > 0;
    const int places = pinned ? cpus.count : available_cpus();
    const int here = pinned ? std::max(cpus.rank(current_cpu()), 0) : 0;
    // Other threads call, too, each on a CPU of its own: the rest is free.
    const int free = available_cpus() - callers.load(std::memory_order_relaxed);
    const int most = std::min({threads - 1, places - 1, free});
    thread_ = here % threads;
    for (int i = 1; i < places && n_ < most; ++i) {
      const int place = (here + i) % places;
      ask(workers.of(pinned ? cpus.at(place) : place, pinned ? cpus.at(place) : -1),
          (thread_ + n_ + 1) % threads);
    }
  }

  int thread() const noexcept { return thread_; }  // the caller's number

  // Takes back what nobody has begun, and waits for the rest.
  void finish() noexcept {
    const Word asked = reinterpret_cast<Word>(&call_), begun = asked + 1;
    for (int i = 0; i < n_; ++i) {
      Worker& worker = *workers_[i];
      Word word = asked;
      if (worker.asked.compare_exchange_strong(word, 0, std::memory_order_acq_rel)) continue;
      const auto has_left = [&] { return worker.asked.load(std::memory_order_acquire) != begun; };
      while (!has_left() && !spin_until(has_left)) {
        const std::uint32_t left = worker.left.load(std::memory_order_acquire);
        if (!has_left()) worker.left.wait(left, std::memory_order_acquire);
      }
    }
  }

 private:
  void ask(Worker* worker, int thread) noexcept {
    if (worker == nullptr || worker->asked.load(std::memory_order_relaxed) != 0) return;
    Word idle = 0;
    // It is reserved first: its number has to be there before it looks.
    if (!worker->asked.compare_exchange_strong(idle, kReserved, std::memory_order_acquire)) return;
    worker->thread = thread;
    worker->asked.store(reinterpret_cast<Word>(&call_), std::memory_order_release);
    worker->bell.fetch_add(1, std::memory_order_release);
    worker->bell.notify_one();
    workers_[n_++] = worker;
  }

  Call& call_;
  int thread_ = 0, n_ = 0;
  Worker* workers_[Call::kMostShares];
};

}  // namespace

Threading threading() noexcept { return layer.load(std::memory_order_relaxed); }
void set_threading(Threading chosen) noexcept { layer.store(chosen, std::memory_order_relaxed); }

void run_on_workers(index_t tasks, int threads, const Body& body) noexcept {
  if (in_call) {
    for (index_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  Call call(tasks, threads, body);
  callers.fetch_add(1, std::memory_order_relaxed);
  in_call = true;
  Asked asked(call, call.shares);
  call.work(asked.thread());
  asked.finish();
  in_call = false;
  callers.fetch_sub(1, std::memory_order_relaxed);
}

void lock_workers_for_fork() noexcept { workers.mutex.lock(); }
void unlock_workers_in_parent() noexcept { workers.mutex.unlock(); }
void forget_workers_in_child() noexcept {
  workers.forget();
  callers.store(0, std::memory_order_relaxed);
  workers.mutex.unlock();
}

}  // namespace fastconv
