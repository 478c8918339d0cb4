// SPDX-License-Identifier: MIT
// The spectra of weights: how the taps of a kernel become lines, and how these are transformed.
#pragma once

#include <algorithm>
#include <vector>

#include "algorithms/correlation/algorithm.h"
#include "algorithms/fft/line_reader.h"
#include "algorithms/fft/transform.h"

namespace fastconv::fft {

// A line of weights: n taps of comb u of one row of a kernel, from its tap `first` on. The row
// begins at `row`.
template <class T>
struct WeightLine {
  const T* row;
  index_t u, first, n;
};

// Reads lines of weights into planes, zeros behind them, and transforms them. The factor makes up
// for what the transforms leave unscaled (core/fft_kernels.h).
template <class T>
class WeightLines {
 public:
  static index_t work_elements(index_t size, index_t lanes) {
    return 2 * size * lanes + lanes * kPitch;
  }

  // `work` is work_elements() of memory.
  WeightLines(const LineAxis& axis, const Transform<T>& transform, const Exec& exec, T* work)
      : axis_(axis),
        transform_(transform),
        kernels_(exec.kernels<T>()),
        lanes_(kernels_.conv.gemm.lanes),
        a_(work),
        b_(a_ + transform.size() * lanes_),
        stage_(b_ + transform.size() * lanes_) {}

  // The transformed planes of up to `lanes` lines.
  const T* transform(const WeightLine<T>* lines, index_t count, index_t most) const noexcept {
    for (index_t at = 0; at < most; at += kPiece) {
      const index_t piece = std::min(kPiece, most - at);
      for (index_t l = 0; l < lanes_; ++l) {
        const index_t n = l < count ? std::clamp(lines[l].n - at, index_t{0}, piece) : 0;
        T* to = stage_ + l * kPitch;
        if (n > 0) copy(lines[l], at, n, to);
        std::fill(to + n, to + piece, T{0});
      }
      kernels_.elementwise.transpose({.x = stage_,
                                      .ldx = kPitch,
                                      .y = a_ + at * lanes_,
                                      .ldy = lanes_,
                                      .rows = lanes_,
                                      .columns = piece});
    }
    std::fill(a_ + most * lanes_, a_ + transform_.size() * lanes_, T{0});
    return transform_.forward(a_, b_, kernels_.conv.fft);
  }

 private:
  void copy(const WeightLine<T>& line, index_t at, index_t n, T* to) const noexcept {
    const T scale = T{1} / static_cast<T>(8 * transform_.half());
    const index_t tap = axis_.tap(line.u, line.first + at);
    const T* from = line.row + axis_.kernel + tap * axis_.kernel_step;
    const index_t step = axis_.tap(0, 1) * axis_.kernel_step;
    for (index_t i = 0; i < n; ++i) to[i] = scale * from[i * step];
  }

  const LineAxis& axis_;
  const Transform<T>& transform_;
  const Kernels<T>& kernels_;
  index_t lanes_;
  T *a_, *b_, *stage_;
};

// What the spectra of weights depend on, beside the layout.
inline void append_taps(const Correlation& r, const LineAxis& axis, PackingKey& key) {
  for (const Tap& tap : r.h.taps) key.push_back(tap.kernel);
  key.insert(key.end(),
             {-1, axis.combs, axis.tap(0, 1), axis.kernel, axis.kernel_step, r.w.n_taps()});
}

// The lines of one kernel, for one input channel: (tap of the height, comb, part).
class KernelLines {
 public:
  KernelLines(const Correlation& r, const LineAxis& axis, const Blocks& blocks) {
    for (const Tap& th : r.h.taps)
      for (index_t u = 0; u < axis.combs; ++u)
        for (index_t p = 0; p < blocks.parts; ++p) {
          const index_t first = p * blocks.hop, all = axis.taps_of(u, r.w.n_taps());
          const index_t n = std::min(blocks.part_taps(axis), all - first);
          lines_.push_back({th.kernel * r.w_row, u, first, std::max(n, index_t{0})});
        }
  }
  index_t count() const { return static_cast<index_t>(lines_.size()); }
  template <class T>
  WeightLine<T> at(index_t i, const T* kernel) const noexcept {
    const Line& line = lines_[static_cast<std::size_t>(i)];
    return {kernel + line.at, line.u, line.first, line.n};
  }

 private:
  struct Line {
    index_t at, u, first, n;  // where its row begins in the kernel, and as WeightLine has them
  };
  std::vector<Line> lines_;
};

}  // namespace fastconv::fft
