// SPDX-License-Identifier: MIT
// The weight gradient of signals with one input channel per group by Fourier transforms. Lanes are
// groups or, where these are few, lines of the same group, whose sums are added up at the end.
#include <atomic>
#include <cmath>

#include "algorithms/fft/line_reader.h"
#include "algorithms/fft/weight_lines.h"
#include "algorithms/weight_grad/fft_cut.h"
#include "algorithms/weight_grad/fft_plain.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// A task has a vector of groups and one output channel of each, and goes through all lines in
// order, `lines` of each group at a time.
struct Cut {
  fft::LineAxis axis;
  FftParts parts;
  index_t groups, lines;  // of a vector
  index_t terms = 0;      // vectors of lines whose products are added in one go, at most
};

template <class T>
Cut cut_for(const Correlation& r, index_t size, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const fft::LineAxis axis = fft_axis(r);
  const index_t groups = std::min(r.groups, lanes);
  Cut cut{.axis = axis, .parts = FftParts(axis, size), .groups = groups, .lines = lanes / groups};
  const index_t line = cut.parts.frequencies() * 2 * lanes * index_t{sizeof(T)};
  cut.terms = std::clamp(cache_sizes().l2 / 4 / line, index_t{1}, index_t{8});
  return cut;
}

// The scratch memory of one thread, in elements.
struct Sizes {
  index_t stage, planes, line, terms;
  index_t all() const { return stage + planes + (2 * terms + 2) * line; }
};

template <class T>
Sizes sizes_for(const Cut& cut, index_t lanes) {
  constexpr index_t item = sizeof(T);
  const auto whole = [](index_t n) { return cache_lines(n * item) / item; };
  return {fft::LineReader<T>::stage_bytes(lanes) / item,
          whole(fft::WeightLines<T>::work_elements(cut.parts.size, lanes)),
          whole(cut.parts.frequencies() * 2 * lanes), cut.terms};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Cut& cut, const fft::Transform<T>& transform, const Exec& exec,
       T* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        cut_(cut),
        transform_(transform),
        fft_(exec.kernels<T>().conv.fft),
        lanes_(exec.kernels<T>().conv.gemm.lanes),
        sizes_(sizes_for<T>(cut, lanes_)),
        planes_(memory + sizes_.stage),
        reader_(job.r, cut.axis, cut.parts.size, exec, memory),
        gradients_(cut.axis, transform, exec, planes_),
        x_(planes_ + sizes_.planes),
        dy_(x_ + sizes_.terms * sizes_.line),
        some_(dy_ + sizes_.terms * sizes_.line),
        total_(some_ + sizes_.line),
        m_(index % r_.m),
        g_(index / r_.m * cut.groups),
        groups_(std::min(cut.groups, r_.groups - g_)) {}

  // Returns whether all sums are finite.
  bool run() noexcept {
    bool finite = true;
    const index_t lines = r_.batch * r_.h.count * cut_.axis.combs * cut_.parts.parts;
    const index_t vectors = ceil_div(lines, cut_.lines);
    for (phase_ = 0; phase_ < cut_.axis.phases; ++phase_) {
      std::fill_n(total_, sizes_.line, T{0});
      for (index_t v = 0; v < vectors; v += cut_.terms)
        add(v, std::min(cut_.terms, vectors - v), lines);
      finite = store() && finite;
    }
    return finite;
  }

 private:
  // Adds the products of n vectors of lines.
  void add(index_t first, index_t n, index_t lines) noexcept {
    index_t offsets[8];
    for (index_t v = 0; v < n; ++v) {
      offsets[v] = v * sizes_.line;
      transform((first + v) * cut_.lines, lines, v);
    }
    fft_.multiply({x_, offsets, dy_, sizes_.line, n, some_, cut_.parts.frequencies()});
    const index_t elements = cut_.parts.frequencies() * 2 * lanes_;
    for (index_t i = 0; i < elements; ++i) total_[i] += some_[i];
  }

  // The spectra of a vector of lines, from number `first` on, of the image and of the gradients.
  void transform(index_t first, index_t lines, index_t v) noexcept {
    fft::InLine<T> in[fft::kMostLanes];
    fft::WeightLine<T> out[fft::kMostLanes];
    for (index_t l = 0; l < lanes_; ++l) {
      const index_t group = l / cut_.lines, i = first + l % cut_.lines;
      in[l] = {}, out[l] = {nullptr, 0, 0, 0};
      if (group < groups_ && i < lines) list(g_ + group, i, in[l], out[l]);
    }
    write(gradients_.transform(out, lanes_, std::min(cut_.parts.hop, cut_.axis.taps)),
          dy_ + v * sizes_.line);
    reader_.read(in, lanes_, planes_);
    write(transform_.forward(planes_, planes_ + transform_.size() * lanes_, fft_),
          x_ + v * sizes_.line);
  }
  void write(const T* z, T* to) const noexcept {
    fft_.split({z, transform_.half(), transform_.turns(), to, 2 * lanes_, lanes_, false,
                static_cast<int>(lanes_)});
  }

  // Line i of a group: lines are numbered (image, row, comb, part).
  void list(index_t g, index_t i, fft::InLine<T>& in, fft::WeightLine<T>& out) const noexcept {
    const index_t p = i % cut_.parts.parts, u = i / cut_.parts.parts % cut_.axis.combs;
    const index_t line = i / cut_.parts.parts / cut_.axis.combs;
    const index_t q = line % r_.h.count, image = line / r_.h.count;
    const index_t row = padded_source(r_.mode, q * r_.h.in_step + r_.h.taps[0].offset, r_.h.in);
    in = reader_.line(job_.x + (image * r_.groups + g) * r_.in_plane(), row, phase_, u, p,
                      cut_.parts.hop);
    const index_t first = p * cut_.parts.hop;
    const index_t n = std::min(cut_.parts.hop, cut_.axis.taps_of(u, r_.w.count) - first);
    const T* dy = job_.dy + ((image * r_.groups + g) * r_.m + m_) * r_.pixels();
    out = {dy + q * r_.w.count, u, first, std::max(n, index_t{0})};
  }

  // Transforms the sums back, adds those of each group and stores them. Returns whether they are
  // finite.
  bool store() noexcept {
    fft_.join({total_, 2 * lanes_, lanes_, transform_.half(), transform_.turns(), planes_});
    const T* z = transform_.inverse(planes_, planes_ + transform_.size() * lanes_, fft_);
    const index_t taps = cut_.axis.outputs_of(phase_, r_.w.n_taps());
    bool finite = true;
    for (index_t group = 0; group < groups_; ++group) {
      T* to = job_.dw + ((g_ + group) * r_.m + m_) * r_.w.n_taps() + phase_;
      for (index_t j = 0; j < taps; ++j) {
        T sum = 0;
        for (index_t l = 0; l < cut_.lines; ++l) sum += z[j * lanes_ + group * cut_.lines + l];
        finite = finite && std::isfinite(sum);
        to[j * cut_.axis.phases] = sum;
      }
    }
    return finite;
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Cut& cut_;
  const fft::Transform<T>& transform_;
  const FftKernels<T>& fft_;
  const index_t lanes_;
  const Sizes sizes_;
  T* planes_;
  fft::LineReader<T> reader_;
  fft::WeightLines<T> gradients_;
  T *x_, *dy_, *some_, *total_;
  index_t m_, g_, groups_;  // the output channel; the first group, and how many there are
  index_t phase_ = 0;
};

template <class T>
fft::Choice best(const Correlation& r, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes, groups = std::min(r.groups, lanes);
  const fft::LineAxis axis = fft_axis(r);
  const fft::LineCost cost(lanes, sizeof(T));
  const double tasks = double(ceil_div(r.groups, groups)) * double(r.m) * double(axis.phases);
  const double rows = double(r.batch) * double(r.h.count) * double(axis.combs);
  fft::Choice choice;
  for (int i = 0; i < fft::kNumSizes; ++i) {
    const FftParts parts(axis, fft::kSizes[i]);
    // A quarter of a line or more should be gradients.
    if (parts.hop < fft::kSizes[i] / 4) continue;
    const index_t f = parts.frequencies();
    const double vectors = std::ceil(rows * double(parts.parts) / double(lanes / groups));
    const double x = cost.line(parts.size, axis.step > 1);
    const double dy = cost.line(parts.size, axis.combs > 1);
    const double cycles = tasks * (vectors * (x + dy + 2 * cost.moved(f, 5)) +
                                   cost.line(parts.size, false) + double(r.w.n_taps() * lanes) * 2);
    if (choice.size < 0 || cycles < choice.cycles) choice = {.size = i, .cycles = cycles};
    if (parts.parts == 1) break;
  }
  return choice;
}

template <class T>
class PreparedChannels final : public PreparedOrPlain<T> {
 public:
  PreparedChannels(const Correlation& r, const fft::Choice& choice, const Exec& exec)
      : PreparedOrPlain<T>(r, exec),
        transform_(fft::transform_at<T>(choice.size)),
        cut_(cut_for<T>(this->r_, fft::kSizes[choice.size], exec)),
        work_(choice.cycles * kFmas) {
    const index_t each = sizes_for<T>(cut_, exec.kernels<T>().conv.gemm.lanes).all();
    this->use_scratch(exec.threads * each * index_t{sizeof(T)});
  }

 private:
  bool try_run(const Job<T>& job, const Exec& exec, std::byte* scratch) const noexcept override {
    const index_t tasks = ceil_div(job.r.groups, cut_.groups) * job.r.m;
    const index_t each = sizes_for<T>(cut_, exec.kernels<T>().conv.gemm.lanes).all();
    std::atomic<bool> finite = true;
    parallel_for(tasks, useful_threads(tasks, work_, exec.threads), [&](index_t task, int thread) {
      T* memory = reinterpret_cast<T*>(scratch) + thread * each;
      if (!Task<T>(job, cut_, transform_, exec, memory, task).run())
        finite.store(false, std::memory_order_relaxed);
    });
    return finite;
  }

  static constexpr double kFmas = 16;  // that a core does in a cycle
  const fft::Transform<T>& transform_;
  Cut cut_;
  double work_;
};

template <class T>
class FftChannels final : public Algorithm<T> {
 public:
  FftChannels() : Algorithm<T>("fft_channels") {}

  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    constexpr index_t kFewTaps = 16;
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    if (request.plain_sums()) return refusal("precision='highest' allows plain sums only");
    if (r.h.n_taps() > 1) return refusal("it takes kernels of one row");
    if (!fft::takes(r)) return refusal("the taps of a row must be equally far apart");
    if (r.w.n_taps() < kFewTaps && !this->asked_by(request))
      return refusal("with fewer than 16 taps it is used only if asked for");
    const fft::Choice choice = best<T>(r, exec);
    if (choice.size < 0) return refusal("its lines are too short for so many taps");
    return {.cycles = choice.cycles};
  }
  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedChannels<T>>(r, best<T>(r, exec), exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& channels_by_fft() {
  static const FftChannels<T> entry;
  return entry;
}
template const Algorithm<float>& channels_by_fft();
template const Algorithm<double>& channels_by_fft();

}  // namespace fastconv::weight_grad
