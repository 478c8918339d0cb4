// SPDX-License-Identifier: MIT
// The adjoint of Winograd's algorithm: the tiles of the image and of the gradient are transformed,
// they are multiplied at each place by a matrix product over tiles, and only the sums over all
// tiles are transformed back.
#include <atomic>

#include "algorithms/weight_grad/cost.h"
#include "algorithms/weight_grad/sums.h"
#include "algorithms/weight_grad/turned.h"
#include "algorithms/weight_grad/winograd_cost.h"
#include "algorithms/weight_grad/winograd_task.h"

namespace fastconv::weight_grad {
namespace {

// If a sum is not finite, the plain sum may still be finite, or be an infinity where this one is a
// NaN. So the whole gradient is then computed again as plain sums.
template <class T>
class PreparedWinograd final : public Prepared<T> {
 public:
  PreparedWinograd(const Correlation& r, winograd::Form form, const Layouts& layouts,
                   const Exec& exec)
      : Prepared<T>(r),
        grid_(r, form),
        cut_(winograd_cut<T>(r, grid_, exec)),
        sizes_(winograd_sizes<T>(r, grid_, cut_)) {
    const Algorithm<T>& plain =
        outer_cycles<T>(r, exec) < dots_cycles<T>(r, exec) ? outer<T>() : dots<T>();
    plain_ = plain.prepare(r, exec);
    if (!(layouts == Layouts{}))
      plain_ = std::make_unique<const PreparedTurned<T>>(std::move(plain_), layouts, Layouts{});
    this->scratch_bytes_ = std::max(exec.threads * sizes_.each(), plain_->scratch_bytes());
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    const index_t tasks = job.r.groups * cut_.x_tasks * cut_.dy_tasks;
    std::atomic<bool> finite = true;
    parallel_for(tasks, useful_threads(tasks, job.r.fmas() / 4, exec.threads),
                 [&](index_t task, int thread) {
                   std::byte* memory = scratch + thread * sizes_.each();
                   if (!WinogradTask<T>(job, grid_, exec, cut_, sizes_, memory, task).run())
                     finite.store(false, std::memory_order_relaxed);
                 });
    if (!finite) plain_->run(args, exec, scratch);
  }

 private:
  winograd::TileGrid grid_;
  WinogradCut cut_;
  WinogradSizes sizes_;
  std::unique_ptr<const Prepared<T>> plain_;
};

template <class T>
class FormEntry final : public Algorithm<T> {
 public:
  explicit FormEntry(winograd::Form form) : Algorithm<T>(name_of(form)), form_(form) {}

  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (!fits(r, form_)) return refusal("it takes other numbers of taps, at stride 1");
    if (r.mode != PadMode::zeros) return refusal("its tiles are cut from the image as it is");
    if (r.h.even_step() != 1 || r.w.even_step() != 1)
      return refusal("its tiles' rows are not dilated");
    if (const char* reason = too_coarse(form_, request, sizeof(T))) return refusal(reason);
    return {.cycles = winograd_cycles<T>(r, form_, request.layouts, exec)};
  }
  Layouts layouts(const Layouts& given) const override { return given; }

  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return prepare_for(r, {}, exec);
  }
  std::unique_ptr<const Prepared<T>> prepare_for(const Correlation& r, const Layouts& layouts,
                                                 const Exec& exec) const override {
    return std::make_unique<const PreparedWinograd<T>>(r, form_, layouts, exec);
  }

 private:
  winograd::Form form_;
};

template <class T>
const std::vector<std::unique_ptr<const FormEntry<T>>>& entries() {
  static const auto all = [] {
    std::vector<std::unique_ptr<const FormEntry<T>>> list;
    for (int i = 0; i < winograd::kForms; ++i)
      list.push_back(std::make_unique<const FormEntry<T>>(winograd::form_at(i)));
    return list;
  }();
  return all;
}

}  // namespace

template <class T>
const Algorithm<T>& winograd_form(int i) {
  return *entries<T>()[static_cast<std::size_t>(i)];
}
template const Algorithm<float>& winograd_form(int);
template const Algorithm<double>& winograd_form(int);

}  // namespace fastconv::weight_grad
