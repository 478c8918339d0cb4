// SPDX-License-Identifier: MIT
// What convolving by a matrix product costs, in cycles of one core.
#pragma once

#include "algorithms/correlation/cost.h"
#include "core/cache.h"

namespace fastconv::dense {

class Im2colCost {
 public:
  // `packs`: panels of pixels are packed from the image; else they are its planes as they lie.
  Im2colCost(const PhaseCost& phase, bool packs) : p_(phase), packs_(packs) {}

  double cycles() const { return merges() ? merged() : apart(); }
  // Whether panels of pixels better hold several images.
  bool merges() const { return p_.r().batch > 1 && merged() < apart(); }

 private:
  // Images one by one; each reads the weights again, from L3 if they are too many for L2.
  double apart() const {
    constexpr double kWeightRate = 6;  // bytes a cycle from L3
    constexpr double kInPlace = 1.02;  // rows of a panel in different pages
    const Correlation& r = p_.r();
    const double bytes = double(r.m) * double(r.k()) * double(p_.item());
    const double again = bytes > double(cache_sizes().l2) / 2 ? bytes / kWeightRate : 0;
    const double vectors = double(ceil_div(r.pixels(), p_.lanes()));
    const double image = p_.block(r.pixels()) * (packs_ ? 1 : kInPlace) + p_.scattered(vectors) +
                         (packs_ ? panels_packed(r.pixels()) : 0);
    return p_.images() * image + double(r.groups) * double(r.batch - 1) * again;
  }
  // Panels that hold pixels of several images; their outputs go through a buffer.
  double merged() const {
    constexpr double kMoved = 10;  // a vector of outputs, from the buffer to its image
    const Correlation& r = p_.r();
    const index_t pixels = r.batch * r.pixels();
    const double vectors = double(pixels) / double(p_.lanes());
    const double moved = r.plain_output() ? double(r.m) * vectors * kMoved : p_.scattered(vectors);
    return double(r.groups) * (p_.block(pixels) + panels_packed(pixels) + moved);
  }
  // A panel's row of im2col is one or more pieces of image rows.
  double panels_packed(index_t pixels) const {
    constexpr double kCall = 40;   // clipping a piece of a row
    constexpr double kPiece = 12;  // copying it, for a channel
    const Correlation& r = p_.r();
    const double nr = double(p_.tile().nr);
    const double pieces = double(ceil_div(pixels, p_.tile().nr)) * (1 + nr / double(r.w.count));
    const double calls = double(r.taps()) * double(ceil_div(r.c, 64));  // of copies
    return pieces * (calls * kCall + double(r.k()) * kPiece) +
           double(r.k()) * p_.copies(double(pixels));
  }

  PhaseCost p_;
  bool packs_;
};

}  // namespace fastconv::dense
