// SPDX-License-Identifier: MIT
// The weight gradient of large kernels with one input channel per group by Fourier transforms of
// both axes. Two tiles of the image are transformed as one plane of complex numbers, and so are the
// gradients of their outputs; the products' real parts are the sums of both tiles.
#include <atomic>
#include <cmath>

#include "algorithms/fft/plane_tiles.h"
#include "algorithms/weight_grad/fft_plain.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// The pairs of tiles of one kernel are shared out to so many tasks at most, each of which has sums
// of its own.
constexpr index_t kMostSlices = 8;

template <class T>
class PreparedPlanes final : public PreparedOrPlain<T> {
 public:
  PreparedPlanes(const Correlation& r, const fft::PlanesChoice& choice, const Exec& exec)
      : PreparedOrPlain<T>(r, exec),
        cut_(this->r_, choice.h, choice.w),
        transform_(choice.h, choice.w, exec.kernels<T>().conv.gemm.lanes),
        kernels_(r.groups * r.m),
        slices_(std::min(cut_.pairs, ceil_div(kMostSlices, kernels_))),
        work_(choice.cycles * kFmas) {
    this->use_scratch((kernels_ * slices_ * transform_.elements() + exec.threads * each()) *
                      index_t{sizeof(T)});
  }

 private:
  static constexpr double kFmas = 16;  // that a core does in a cycle
  // What a thread works with: the planes of a pair and of its gradients, another one, three rows.
  index_t each() const { return 3 * transform_.elements() + 3 * transform_.row_elements(); }

  bool try_run(const Job<T>& job, const Exec& exec, std::byte* scratch) const noexcept override {
    T* const sums = reinterpret_cast<T*>(scratch);
    T* const work = sums + kernels_ * slices_ * transform_.elements();
    const index_t tasks = kernels_ * slices_;
    parallel_for(tasks, useful_threads(tasks, work_, exec.threads), [&](index_t task, int thread) {
      add(job, exec, task / slices_, part(cut_.pairs, slices_, task % slices_),
          sums + task * transform_.elements(), work + thread * each());
    });
    std::atomic<bool> finite = true;
    const double inverse = work_ / double(2 * cut_.pairs + 1);
    parallel_for(kernels_, useful_threads(kernels_, inverse, exec.threads), [&](index_t i, int t) {
      if (!store(job, exec, i, sums + i * slices_ * transform_.elements(), work + t * each()))
        finite.store(false, std::memory_order_relaxed);
    });
    return finite;
  }

  // Writes the sum of the products of some pairs, for one kernel.
  void add(const Job<T>& job, const Exec& exec, index_t kernel, Range pairs, T* sum,
           T* work) const noexcept {
    const auto& kernels = exec.kernels<T>().conv.fft;
    const index_t plane = transform_.elements(), row = transform_.row_elements();
    T *const x = work, *const dy = x + plane, *const rows = dy + 2 * plane;
    static constexpr index_t kHere = 0;
    std::fill_n(sum, plane, T{0});
    for (index_t pair = pairs.begin; pair < pairs.end; ++pair) {
      read(job, exec, kernel, pair, x, dy, rows);
      for (index_t y = 0; y < transform_.rows(); ++y) {
        T* const product = rows + 2 * row;
        kernels.multiply({.x = transform_.row(x + y * row, rows, kernels),
                          .offsets = &kHere,
                          .w = transform_.row(dy + y * row, rows + row, kernels),
                          .w_term = 0,
                          .terms = 1,
                          .y = product,
                          .n = transform_.vectors()});
        for (index_t i = 0; i < row_numbers(); ++i) sum[y * row + i] += product[i];
      }
    }
  }
  index_t row_numbers() const { return 2 * cut_.columns.n; }  // elements of a row but for its end

  // Transforms the columns of a pair of tiles, and of the gradients of their outputs.
  void read(const Job<T>& job, const Exec& exec, index_t kernel, index_t pair, T* x, T* dy,
            T* row) const noexcept {
    const Correlation& r = job.r;
    const fft::PlaneTiles<T> tiles(r, cut_, transform_, exec);
    const index_t plane = transform_.elements();
    T* const other = dy + plane;
    T* const to_x = transform_.returns() ? x : other;
    for (index_t i = 0; i < 2; ++i) {
      const auto tile = tiles.find(2 * pair + i);
      const index_t channel = tile ? tile->image * r.groups + kernel / r.m : 0;
      tiles.read(tile, job.x + channel * r.in_plane(), i, to_x, row);
    }
    const auto& kernels = exec.kernels<T>().conv.fft;
    transform_.columns(to_x, to_x == x ? other : x, false, kernels);
    T* const to_dy = transform_.returns() ? dy : other;
    for (index_t i = 0; i < 2; ++i) {
      const auto tile = tiles.find(2 * pair + i);
      const index_t rows = tile ? tiles.rows(*tile) : 0, n = tile ? tiles.columns(*tile) : 0;
      const T* from = job.dy;
      if (tile)
        from +=
            ((tile->image * r.groups * r.m + kernel) * r.h.count + tile->q) * r.w.count + tile->j;
      for (index_t y = 0; y < transform_.rows(); ++y)
        tiles.write_row(from + y * r.w.count, y < rows ? n : 0, i,
                        to_dy + y * transform_.row_elements());
    }
    transform_.columns(to_dy, to_dy == dy ? other : dy, false, kernels);
  }

  // Adds the sums of a kernel's tasks, transforms them back and stores them. Returns whether they
  // are finite.
  bool store(const Job<T>& job, const Exec& exec, index_t kernel, T* sums, T* work) const noexcept {
    const Correlation& r = job.r;
    const auto& kernels = exec.kernels<T>().conv.fft;
    const index_t plane = transform_.elements(), row = transform_.row_elements();
    T *const z = work, *const other = z + plane, *const line = other + plane;
    T* const at = transform_.returns() ? z : other;
    for (index_t y = 0; y < transform_.rows(); ++y) {
      for (index_t slice = 1; slice < slices_; ++slice)
        for (index_t i = 0; i < row_numbers(); ++i)
          sums[y * row + i] += sums[slice * plane + y * row + i];
      transform_.row_back(sums + y * row, at + y * row, kernels);
    }
    transform_.columns(at, at == z ? other : z, true, kernels);
    const fft::PlaneTiles<T> tiles(r, cut_, transform_, exec);
    const T scale = T{1} / static_cast<T>(cut_.rows.n * cut_.columns.n);
    bool finite = true;
    for (index_t y = 0; y < cut_.h.taps; ++y) {
      T* const to = job.dw + (kernel * cut_.h.taps + y) * cut_.w.taps;
      tiles.join(z + y * row, cut_.w.taps, line);
      for (index_t i = 0; i < cut_.w.taps; ++i) {
        to[i] = scale * line[i];
        finite = finite && std::isfinite(to[i]);
      }
    }
    return finite;
  }

  fft::PlanesCut cut_;
  fft::PlaneTransform<T> transform_;
  index_t kernels_, slices_;  // how many kernels there are; the tasks of each
  double work_;
};

template <class T>
class FftPlanes final : public Algorithm<T> {
 public:
  FftPlanes() : Algorithm<T>("fft_planes") {}

  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    constexpr index_t kFewTaps = 6;
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    if (request.plain_sums()) return refusal("precision='highest' allows plain sums only");
    if (!takes_axis(r.h) || !takes_axis(r.w))
      return refusal("transforms of both axes take neither strides nor dilations");
    if (std::min(r.h.n_taps(), r.w.n_taps()) < kFewTaps && !this->asked_by(request))
      return refusal("with fewer than 6 taps along an axis it is used only if asked for");
    const fft::PlanesChoice choice = best(r, exec);
    if (choice.h == 0) return refusal("its kernel is too large for tiles");
    return {.cycles = choice.cycles};
  }
  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedPlanes<T>>(r, best(r, exec), exec);
  }

 private:
  static bool takes_axis(const TapAxis& axis) { return axis.in_step == 1 && axis.even_step() == 1; }
  // A pair takes two transforms for each kernel, where a convolution of m kernels takes m + 1; the
  // sums are transformed once.
  static fft::PlanesChoice best(const Correlation& r, const Exec& exec) {
    fft::PlanesChoice choice =
        fft::PlanesCost(r, exec.kernels<T>().conv.gemm).best({.prepacked = true});
    choice.cycles = choice.cycles * 2 * double(r.m) / double(1 + r.m) + choice.packing;
    return choice;
  }
};

}  // namespace

template <class T>
const Algorithm<T>& planes_by_fft() {
  static const FftPlanes<T> entry;
  return entry;
}
template const Algorithm<float>& planes_by_fft();
template const Algorithm<double>& planes_by_fft();

}  // namespace fastconv::weight_grad
