// SPDX-License-Identifier: MIT
// Depthwise convolution from strips. With one input channel per group a sum has only the terms of
// one kernel, so that nothing but the strip is worth packing. A tile computes several rows of a
// plane, to keep the FMA units busy.
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/strip.h"
#include "algorithms/depthwise/depthwise.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::depthwise {
namespace {

// How the planes are cut into blocks of outputs.
struct Cut {
  int shape;              // of a tile: it has 1 << shape rows of 8 >> shape vectors
  index_t rows, columns;  // of outputs in a block, at most
  index_t row_blocks, column_blocks;
};

// Tiles are as wide as the rows of outputs allow. The strip of a block stays in L1 beside its
// outputs.
template <class T>
Cut cut_for(const Correlation& r, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  // These are 8 tiles of AVX-512; a strip of a few such rows fits L1.
  constexpr index_t kMostColumns = 1024;
  // With so many rows, few are read by two blocks.
  constexpr index_t kMostRows = 32;
  Cut cut{};
  cut.column_blocks = ceil_div(r.w.count, kMostColumns);
  cut.columns = ceil_div(r.w.count, cut.column_blocks);
  const index_t vectors = ceil_div(cut.columns, lanes);
  cut.shape = vectors <= 1 ? 3 : vectors <= 2 ? 2 : vectors <= 4 ? 1 : 0;
  const index_t fits = cache_sizes().l1 / 2 / (cut.columns * index_t{sizeof(T)});
  const index_t most = std::clamp(fits, index_t{1}, kMostRows);
  cut.row_blocks = ceil_div(r.h.count, most);
  cut.rows = ceil_div(r.h.count, cut.row_blocks);
  return cut;
}

// The scratch memory of one thread, in bytes: its strip, and its outputs where these are not
// neighbours in y.
struct Sizes {
  index_t strip, c;
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut, const StripLayout& layout, index_t lanes) {
  const index_t item = sizeof(T);
  return {cache_lines((layout.channel() + 8 * lanes) * item),
          cache_lines(r.plain_output() ? 0 : cut.rows * cut.columns * item)};
}

// Computes one block of the outputs of one image and group. `buffer` is for outputs that are not
// neighbours in y.
template <class T>
void run_task(const Job<T>& job, const Cut& cut, const StripLayout& layout, const Exec& exec,
              T* strip, T* buffer, index_t task) noexcept {
  const Correlation& r = job.r;
  const auto& kernels = exec.kernels<T>().conv;
  const index_t lanes = kernels.gemm.lanes;
  const index_t column_block = task % cut.column_blocks;
  const index_t row_block = task / cut.column_blocks % cut.row_blocks;
  const index_t image = task / cut.column_blocks / cut.row_blocks;
  const index_t n = image / r.groups, g = image % r.groups;
  const index_t oh = row_block * cut.rows, rows = std::min(cut.rows, r.h.count - oh);
  const index_t ow = column_block * cut.columns;
  const index_t columns = std::min(cut.columns, r.w.count - ow);
  const bool plain = r.plain_output();
  const index_t ldc = plain ? r.w.out : cut.columns;
  layout.gather(r, job.image(n, g), 1, oh, rows, ow, columns, exec, strip);
  for (index_t m = 0; m < r.m; ++m) {
    const index_t first = oh * r.w.out + ow;
    T* c = plain ? job.y + job.plane(n, g, m) + first : buffer;
    const T* residual = job.residual_of(n, g, m);
    const T* start = residual ? residual + first : nullptr;
    const T bias = job.bias ? job.bias[g * r.m + m] : T{0};
    for (index_t row = 0; row < rows;) {
      int shape = cut.shape;
      while ((index_t{1} << shape) > rows - row) --shape;
      const index_t width = (8 >> cut.shape) * lanes;
      for (index_t j = 0; j < columns; j += width) {
        const index_t pixels = std::min(width, columns - j), nv = ceil_div(pixels, lanes);
        const index_t to = row * ldc + j;
        kernels.depthwise.run[shape][nv - 1]({
            .k = r.k(),
            .a = job.packed + (g * r.m + m) * r.k(),
            .b = strip + row * layout.row_step() + j,
            .row_step = layout.row_step(),
            .offsets = layout.taps().data(),
            .c = c + to,
            .ldc = ldc,
            .init = start ? start + to : nullptr,
            .bias = bias,
            .tail = static_cast<int>(pixels - (nv - 1) * lanes),
            .limits = job.limits,
        });
      }
      row += index_t{1} << shape;
    }
    activate_rest(job, exec, job.channel(g, m), c, ldc, rows, columns, 0);
    if (!plain)
      for (index_t row = 0; row < rows; ++row)
        scatter_row(r, buffer + row * ldc, columns, oh + row, ow, job.y + job.plane(n, g, m));
  }
}

template <class T>
class PreparedStrips final : public PreparedPhase<T> {
 public:
  PreparedStrips(const Correlation& r, const Exec& exec)
      : PreparedPhase<T>(r, kFamily),
        cut_(cut_for<T>(r, exec)),
        layout_(r, cut_.rows, cut_.columns, false),
        sizes_(sizes_for<T>(r, cut_, layout_, exec.kernels<T>().conv.gemm.lanes)) {
    this->use_panels(1);
    this->scratch_bytes_ = exec.threads * (sizes_.strip + sizes_.c);
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const index_t tasks = job.r.batch * job.r.groups * cut_.row_blocks * cut_.column_blocks;
    // An FMA of a depthwise layer costs several times as much as one of a dense layer, since loads
    // and memory bound it.
    parallel_for(tasks, useful_threads(tasks, 4 * job.r.fmas(), exec.threads),
                 [&](index_t task, int thread) {
                   std::byte* memory = scratch + thread * (sizes_.strip + sizes_.c);
                   run_task(job, cut_, layout_, exec, reinterpret_cast<T*>(memory),
                            reinterpret_cast<T*>(memory + sizes_.strip), task);
                 });
  }

 private:
  Cut cut_;
  StripLayout layout_;
  Sizes sizes_;
};

template <class T>
class Strips final : public PhaseAlgorithm<T> {
 public:
  Strips() : PhaseAlgorithm<T>("depthwise_strips", kFamily) {}

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    // For a channel: starting it, a row of outputs, and a vector of a tap, which at a stride splits
    // more cache lines; what is gathered at a stride, and what is scattered among the outputs of
    // other phases. Within 15 % of what AVX2 took on one thread of a Zen 4 (3x3 s2 144@56, 31 taps
    // of 400, 75 of 500); 5x5 s2 144@128 takes twice as much.
    // Vectors as long as a cache line lie in two of them (31 taps of 4000: 1.9 cycles, 25x25: 1.7).
    constexpr double kPlane = 250, kRow = 30, kTap = 1.05, kStridedTap = 1.1, kTwoLines = 1.7;
    const PhaseCost phase = PhaseCost::of<T>(r, exec);
    const bool two_lines = r.w.n_taps() > 1 && phase.lanes() * phase.item() == 64;
    const bool strided = r.w.in_step > 1;
    const double gathered =
        strided ? phase.rows_gathered(double(std::min(r.w.in_step, r.w.n_taps()))) : 0;
    const double rows =
        double(r.h.count) * std::ceil(double(r.w.count) / double(8 * phase.lanes()));
    const double tap = std::max(strided ? kStridedTap : kTap,  //
                                two_lines ? kTwoLines / phase.rate() : 0);
    const double taps = phase.row_vectors() * double(r.taps()) * tap;
    const double plane = kPlane + gathered + phase.lines_between() +
                         double(r.m) * (rows * kRow + taps) + phase.scattered(phase.row_vectors());
    return offered(phase.images() * plane, phase.packed_panels(), phase.weight_bytes(), request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedStrips<T>>(r, exec);
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& strips() {
  static const Strips<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& strips();
template const PhaseAlgorithm<double>& strips();

}  // namespace fastconv::depthwise
