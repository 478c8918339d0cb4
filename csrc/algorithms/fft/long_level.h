// SPDX-License-Identifier: MIT
// One level of a long filter: its parts of one length. A Level never changes; what it remembers of
// one signal is a LevelState and memory, which belong to whoever runs the signal.
#pragma once

#include <vector>

#include "algorithms/fft/long_cut.h"
#include "algorithms/fft/long_line.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::fft {

// Of each group m filters of k taps for each of c input channels.
struct LongShape {
  index_t groups, c, m, k;
  index_t inputs() const { return groups * c; }
  index_t outputs() const { return groups * m; }
};

// How far the work of a period is.
struct LevelState {
  index_t block;    // where in the ring this period's spectra lie
  index_t done;     // operations
  index_t channel;  // an input, or behind these an output, whose stages are being computed
  index_t stage, thing;
  index_t flipped;  // whether `ready` and `next` have changed places
};

// N samples of each channel, `step` elements apart.
template <class T>
struct LevelInput {
  const T* x;
  index_t step;
  T limit;  // samples that are not smaller count as zeros
};

template <class T>
class Level {
 public:
  // The weights are (groups * m, c, k), with the tap that reads the oldest sample first.
  Level(const LongShape& shape, const LevelCut& cut, const T* weights, const Exec& exec);

  index_t points() const { return cut_.points; }
  index_t bytes() const { return block_size(spectra_.bytes()); }
  // The memory of one group of one signal. It is all zeros, and the state idle(), where nothing has
  // been heard.
  index_t elements() const;
  LevelState idle() const { return {0, operations_, shape_.c + shape_.m, 0, 0, 0}; }

  // Begins a period: its outputs can be read now, and there is new work, which will be done when
  // the period ends. A period is N samples.
  void begin(LevelState& state) const noexcept;
  // The N outputs of channel m that belong to this period.
  const T* outputs(const LevelState& state, const T* memory, index_t m) const {
    return half(state, memory, m, false);
  }
  // Does the share of the work that is due once `elapsed` of the period's N samples have come: for
  // group g with the N samples before the period. Returns the operations that it took.
  index_t work(LevelState& state, T* memory, index_t g, const LevelInput<T>& input,
               index_t elapsed) const noexcept;

 private:
  using Stage = typename LongLine<T>::Stage;
  index_t terms() const { return shape_.c * cut_.parts; }  // of an output
  index_t stages(index_t channel) const;
  Stage stage(index_t channel, index_t i) const;
  void run(const LevelState& state, T* memory, index_t g, const LevelInput<T>& input,
           Range things) const noexcept;

  // The parts of the memory: a ring of spectra, two lines, and of each output channel what is
  // carried over and two halves: the outputs of this period, and those of the next one.
  index_t ring_elements() const { return terms() * line_.elements(); }
  T* carried(T* memory, index_t m) const {
    return memory + ring_elements() + 2 * line_.elements() + m * cut_.points;
  }
  template <class U>
  U* half(const LevelState& state, U* memory, index_t m, bool next) const {
    const index_t which = state.flipped ^ index_t{next};
    return memory + ring_elements() + 2 * line_.elements() +
           ((1 + which) * shape_.m + m) * cut_.points;
  }

  LongShape shape_;
  LevelCut cut_;
  LongLine<T> line_;
  const FftKernels<T>* kernels_;
  index_t operations_ = 0;  // of a period
  // Where the spectra of each term lie in the ring, the newest block's first; twice, so that the
  // list can begin with any block.
  std::vector<index_t> offsets_;
  Scratch spectra_;  // conjugated: [output channel][part][input channel]
};

}  // namespace fastconv::fft
