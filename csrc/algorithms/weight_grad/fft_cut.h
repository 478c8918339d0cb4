// SPDX-License-Identifier: MIT
// How the weight gradient by Fourier transforms is cut, and what it costs. Along the rows the
// gradient is a correlation as well: its kernel are the gradients of a row of outputs, which reads
// the image through the stride, and its outputs are the taps, which lie a dilation apart. All rows
// of outputs, all images and all parts of a row are terms of its sums.
#pragma once

#include "algorithms/correlation/cost.h"
#include "algorithms/fft/axis.h"
#include "algorithms/fft/cost.h"
#include "algorithms/fft/line_reader.h"
#include "algorithms/fft/rows.h"

namespace fastconv::weight_grad {

inline fft::LineAxis fft_axis(const Correlation& r) {
  const index_t dilation = std::max<index_t>(r.w.even_step(), 1);
  return {r.w.taps[0].offset, r.w.count, r.w.in_step, r.w.n_taps(), dilation};
}

// The lines of one size: each takes `hop` gradients, and its first `outputs` elements are sums.
struct FftParts {
  index_t size, hop, parts;
  FftParts(const fft::LineAxis& axis, index_t n)
      : size(n), hop(n - axis.outputs + 1), parts(hop > 0 ? ceil_div(axis.taps, hop) : 0) {}
  index_t frequencies() const { return size / 2 + 1; }
};

// A task has some input and output channels of a group, and goes through all lines in order, a
// slice of them at a time.
struct FftCut {
  fft::LineAxis axis;
  fft::RowAxis rows;
  FftParts parts;
  Tile tile = {};
  index_t vectors = 0, c_tasks = 0;       // of input channels of a task; tasks of a group
  index_t chunk = 0, m_tasks = 0;         // output channels of a task, in whole panels; tasks
  index_t some_rows = 0, some_parts = 0;  // rows of outputs and parts of a row of a slice, at most

  // The lines of a slice: of gradients, and of the image.
  index_t terms(index_t n_rows, index_t n_parts) const { return n_rows * axis.combs * n_parts; }
  index_t lines(index_t n_rows, index_t n_parts) const {
    return rows.n_residues() * terms(n_rows + rows.halo, n_parts);
  }
};

template <class T>
FftCut fft_cut(const Correlation& r, index_t size, const Exec& exec) {
  constexpr index_t item = sizeof(T), kMost = 4 << 20;  // bytes of spectra of each kind
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const index_t lanes = gemm.lanes, threads = exec.threads;
  const fft::LineAxis axis = fft_axis(r);
  FftCut cut{.axis = axis, .rows = fft::RowAxis(r.h), .parts = FftParts(axis, size)};
  const index_t f = cut.parts.frequencies(), vectors = ceil_div(r.c, lanes);
  cut.tile = choose_tile(gemm, r.m);
  cut.c_tasks = ceil_div(vectors, 2 * cut.tile.nv);
  const index_t panels = ceil_div(r.m, cut.tile.mr);
  const auto sums = [&](index_t some_panels) {
    return f * r.h.n_taps() * some_panels * cut.tile.mr * 2 * ceil_div(vectors, cut.c_tasks) *
           lanes * item;
  };
  cut.m_tasks = ceil_div(panels, std::clamp(kMost / sums(1), index_t{1}, panels));
  if (r.groups * cut.c_tasks * cut.m_tasks < threads)
    cut.m_tasks = std::min(panels, cut.m_tasks * ceil_div(threads, cut.c_tasks * cut.m_tasks));
  cut.vectors = ceil_div(vectors, cut.c_tasks);
  cut.c_tasks = ceil_div(vectors, cut.vectors);
  cut.chunk = ceil_div(panels, cut.m_tasks) * cut.tile.mr;
  cut.m_tasks = ceil_div(r.m, cut.chunk);
  // All parts of some rows, or some parts of one row.
  const index_t line = f * item * std::max(3 * cut.vectors * lanes, 2 * cut.chunk);
  const index_t most = std::max<index_t>(kMost / line / cut.rows.n_residues() / axis.combs, 1);
  cut.some_rows = std::clamp(most / cut.parts.parts - cut.rows.halo, index_t{1}, r.h.count);
  cut.some_parts = std::clamp(most / (cut.some_rows + cut.rows.halo), index_t{1}, cut.parts.parts);
  return cut;
}

// The cost of lines of one size; a size of -1 means that no size will do.
template <class T>
fft::Choice fft_best(const Correlation& r, const Exec& exec) {
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const fft::LineAxis axis = fft_axis(r);
  const fft::LineCost cost(gemm.lanes, sizeof(T));
  const Tile tile = choose_tile(gemm, r.m);
  const double phases = double(axis.phases) * double(r.groups), height = double(r.h.n_taps());
  const double vectors = double(ceil_div(r.c, gemm.lanes));
  const double dy_vectors = std::ceil(double(r.m) / double(gemm.lanes));
  const fft::Halo halo(r.h);
  fft::Choice best;
  for (int i = 0; i < fft::kNumSizes; ++i) {
    const FftParts parts(axis, fft::kSizes[i]);
    // Half of a line or more should be gradients.
    if (parts.hop < fft::kSizes[i] / 2) continue;
    const index_t f = parts.frequencies();
    // The lines of one row of all images, of all rows of gradients, and of all rows of images.
    const double row = phases * double(r.batch) * double(axis.combs) * double(parts.parts);
    const double lines = row * double(r.h.count);
    const double reads = row * double(halo.residues) * halo.reads(r.h.count);
    const double one = cost.line(parts.size, false);
    const double x = cost.line(parts.size, axis.step > 1) + cost.moved(f, 3);
    const double dy = cost.line(parts.size, axis.combs > 1) + cost.moved(f, 2);
    constexpr double kSlice = 16;  // lines, about, whose products a tile adds in one go
    const double products = 2 * height * double(f) / kSlice *
                            gemm_cycles(static_cast<index_t>(2 * kSlice), r.m, tile.mr, vectors,
                                        std::ceil(vectors / double(tile.nv)), cost.rate());
    const double cycles = reads * x * vectors + lines * (dy * dy_vectors + products) +
                          phases * height * double(r.m) * vectors * one;
    if (best.size < 0 || cycles < best.cycles) best = {.size = i, .cycles = cycles};
    if (parts.parts == 1) break;
  }
  return best;
}

}  // namespace fastconv::weight_grad
