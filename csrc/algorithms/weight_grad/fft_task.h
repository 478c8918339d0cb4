// SPDX-License-Identifier: MIT
// A task of the weight gradient by Fourier transforms. Lanes of the image's spectra are input
// channels, rows of the tiles are output channels, and the terms of a product are lines.
#pragma once

#include <cmath>

#include "algorithms/fft/line_reader.h"
#include "algorithms/fft/weight_lines.h"
#include "algorithms/weight_grad/algorithm.h"
#include "algorithms/weight_grad/fft_cut.h"
#include "core/memory.h"

namespace fastconv::weight_grad {

// The scratch memory of one thread, in bytes.
struct FftSizes {
  index_t stage;   // pieces of lines
  index_t planes;  // a vector of lines twice, and pieces of them, as WeightLines wants them
  index_t x, dy;   // the spectra of a slice
  index_t sums;
  index_t all() const { return stage + planes + x + dy + sums; }
};

template <class T>
FftSizes fft_sizes(const Correlation& r, const FftCut& cut, index_t lanes) {
  constexpr index_t item = sizeof(T);
  const index_t f = cut.parts.frequencies(), wide = cut.vectors * lanes;
  return {fft::LineReader<T>::stage_bytes(lanes),
          cache_lines(fft::WeightLines<T>::work_elements(cut.parts.size, lanes) * item),
          cache_lines(f * cut.lines(cut.some_rows, cut.some_parts) * 3 * wide * item),
          cache_lines(f * cut.terms(cut.some_rows, cut.some_parts) * 2 * cut.chunk * item),
          cache_lines(f * r.h.n_taps() * cut.chunk * 2 * wide * item)};
}

template <class T>
class FftTask {
 public:
  FftTask(const Job<T>& job, const FftCut& cut, const fft::Transform<T>& transform,
          const Exec& exec, std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        cut_(cut),
        transform_(transform),
        kernels_(exec.kernels<T>()),
        lanes_(kernels_.conv.gemm.lanes),
        stage_(reinterpret_cast<T*>(memory)),
        planes_(reinterpret_cast<T*>(memory + fft::LineReader<T>::stage_bytes(lanes_))),
        reader_(job.r, cut.axis, cut.parts.size, exec, stage_),
        gradients_(cut.axis, transform, exec, planes_) {
    const FftSizes sizes = fft_sizes<T>(r_, cut, lanes_);
    x_ = reinterpret_cast<T*>(memory + sizes.stage + sizes.planes);
    dy_ = reinterpret_cast<T*>(memory + sizes.stage + sizes.planes + sizes.x);
    sums_ = reinterpret_cast<T*>(memory + sizes.all() - sizes.sums);
    const index_t c_task = index % cut.c_tasks, m_task = index / cut.c_tasks % cut.m_tasks;
    g_ = index / cut.c_tasks / cut.m_tasks;
    wide_ = cut.vectors * lanes_;
    c_ = {c_task * wide_, std::min(r_.c, (c_task + 1) * wide_)};
    m_ = {m_task * cut.chunk, std::min(r_.m, (m_task + 1) * cut.chunk)};
  }

  // Returns whether all sums are finite.
  bool run() noexcept {
    bool finite = true;
    for (phase_ = 0; phase_ < cut_.axis.phases; ++phase_) {
      started_ = false;
      for (image_ = 0; image_ < r_.batch; ++image_)
        for (index_t q = 0; q < r_.h.count; q += cut_.some_rows)
          for (index_t p = 0; p < cut_.parts.parts; p += cut_.some_parts)
            add_slice({q, std::min(r_.h.count, q + cut_.some_rows)},
                      {p, std::min(cut_.parts.parts, p + cut_.some_parts)});
      for (index_t th = 0; th < r_.h.n_taps(); ++th)
        for (index_t m = m_.begin; m < m_.end; ++m)
          for (index_t c = 0; c < c_.size(); c += lanes_) finite = store(th, m, c) && finite;
    }
    return finite;
  }

 private:
  index_t frequencies() const { return cut_.parts.frequencies(); }

  void add_slice(Range rows, Range parts) noexcept {
    read_image(rows, parts);
    read_gradients(rows, parts);
    const index_t terms = cut_.terms(rows.size(), parts.size());
    const index_t lines = cut_.lines(rows.size(), parts.size());
    for (index_t f = 0; f < frequencies(); ++f)
      for (index_t th = 0; th < r_.h.n_taps(); ++th) {
        const std::size_t tap = static_cast<std::size_t>(th);
        const index_t row =
            cut_.rows.of[tap] * (rows.size() + cut_.rows.halo) + cut_.rows.shift[tap];
        const T* x = x_ + (f * lines + row * cut_.axis.combs * parts.size()) * 3 * wide_;
        multiply(f, th, x, terms);
      }
    started_ = true;
  }

  // The spectra of the image: for each frequency the lines (residue, row, comb, part), each with
  // the real and imaginary parts and the negated real parts of all channels.
  void read_image(Range rows, Range parts) noexcept {
    fft::InLine<T> list[fft::kMostLanes];
    const index_t ld = cut_.lines(rows.size(), parts.size()) * 3 * wide_;
    T* to = x_;
    for (index_t residue = 0; residue < cut_.rows.n_residues(); ++residue)
      for (index_t i = rows.begin; i < rows.end + cut_.rows.halo; ++i) {
        const index_t row = cut_.rows.source(r_, residue, i);
        for (index_t u = 0; u < cut_.axis.combs; ++u)
          for (index_t p = parts.begin; p < parts.end; ++p, to += 3 * wide_)
            for (index_t c = 0; c < wide_; c += lanes_) {
              const index_t count = std::clamp(c_.size() - c, index_t{0}, lanes_);
              for (index_t l = 0; l < count; ++l)
                list[l] = reader_.line(channel(c + l), row, phase_, u, p, cut_.parts.hop);
              reader_.read(list, count, planes_);
              const T* z = transform_.forward(planes_, planes_ + transform_.size() * lanes_,
                                              kernels_.conv.fft);
              kernels_.conv.fft.split({z, transform_.half(), transform_.turns(), to + c, ld, wide_,
                                       true, static_cast<int>(lanes_)});
            }
      }
  }
  const T* channel(index_t c) const {
    const index_t plane = (image_ * r_.groups + g_) * r_.c + c_.begin + c;
    return job_.x + plane * r_.in_plane();
  }

  // The spectra of the gradients, in panels: for each term (row, comb, part) the rows of a panel,
  // first the real parts of all terms, then the imaginary ones.
  void read_gradients(Range rows, Range parts) noexcept {
    const index_t terms = cut_.terms(rows.size(), parts.size());
    for (index_t row = m_.begin; row < m_.end; row += cut_.tile.mr) {
      const index_t mr = std::min(cut_.tile.mr, m_.end - row), all = terms * mr;
      for (index_t first = 0; first < all; first += lanes_) {
        const index_t count = std::min(lanes_, all - first);
        fft::WeightLine<T> list[fft::kMostLanes];
        for (index_t l = 0; l < count; ++l)
          list[l] = gradient(row + (first + l) % mr, (first + l) / mr, rows, parts);
        const index_t most = std::min(cut_.parts.hop, cut_.axis.taps);
        const T* z = gradients_.transform(list, count, most);
        kernels_.conv.fft.split({z, transform_.half(), transform_.turns(),
                                 dy_ + (row - m_.begin) * 2 * terms + first, m_.size() * 2 * terms,
                                 all, false, static_cast<int>(count)});
      }
    }
  }
  fft::WeightLine<T> gradient(index_t m, index_t term, Range rows, Range parts) const noexcept {
    const index_t p = parts.begin + term % parts.size(), rest = term / parts.size();
    const index_t u = rest % cut_.axis.combs, q = rows.begin + rest / cut_.axis.combs;
    const index_t plane = (image_ * r_.groups + g_) * r_.m + m, first = p * cut_.parts.hop;
    const index_t n = std::min(cut_.parts.hop, cut_.axis.taps_of(u, r_.w.count) - first);
    return {job_.dy + plane * r_.pixels() + q * r_.w.count, u, first, std::max(n, index_t{0})};
  }

  // Adds conj(dy) x at one frequency, for one tap of the height. `x` is the line of its first term.
  void multiply(index_t f, index_t th, const T* x, index_t terms) noexcept {
    const auto& gemm = kernels_.conv.gemm;
    for (index_t row = m_.begin; row < m_.end; row += cut_.tile.mr) {
      const index_t mr = std::min(cut_.tile.mr, m_.end - row);
      const T* a = dy_ + (f * m_.size() + row - m_.begin) * 2 * terms;
      for (index_t c = 0; c < wide_; c += cut_.tile.nr)
        for (int imaginary = 0; imaginary < 2; ++imaginary) {
          T* y = sum(f, th, row) + imaginary * wide_ + c;
          for (int part = 0; part < 2; ++part) {
            const index_t plane = imaginary == 0 ? part : part == 0 ? 1 : 2;
            const index_t vectors = std::min(cut_.tile.nr, wide_ - c) / lanes_;
            gemm.run_gemm[mr - 1][vectors - 1]({.k = terms,
                                                .a = a + part * terms * mr,
                                                .b = x + plane * wide_ + c,
                                                .ldb = 3 * wide_,
                                                .offsets = nullptr,
                                                .c = y,
                                                .ldc = 2 * wide_,
                                                .init = started_ || part == 1 ? y : nullptr,
                                                .bias = nullptr,
                                                .tail = static_cast<int>(lanes_)});
          }
        }
    }
  }
  T* sum(index_t f, index_t th, index_t m) const {
    return sums_ + ((f * r_.h.n_taps() + th) * m_.size() + m - m_.begin) * 2 * wide_;
  }

  // Transforms the sums of one tap of the height and output channel back, for a vector of input
  // channels, and stores those of one phase of the taps. Returns whether they are finite.
  bool store(index_t th, index_t m, index_t c) noexcept {
    const auto& fft = kernels_.conv.fft;
    fft.join({sum(0, th, m) + c, r_.h.n_taps() * m_.size() * 2 * wide_, wide_, transform_.half(),
              transform_.turns(), planes_});
    const T* z = transform_.inverse(planes_, planes_ + transform_.size() * lanes_, fft);
    const index_t taps = cut_.axis.outputs_of(phase_, r_.w.n_taps());
    const index_t count = std::min(lanes_, c_.size() - c);
    bool finite = true;
    for (index_t l = 0; l < count; ++l) {
      T* to = job_.dw + ((g_ * r_.m + m) * r_.c + c_.begin + c + l) * r_.taps() +
              th * r_.w.n_taps() + phase_;
      for (index_t j = 0; j < taps; ++j) {
        const T value = z[j * lanes_ + l];
        finite = finite && std::isfinite(value);
        to[j * cut_.axis.phases] = value;
      }
    }
    return finite;
  }

  const Job<T>& job_;
  const Correlation& r_;
  const FftCut& cut_;
  const fft::Transform<T>& transform_;
  const Kernels<T>& kernels_;
  const index_t lanes_;
  T *stage_, *planes_;
  fft::LineReader<T> reader_;
  fft::WeightLines<T> gradients_;
  T *x_, *dy_, *sums_;
  Range c_, m_;  // input and output channels
  index_t g_, wide_;
  index_t phase_ = 0, image_ = 0;
  bool started_ = false;
};

}  // namespace fastconv::weight_grad
