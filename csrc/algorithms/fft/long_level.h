// SPDX-License-Identifier: MIT
// One level of a stream's filter: the parts of one length. What follows from the weights is shared
// by all who have them; a LevelRun is the state of one group of one stream.
#pragma once

#include "algorithms/fft/long_cut.h"
#include "algorithms/fft/long_line.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::fft {

// What a stream convolves, of each group: m filters of k taps for each of c input channels.
struct LongShape {
  index_t batch, groups, c, m, k;
  index_t inputs() const { return groups * c; }
  index_t outputs() const { return groups * m; }
};

template <class T>
class Level {
 public:
  // The weights are (groups * m, c, k), with the tap that reads the oldest sample first.
  Level(const LongShape& shape, const LevelCut& cut, const T* weights, const Exec& exec);

  const LongLine<T>& line() const { return line_; }
  index_t points() const { return cut_.points; }
  index_t parts() const { return cut_.parts; }
  index_t terms() const { return shape_.c * cut_.parts; }  // of an output
  // The conjugated spectra of output channel m of group g: a line for each input channel and part.
  const T* spectra(index_t g, index_t m) const {
    return spectra_.template as<T>() + (g * shape_.m + m) * terms() * line_.elements();
  }

  // The work of one period, N samples, of one group: for each input channel and then for each
  // output channel the stages of a transform and one before or after them.
  index_t channels() const { return shape_.c + shape_.m; }
  std::size_t stages(index_t channel) const {
    return line_.stages().size() + (channel < shape_.c ? 1 : 2);
  }
  typename LongLine<T>::Stage stage(index_t channel, std::size_t i) const;
  index_t operations() const { return operations_; }

 private:
  LongShape shape_;
  LevelCut cut_;
  LongLine<T> line_;
  index_t operations_ = 0;
  Scratch spectra_;
};

// Where a level reads its input: N samples of each channel, `step` elements apart.
template <class T>
struct LevelInput {
  const T* x;
  index_t step;
  T limit;  // samples that are not smaller count as zeros
};

template <class T>
class LevelRun {
 public:
  static index_t elements(const LongShape& shape, const Level<T>& level);
  static index_t offset_bytes(const Level<T>& level) {
    return cache_lines(level.terms() * index_t{sizeof(index_t)});
  }
  // `memory` is elements() of memory, all zeros: the state of a stream that has heard nothing.
  LevelRun(const LongShape& shape, const Level<T>& level, index_t group, T* memory,
           index_t* offsets);

  // Begins a period with the N samples at `input`, which stay there until the period ends; the
  // outputs of the period before can be read now.
  void begin(const LevelInput<T>& input) noexcept;
  // Does the share of the work that is due once `elapsed` of the period's N samples have come.
  // Returns the operations that it took.
  index_t work(index_t elapsed, const FftKernels<T>& kernels) noexcept;
  // The N outputs of channel m that belong to this period.
  const T* outputs(index_t m) const { return ready_ + m * level_->points(); }
  // Forgets all that it has heard.
  void reset() noexcept;

 private:
  index_t do_some(const FftKernels<T>& kernels) noexcept;
  void run(index_t channel, std::size_t stage, Range things, const FftKernels<T>& k) noexcept;
  T* slot(index_t channel, index_t block) const {
    return ring_ + (channel * level_->parts() + block) * level_->line().elements();
  }

  const Level<T>* level_;
  index_t inputs_, outputs_, group_;
  index_t size_;  // of its memory
  T *ring_, *a_, *b_, *carry_, *next_, *ready_;
  index_t* offsets_;
  LevelInput<T> input_ = {};
  index_t block_ = 0;  // the slot of this period's spectra
  // What is done of this period's work, and where it goes on.
  index_t done_, channel_, thing_ = 0;
  std::size_t stage_ = 0;
};

}  // namespace fastconv::fft
