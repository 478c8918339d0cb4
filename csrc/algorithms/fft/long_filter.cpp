// SPDX-License-Identifier: MIT
#include "algorithms/fft/long_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fastconv::fft {
namespace {

// One flag tells whether any of so many neighbouring samples is large.
constexpr index_t kFlagged = 64;

}  // namespace

template <class T>
LongFilter<T>::LongFilter(const LongShape& shape, const T* weights, const LongFinish<T>& finish,
                          const Exec& exec)
    : shape_(shape),
      cut_(long_cut(shape.k, shape.c, shape.m, exec.kernels<T>().conv.gemm.lanes)),
      exec_(exec),
      tile_(choose_tile(exec.kernels<T>().conv.gemm, shape.m)),
      weights_(weights, weights + shape.outputs() * shape.c * shape.k),
      activation_(finish.activation),
      slope_(finish.slope) {
  if (finish.bias) bias_.assign(finish.bias, finish.bias + shape.outputs());
  if (finish.slopes) slopes_.assign(finish.slopes, finish.slopes + shape.outputs());
  choose_limit();
  pack_head();
  // With weights that are not finite every sample is large, and nothing is left to transform.
  const std::vector<T> none(limit_ > 0 ? 0 : weights_.size(), T{0});
  for (const LevelCut& level : cut_.levels)
    levels_.emplace_back(shape, level, limit_ > 0 ? weights : none.data(), exec);
  lay_out();
}

// Spectra of samples below the limit stay a thousand times below the largest number.
template <class T>
void LongFilter<T>::choose_limit() {
  const index_t n = shape_.c * shape_.k;
  double most = 1;
  for (index_t m = 0; m < shape_.outputs(); ++m) {
    double sum = 0;
    for (index_t i = 0; i < n; ++i) sum += std::abs(double(weights_[std::size_t(m * n + i)]));
    if (!std::isfinite(sum)) return;
    most = std::max(most, sum);
  }
  const double longest = cut_.levels.empty() ? 1 : double(cut_.levels.back().points);
  limit_ = static_cast<T>(double(std::numeric_limits<T>::max()) / (1024 * longest * most));
}

// Panels of `mr` output channels, each with all terms: an input channel's taps, the newest sample's
// first.
template <class T>
void LongFilter<T>::pack_head() {
  const LongShape& s = shape_;
  for (index_t g = 0; g < s.groups; ++g)
    for (index_t m = 0; m < s.m; m += tile_.mr)
      for (index_t c = 0; c < s.c; ++c)
        for (index_t tap = 0; tap < cut_.head; ++tap)
          for (index_t i = m; i < std::min(m + tile_.mr, s.m); ++i)
            head_.push_back(weights_[std::size_t(((g * s.m + i) * s.c + c + 1) * s.k - 1 - tap)]);
}

// A voice: its state, the flags, the rings of its channels, the levels, and a step of outputs.
template <class T>
void LongFilter<T>::lay_out() {
  constexpr index_t item = sizeof(T);
  // The ring holds the k - 1 samples before a step of outputs, in whole parts of each level. Before
  // it lie its last samples once more, so that the head reads them without a gap, and behind it
  // what a tile reads of whole vectors.
  const index_t longest = cut_.levels.empty() ? cut_.step : cut_.levels.back().points;
  length_ = ceil_div(shape_.k + cut_.step, longest) * longest;
  const index_t margin = index_t{kMaxNv} * exec_.kernels<T>().conv.gemm.lanes;
  pitch_ = cache_lines((cut_.head + length_ + margin) * item) / item;
  for (index_t c = 0; c < shape_.c; ++c)
    for (index_t tap = 0; tap < cut_.head; ++tap) offsets_.push_back(c * pitch_ - tap);
  for (int i = 0; i < kAhead; ++i) offsets_.push_back(0);
  for (const Level<T>& level : levels_) level_elements_ += level.elements();
  state_bytes_ = cache_lines(sizeof(State));
  voice_bytes_ = state_bytes_ + cache_lines(shape_.c * length_ / kFlagged) +
                 cache_lines((shape_.c * pitch_ + level_elements_ + shape_.m * cut_.step) * item);
}

template <class T>
auto LongFilter<T>::voice(std::byte* item, index_t g) const noexcept -> Voice {
  std::byte* at = item + g * voice_bytes_;
  std::byte* flags = at + state_bytes_;
  T* ring = reinterpret_cast<T*>(flags + cache_lines(shape_.c * length_ / kFlagged));
  T* levels = ring + shape_.c * pitch_;
  return {g, reinterpret_cast<State*>(at), ring, levels, levels + level_elements_, flags};
}

template <class T>
void LongFilter<T>::reset(std::byte* item) const noexcept {
  std::fill_n(item, item_bytes(), std::byte{0});
  for (index_t g = 0; g < shape_.groups; ++g) {
    State& state = *voice(item, g).state;
    state.last = -shape_.k;
    for (std::size_t i = 0; i < levels_.size(); ++i) state.levels[i] = levels_[i].idle();
  }
}

template <class T>
void LongFilter<T>::run(std::byte* item, index_t g, const LongBlock<const T>& x,
                        const LongBlock<T>& y, index_t n) const noexcept {
  const Voice v = voice(item, g);
  const T* from = x.data + g * shape_.c * x.channel;
  T* to = y.data + g * shape_.m * y.channel;
  const bool direct = y.sample == 1;  // no need to compute it elsewhere first
  v.state->operations = 0;
  for (index_t at = 0; at < n;) {
    const index_t some = std::min(n - at, cut_.step - v.state->time % cut_.step);
    for (index_t c = 0; c < shape_.c; ++c)
      append(v, c, from + c * x.channel + at * x.sample, x.sample, some);
    T* outputs = direct ? to + at : v.outputs;
    const index_t step = direct ? y.channel : cut_.step;
    add_head(v, outputs, step, some);
    add_levels(v, outputs, step, some);
    add_large(v, outputs, step, some);
    finish(v, outputs, step, some);
    for (index_t m = 0; m < shape_.m && !direct; ++m)
      for (index_t i = 0; i < some; ++i)
        to[m * y.channel + (at + i) * y.sample] = outputs[m * step + i];
    advance(v, some);
    at += some;
  }
}

// Writes samples into the ring of one channel. They lie within one step, which the ring has whole.
template <class T>
void LongFilter<T>::append(const Voice& v, index_t c, const T* x, index_t x_step,
                           index_t n) const noexcept {
  const index_t place = v.state->time % length_;
  T* to = ring(v, c);
  if (place == 0) std::copy_n(to + length_ - cut_.head, cut_.head, to - cut_.head);
  to += place;
  if (x_step == 1)
    std::copy_n(x, n, to);
  else
    for (index_t i = 0; i < n; ++i) to[i] = x[i * x_step];
  std::byte* flags = v.flags + c * (length_ / kFlagged);
  for (index_t i = 0; i < n;) {
    const index_t at = place + i, some = std::min(n - i, kFlagged - at % kFlagged);
    index_t large = 0;
    for (index_t j = i; j < i + some; ++j) large += !(std::abs(to[j]) < limit_);
    if (large > 0) v.state->last = v.state->time + i + some - 1;
    std::byte& flag = flags[at / kFlagged];
    if (at % kFlagged == 0) flag = std::byte{0};
    flag |= std::byte{large > 0};
    i += some;
  }
}

template <class T>
void LongFilter<T>::add_head(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
  const auto& gemm = exec_.kernels<T>().conv.gemm;
  const index_t terms = shape_.c * cut_.head, kc = choose_kc<T>(terms), lanes = gemm.lanes;
  const T* x = ring(v, 0) + v.state->time % length_;
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
             .bias =
                 term > 0 || bias_.empty() ? nullptr : &bias_[std::size_t(v.group * shape_.m + m)],
             .tail = static_cast<int>(some - (nv - 1) * lanes)});
      j += some;
    }
  }
}

template <class T>
void LongFilter<T>::add_levels(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
  const auto& kernels = exec_.kernels<T>().conv.fft;
  const T* memory = v.levels;
  for (std::size_t i = 0; i < levels_.size(); memory += levels_[i++].elements())
    for (index_t m = 0; m < shape_.m; ++m) {
      T* to = y + m * y_step;
      const T* from = levels_[i].outputs(v.state->levels[i], memory, m);
      kernels.finish({to, n, T{0}, from + v.state->time % levels_[i].points(), to});
    }
}

// Adds what large samples give through the taps of all levels.
template <class T>
void LongFilter<T>::add_large(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
  if (v.state->time - v.state->last >= shape_.k) return;
  const index_t flags = length_ / kFlagged, now = v.state->time % length_;
  for (index_t c = 0; c < shape_.c; ++c)
    for (index_t f = 0; f < flags; ++f) {
      if (v.flags[c * flags + f] == std::byte{0}) continue;
      for (index_t at = f * kFlagged; at < (f + 1) * kFlagged; ++at) {
        if (std::abs(ring(v, c)[at]) < limit_) continue;
        // The samples of this step lie at and behind `now`.
        const index_t age = at < now + n ? now - at : now - at + length_;
        add_sample(v, c, v.state->time - age, y, y_step, n);
      }
    }
}

template <class T>
void LongFilter<T>::add_sample(const Voice& v, index_t c, index_t time, T* y, index_t y_step,
                               index_t n) const noexcept {
  if (time < 0) return;
  const T x = ring(v, c)[time % length_];
  // Output i is due at v.state->time + i, and reads it through tap v.state->time + i - time.
  const index_t begin = std::max(time + cut_.head - v.state->time, index_t{0});
  const index_t end = std::min(time + shape_.k - v.state->time, n);
  for (index_t m = 0; m < shape_.m; ++m) {
    const T* w = weights_.data() + ((v.group * shape_.m + m) * shape_.c + c + 1) * shape_.k - 1;
    for (index_t i = begin; i < end; ++i) y[m * y_step + i] += w[-(v.state->time + i - time)] * x;
  }
}

template <class T>
void LongFilter<T>::finish(const Voice& v, T* y, index_t y_step, index_t n) const noexcept {
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
void LongFilter<T>::advance(const Voice& v, index_t n) const noexcept {
  State& state = *v.state;
  state.operations += 2 * n * shape_.c * shape_.m * cut_.head;
  T* memory = v.levels;
  for (std::size_t i = 0; i < levels_.size(); memory += levels_[i++].elements()) {
    const index_t points = levels_[i].points(), elapsed = state.time % points + n;
    // The samples before the period that is under way.
    const index_t before = (state.time / points * points + length_ - points) % length_;
    const LevelInput<T> input{ring(v, 0) + before, pitch_, limit_};
    state.operations += levels_[i].work(state.levels[i], memory, v.group, input, elapsed);
    if (elapsed == points) levels_[i].begin(state.levels[i]);
  }
  state.time += n;
}

// A voice's memory is changed by none of these.
template <class T>
void LongFilter<T>::read_past(const std::byte* item, index_t n,
                              const LongBlock<T>& to) const noexcept {
  for (index_t channel = 0; channel < shape_.inputs(); ++channel) {
    const Voice v = voice(const_cast<std::byte*>(item), channel / shape_.c);
    const T* from = ring(v, channel % shape_.c);
    for (index_t i = 0; i < n; ++i)
      to.data[channel * to.channel + i * to.sample] =
          from[(v.state->time + length_ - n + i) % length_];
  }
}

template <class T>
index_t LongFilter<T>::operations(const std::byte* item, index_t g) const noexcept {
  return voice(const_cast<std::byte*>(item), g).state->operations;
}

// Hears the samples again.
template <class T>
void LongFilter<T>::write_past(std::byte* item, index_t n,
                               const LongBlock<const T>& from) const noexcept {
  reset(item);
  for (index_t g = 0; g < shape_.groups; ++g) {
    const LongBlock<T> nowhere{voice(item, g).outputs - g * shape_.m * cut_.step, cut_.step, 1};
    for (index_t at = 0; at < n; at += cut_.step)
      run(item, g, {from.data + at * from.sample, from.channel, from.sample}, nowhere,
          std::min(cut_.step, n - at));
  }
}

template <class T>
index_t LongFilter<T>::weight_bytes() const {
  index_t sum = static_cast<index_t>((weights_.size() + head_.size()) * sizeof(T));
  for (const Level<T>& level : levels_) sum += level.bytes();
  return sum;
}

template class LongFilter<float>;
template class LongFilter<double>;

}  // namespace fastconv::fft
