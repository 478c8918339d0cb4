// SPDX-License-Identifier: MIT
// Calls by OpenMP in one thread of the caller's, while the pool is everybody else's layer: for
// those that lie between the operations of a library whose threads of OpenMP wait spinning.
#pragma once

namespace fastconv {

// While one lives, its thread's calls run on OpenMP if the layer is the pool. Without OpenMP in the
// build it does nothing.
class JoinOpenMP {
 public:
  JoinOpenMP() noexcept;
  ~JoinOpenMP();
  JoinOpenMP(const JoinOpenMP&) = delete;
  JoinOpenMP& operator=(const JoinOpenMP&) = delete;

 private:
  bool before_;
};

bool joins_openmp() noexcept;  // whether one lives in this thread

}  // namespace fastconv
