// SPDX-License-Identifier: MIT
// Lines as vectors' lanes: how they are read from the image.
#pragma once

#include <algorithm>

#include "algorithms/correlation/correlation.h"
#include "algorithms/fft/axis.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::fft {

// Lines pass through L1 in pieces of so many elements. Rows of pieces lie a little further apart,
// so that they do not share the same few lines of L1.
inline constexpr index_t kPiece = 256, kPitch = kPiece + 16;

// The most lanes of a vector.
inline constexpr index_t kMostLanes = 16;

// `n` elements of a row of the image, from `start` on; what follows them is zeros.
template <class T>
struct InLine {
  const T* row = nullptr;
  index_t start = 0, n = 0;
};

// Reads lines of the rows of r, whose axis of columns is `axis`.
template <class T>
class LineReader {
 public:
  static index_t stage_bytes(index_t lanes) {
    return cache_lines(lanes * kPitch * index_t{sizeof(T)});
  }

  // `stage` is stage_bytes() of memory.
  LineReader(const Correlation& r, const LineAxis& axis, index_t size, const Exec& exec,
             T* stage) noexcept
      : r_(r),
        axis_(axis),
        size_(size),
        exec_(exec),
        lanes_(exec.kernels<T>().conv.gemm.lanes),
        stage_(stage) {}

  // The line of block b of comb u, phase `phase`, of the plane at `plane`, row `row` (or -1:
  // zeros).
  InLine<T> line(const T* plane, index_t row, index_t phase, index_t u, index_t b,
                 index_t hop) const noexcept {
    const index_t start =
        axis_.first + phase * axis_.phase_step + u * axis_.comb_step + b * hop * axis_.step;
    if (row < 0 || start >= axis_.end) return {};
    return {plane + row * r_.w.in, start,
            std::min(size_, (axis_.end - 1 - start) / axis_.step + 1)};
  }

  // Writes `count` lines, at most `lanes`, to planes; the other lanes become zeros.
  void read(const InLine<T>* lines, index_t count, T* planes) const noexcept {
    if (read_in_place(lines, count, planes)) return;
    const auto& kernels = exec_.kernels<T>();
    for (index_t at = 0; at < size_; at += kPiece) {
      const index_t piece = std::min(kPiece, size_ - at);
      for (index_t l = 0; l < lanes_; ++l) {
        T* to = stage_ + l * kPitch;
        const index_t n = l < count ? std::clamp(lines[l].n - at, index_t{0}, piece) : 0;
        if (n > 0)
          kernels.conv.gather_rows({.row = lines[l].row,
                                    .width = r_.w.in,
                                    .start = lines[l].start + at * axis_.step,
                                    .step = axis_.step,
                                    .n = n,
                                    .mode = r_.mode,
                                    .dst = to});
        std::fill(to + n, to + piece, T{0});
      }
      transpose(stage_, kPitch, planes + at * lanes_, lanes_, piece);
    }
  }

 private:
  void transpose(const T* x, index_t ldx, T* y, index_t rows, index_t columns) const noexcept {
    exec_.kernels<T>().elementwise.transpose(
        {.x = x, .ldx = ldx, .y = y, .ldy = lanes_, .rows = rows, .columns = columns});
  }

  // Transposes lines straight from the image where they are evenly apart and have all elements.
  bool read_in_place(const InLine<T>* lines, index_t count, T* planes) const noexcept {
    if (count < lanes_ || axis_.step != 1) return false;
    if (lines[0].row == nullptr || lines[1].row == nullptr) return false;
    const T* first = lines[0].row + lines[0].start;
    const index_t apart = lines[1].row + lines[1].start - first;
    for (index_t l = 0; l < lanes_; ++l)
      if (lines[l].n < size_ || lines[l].start < 0 || lines[l].start + size_ > r_.w.in ||
          lines[l].row + lines[l].start != first + l * apart)
        return false;
    transpose(first, apart, planes, lanes_, size_);
    return true;
  }

  const Correlation& r_;
  const LineAxis& axis_;
  index_t size_;
  const Exec& exec_;
  index_t lanes_;
  T* stage_;
};

}  // namespace fastconv::fft
