// SPDX-License-Identifier: MIT
// A stream through long filters: causal convolution, in blocks of any length, without latency. The
// first taps are a gemm; the others are levels of transforms, whose work is spread evenly over the
// samples (long_cut.h). run() neither allocates nor waits.
//
// Samples that are not finite, or so large that a spectrum might overflow, are taken for zeros by
// the transforms, and multiplied by the taps of all levels one by one: they reach exactly the
// outputs whose window holds them, as in a plain sum.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/fft/long_level.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::fft {

// What is done to sums before they are stored.
template <class T>
struct LongFinish {
  const T* bias = nullptr;  // groups * m of them, or null
  Activation activation = Activation::none;
  T slope = 0;
  const T* slopes = nullptr;  // of each output channel, or null
};

// Rows of a block of samples: row (image, channel) begins at data + image * image_step + channel *
// step.
template <class T>
struct LongRows {
  T* data;
  index_t image_step, step;
};

template <class T>
class LongStream {
 public:
  // The weights are (groups * m, c, k) as conv1d takes them; they, and what `finish` points to, are
  // copied.
  LongStream(const LongShape& shape, const T* weights, const LongFinish<T>& finish,
             const Exec& exec);

  const LongShape& shape() const { return shape_; }
  index_t bytes() const;  // of memory, with the spectra of the weights
  // The next n samples of all channels, and as many outputs. y may be x where they have equally
  // many rows.
  void run(const LongRows<const T>& x, const LongRows<T>& y, index_t n) noexcept;
  // Forgets what one item of the batch has heard.
  void reset(index_t image) noexcept;
  // The last k - 1 samples of each channel, oldest first: (batch, groups * c, k - 1).
  void read_history(T* to) const noexcept;
  void write_history(const T* from);
  // Additions and multiplications of the last call of run().
  index_t operations() const noexcept;

  // About how many cycles a sample takes, of all channels of one item.
  static double cycles(const LongShape& shape, const Exec& exec);

 private:
  struct Voice {  // one group of one item of the batch
    index_t group;
    T* ring;            // of c channels
    std::byte* large;   // flags, of c channels
    index_t time = 0;   // samples that it has heard
    index_t last = -1;  // when the last large one was
    index_t operations = 0;
    std::vector<LevelRun<T>> levels = {};
  };

  void pack_head(const T* weights);
  void make_voices();
  T* ring(const Voice& v, index_t c) const;
  void run_voice(Voice& v, const T* x, index_t x_step, T* y, index_t y_step, index_t n) noexcept;
  void append(Voice& v, index_t c, const T* x, index_t n) noexcept;
  void add_head(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void add_levels(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void add_large(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void add_large_sample(const Voice& v, index_t c, index_t time, T* y, index_t y_step,
                        index_t n) const noexcept;
  void finish(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void advance(Voice& v, index_t n) noexcept;

  LongShape shape_;
  LongCut cut_;
  Exec exec_;
  Tile tile_;
  std::vector<T> weights_, head_, bias_, slopes_;
  std::vector<index_t> offsets_;  // of the head's terms
  Activation activation_;
  T slope_, limit_;
  index_t length_;  // of the ring of samples
  index_t pitch_;   // from a channel's ring to the next
  std::vector<Level<T>> levels_;
  std::vector<Voice> voices_;
  Scratch memory_, flags_;
};

}  // namespace fastconv::fft
