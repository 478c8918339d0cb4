// SPDX-License-Identifier: MIT
#include "algorithms/fft/long_stream.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/parallel.h"

namespace fastconv::fft {
namespace {

// One flag tells whether any of so many neighbouring samples is large.
constexpr index_t kFlagged = 64;

}  // namespace

template <class T>
LongStream<T>::LongStream(const LongShape& shape, const T* weights, const LongFinish<T>& finish,
                          const Exec& exec)
    : shape_(shape),
      cut_(long_cut(shape.k, exec.kernels<T>().conv.gemm.lanes)),
      exec_(exec),
      tile_(choose_tile(exec.kernels<T>().conv.gemm, shape.m)),
      weights_(weights, weights + shape.outputs() * shape.c * shape.k),
      activation_(finish.activation),
      slope_(finish.slope) {
  if (finish.bias) bias_.assign(finish.bias, finish.bias + shape.outputs());
  if (finish.slopes) slopes_.assign(finish.slopes, finish.slopes + shape.outputs());
  pack_head(weights);
  // Spectra of a sample at the limit stay a thousand times below the largest number.
  const index_t longest = cut_.levels.empty() ? cut_.step : cut_.levels.back().points;
  double most = 1;
  for (index_t m = 0; m < shape.outputs(); ++m) {
    double sum = 0;
    for (index_t i = 0; i < shape.c * shape.k; ++i)
      sum += std::abs(double(weights[m * shape.c * shape.k + i]));
    most = sum <= most ? most : sum;  // or NaN
  }
  limit_ = std::isfinite(most) ? static_cast<T>(double(std::numeric_limits<T>::max()) /
                                                (1024 * double(longest) * most))
                               : T{0};
  const std::vector<T> none(limit_ > 0 ? 0 : weights_.size(), T{0});
  for (const LevelCut& level : cut_.levels)
    levels_.emplace_back(shape, level, limit_ > 0 ? weights : none.data(), exec);
  // The ring holds the k - 1 samples before a step of outputs, and whole parts of each level.
  length_ = ceil_div(shape.k + cut_.step, longest) * longest;
  make_voices();
}

// Panels of `mr` output channels, each with all terms: an input channel's taps, the newest sample's
// first.
template <class T>
void LongStream<T>::pack_head(const T* weights) {
  const LongShape& s = shape_;
  for (index_t g = 0; g < s.groups; ++g)
    for (index_t m = 0; m < s.m; m += tile_.mr)
      for (index_t c = 0; c < s.c; ++c)
        for (index_t tap = 0; tap < cut_.head; ++tap)
          for (index_t i = m; i < std::min(m + tile_.mr, s.m); ++i)
            head_.push_back(weights[((g * s.m + i) * s.c + c + 1) * s.k - 1 - tap]);
}

template <class T>
void LongStream<T>::make_voices() {
  const index_t past = cut_.head, margin = kMaxNv * exec_.kernels<T>().conv.gemm.lanes;
  pitch_ = cache_lines((past + length_ + margin) * index_t{sizeof(T)}) / index_t{sizeof(T)};
  for (index_t c = 0; c < shape_.c; ++c)
    for (index_t tap = 0; tap < cut_.head; ++tap) offsets_.push_back(c * pitch_ - tap);
  for (int i = 0; i < kAhead; ++i) offsets_.push_back(0);
  index_t elements = shape_.c * pitch_, bytes = cache_lines(shape_.c * length_ / kFlagged);
  for (const Level<T>& level : levels_) {
    elements += LevelRun<T>::elements(shape_, level);
    bytes += LevelRun<T>::offset_bytes(level);
  }
  const index_t voices = shape_.batch * shape_.groups;
  memory_ = Scratch(voices * elements * index_t{sizeof(T)});
  flags_ = Scratch(voices * bytes);
  std::fill_n(memory_.as<T>(), voices * elements, T{0});
  std::fill_n(flags_.bytes(), voices * bytes, std::byte{0});
  for (index_t v = 0; v < voices; ++v) {
    T* at = memory_.as<T>() + v * elements;
    std::byte* rest = flags_.bytes() + v * bytes;
    Voice voice{v % shape_.groups, at, rest};
    at += shape_.c * pitch_, rest += cache_lines(shape_.c * length_ / kFlagged);
    for (const Level<T>& level : levels_) {
      voice.levels.emplace_back(shape_, level, voice.group, at, reinterpret_cast<index_t*>(rest));
      at += LevelRun<T>::elements(shape_, level), rest += LevelRun<T>::offset_bytes(level);
    }
    voices_.push_back(std::move(voice));
  }
}

// Where the ring of a channel begins. Before it lie its last samples once more, so that the head
// reads them without a gap.
template <class T>
T* LongStream<T>::ring(const Voice& v, index_t c) const {
  return v.ring + c * pitch_ + cut_.head;
}

template <class T>
void LongStream<T>::run(const LongRows<const T>& x, const LongRows<T>& y, index_t n) noexcept {
  const index_t voices = shape_.batch * shape_.groups;
  const double work = double(n) * double(voices * shape_.c * shape_.m * cut_.head);
  parallel_for(voices, useful_threads(voices, work, exec_.threads), [&](index_t task, int) {
    const index_t image = task / shape_.groups, g = task % shape_.groups;
    run_voice(voices_[static_cast<std::size_t>(task)],
              x.data + image * x.image_step + g * shape_.c * x.step, x.step,
              y.data + image * y.image_step + g * shape_.m * y.step, y.step, n);
  });
}

template <class T>
void LongStream<T>::run_voice(Voice& v, const T* x, index_t x_step, T* y, index_t y_step,
                              index_t n) noexcept {
  v.operations = 0;
  for (index_t at = 0; at < n;) {
    const index_t some = std::min(n - at, cut_.step - v.time % cut_.step);
    for (index_t c = 0; c < shape_.c; ++c) append(v, c, x + c * x_step + at, some);
    add_head(v, y + at, y_step, some);
    add_levels(v, y + at, y_step, some);
    add_large(v, y + at, y_step, some);
    finish(v, y + at, y_step, some);
    advance(v, some);
    at += some;
  }
}

// Writes samples into the ring of one channel. They lie within one step, which the ring has whole.
template <class T>
void LongStream<T>::append(Voice& v, index_t c, const T* x, index_t n) noexcept {
  const index_t place = v.time % length_;
  T* to = ring(v, c);
  if (place == 0) std::copy_n(to + length_ - cut_.head, cut_.head, to - cut_.head);
  std::copy_n(x, n, to + place);
  std::byte* flags = v.large + c * (length_ / kFlagged);
  for (index_t i = 0; i < n;) {
    const index_t at = place + i, some = std::min(n - i, kFlagged - at % kFlagged);
    bool large = false;
    for (index_t j = 0; j < some; ++j) large |= !(std::abs(x[i + j]) < limit_);
    if (large) v.last = v.time + i + some - 1;
    std::byte& flag = flags[at / kFlagged];
    flag = at % kFlagged == 0 ? std::byte{large} : flag | std::byte{large};
    i += some;
  }
}

template <class T>
void LongStream<T>::add_head(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
  const auto& gemm = exec_.kernels<T>().conv.gemm;
  const index_t terms = shape_.c * cut_.head, kc = choose_kc<T>(terms), lanes = gemm.lanes;
  const T* x = ring(v, 0) + v.time % length_;
  for (index_t m = 0; m < shape_.m; m += tile_.mr) {
    const index_t mr = std::min(tile_.mr, shape_.m - m);
    const T* weights = head_.data() + (v.group * shape_.m + m) * terms;
    for (index_t j = 0; j < n;) {
      const index_t nv = std::min(ceil_div(n - j, lanes), index_t{gemm.max_nv[mr]});
      const index_t some = std::min(n - j, nv * lanes);
      T* to = y + m * y_step + j;
      for (index_t term = 0; term < terms; term += kc)
        gemm.run_indirect[mr - 1][nv - 1](
            {.k = std::min(kc, terms - term),
             .a = weights + term * mr,
             .b = x + j,
             .ldb = 0,
             .offsets = offsets_.data() + term,
             .c = to,
             .ldc = y_step,
             .init = term > 0 ? to : nullptr,
             .bias = term > 0 || bias_.empty() ? nullptr : &bias_[std::size_t(v.group * shape_.m + m)],
             .tail = static_cast<int>(some - (nv - 1) * lanes)});
      j += some;
    }
  }
}

template <class T>
void LongStream<T>::add_levels(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
  const auto& kernels = exec_.kernels<T>().conv.fft;
  for (std::size_t i = 0; i < levels_.size(); ++i)
    for (index_t m = 0; m < shape_.m; ++m) {
      T* to = y + m * y_step;
      const T* from = v.levels[i].outputs(m) + v.time % levels_[i].points();
      kernels.finish({to, n, T{0}, from, to});
    }
}

// Adds what large samples give through the taps of all levels.
template <class T>
void LongStream<T>::add_large(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
  if (v.last < 0 || v.time - v.last >= shape_.k) return;
  const index_t flags = length_ / kFlagged, now = v.time % length_;
  for (index_t c = 0; c < shape_.c; ++c)
    for (index_t f = 0; f < flags; ++f) {
      if (v.large[c * flags + f] == std::byte{0}) continue;
      for (index_t at = f * kFlagged; at < (f + 1) * kFlagged; ++at) {
        if (std::abs(ring(v, c)[at]) < limit_) continue;
        // The samples of this step lie at and behind `now`.
        const index_t age = at < now + n ? now - at : now - at + length_;
        add_large_sample(v, c, v.time - age, y, y_step, n);
      }
    }
}

template <class T>
void LongStream<T>::add_large_sample(const Voice& v, index_t c, index_t time, T* y, index_t y_step,
                                     index_t n) const noexcept {
  if (time < 0) return;
  const T x = ring(v, c)[time % length_];
  // Output i is due at v.time + i, and reads it through tap v.time + i - time.
  const index_t begin = std::max(time + cut_.head - v.time, index_t{0});
  const index_t end = std::min(time + shape_.k - v.time, n);
  for (index_t m = 0; m < shape_.m; ++m) {
    const T* w = weights_.data() + ((v.group * shape_.m + m) * shape_.c + c + 1) * shape_.k - 1;
    for (index_t i = begin; i < end; ++i) y[m * y_step + i] += w[-(v.time + i - time)] * x;
  }
}

template <class T>
void LongStream<T>::finish(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
  if (activation_ == Activation::none) return;
  for (index_t m = 0; m < shape_.m; ++m) {
    const auto channel = static_cast<std::size_t>(v.group * shape_.m + m);
    T* to = y + m * y_step;
    exec_.kernels<T>().elementwise.activate(activation_, to, to, n,
                                            slopes_.empty() ? slope_ : slopes_[channel]);
  }
}

// n samples have passed: every level does its share.
template <class T>
void LongStream<T>::advance(Voice& v, index_t n) noexcept {
  const auto& kernels = exec_.kernels<T>().conv.fft;
  v.operations += 2 * n * shape_.c * shape_.m * cut_.head;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const index_t points = levels_[i].points(), elapsed = v.time % points + n;
    v.operations += v.levels[i].work(elapsed, kernels);
    if (elapsed < points) continue;
    const index_t first = (v.time + n - points) % length_;
    v.levels[i].begin({ring(v, 0) + first, pitch_, limit_});
  }
  v.time += n;
}

template <class T>
void LongStream<T>::reset(index_t image) noexcept {
  for (index_t g = 0; g < shape_.groups; ++g) {
    Voice& v = voices_[static_cast<std::size_t>(image * shape_.groups + g)];
    std::fill_n(v.ring, shape_.c * pitch_, T{0});
    std::fill_n(v.large, shape_.c * length_ / kFlagged, std::byte{0});
    v.last = -1;
    for (LevelRun<T>& level : v.levels) level.reset();
  }
}

template <class T>
void LongStream<T>::read_history(T* to) const noexcept {
  const index_t n = shape_.k - 1;
  for (const Voice& v : voices_)
    for (index_t c = 0; c < shape_.c; ++c)
      for (index_t age = n; age > 0; --age)
        *to++ = ring(v, c)[(v.time + length_ - age) % length_];
}

// Hears the samples again.
template <class T>
void LongStream<T>::write_history(const T* from) {
  const Scratch outputs(shape_.outputs() * cut_.step * index_t{sizeof(T)});
  for (index_t image = 0; image < shape_.batch; ++image) reset(image);
  const index_t n = shape_.k - 1;
  for (Voice& v : voices_)
    for (index_t at = 0; at < n; at += cut_.step)
      run_voice(v, from + (&v - voices_.data()) * shape_.c * n + at, n, outputs.as<T>(), cut_.step,
                std::min(cut_.step, n - at));
}

template <class T>
index_t LongStream<T>::operations() const noexcept {
  index_t sum = 0;
  for (const Voice& v : voices_) sum += v.operations;
  return sum;
}

template <class T>
index_t LongStream<T>::bytes() const {
  index_t sum = block_size(memory_.bytes()) + block_size(flags_.bytes());
  for (const Level<T>& level : levels_)
    sum += shape_.outputs() * level.terms() * level.line().elements() * index_t{sizeof(T)};
  return sum + static_cast<index_t>((weights_.size() + head_.size()) * sizeof(T));
}

template class LongStream<float>;
template class LongStream<double>;

}  // namespace fastconv::fft
