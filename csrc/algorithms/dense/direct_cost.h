// SPDX-License-Identifier: MIT
// What convolving from strips costs, in cycles of one core.
#pragma once

#include "algorithms/correlation/cost.h"

namespace fastconv::dense {

class DirectCost {
 public:
  explicit DirectCost(const PhaseCost& phase) : p_(phase) {}

  double cycles() const {
    constexpr double kImage = 250;  // starting an image of a group: its tasks and their strips
    return p_.images() * (kImage + (packs_strip() ? packed_strip() : plain_strip()) +
                          p_.scattered(p_.row_vectors()));
  }
  // Whether a strip better has a copy of its rows for each tap of the width: then no lane is lost
  // at the end of a row of outputs.
  bool packs_strip() const {
    return p_.r().w.count <= kMostColumns && p_.r().h.count > 1 && packed_strip() < plain_strip();
  }
  static constexpr index_t kMostColumns = 512;  // beyond, a slice of 384 terms leaves L2

 private:
  double plain_strip() const {
    const Correlation& r = p_.r();
    const double tiles = double(r.h.count) * double(ceil_div(r.w.count, p_.tile().nr));
    const index_t runs = std::min(r.w.in_step, r.w.n_taps());
    return p_.product(p_.row_vectors(), tiles) + double(r.c) * p_.rows_gathered(double(runs));
  }
  double packed_strip() const {
    const Correlation& r = p_.r();
    return p_.block(r.pixels()) + double(r.c) * p_.rows_gathered(double(r.w.n_taps()));
  }

  PhaseCost p_;
};

}  // namespace fastconv::dense
