// SPDX-License-Identifier: MIT
// Long filters for a signal that comes in blocks of any length: causal convolution, without
// latency. The first taps are a gemm; the others are levels of transforms, whose work is spread
// evenly over the samples (long_cut.h). A LongFilter never changes; what it remembers of a signal
// lies in memory of the caller's, which may be copied byte by byte. run() neither allocates nor
// waits.
//
// Samples that are not finite, or so large that a spectrum might overflow, are taken for zeros by
// the transforms, and multiplied by the taps of all levels one by one: they reach exactly the
// outputs whose window holds them, as in a plain sum.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/fft/long_level.h"
#include "core/exec.h"

namespace fastconv::fft {

// What is done to sums before they are stored.
template <class T>
struct LongFinish {
  const T* bias = nullptr;  // of each output channel, or null
  Activation activation = Activation::none;
  T slope = T{0};
  const T* slopes = nullptr;  // of each output channel, or null
};

// Samples of one item of a batch: channel c of sample t is data[c * channel + t * sample].
template <class T>
struct LongBlock {
  T* data;
  index_t channel, sample;
};

template <class T>
class LongFilter {
 public:
  // The weights are (groups * m, c, k) as conv1d takes them; they, and what `finish` points to, are
  // copied.
  LongFilter(const LongShape& shape, const T* weights, const LongFinish<T>& finish,
             const Exec& exec);

  const LongShape& shape() const { return shape_; }
  index_t weight_bytes() const;
  // What it remembers of one item: so much for each group, in whole cache lines.
  index_t group_bytes() const { return voice_bytes_; }
  index_t item_bytes() const { return shape_.groups * voice_bytes_; }
  void reset(std::byte* item) const noexcept;
  // The next n samples of all channels of group g, and as many outputs, which lie apart from them.
  void run(std::byte* item, index_t g, const LongBlock<const T>& x, const LongBlock<T>& y,
           index_t n) const noexcept;
  // The last n < k samples of all channels, out of the memory and back into it. What was before
  // them is forgotten.
  void read_past(const std::byte* item, index_t n, const LongBlock<T>& to) const noexcept;
  void write_past(std::byte* item, index_t n, const LongBlock<const T>& from) const noexcept;
  // Additions and multiplications of the last call of run() for group g.
  index_t operations(const std::byte* item, index_t g) const noexcept;

 private:
  static constexpr std::size_t kMostLevels = 8;
  // What begins the memory of a group of an item, its voice.
  struct State {
    index_t time;  // samples that it has heard
    index_t last;  // when the last large one was
    index_t operations;
    LevelState levels[kMostLevels];
  };
  struct Voice {
    index_t group;
    State* state;
    T *ring, *levels, *outputs;
    std::byte* flags;
  };

  void choose_limit();
  void pack_head();
  void lay_out();
  Voice voice(std::byte* item, index_t g) const noexcept;
  T* ring(const Voice& v, index_t c) const { return v.ring + c * pitch_ + cut_.head; }
  void append(const Voice& v, index_t c, const T* x, index_t x_step, index_t n) const noexcept;
  void add_head(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void add_levels(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void add_large(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void add_sample(const Voice& v, index_t c, index_t time, T* y, index_t y_step,
                  index_t n) const noexcept;
  void finish(const Voice& v, T* y, index_t y_step, index_t n) const noexcept;
  void advance(const Voice& v, index_t n) const noexcept;

  LongShape shape_;
  LongCut cut_;
  Exec exec_;
  Tile tile_;
  std::vector<T> weights_, head_, bias_, slopes_;
  std::vector<index_t> offsets_;  // of the head's terms
  Activation activation_;
  T slope_, limit_ = 0;
  std::vector<Level<T>> levels_;
  // Of the ring of samples: its length, and from a channel's to the next one's.
  index_t length_ = 0, pitch_ = 0;
  index_t state_bytes_ = 0, voice_bytes_ = 0, level_elements_ = 0;
};

}  // namespace fastconv::fft
