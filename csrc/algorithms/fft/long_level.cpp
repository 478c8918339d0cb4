// SPDX-License-Identifier: MIT
#include "algorithms/fft/long_level.h"

#include <algorithm>
#include <utility>

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
      spectra_(shape.outputs() * shape.c * cut.parts * line_.elements() * index_t{sizeof(T)}) {
  const FftKernels<T>& kernels = exec.kernels<T>().conv.fft;
  const index_t n = cut.points, lanes = exec.kernels<T>().conv.gemm.lanes;
  const Scratch work((2 * line_.elements() + n) * index_t{sizeof(T)});
  T *a = work.as<T>(), *b = a + line_.elements(), *taps = b + line_.elements();
  T* to = spectra_.template as<T>();
  for (index_t row = 0; row < shape.outputs() * shape.c; ++row)
    for (index_t p = 0; p < cut.parts; ++p, to += line_.elements()) {
      const T* w = weights + row * shape.k;
      for (index_t i = 0; i < n; ++i) {
        const index_t tap = (2 + p) * n + i;
        taps[i] = tap < shape.k ? w[shape.k - 1 - tap] / static_cast<T>(n) : T{0};
      }
      kernels.wind({taps, line_.angles(), std::numeric_limits<T>::max(), a, 0, line_.vectors()});
      const T* z = line_.run_all(a, b, false, kernels);
      std::copy_n(z, line_.elements(), to);
      for (index_t m = 0; m < line_.vectors(); ++m)  // conjugated, as the products want it
        for (index_t l = 0; l < lanes; ++l) to[(2 * m + 1) * lanes + l] *= T{-1};
    }
  for (index_t channel = 0; channel < channels(); ++channel)
    for (std::size_t i = 0; i < stages(channel); ++i)
      operations_ += stage(channel, i).things * stage(channel, i).operations;
}

template <class T>
typename LongLine<T>::Stage Level<T>::stage(index_t channel, std::size_t i) const {
  const index_t lanes = line_.points() / line_.vectors(), n = line_.vectors();
  const std::size_t all = line_.stages().size();
  if (i == 0) return {n, lanes * (channel < shape_.c ? kWind : terms() * kTerm)};
  if (i == all + 1) return {n, lanes * kUnwind};
  return line_.stages()[i - 1];
}

template <class T>
index_t LevelRun<T>::elements(const LongShape& shape, const Level<T>& level) {
  return (shape.c * level.parts() + 2) * level.line().elements() + 3 * shape.m * level.points();
}

template <class T>
LevelRun<T>::LevelRun(const LongShape& shape, const Level<T>& level, index_t group, T* memory,
                      index_t* offsets)
    : level_(&level),
      inputs_(shape.c),
      outputs_(shape.m),
      group_(group),
      size_(elements(shape, level)),
      offsets_(offsets),
      done_(level.operations()),
      channel_(level.channels()) {
  const auto take = [&memory](index_t n) { return std::exchange(memory, memory + n); };
  const index_t line = level.line().elements(), n = shape.m * level.points();
  ring_ = take(shape.c * level.parts() * line);
  a_ = take(line), b_ = take(line);
  carry_ = take(n), next_ = take(n), ready_ = take(n);
}

template <class T>
void LevelRun<T>::reset() noexcept {
  std::fill_n(ring_, size_, T{0});
}

template <class T>
void LevelRun<T>::begin(const LevelInput<T>& input) noexcept {
  std::swap(next_, ready_);
  input_ = input;
  const index_t parts = level_->parts(), line = level_->line().elements();
  block_ = (block_ + 1) % parts;
  for (index_t c = 0; c < inputs_; ++c)
    for (index_t p = 0; p < parts; ++p)
      offsets_[c * parts + p] = (c * parts + (block_ + parts - p) % parts) * line;
  done_ = channel_ = thing_ = 0;
  stage_ = 0;
}

template <class T>
index_t LevelRun<T>::work(index_t elapsed, const FftKernels<T>& kernels) noexcept {
  const index_t before = done_, all = level_->operations(), n = level_->points();
  // all * elapsed / n, rounded up, without a product that might overflow.
  const index_t due = all / n * elapsed + ceil_div(all % n * elapsed, n);
  while (done_ < due) done_ += do_some(kernels);
  return done_ - before;
}

template <class T>
index_t LevelRun<T>::do_some(const FftKernels<T>& kernels) noexcept {
  const auto stage = level_->stage(channel_, stage_);
  const index_t some = std::max(kSome / stage.operations, index_t{1});
  const Range things{thing_, std::min(stage.things, thing_ + some)};
  run(channel_, stage_, things, kernels);
  thing_ = things.end;
  if (thing_ == stage.things) thing_ = 0, ++stage_;
  if (stage_ == level_->stages(channel_)) stage_ = 0, ++channel_;
  return things.size() * stage.operations;
}

template <class T>
void LevelRun<T>::run(index_t channel, std::size_t stage, Range things,
                      const FftKernels<T>& k) noexcept {
  const LongLine<T>& line = level_->line();
  const std::size_t all = line.stages().size();
  const bool forward = channel < inputs_;
  const index_t m = channel - inputs_;
  T* from = stage % 2 == 1 ? a_ : b_;
  T* to = stage % 2 == 1 ? b_ : a_;
  const index_t at = things.begin * 2 * (line.points() / line.vectors());
  if (stage == 0 && forward)
    return k.wind({input_.x + channel * input_.step, line.angles(), input_.limit, a_, things.begin,
                   things.end});
  if (stage == 0)
    return k.multiply({.x = ring_ + at,
                       .offsets = offsets_,
                       .w = level_->spectra(group_, m) + at,
                       .w_term = line.elements(),
                       .terms = level_->terms(),
                       .y = a_ + at,
                       .n = things.size()});
  if (stage == all + 1)
    return k.unwind({from, line.angles(), carry_ + m * line.points(), next_ + m * line.points(),
                     things.begin, things.end});
  if (forward && stage == all) to = slot(channel, block_);
  line.run(stage - 1, things, from, to, !forward, k);
}

template class Level<float>;
template class Level<double>;
template class LevelRun<float>;
template class LevelRun<double>;

}  // namespace fastconv::fft
