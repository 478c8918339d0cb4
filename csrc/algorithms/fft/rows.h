// SPDX-License-Identifier: MIT
// The other axis: which rows of the image the rows of outputs read. Its taps are summed one by one.
#pragma once

#include <algorithm>
#include <vector>

#include "algorithms/correlation/correlation.h"

namespace fastconv::fft {

// Row q of outputs reads, through tap t, row step * (q + shift[t]) + residue[of[t]] of the image.
struct RowAxis {
  index_t step = 1;
  std::vector<index_t> residues;  // that taps have modulo the stride
  std::vector<index_t> of;        // for each tap the number of its residue
  std::vector<index_t> shift;     // for each tap, counted from `least`
  index_t least = 0, halo = 0;    // the least shift of all, and how much larger the largest is
  index_t first = 0, end = 0;     // the rows that any output reads

  explicit RowAxis(const TapAxis& axis) : step(axis.in_step) {
    first = end = axis.taps[0].offset;
    for (const Tap& tap : axis.taps) {
      const index_t residue = (tap.offset % step + step) % step;
      const auto found = std::ranges::find(residues, residue);
      of.push_back(found - residues.begin());
      if (found == residues.end()) residues.push_back(residue);
      shift.push_back((tap.offset - residue) / step);
      first = std::min(first, tap.offset), end = std::max(end, tap.offset);
    }
    end += (axis.count - 1) * step + 1;
    least = *std::ranges::min_element(shift);
    halo = *std::ranges::max_element(shift) - least;
    for (index_t& s : shift) s -= least;
  }

  index_t n_residues() const { return static_cast<index_t>(residues.size()); }
  // The row of the image at place i of a residue, counted from what output 0 reads at shift 0; or
  // -1 where it lies in zeros, or no output needs it.
  index_t source(const Correlation& r, index_t residue, index_t i) const {
    const index_t row = step * (i + least) + residues[static_cast<std::size_t>(residue)];
    return row < first || row >= end ? -1 : padded_source(r.mode, row, r.h.in);
  }
};

}  // namespace fastconv::fft
