// SPDX-License-Identifier: MIT
// Large kernels by Fourier transforms of both axes: tiles of the image that overlap, two at a time
// (planes_cut.h).
#include "algorithms/fft/fft.h"
#include "algorithms/fft/line_writer.h"
#include "algorithms/fft/plane_tiles.h"
#include "core/parallel.h"

namespace fastconv::fft {
namespace {

// The parts of a thread's scratch memory, in elements.
struct PlaneSizes {
  index_t x;      // the spectra of all input channels
  index_t plane;  // one of two more
  index_t row;    // one of two rows
  index_t all() const { return x + 2 * plane + 2 * row; }
};

template <class T>
PlaneSizes sizes_for(const PlaneTransform<T>& transform, index_t channels) {
  return {channels * transform.elements(), transform.elements(), transform.row_elements()};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const PlanesCut& cut, const PlaneTransform<T>& transform,
       const std::vector<index_t>& offsets, const Exec& exec, T* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        cut_(cut),
        transform_(transform),
        offsets_(offsets),
        kernels_(exec.kernels<T>().conv),
        lanes_(kernels_.gemm.lanes),
        tiles_(job.r, cut, transform, exec),
        writer_(job, cut.w, exec, nullptr),
        g_(index / cut.pairs),
        first_(index % cut.pairs * 2) {
    const PlaneSizes sizes = sizes_for(transform, r_.c);
    x_ = memory, y_ = x_ + sizes.x, other_ = y_ + sizes.plane;
    row_ = other_ + sizes.plane, work_ = row_ + sizes.row;
  }

  void run() noexcept {
    const bool one = r_.c == 1 && r_.m == 1;  // each row's spectrum is read once
    for (index_t c = 0; c < r_.c; ++c) {
      T* x = x_ + c * transform_.elements();
      T* at = transform_.returns() ? x : other_;
      for (int i = 0; i < 2; ++i) {
        const auto tile = tiles_.find(first_ + i);
        const T* image = tile ? job_.image(tile->image, g_) + c * r_.in_plane() : nullptr;
        tiles_.read(tile, image, i, at, work_);
      }
      transform_.columns(at, at == x ? other_ : x, false, kernels_.fft);
      for (index_t row = 0; row < transform_.rows() && !one; ++row)
        transform_.row_in_place(x + row * transform_.row_elements(), work_, kernels_.fft);
    }
    for (index_t m = 0; m < r_.m; ++m) {
      T* at = transform_.returns() ? y_ : other_;
      for (index_t row = 0; row < transform_.rows(); ++row) {
        T* const x = x_ + row * transform_.row_elements();
        multiply(m, row, one ? transform_.row(x, work_, kernels_.fft) : x);
        transform_.row_back(row_, at + row * transform_.row_elements(), kernels_.fft);
      }
      transform_.columns(at, at == y_ ? other_ : y_, true, kernels_.fft);
      for (int i = 0; i < 2; ++i) write(i, m);
    }
  }

 private:
  // The products of one row of frequencies, whose first channel is at x.
  void multiply(index_t m, index_t row, const T* x) const noexcept {
    const index_t plane = transform_.elements();
    kernels_.fft.multiply(
        {.x = x,
         .offsets = offsets_.data(),
         .w = job_.packed + (g_ * r_.m + m) * r_.c * plane + row * transform_.row_elements(),
         .w_term = plane,
         .terms = r_.c,
         .y = row_,
         .n = transform_.vectors()});
  }

  void write(int i, index_t m) noexcept {
    const auto tile = tiles_.find(first_ + i);
    if (!tile) return;
    const index_t n = tiles_.columns(*tile);
    for (index_t y = 0; y < tiles_.rows(*tile); ++y) {
      tiles_.join(y_ + y * transform_.row_elements() + i * lanes_, n, row_);
      writer_.finish({tile->image, g_, m, tile->q + y, 0, tile->j, n}, 0, n, row_);
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const PlanesCut& cut_;
  const PlaneTransform<T>& transform_;
  const std::vector<index_t>& offsets_;
  const ConvKernels<T>& kernels_;
  const index_t lanes_;
  PlaneTiles<T> tiles_;
  LineWriter<T> writer_;
  index_t g_, first_;  // the group; the first tile of the pair
  T *x_, *y_, *other_, *row_, *work_;
};

template <class T>
class PreparedPlanes final : public PreparedPhase<T> {
 public:
  PreparedPlanes(const Correlation& r, const PlanesChoice& choice, const Exec& exec)
      : PreparedPhase<T>(r, kFamily),
        cut_(this->r_, choice.h, choice.w),
        transform_(choice.h, choice.w, exec.kernels<T>().conv.gemm.lanes),
        each_(cache_lines(sizes_for(transform_, r.c).all() * index_t{sizeof(T)})),
        work_(choice.cycles * kFmas) {
    for (index_t c = 0; c < r.c; ++c) offsets_.push_back(c * transform_.elements());
    const index_t planes = r.groups * r.m * r.c;
    pack_team_ = useful_threads(planes, choice.packing * kFmas, exec.threads);
    this->packed_elements_ = (planes + pack_team_.threads) * transform_.elements();
    this->needs_weights_ = true;  // what is not finite is summed plainly
    this->scratch_bytes_ = exec.threads * each_;
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    const Correlation& r = this->r_;
    const index_t planes = r.groups * r.m * r.c, plane = transform_.elements();
    parallel_for(planes, pack_team_, [&](index_t task, int thread) {
      const T* kernel =
          weights + task / r.c / r.m * r.w_group + task / r.c % r.m * r.w_m + task % r.c * r.w_c;
      pack_plane(kernel, packed + task * plane, packed + (planes + thread) * plane,
                 exec.kernels<T>().conv);
    });
  }

  PackingKey packing() const override {
    PackingKey key = start_of_key(Packing::fft_planes, this->r_);
    key.insert(key.end(), {cut_.rows.n, cut_.columns.n, pack_team_.threads, cut_.w.kernel,
                           cut_.w.kernel_step, cut_.w.taps});
    for (const Tap& tap : this->r_.h.taps) key.push_back(tap.kernel);
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const index_t tasks = job.r.groups * cut_.pairs;
    parallel_for(tasks, useful_threads(tasks, work_, exec.threads), [&](index_t task, int thread) {
      T* const memory = reinterpret_cast<T*>(scratch + thread * each_);
      Task<T>(job, cut_, transform_, offsets_, exec, memory, task).run();
    });
  }

 private:
  static constexpr double kFmas = 16;  // that a core does in a cycle

  // Transforms one kernel. The factor makes up for what the transforms leave unscaled.
  void pack_plane(const T* kernel, T* to, T* other, const ConvKernels<T>& kernels) const noexcept {
    const index_t lanes = kernels.gemm.lanes, row = transform_.row_elements();
    T* at = transform_.returns() ? to : other;
    std::fill_n(at, transform_.elements(), T{0});
    const T scale = T{1} / static_cast<T>(cut_.rows.n * cut_.columns.n);
    for (index_t y = 0; y < cut_.h.taps; ++y)
      for (index_t x = 0; x < cut_.w.taps; ++x)
        at[y * row + x / lanes * 2 * lanes + x % lanes] =
            scale * kernel[(cut_.h.kernel + y * cut_.h.kernel_step) * this->r_.w_row +
                           cut_.w.kernel + x * cut_.w.kernel_step];
    transform_.columns(at, at == to ? other : to, false, kernels.fft);
    for (index_t y = 0; y < transform_.rows(); ++y)
      transform_.row_in_place(to + y * row, other, kernels.fft);
  }

  PlanesCut cut_;
  PlaneTransform<T> transform_;
  std::vector<index_t> offsets_;  // where each input channel's spectra begin
  index_t each_;                  // bytes of scratch memory of a thread
  double work_;
  Team pack_team_ = 1;
};

template <class T>
class Planes final : public PhaseAlgorithm<T> {
 public:
  Planes() : PhaseAlgorithm<T>("fft_planes", kFamily) {}

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (const char* reason = refused(r, request)) return refusal(reason);
    if (!takes_axis(r.h) || !takes_axis(r.w))
      return refusal("transforms of both axes take neither strides nor dilations");
    if (r.h.n_taps() == 1) return refusal("kernels of one row need no transform of columns");
    const PlanesChoice choice = best(r, request, exec);
    if (choice.h == 0)
      return refusal("its kernel is too large for tiles, or its channels are too many");
    return offered(choice.cycles, choice.packing, choice.weight_bytes, request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                        const Request& request,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedPlanes<T>>(r, best(r, request, exec), exec);
  }

 private:
  static bool takes_axis(const TapAxis& axis) {
    const index_t step = axis.even_step();
    return axis.in_step == 1 && (step == 1 || step == -1);
  }
  static PlanesChoice best(const Correlation& r, const Request& request, const Exec& exec) {
    return PlanesCost(r, exec.kernels<T>().conv.gemm).best(request);
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& planes() {
  static const Planes<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& planes();
template const PhaseAlgorithm<double>& planes();

}  // namespace fastconv::fft
