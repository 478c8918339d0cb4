// SPDX-License-Identifier: MIT
// Depthwise layers as networks have them, 3x3, 5x5 and 7x7 at strides 1 and 2, from the image as it
// lies: all rows beyond its border are one row of zeros, and columns beyond it are masked. This
// saves the strip, which costs as much as these few FMAs (960@7: 138 -> 40 ns a channel).
#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/depthwise/depthwise.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::depthwise {
namespace {

// The taps of an axis in the order in which they read the image, from its start on. That is the
// order of TapAxis::taps, or, in an adjoint, the opposite one.
struct Order {
  index_t offset;     // of the tap that reads first
  index_t step;       // how far apart neighbouring taps read
  index_t first;      // the index in TapAxis::taps of the tap that reads first
  index_t direction;  // what to add to an index to get that of the next tap: 1 or -1
  explicit Order(const TapAxis& axis) {
    const index_t signed_step = axis.even_step();
    direction = signed_step > 0 ? 1 : -1;
    step = signed_step * direction;
    first = direction > 0 ? 0 : axis.n_taps() - 1;
    offset = axis.taps[static_cast<std::size_t>(first)].offset;
  }
};

// What all planes have in common. It is computed once for a call, because in a plane of 7x7 the
// time of a single division shows.
struct Cut {
  Order h, w;
  index_t vectors = 0, lines = 0;  // of a tile, at most: vectors of a row, and rows of outputs
  index_t readable = 0;            // how many rows of the image a tile may read
  // Where the weights lie: how far apart groups and output channels are, where in a kernel the
  // first tap is, and how far it is to the next tap of h and to the next tap of w.
  index_t per_group = 0, per_output = 0, first = 0, row = 0, column = 0;
};

template <class T>
Cut cut_for(const Correlation& r, bool packed, const Exec& exec) {
  const auto& depthwise = exec.kernels<T>().conv.depthwise;
  Cut cut{.h = Order(r.h), .w = Order(r.w)};
  const index_t vectors = ceil_div(r.w.count, index_t{exec.kernels<T>().conv.gemm.lanes});
  const index_t widest = kDepthwiseNv / r.w.in_step;
  cut.vectors = ceil_div(vectors, ceil_div(vectors, widest));
  // The last tile of a row may be narrower. Narrower tiles have more rows, of which some are then
  // not written.
  const auto& rows = depthwise.rows[r.h.in_step - 1];
  cut.lines = ceil_div(r.h.count, ceil_div(r.h.count, index_t{rows[cut.vectors - 1]}));
  cut.readable = (rows[0] - 1) * r.h.in_step + r.h.n_taps();
  // The place of a tap's weight: packed weights follow the order of TapAxis::taps.
  const auto place = [&](const TapAxis& axis, index_t tap) {
    return packed ? tap : axis.taps[static_cast<std::size_t>(tap)].kernel;
  };
  // How far it is from the weight of a tap to that of the next one.
  const auto to_next = [&](const TapAxis& axis, const Order& order) {
    return axis.n_taps() == 1
               ? 0
               : place(axis, order.first + order.direction) - place(axis, order.first);
  };
  const index_t pitch = packed ? r.w.n_taps() : r.w_row;
  cut.per_group = packed ? r.m * r.k() : r.w_group;
  cut.per_output = packed ? r.k() : r.w_m;
  cut.first = place(r.h, cut.h.first) * pitch + place(r.w, cut.w.first);
  cut.row = to_next(r.h, cut.h) * pitch;
  cut.column = to_next(r.w, cut.w);
  return cut;
}

// Computes the output channels of group g in image n. `zeros` is a row of zeros.
template <class T>
void run_plane(const Job<T>& job, const T* weights, const Cut& cut, const Exec& exec,
               const T* zeros, index_t n, index_t g) noexcept {
  constexpr int kMostRows = 2 * 7 + 7;  // rows of the image that a tile may read
  const Correlation& r = job.r;
  const auto& depthwise = exec.kernels<T>().conv.depthwise;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes, height = r.h.n_taps();
  const index_t stride = r.h.in_step;
  const auto& run_rows = depthwise.run_rows[stride - 1][(height - 3) / 2];
  const T* image = job.image(n, g);
  for (index_t line = 0; line < r.h.count; line += cut.lines) {
    const index_t lines = std::min(cut.lines, r.h.count - line);
    const T* rows[kMostRows];
    for (index_t i = 0; i < cut.readable; ++i) {
      const index_t at = line * stride + i + cut.h.offset;
      rows[i] = at >= 0 && at < r.h.in ? image + at * r.w.in : zeros;
    }
    for (index_t m = 0; m < r.m; ++m) {
      const index_t first = line * r.w.out, plane = job.plane(n, g, m) + first;
      const T* residual = job.residual_of(n, g, m);
      const T bias = job.bias ? job.bias[g * r.m + m] : T{0};
      for (index_t column = 0; column < r.w.count; column += cut.vectors * lanes) {
        const index_t columns = std::min(cut.vectors * lanes, r.w.count - column);
        const index_t nv = ceil_div(columns, lanes);
        run_rows[nv - 1]({.rows = rows,
                          .width = r.w.in,
                          .start = column * stride + cut.w.offset,
                          .w_taps = r.w.n_taps(),
                          .w_step = cut.w.step,
                          .a = weights + g * cut.per_group + m * cut.per_output + cut.first,
                          .a_row = cut.row,
                          .a_column = cut.column,
                          .c = job.y + plane + column,
                          .ldc = r.w.out,
                          .init = residual ? residual + first + column : nullptr,
                          .bias = bias,
                          .lines = static_cast<int>(lines),
                          .tail = static_cast<int>(columns - (nv - 1) * lanes),
                          .limits = job.limits,
                          .contended = exec.threads > 1});
      }
      activate_rest(job, exec, job.channel(g, m), job.y + plane, r.w.out, lines, r.w.count, 0);
    }
  }
}

bool takes(const Correlation& r) {
  const index_t height = r.h.n_taps(), step = r.h.even_step();
  return is_depthwise(r) && r.mode == PadMode::zeros && r.plain_output() && r.h.in_step <= 2 &&
         r.w.in_step == r.h.in_step && (height == 3 || height == 5 || height == 7) &&
         (step == 1 || step == -1) && r.w.even_step() != 0;
}

// Unless weights are prepacked, they are read as the caller has them: to pack them costs as much as
// the layer costs on a small plane.
template <class T>
class PreparedRows final : public PreparedPhase<T> {
 public:
  PreparedRows(const Correlation& r, const Request& request, const Exec& exec)
      : PreparedPhase<T>(r, kFamily),
        prepacked_(request.prepacked),
        cut_(cut_for<T>(r, prepacked_, exec)) {
    if (prepacked_) this->use_panels(1);
    this->scratch_bytes_ = r.w.in * index_t{sizeof(T)};
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const Correlation& r = job.r;
    T* zeros = reinterpret_cast<T*>(scratch);
    std::fill_n(zeros, r.w.in, T{0});
    const T* weights = prepacked_ ? job.packed : job.weights;
    // To give out a task takes 50 ns, and a small plane takes no more: a task has many planes.
    const index_t planes = r.batch * r.groups;
    const index_t tasks = std::min<index_t>(planes, 16 * exec.threads);
    parallel_for(tasks, useful_threads(tasks, 4 * r.fmas(), exec.threads), [&](index_t task, int) {
      const Range some = part(planes, tasks, task);
      for (index_t i = some.begin; i < some.end; ++i)
        run_plane(job, weights, cut_, exec, zeros, i / r.groups, i % r.groups);
    });
  }

 private:
  bool prepacked_;
  Cut cut_;
};

template <class T>
class Rows final : public PhaseAlgorithm<T> {
 public:
  Rows() : PhaseAlgorithm<T>("depthwise_rows", kFamily) {}

  Offer offer_phase(const Correlation& r, const Request&, const Exec& exec) const override {
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    if (!takes(r)) return refusal("it takes 3, 5 or 7 rows at strides 1 and 2 with zero padding");
    // For a channel: starting it, a vector of outputs, a vector of a tap, and at stride 2 a column
    // of taps. Fitted on one thread with AVX-512, from 2x2 to 112x112, where a core begins two FMAs
    // in a cycle, and one.
    constexpr double kPlane = 70, kVector2 = 4, kTap2 = 1.1, kColumn2 = 6.3;
    const PhaseCost phase = PhaseCost::of<T>(r, exec);
    const double taps = double(r.taps()), each = phase.rate() < 1.5 ? 10 : 4,
                 tap = phase.rate() < 1.5 ? 1.05 : 0.8;
    const double vector = r.w.in_step == 2
                              ? kVector2 + taps * kTap2 + double(r.w.n_taps()) * kColumn2
                              : each + taps * tap;
    return {.cycles = phase.images() * (kPlane + double(r.m) * phase.row_vectors() * vector)};
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r,
                                                        const Request& request,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedRows<T>>(r, request, exec);
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& rows() {
  static const Rows<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& rows();
template const PhaseAlgorithm<double>& rows();

}  // namespace fastconv::depthwise
