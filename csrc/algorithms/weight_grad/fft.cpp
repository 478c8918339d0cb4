// SPDX-License-Identifier: MIT
// The weight gradient of long kernels by Fourier transforms along the rows.
#include <atomic>
#include <cmath>

#include "algorithms/weight_grad/cost.h"
#include "algorithms/weight_grad/fft_task.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// If a sum is not finite, the whole gradient is computed again as plain sums, as that of Winograd's
// algorithm is.
template <class T>
class PreparedFft final : public Prepared<T> {
 public:
  PreparedFft(const Correlation& r, const fft::Choice& choice, const Exec& exec)
      : Prepared<T>(r),
        transform_(fft::transform_at<T>(choice.size)),
        cut_(fft_cut<T>(this->r_, fft::kSizes[choice.size], exec)),
        work_(choice.cycles * kFmas) {
    const Algorithm<T>& plain =
        outer_cycles<T>(r, exec) < dots_cycles<T>(r, exec) ? outer<T>() : dots<T>();
    plain_ = plain.prepare(r, exec);
    const index_t each = fft_sizes<T>(r, cut_, exec.kernels<T>().conv.gemm.lanes).all();
    this->scratch_bytes_ = std::max(exec.threads * each, plain_->scratch_bytes());
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    const index_t tasks = job.r.groups * cut_.c_tasks * cut_.m_tasks;
    const index_t each = fft_sizes<T>(job.r, cut_, exec.kernels<T>().conv.gemm.lanes).all();
    std::atomic<bool> finite = true;
    parallel_for(tasks, useful_threads(tasks, work_, exec.threads), [&](index_t task, int thread) {
      if (!FftTask<T>(job, cut_, transform_, exec, scratch + thread * each, task).run())
        finite.store(false, std::memory_order_relaxed);
    });
    if (!finite) plain_->run(args, exec, scratch);
  }

 private:
  static constexpr double kFmas = 16;  // that a core does in a cycle
  const fft::Transform<T>& transform_;
  FftCut cut_;
  double work_;
  std::unique_ptr<const Prepared<T>> plain_;
};

template <class T>
class Fft final : public Algorithm<T> {
 public:
  Fft() : Algorithm<T>("fft") {}

  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    constexpr index_t kFewTaps = 4;
    if (request.plain_sums) return refusal("precision='highest' allows plain sums only");
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
