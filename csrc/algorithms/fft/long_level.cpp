// SPDX-License-Identifier: MIT
#include "algorithms/fft/long_level.h"

#include <algorithm>
#include <limits>

namespace fastconv::fft {
namespace {

// Operations of one element: to wind and to unwind it, and of a term of its products.
constexpr index_t kWind = 3, kUnwind = 7, kTerm = 8;
// About how many operations are done at a time: some hundred cycles.
constexpr index_t kSome = 4096;

}  // namespace

template <class T>
Level<T>::Level(const LongShape& shape, const LevelCut& cut, const T* weights, const Exec& exec)
    : shape_(shape),
      cut_(cut),
      line_(cut.points, exec.kernels<T>().conv.gemm.lanes),
      kernels_(&exec.kernels<T>().conv.fft),
      spectra_(shape.outputs() * terms() * line_.elements() * index_t{sizeof(T)}) {
  const index_t n = cut.points, lanes = n / line_.vectors();
  const Scratch work((2 * line_.elements() + n) * index_t{sizeof(T)});
  T *a = work.as<T>(), *b = a + line_.elements(), *taps = b + line_.elements();
  T* to = spectra_.template as<T>();
  for (index_t m = 0; m < shape.outputs(); ++m)
    for (index_t p = 0; p < cut.parts; ++p)
      for (index_t c = 0; c < shape.c; ++c, to += line_.elements()) {
        const T* w = weights + (m * shape.c + c) * shape.k;
        for (index_t i = 0; i < n; ++i) {
          const index_t tap = (2 + p) * n + i;
          taps[i] = tap < shape.k ? w[shape.k - 1 - tap] / static_cast<T>(n) : T{0};
        }
        kernels_->wind(
            {taps, line_.angles(), std::numeric_limits<T>::infinity(), a, 0, line_.vectors()});
        std::copy_n(line_.run_all(a, b, false, *kernels_), line_.elements(), to);
        for (index_t i = 0; i < n; ++i) to[(2 * (i / lanes) + 1) * lanes + i % lanes] *= T{-1};
      }
  for (index_t i = 0; i < 2 * cut.parts; ++i)
    for (index_t c = 0; c < shape.c; ++c)
      offsets_.push_back(((2 * cut.parts - 1 - i) % cut.parts * shape.c + c) * line_.elements());
  for (index_t channel = 0; channel < shape.c + shape.m; ++channel)
    for (index_t i = 0; i < stages(channel); ++i)
      operations_ += stage(channel, i).things * stage(channel, i).operations;
}

template <class T>
index_t Level<T>::elements() const {
  return ring_elements() + 2 * line_.elements() + 3 * shape_.m * cut_.points;
}

// A channel has the stages of a transform, one before them and, of outputs, one behind them.
template <class T>
index_t Level<T>::stages(index_t channel) const {
  return static_cast<index_t>(line_.stages().size()) + (channel < shape_.c ? 1 : 2);
}
template <class T>
auto Level<T>::stage(index_t channel, index_t i) const -> Stage {
  const index_t n = line_.vectors(), lanes = cut_.points / n;
  const auto all = static_cast<index_t>(line_.stages().size());
  if (i == 0) return {n, lanes * (channel < shape_.c ? kWind : terms() * kTerm)};
  if (i == all + 1) return {n, lanes * kUnwind};
  return line_.stages()[static_cast<std::size_t>(i - 1)];
}

template <class T>
void Level<T>::begin(LevelState& state) const noexcept {
  state = {.block = (state.block + 1) % cut_.parts,
           .done = 0,
           .channel = 0,
           .stage = 0,
           .thing = 0,
           .flipped = state.flipped ^ 1};
}

template <class T>
index_t Level<T>::work(LevelState& state, T* memory, index_t g, const LevelInput<T>& input,
                       index_t elapsed) const noexcept {
  const index_t before = state.done, n = cut_.points;
  // operations_ * elapsed / n, rounded up, without a product that might overflow.
  const index_t due = operations_ / n * elapsed + ceil_div(operations_ % n * elapsed, n);
  while (state.done < due) {
    const Stage stage = this->stage(state.channel, state.stage);
    const index_t some = std::max(kSome / stage.operations, index_t{1});
    const Range things{state.thing, std::min(stage.things, state.thing + some)};
    run(state, memory, g, input, things);
    state.done += things.size() * stage.operations;
    state.thing = things.end;
    if (state.thing == stage.things) state.thing = 0, ++state.stage;
    if (state.stage == stages(state.channel)) state.stage = 0, ++state.channel;
  }
  return state.done - before;
}

// Computes some things of the stage that the state tells. Every stage reads what the one before it
// has written, in one of two lines by turns.
template <class T>
void Level<T>::run(const LevelState& state, T* memory, index_t g, const LevelInput<T>& input,
                   Range things) const noexcept {
  const auto all = static_cast<index_t>(line_.stages().size());
  const bool forward = state.channel < shape_.c;
  const index_t m = state.channel - shape_.c;
  T* const even = memory + ring_elements();
  T* const odd = even + line_.elements();
  const T* from = state.stage % 2 == 0 ? odd : even;
  T* to = state.stage % 2 == 0 ? even : odd;
  if (state.stage == 0 && forward)
    return kernels_->wind({input.x + state.channel * input.step, line_.angles(), input.limit, to,
                           things.begin, things.end});
  if (state.stage == 0) {
    const index_t at = things.begin * 2 * (cut_.points / line_.vectors());
    return kernels_->multiply(
        {.x = memory + at,
         .offsets = offsets_.data() + (cut_.parts - 1 - state.block) * shape_.c,
         .w = spectra_.template as<T>() + (g * shape_.m + m) * ring_elements() + at,
         .w_term = line_.elements(),
         .terms = terms(),
         .y = to + at,
         .n = things.size()});
  }
  if (state.stage == all + 1)
    return kernels_->unwind({from, line_.angles(), carried(memory, m), half(state, memory, m, true),
                             things.begin, things.end});
  if (forward && state.stage == all)
    to = memory + (state.block * shape_.c + state.channel) * line_.elements();
  line_.run(static_cast<std::size_t>(state.stage - 1), things, from, to, !forward, *kernels_);
}

template class Level<float>;
template class Level<double>;

}  // namespace fastconv::fft
