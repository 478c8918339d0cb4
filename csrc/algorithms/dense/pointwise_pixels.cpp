// SPDX-License-Identifier: MIT
// 1x1 layers from pixels as they lie to planes, for images of few channels: grey of RGB. The pixels
// of a block become planes in L1, from where the tiles of a matrix product read them; so memory is
// read once, and no vector has empty lanes.
//
//     x [rgb rgb rgb ..]  -->  [rrr ..] [ggg ..] [bbb ..]  -->  y [ one plane a result ]
#include <cstring>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/phases.h"
#include "algorithms/dense/dense.h"
#include "core/cache.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::dense {
namespace {

constexpr index_t kMostChannels = 64;

// How the pixels of an image are cut: into parts, one a task, and these into blocks, of which a
// tile takes `columns` pixels at a time by `rows` output channels.
struct Cut {
  index_t parts, block, rows, columns;
};

template <class T>
Cut cut_for(const Correlation& r, const Exec& exec) {
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const index_t rows = std::min<index_t>(r.m, 4);
  const index_t columns = gemm.max_nv[rows] * gemm.lanes;
  // A block takes an eighth of L1, beside what streams past.
  const index_t most = cache_sizes().l1 / 8 / (r.c * index_t{sizeof(T)});
  constexpr index_t kLeastOfPart = 1024;  // pixels; a task then takes a microsecond at least
  return {.parts = std::clamp(r.pixels() / kLeastOfPart, index_t{1}, index_t{4 * exec.threads}),
          .block = std::max<index_t>(most / columns, 1) * columns,
          .rows = rows,
          .columns = columns};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Exec& exec, const Cut& cut, T* planes, index_t index) noexcept
      : job_(job), r_(job.r), exec_(exec), cut_(cut), planes_(planes), n_(index / cut.parts) {
    some_ = part(r_.pixels(), cut.parts, index % cut.parts);
  }

  // Rows of the image that follow on each other are one row.
  void run() noexcept {
    const index_t width = r_.w.in;
    const bool joined = job_.x_row == width * job_.x_pixel;
    for (index_t q = some_.begin, n = 0; q < some_.end; q += n) {
      n = std::min(cut_.block, some_.end - q);
      if (!joined) n = std::min(n, width - q % width);
      const index_t at =
          joined ? q * job_.x_pixel : q / width * job_.x_row + q % width * job_.x_pixel;
      for (index_t g = 0; g < r_.groups; ++g) {
        exec_.kernels<T>().elementwise.transpose({.x = job_.x + n_ * job_.x_image + at + g * r_.c,
                                                  .ldx = job_.x_pixel,
                                                  .y = planes_,
                                                  .ldy = cut_.block,
                                                  .rows = n,
                                                  .columns = r_.c});
        for (index_t row = 0; row < r_.m; row += cut_.rows) multiply(g, row, q, n);
      }
    }
  }

 private:
  // The outputs q to q + n of some output channels, from `row` on.
  void multiply(index_t g, index_t row, index_t q, index_t n) const noexcept {
    const auto& gemm = exec_.kernels<T>().conv.gemm;
    const index_t rows = std::min(cut_.rows, r_.m - row), first = job_.plane(n_, g, row) + q;
    const T* residual = job_.residual_of(n_, g, row);
    for (index_t j = 0; j < n; j += cut_.columns) {
      const index_t columns = std::min(cut_.columns, n - j),
                    nv = ceil_div(columns, index_t{gemm.lanes});
      gemm.run_gemm[rows - 1][nv - 1]({
          .k = r_.c,
          .a = job_.packed + (g * r_.m + row) * r_.c,
          .b = planes_ + j,
          .ldb = cut_.block,
          .offsets = nullptr,
          .c = job_.y + first + j,
          .ldc = r_.out_plane(),
          .init = residual ? residual + q + j : nullptr,
          .bias = job_.bias_of(g, row),
          .tail = static_cast<int>(columns - (nv - 1) * gemm.lanes),
          .limits = job_.limits,
          .contended = exec_.threads > 1,
          .b_next = planes_,
      });
    }
    activate_rest(job_, exec_, job_.channel(g, row), job_.y + first, r_.out_plane(), rows, n);
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const Cut& cut_;
  T* planes_;     // of a block
  index_t n_;     // the image
  Range some_{};  // its pixels that are the task's
};

template <class T>
class PreparedPointwisePixels final : public PreparedPhase<T> {
 public:
  PreparedPointwisePixels(const Correlation& r, const char* family, const Exec& exec)
      : PreparedPhase<T>(r, family), cut_(cut_for<T>(r, exec)) {
    this->use_panels(cut_.rows);
    planes_bytes_ = cache_lines(r.c * cut_.block * index_t{sizeof(T)});
    this->scratch_bytes_ = exec.threads * planes_bytes_;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const Correlation& r = job.r;
    const index_t tasks = r.batch * cut_.parts;
    const double work = r.fmas() + 8 * double(r.batch * r.groups * r.c) * double(r.in_plane());
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      T* planes = reinterpret_cast<T*>(scratch + thread * planes_bytes_);
      Task<T>(job, exec, cut_, planes, task).run();
    });
  }

 private:
  Cut cut_;
  index_t planes_bytes_;
};

template <class T>
class PointwisePixels final : public PhaseAlgorithm<T> {
 public:
  PointwisePixels() : PhaseAlgorithm<T>("pointwise_pixels", "pointwise") {}

  Layouts layouts(const Layouts&) const override { return {true, false}; }
  const Correlation& phase(const Problem& problem, std::size_t i) const override {
    return problem.phases[i];
  }

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    const bool named =
        this->asked_by(request) && std::strcmp(request.algorithm, this->family()) != 0;
    if (!request.layouts.x_pixels && !named) return refusal("the input does not lie as pixels");
    if (!r.h.is_identity() || !r.w.is_identity())
      return refusal("it takes 1x1 kernels with stride 1 and no padding");
    if (r.c > kMostChannels) return refusal("it takes up to 64 input channels per group");
    // To turn an element in L1; a vector of a term, and of a result.
    constexpr double kTurned = 0.7, kTerm = 1.3, kStored = 4;
    const double pixels = double(r.batch * r.groups) * double(r.pixels());
    const double vectors = pixels / double(exec.kernels<T>().conv.gemm.lanes);
    const PhaseCost phase = PhaseCost::of<T>(r, exec);
    return offered(
        pixels * double(r.c) * kTurned + vectors * double(r.m) * (double(r.c) * kTerm + kStored),
        phase.packed_panels(), phase.weight_bytes(), request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedPointwisePixels<T>>(r, this->family(), exec);
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& pointwise_pixels() {
  static const PointwisePixels<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& pointwise_pixels();
template const PhaseAlgorithm<double>& pointwise_pixels();

}  // namespace fastconv::dense
