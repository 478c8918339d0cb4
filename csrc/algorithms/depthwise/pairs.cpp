// SPDX-License-Identifier: MIT
// The gradient of the input of a depthwise layer at a stride of two, and transposed depthwise
// layers. The two phases whose outputs alternate in a row are computed together, so that whole rows
// are written (144@56 3x3: 521 -> 146 us on one thread). The phase of the even columns is kind 0,
// that of the odd ones kind 1.
#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/fill.h"
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/depthwise/depthwise.h"
#include "core/parallel.h"

namespace fastconv::depthwise {
namespace {

// The two phases that share rows. Its lists have an element for each tap, those of kind 0 first.
struct Layout {
  Correlation r;                     // the phase of kind 0; kind 1 has the same axis h
  std::vector<index_t> row, start;   // as in DepthwisePairsArgs
  std::vector<index_t> kernel;       // where the weight lies in a kernel, as the caller has it
  std::vector<index_t> packed;       // where it lies in the packed weights, for the first channel
  std::vector<index_t> packed_step;  // how far it is there from one output channel to the next
  int taps[2];                       // of each kind
  index_t first_row, rows;           // what output row 0 reads: the first row, and how many
};

// The most taps of both kinds, and the most rows of the image that a row of outputs may read. A
// kernel of 9 rows and 9 columns has at most 25 taps of a kind, and reads 5 rows.
constexpr index_t kMostTaps = 2 * 25, kMostReads = 5;

// Whether r is the phase of the columns that begin with `start`, at a stride of two along w.
bool is_half(const Correlation& r, index_t start) {
  return r.w.out_start == start && r.w.out_step == 2 && r.w.in_step == 1 && r.h.in_step == 1;
}

// Computes the two phases for the output channels of group g in image n. `zeros` is a row of zeros.
template <class T>
void run_plane(const Job<T>& job, const Layout& l, bool packed, const Exec& exec, const T* zeros,
               index_t n, index_t g) noexcept {
  const Correlation& r = l.r;
  const auto run_pairs = exec.kernels<T>().conv.depthwise.run_pairs;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const T* image = job.image(n, g);
  const index_t taps = l.taps[0] + l.taps[1];
  for (index_t line = 0; line < r.h.count; line += kPairRows) {
    const T* rows[kPairRows + kMostReads];
    for (index_t i = 0; i < kPairRows + l.rows - 1; ++i) {
      const index_t at = line + l.first_row + i;
      rows[i] = at >= 0 && at < r.h.in ? image + at * r.w.in : zeros;
    }
    const index_t lines = std::min<index_t>(kPairRows, r.h.count - line);
    for (index_t m = 0; m < r.m; ++m) {
      T a[kMostTaps];
      for (std::size_t t = 0; t < static_cast<std::size_t>(taps); ++t)
        a[t] = packed ? job.packed[l.packed[t] + (g * r.m + m) * l.packed_step[t]]
                      : job.weights[g * r.w_group + m * r.w_m + l.kernel[t]];
      T* y = job.y + job.plane(n, g, m) + (r.h.out_start + line * r.h.out_step) * r.w.out;
      for (index_t column = 0; column < r.w.count; column += lanes) {
        index_t start[kMostTaps];
        for (std::size_t t = 0; t < static_cast<std::size_t>(taps); ++t)
          start[t] = l.start[t] + column;
        run_pairs({.rows = rows,
                   .width = r.w.in,
                   .taps = {l.taps[0], l.taps[1]},
                   .row = l.row.data(),
                   .start = start,
                   .a = a,
                   .c = y + 2 * column,
                   .ldc = r.h.out_step * r.w.out,
                   .bias = job.bias ? job.bias[g * r.m + m] : T{0},
                   .lines = static_cast<int>(lines),
                   .n = r.w.out - 2 * column});
      }
      for (index_t i = 0; i < lines; ++i)
        activate_rows(job, exec, job.channel(g, m), y + i * r.h.out_step * r.w.out, r.w.out, 1,
                      r.w.out);
    }
  }
}

bool takes(const std::vector<Correlation>& phases) {
  if (phases.size() % 2 != 0 || phases.empty()) return false;
  for (std::size_t i = 0; i < phases.size(); i += 2) {
    const Correlation &even = phases[i], &odd = phases[i + 1];
    const auto [low, high] = std::ranges::minmax(even.h.taps, {}, &Tap::offset);
    if (!is_depthwise(even) || even.mode != PadMode::zeros || !is_half(even, 0) ||
        !is_half(odd, 1) || even.h.out_start != odd.h.out_start ||
        even.taps() + odd.taps() > kMostTaps || high.offset - low.offset >= kMostReads)
      return false;
  }
  return true;
}

std::vector<Layout> layouts_for(const std::vector<Correlation>& phases) {
  std::vector<Layout> layouts;
  index_t packed = 0;
  for (std::size_t i = 0; i < phases.size(); i += 2) {
    Layout l{.r = phases[i],
             .row = {},
             .start = {},
             .kernel = {},
             .packed = {},
             .packed_step = {},
             .taps = {},
             .first_row = 0,
             .rows = 0};
    const auto [low, high] = std::ranges::minmax(l.r.h.taps, {}, &Tap::offset);
    l.first_row = low.offset, l.rows = high.offset - low.offset + 1;
    for (std::size_t kind = 0; kind < 2; ++kind) {
      const Correlation& r = phases[i + kind];
      index_t slot = 0;
      for (const Tap& h : r.h.taps)
        for (const Tap& w : r.w.taps) {
          l.row.push_back(h.offset - l.first_row);
          l.start.push_back(w.offset);
          l.kernel.push_back(h.kernel * r.w_row + w.kernel);
          l.packed.push_back(packed + slot++);
          l.packed_step.push_back(r.k());
        }
      l.taps[kind] = static_cast<int>(r.taps());
      packed += r.groups * r.m * r.k();
    }
    layouts.push_back(std::move(l));
  }
  return layouts;
}

template <class T>
class PreparedPairs final : public Prepared<T> {
 public:
  PreparedPairs(const Problem& problem)
      : outputs_(problem),
        complete_(problem.complete),
        prepacked_(problem.request.prepacked),
        phases_(problem.phases),
        layouts_(layouts_for(phases_)) {
    // Otherwise the weights are read as the caller has them.
    if (prepacked_) panels_ = panels_of(phases_, 1);
    this->packed_elements_ = packed_size(panels_);
    this->scratch_bytes_ = phases_.front().w.in * index_t{sizeof(T)};
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    pack_panels<T>(panels_, weights, packed, exec);
  }
  PackingKey packing() const override { return key_of(panels_); }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    if (!complete_) fill_with_bias(outputs_, args, exec);
    const Job<T> job{args, phases_.front()};
    const Correlation& r = job.r;
    T* zeros = reinterpret_cast<T*>(scratch);
    std::fill_n(zeros, r.w.in, T{0});
    const index_t planes = r.batch * r.groups;
    const index_t tasks = std::min<index_t>(planes, 16 * exec.threads);
    const double work = 2 * double(planes) * double(r.m) * double(r.out_plane());
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
      const Range some = part(planes, tasks, task);
      for (index_t i = some.begin; i < some.end; ++i)
        for (const Layout& layout : layouts_)
          run_plane(job, layout, prepacked_, exec, zeros, i / r.groups, i % r.groups);
    });
  }

  std::string family() const override { return kFamily; }

 private:
  Outputs outputs_;
  bool complete_, prepacked_;
  std::vector<Correlation> phases_;
  std::vector<Layout> layouts_;
  std::vector<Panels> panels_;
};

template <class T>
class Pairs final : public Algorithm<T> {
 public:
  Pairs() : Algorithm<T>("depthwise_pairs", kFamily) {}

  Offer offer(const Problem& problem, const Exec& exec) const override {
    if (problem.phases.empty()) return refusal("no tap reaches any output");
    const Correlation& r = problem.phases.front();
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    if (!takes(problem.phases))
      return refusal("it takes the adjoint of a stride of 2 in a row, few taps and zero padding");
    // For a channel: starting it, a vector of outputs, a vector of a tap. Fitted on one thread with
    // AVX-512, from 2x2 to 112x112. Rows are computed several at a time, also where there is one.
    constexpr double kPlane = 200, kOutput = 6.8, kTap = 3.9;
    const auto lanes = exec.kernels<T>().conv.gemm.lanes;
    double plane = kPlane;
    for (const Correlation& phase : problem.phases) {
      const index_t rows = ceil_div(phase.h.count, index_t{kPairRows}) * kPairRows;
      const double vectors = double(rows) * double(phase.w.count) / double(lanes);
      plane += vectors * (kOutput + kTap * double(phase.taps()));
    }
    // Four rows are written side by side, which memory takes slowly (16 images 144@64 -> 128, 5x5).
    constexpr double kLineBeyond = 20;
    const double planes = double(r.batch) * double(r.groups) * double(r.m);
    const double line = double(r.out_plane()) * double(sizeof(T)) / 64;
    if (planes * line * 64 > shared_l3() / 2) plane += line * kLineBeyond;
    return {.cycles = planes * plane};
  }

  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem, const Exec&) const override {
    return std::make_unique<const PreparedPairs<T>>(problem);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& pairs() {
  static const Pairs<T> entry;
  return entry;
}
template const Algorithm<float>& pairs();
template const Algorithm<double>& pairs();

}  // namespace fastconv::depthwise
