// SPDX-License-Identifier: MIT
// Lines as vectors' lanes: how outputs go back to the image.
#pragma once

#include <algorithm>

#include "algorithms/correlation/job.h"
#include "algorithms/fft/line_reader.h"

namespace fastconv::fft {

// Outputs j to j + n of a phase of one row of outputs.
struct OutLine {
  index_t image = 0, g = 0, m = 0, row = 0, phase = 0, j = 0;
  index_t n = 0;  // 0: nobody wants this line
};

template <class T>
class LineWriter {
 public:
  // `stage` is memory of the size that a LineReader needs, or its own.
  LineWriter(const Job<T>& job, const LineAxis& axis, const Exec& exec, T* stage) noexcept
      : job_(job),
        r_(job.r),
        axis_(axis),
        exec_(exec),
        lanes_(exec.kernels<T>().conv.gemm.lanes),
        stage_(stage) {}

  // Writes the outputs of `count` lines, which planes hold from their first element on.
  void write(const T* planes, const OutLine* lines, index_t count) const noexcept {
    index_t most = 0;
    for (index_t l = 0; l < count; ++l) most = std::max(most, lines[l].n);
    for (index_t at = 0; at < most; at += kPiece) {
      const index_t piece = std::min(kPiece, most - at);
      exec_.kernels<T>().elementwise.transpose({.x = planes + at * lanes_,
                                                .ldx = lanes_,
                                                .y = stage_,
                                                .ldy = kPitch,
                                                .rows = piece,
                                                .columns = lanes_});
      for (index_t l = 0; l < count; ++l)
        if (lines[l].n > at)
          finish(lines[l], at, std::min(piece, lines[l].n - at), stage_ + l * kPitch);
    }
  }

  // Finishes n outputs of a line from its output `at` on, which lie at `from`, and stores them.
  void finish(const OutLine& line, index_t at, index_t n, T* from) const noexcept {
    const auto& kernels = exec_.kernels<T>();
    if (!kernels.conv.fft.finite(from, n)) sum_plainly(line, at, n, from);
    const index_t q = (line.j + at) * axis_.phases + line.phase;
    const index_t first =
        (r_.h.out_start + line.row * r_.h.out_step) * r_.w.out + r_.w.out_start + q * r_.w.out_step;
    const index_t step = axis_.phases * r_.w.out_step;
    const T* bias = job_.bias_of(line.g, line.m);
    const T* residual = job_.residual_of(line.image, line.g, line.m);
    if (residual != nullptr) residual += first;
    T* to = job_.y + job_.plane(line.image, line.g, line.m) + first;
    T* done = step == 1 ? to : from;
    if (residual != nullptr && step != 1) {
      for (index_t i = 0; i < n; ++i) from[i] += residual[i * step];
      residual = nullptr;
    }
    kernels.conv.fft.finish({from, n, bias ? *bias : T{0}, residual, done});
    if (job_.activation != Activation::none)
      kernels.elementwise.activate(job_.activation, done, done, n,
                                   job_.slope_of(job_.channel(line.g, line.m)));
    if (step != 1)
      for (index_t i = 0; i < n; ++i) to[i * step] = from[i];
  }

 private:
  // The same outputs as plain sums: the transform of a line that holds a NaN or an infinity, or
  // whose sums overflow, is not finite anywhere.
  void sum_plainly(const OutLine& line, index_t at, index_t n, T* sums) const noexcept {
    std::fill_n(sums, n, T{0});
    const index_t q = (line.j + at) * axis_.phases + line.phase;
    for (const Tap& th : r_.h.taps) {
      const index_t row = padded_source(r_.mode, line.row * r_.h.in_step + th.offset, r_.h.in);
      if (row < 0) continue;
      for (index_t c = 0; c < r_.c; ++c) {
        const T* x = job_.image(line.image, line.g) + c * r_.in_plane() + row * r_.w.in;
        const T* w = job_.weights + line.g * r_.w_group + line.m * r_.w_m + c * r_.w_c +
                     th.kernel * r_.w_row;
        for (const Tap& tw : r_.w.taps)
          add_tap(x, q * r_.w.in_step + tw.offset, w[tw.kernel], n, sums);
      }
    }
  }

  // sums[i] += weight * the element at start + i * step of a row.
  void add_tap(const T* row, index_t start, T weight, index_t n, T* sums) const noexcept {
    const index_t step = axis_.step, last = start + (n - 1) * step;
    if (start >= 0 && last < r_.w.in && step == 1) {
      for (index_t i = 0; i < n; ++i) sums[i] += weight * row[start + i];
      return;
    }
    for (index_t i = 0; i < n; ++i) {
      const index_t at = padded_source(r_.mode, start + i * step, r_.w.in);
      if (at >= 0) sums[i] += weight * row[at];
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const LineAxis& axis_;
  const Exec& exec_;
  index_t lanes_;
  T* stage_;
};

}  // namespace fastconv::fft
