// SPDX-License-Identifier: MIT
// What both weight gradients by Fourier transforms do where a sum is not finite: the plain sum may
// still be finite, or be an infinity where this one is a NaN. So the whole gradient is then
// computed again as plain sums, as that of Winograd's algorithm is.
#pragma once

#include <algorithm>
#include <memory>

#include "algorithms/weight_grad/algorithm.h"
#include "algorithms/weight_grad/cost.h"

namespace fastconv::weight_grad {

template <class T>
class PreparedOrPlain : public Prepared<T> {
 public:
  PreparedOrPlain(const Correlation& r, const Exec& exec) : Prepared<T>(r) {
    const Algorithm<T>& plain =
        outer_cycles<T>(r, exec) < dots_cycles<T>(r, exec) ? outer<T>() : dots<T>();
    plain_ = plain.prepare(r, exec);
  }
  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept final {
    const Job<T> job{args, this->r_};
    if (!try_run(job, exec, scratch)) plain_->run(args, exec, scratch);
  }

 protected:
  // For constructors: the bytes that try_run() needs.
  void use_scratch(index_t bytes) {
    this->scratch_bytes_ = std::max(bytes, plain_->scratch_bytes());
  }

 private:
  // Returns whether all sums are finite.
  virtual bool try_run(const Job<T>& job, const Exec& exec, std::byte* scratch) const noexcept = 0;

  std::unique_ptr<const Prepared<T>> plain_;
};

}  // namespace fastconv::weight_grad
