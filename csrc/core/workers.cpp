// SPDX-License-Identifier: MIT
#include "core/workers.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/join_openmp.h"
#include "core/platform.h"
#include "core/shares.h"
#include "core/threads.h"
#include "core/topology.h"
#include "core/worker.h"

namespace fastconv {
namespace {

// A worker that keeps its caller waiting for so long, and for longer than a task takes, is late: it
// shares its CPU with somebody else, mostly not for this call alone.
constexpr auto kPatience = std::chrono::microseconds(500);

// A late worker that has saved less time lately than it now took kForgiven times over is left alone
// for a while, four times as long the next time, and half as long after each call that it leaves in
// time: somebody else computes on its CPU. One that has saved more was disturbed for once. Left
// alone for that as well, ResNet-50 took 47 ms instead of 42 where something takes a CPU for 2 ms,
// every 40 ms. Two processes that call in a loop do not see the difference (1.1 to 1.3 times the
// time of both on one thread, either way; forgiven at twice as much 1.2 to 1.4).
constexpr int kForgiven = 8;
void judge(Worker& worker, Clock::duration waited, Clock::duration task,
           Clock::duration call) noexcept {
  const auto shun = worker.shun.load(std::memory_order_relaxed);
  auto saved = worker.saved.load(std::memory_order_relaxed);
  if (waited <= kPatience || waited <= task) {
    saved = std::min<Clock::duration>(saved + call, kMostSaved);
    if (shun > kShortestShun) worker.shun.store(shun / 2, std::memory_order_relaxed);
  } else if ((saved -= kForgiven * waited) < Clock::duration::zero()) {
    saved = {};
    worker.shunned_until.store(Clock::now() + shun, std::memory_order_relaxed);
    worker.shun.store(std::min<Clock::duration>(4 * shun, kLongestShun), std::memory_order_relaxed);
  }
  worker.saved.store(saved, std::memory_order_relaxed);
}

// Calls of one thread that follow one another so closely that a worker spins from each to the next.
// Such a row wakes workers though none of its calls is worth it alone: they stay awake for the
// others (32@14 -> 64 1x1, 10 us, in a loop).
class Row {
 public:
  // Whether a call that begins now belongs to a row.
  bool goes_on() noexcept {
    length_ = Clock::now() - last_ < kSpin ? length_ + 1 : 0;
    return length_ >= kShortest;
  }
  void end_call() noexcept { last_ = Clock::now(); }

 private:
  static constexpr int kShortest = 4;  // two calls in a row are no reason to wait for a third
  Clock::time_point last_{};
  int length_ = 0;
};
thread_local Row row;

std::atomic<Threading> layer{Threading::pool};
std::atomic<int> limit{kMaxThreads};

// The CPUs that a call may use, beginning with the caller's.
class Places {
 public:
  // How many workers at most a call on `threads` threads may ask. Other threads call, too, each on
  // a CPU of its own: only the rest is free.
  int workers(int threads) const noexcept {
    const int free = available_cpus() - callers.load(std::memory_order_relaxed);
    return std::max(0, std::min({threads - 1, count_ - 1, free}));
  }

  int count() const noexcept { return count_; }
  int here() const noexcept { return here_; }
  int cpu(int i) const noexcept { return pinned_ ? cpus_.at((here_ + i) % count_) : -1; }
  Worker* worker(int i) const noexcept {
    const int at = cpu(i);
    return worker_of(pinned_ ? at : (here_ + i) % count_, at);
  }

 private:
  const CpuSet cpus_ = allowed_cpus();
  const bool pinned_ = cpus_.count > 0;  // whether the system lets threads choose
  const int count_ = pinned_ ? cpus_.count : available_cpus();
  const int here_ = pinned_ ? std::max(cpus_.rank(current_cpu()), 0) : 0;
};

// The workers that a call has asked.
class Asked {
 public:
  Asked(Call& call, const Places& places, int most, int woken) noexcept
      : call_(call), woken_(woken), thread_(places.here() % call.shares) {
    if (most == 0) return;
    CpuSet cores;  // that have a thread of this call
    cores.add(core_of(places.cpu(0)));
    // Cores of which no thread is used come first: two threads of one share what it can multiply.
    for (const bool siblings : {false, true})
      for (int i = 1; i < places.count() && n_ < most; ++i) {
        const int core = core_of(places.cpu(i));
        if (core >= 0 && cores.has(core) != siblings) continue;
        if (ask(places.worker(i)) && core >= 0) cores.add(core);
      }
  }

  int thread() const noexcept { return thread_; }  // the caller's number

  // Takes back what nobody has begun, and waits for the rest. The caller has computed `done` tasks
  // since the workers were asked.
  void finish(index_t done) noexcept {
    const auto end = Clock::now();
    const auto task = (end - start_) / std::max(done, index_t{1});
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
      judge(worker, Clock::now() - end, task, end - start_);
    }
  }

 private:
  bool ask(Worker* worker) noexcept {
    if (worker == nullptr || worker->asked.load(std::memory_order_relaxed) != 0 ||
        (n_ + 1 >= woken_ && worker->sleeps.load(std::memory_order_relaxed)) ||
        worker->shunned_until.load(std::memory_order_relaxed) > start_)
      return false;
    Word idle = 0;
    // It is reserved first: its number has to be there before it looks.
    if (!worker->asked.compare_exchange_strong(idle, kReserved, std::memory_order_acquire))
      return false;
    worker->thread = (thread_ + n_ + 1) % call_.shares;
    worker->asked.store(reinterpret_cast<Word>(&call_), std::memory_order_release);
    worker->bell.fetch_add(1, std::memory_order_release);
    worker->bell.notify_one();
    workers_[n_++] = worker;
    return true;
  }

  Call& call_;
  const int woken_;  // threads up to which others are woken
  const Clock::time_point start_ = Clock::now();
  int thread_ = 0, n_ = 0;
  Worker* workers_[Call::kMostShares];
};

}  // namespace

Threading threading() noexcept {
  const Threading chosen = layer.load(std::memory_order_relaxed);
  return chosen == Threading::pool && joins_openmp() ? Threading::openmp : chosen;
}
void set_threading(Threading chosen) noexcept { layer.store(chosen, std::memory_order_relaxed); }

int thread_limit() noexcept { return limit.load(std::memory_order_relaxed); }
void limit_threads(int most) noexcept { limit.store(most, std::memory_order_relaxed); }

void run_on_workers(index_t tasks, const Team& team, const Body& body) noexcept {
  const int woken = !in_call && row.goes_on() ? team.threads : team.woken;
  if (in_call || (woken <= 1 && awake.load(std::memory_order_relaxed) == 0)) {
    for (index_t task = 0; task < tasks; ++task) body(task, 0);
    if (!in_call) row.end_call();
    return;
  }
  callers.fetch_add(1, std::memory_order_relaxed);
  in_call = true;
  const Places places;
  const int most = places.workers(std::min(team.threads, Call::kMostShares));
  Call call(tasks, most + 1, body);
  Asked asked(call, places, std::min(most, call.shares - 1), woken);
  asked.finish(call.work(asked.thread()));
  in_call = false;
  callers.fetch_sub(1, std::memory_order_relaxed);
  row.end_call();
}

}  // namespace fastconv
