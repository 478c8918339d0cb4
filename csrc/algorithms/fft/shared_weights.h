// SPDX-License-Identifier: MIT
// The spectra of weights as `fft` reads them: for each group, frequency and panel the real parts of
// all terms, then the imaginary ones, each term with the rows of the panel. A term is a part of a
// comb of one row of a kernel.
#pragma once

#include "algorithms/correlation/pack_weights.h"
#include "algorithms/fft/shared_cut.h"
#include "algorithms/fft/weight_lines.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::fft {

template <class T>
class SharedWeights {
 public:
  SharedWeights(const Correlation& r, const SharedCut& cut, const Exec& exec)
      : r_(r), cut_(cut), kernels_(r, cut.axis, cut.blocks), terms_(r.c * kernels_.count()) {
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    vectors_ = ceil_div(terms_ * cut.tile.mr, lanes);
    tasks_ = r.groups * ceil_div(r.m, cut.tile.mr) * vectors_;
    const double work = double(tasks_) * double(cut.blocks.size * lanes) * 4;
    team_ = useful_threads(tasks_, work, exec.threads);
    work_ = WeightLines<T>::work_elements(cut.blocks.size, lanes);
  }

  index_t spectra() const { return r_.groups * cut_.blocks.frequencies() * r_.m * 2 * terms_; }
  // Behind the spectra lies what packing works with.
  index_t elements() const { return spectra() + team_.threads * work_; }
  PackingKey key() const {
    PackingKey key = start_of_key(Packing::fft, r_);
    key.insert(key.end(), {cut_.blocks.size, cut_.blocks.parts, cut_.tile.mr, team_.threads});
    append_taps(r_, cut_.axis, key);
    return key;
  }

  void pack(const Transform<T>& transform, const T* weights, T* packed,
            const Exec& exec) const noexcept {
    const index_t panels = ceil_div(r_.m, cut_.tile.mr);
    parallel_for(tasks_, team_, [&](index_t task, int thread) {
      const WeightLines<T> lines(cut_.axis, transform, exec, packed + spectra() + thread * work_);
      const index_t panel = task / vectors_;
      pack_vector(lines, transform, weights, panel / panels, panel % panels * cut_.tile.mr,
                  task % vectors_, packed, exec);
    });
  }

 private:
  // Lanes are pairs of a term and a row of the panel, in the order in which these lie in a panel.
  void pack_vector(const WeightLines<T>& lines, const Transform<T>& transform, const T* weights,
                   index_t g, index_t row, index_t vector, T* packed,
                   const Exec& exec) const noexcept {
    const auto& kernels = exec.kernels<T>().conv;
    const index_t lanes = kernels.gemm.lanes, mr = std::min(cut_.tile.mr, r_.m - row);
    const index_t first = vector * lanes, count = std::min(lanes, terms_ * mr - first);
    if (count <= 0) return;  // the last panel has fewer rows
    WeightLine<T> list[kMostLanes];
    const index_t term = first / mr;
    index_t line = term % kernels_.count(), i = first % mr;
    const T* channel = weights + g * r_.w_group + row * r_.w_m + term / kernels_.count() * r_.w_c;
    for (index_t l = 0; l < count; ++l) {
      list[l] = kernels_.at(line, channel + i * r_.w_m);
      if (++i < mr) continue;
      i = 0;
      if (++line < kernels_.count()) continue;
      line = 0, channel += r_.w_c;
    }
    const T* z = lines.transform(list, count, cut_.blocks.part_taps(cut_.axis));
    kernels.fft.split({z, transform.half(), transform.turns(),
                       packed + (g * cut_.blocks.frequencies() * r_.m + row) * 2 * terms_ + first,
                       r_.m * 2 * terms_, terms_ * mr, false, static_cast<int>(count)});
  }

  const Correlation& r_;
  const SharedCut& cut_;
  KernelLines kernels_;
  index_t terms_;  // of an output
  index_t vectors_, tasks_, work_;
  Team team_ = 1;
};

}  // namespace fastconv::fft
