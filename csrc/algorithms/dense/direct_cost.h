// SPDX-License-Identifier: MIT
// What `direct` costs for one phase, in cycles of one core.
#pragma once

#include "algorithms/correlation/cost.h"

namespace fastconv::dense {

class DirectCost {
 public:
  explicit DirectCost(const PhaseCost& phase) : p_(phase) {}

  double cycles() const {
    constexpr double kImage = 250;  // starting an image of a group: its tasks and their strips
    return p_.images() * (kImage + (packs_strip() ? packed_strip() : plain_strip()) +
                          p_.lines_between() + p_.scattered(p_.row_vectors()));
  }
  // Whether a packed strip costs less than a plain one: it takes more copies of the image's rows,
  // but no lane is lost at the end of a row of outputs.
  bool packs_strip() const {
    return p_.r().w.count <= kMostColumns && p_.r().h.count > 1 && packed_strip() < plain_strip();
  }
  // The most columns of a block: with more, the strip of a slice of 384 terms does not fit L2.
  static constexpr index_t kMostColumns = 512;

 private:
  // One product of a group and image, from strips that are plain or packed.
  double plain_strip() const {
    const Correlation& r = p_.r();
    const double tiles = double(r.h.count) * double(ceil_div(r.w.count, p_.tile().nr));
    return p_.product(p_.row_vectors(), tiles) + double(r.c) * p_.rows_gathered(gathered_runs(r.w));
  }
  double packed_strip() const {
    const Correlation& r = p_.r();
    return p_.block(r.pixels()) + double(r.c) * p_.rows_gathered(double(r.w.n_taps()));
  }

  PhaseCost p_;
};

}  // namespace fastconv::dense
