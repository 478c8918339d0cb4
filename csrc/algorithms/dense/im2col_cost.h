// SPDX-License-Identifier: MIT
// What `im2col` and `pointwise` cost for one phase, in cycles of one core.
#pragma once

#include "algorithms/correlation/cost.h"
#include "core/cache.h"

namespace fastconv::dense {

class Im2colCost {
 public:
  // With `packs`, panels of pixels are packed from the image; without, the planes of the image are
  // read as they lie (`pointwise`).
  Im2colCost(const PhaseCost& phase, bool packs) : p_(phase), packs_(packs) {}

  double cycles() const { return merges() ? merged() : apart(); }
  // Whether it costs less to pack panels that hold pixels of several images.
  bool merges() const { return p_.r().batch > 1 && merged() < apart(); }

 private:
  // The cost if panels hold pixels of one image alone. Each image then reads the weights again,
  // from L3 if they are too many for L2.
  double apart() const {
    constexpr double kWeightRate = 6;  // bytes in a cycle from L3
    // Planes that are read as they lie take longer, since their rows are in different pages.
    constexpr double kInPlace = 1.02;
    const Correlation& r = p_.r();
    const double bytes = double(r.m) * double(r.k()) * double(p_.item());
    const double again = bytes > double(cache_sizes().l2) / 2 ? bytes / kWeightRate : 0;
    const double vectors = double(ceil_div(r.pixels(), p_.lanes()));
    const double image = p_.block(r.pixels()) * (packs_ ? 1 : kInPlace) + p_.scattered(vectors) +
                         (packs_ ? panels_packed(r.pixels()) + p_.lines_between() : 0);
    constexpr double kImage = 80;  // cycles to begin with one (10,000 of 7 pixels: 543 us)
    return p_.images() * (image + kImage) + double(r.groups) * double(r.batch - 1) * again;
  }
  // The cost if panels hold pixels of several images: their outputs go through a buffer.
  double merged() const {
    // Cycles to copy a vector of outputs out of the buffer, and an image's outputs at least (512
    // channels of 32 images of one pixel: 300 thousand).
    constexpr double kMoved = 10, kImage = 18;
    const Correlation& r = p_.r();
    const index_t pixels = r.batch * r.pixels();
    const double vectors = double(r.pixels()) / double(p_.lanes());  // of an image
    const double moved = r.plain_output()
                             ? double(r.m) * double(r.batch) * std::max(vectors * kMoved, kImage)
                             : p_.scattered(double(r.batch) * vectors);
    return double(r.groups) * (p_.block(pixels) + panels_packed(pixels) + moved) +
           p_.images() * p_.lines_between();
  }
  // Packing the panels of `pixels` pixels. Each row of a panel, which is a row of the im2col
  // matrix, is made of one or more pieces of rows of the image.
  double panels_packed(index_t pixels) const {
    constexpr double kCall = 40;   // cycles to clip a piece at the border, for up to 64 channels
    constexpr double kPiece = 12;  // cycles to begin its copy, for each channel
    const Correlation& r = p_.r();
    const double nr = double(p_.tile().nr);
    const double pieces = double(ceil_div(pixels, p_.tile().nr)) * (1 + nr / double(r.w.count));
    const double calls = double(r.taps()) * double(ceil_div(r.c, 64));  // for each piece
    return pieces * (calls * kCall + double(r.k()) * kPiece) +
           double(r.k()) * p_.copies(double(pixels));
  }

  PhaseCost p_;
  bool packs_;
};

}  // namespace fastconv::dense
