// SPDX-License-Identifier: MIT
// Lets other Python threads run while this one computes.
#pragma once

#include <pybind11/pybind11.h>

#include <chrono>
#include <thread>

namespace fastconv {

// As pybind11's gil_scoped_release, but for a thread that is still computing when the interpreter
// ends: Python then ends that thread where it asks for the lock, by unwinding its stack, which no
// destructor survives, and the process would abort. Such a thread waits here until the process
// ends.
class Unlocked {
 public:
  // Under 100,000 FMAs a call lasts three microseconds, of which letting go of the lock and taking
  // it again would be 0.1: it keeps the lock.
  explicit Unlocked(double fmas = 1e9) : state_(fmas > 100e3 ? PyEval_SaveThread() : nullptr) {}
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
  ~Unlocked() {
    if (state_ == nullptr) return;
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {  // it throws nothing: this is the unwinding
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }

 private:
  PyThreadState* state_;
};

}  // namespace fastconv
