// SPDX-License-Identifier: MIT
// The weight gradient of long kernels by Fourier transforms along the rows.
#include <atomic>

#include "algorithms/weight_grad/fft_plain.h"
#include "algorithms/weight_grad/fft_task.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

template <class T>
class PreparedFft final : public PreparedOrPlain<T> {
 public:
  PreparedFft(const Correlation& r, const fft::Choice& choice, const Exec& exec)
      : PreparedOrPlain<T>(r, exec),
        transform_(fft::transform_at<T>(choice.size)),
        cut_(fft_cut<T>(this->r_, fft::kSizes[choice.size], exec)),
        work_(choice.cycles * kFmas) {
    this->use_scratch(exec.threads * each(exec));
  }

 private:
  index_t each(const Exec& exec) const noexcept {
    return fft_sizes<T>(this->r_, cut_, exec.kernels<T>().conv.gemm.lanes).all();
  }
  bool try_run(const Job<T>& job, const Exec& exec, std::byte* scratch) const noexcept override {
    const index_t tasks = job.r.groups * cut_.c_tasks * cut_.m_tasks, bytes = each(exec);
    std::atomic<bool> finite = true;
    parallel_for(tasks, useful_threads(tasks, work_, exec.threads), [&](index_t task, int thread) {
      if (!FftTask<T>(job, cut_, transform_, exec, scratch + thread * bytes, task).run())
        finite.store(false, std::memory_order_relaxed);
    });
    return finite;
  }

  static constexpr double kFmas = 16;  // that a core does in a cycle
  const fft::Transform<T>& transform_;
  FftCut cut_;
  double work_;
};

template <class T>
class Fft final : public Algorithm<T> {
 public:
  Fft() : Algorithm<T>("fft") {}

  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    constexpr index_t kFewTaps = 4;
    if (request.plain_sums()) return refusal("precision='highest' allows plain sums only");
    if (!fft::takes(r)) return refusal("the taps of a row must be equally far apart");
    if (r.w.n_taps() < kFewTaps && !this->asked_by(request))
      return refusal("with fewer than 4 taps along the rows it is used only if asked for");
    const fft::Choice choice = fft_best<T>(r, exec);
    if (choice.size < 0) return refusal("its lines are too short for so many taps");
    return {.cycles = choice.cycles};
  }
  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedFft<T>>(r, fft_best<T>(r, exec), exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& by_fft() {
  static const Fft<T> entry;
  return entry;
}
template const Algorithm<float>& by_fft();
template const Algorithm<double>& by_fft();

}  // namespace fastconv::weight_grad
