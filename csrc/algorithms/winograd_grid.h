// SPDX-License-Identifier: MIT
// How Winograd's algorithm cuts the outputs of a Correlation into tiles.
#pragma once

#include <vector>

#include "algorithms/correlation.h"

namespace fastconv {

struct WinogradForm {  // indexes into kSchemes
  int h = 0, w = 0;
  int alphas() const { return kSchemes[h].alpha * kSchemes[w].alpha; }
};

// The forms that can compute r; none where an axis is strided or its taps are not evenly spaced.
std::vector<WinogradForm> winograd_forms(const Correlation& r);

// The tiles of one axis. A dilated axis falls into as many undilated ones as its step, its phases:
// tiles follow one another phase by phase.
class TileAxis {
 public:
  TileAxis(const TapAxis& axis, int scheme);

  struct Place {
    index_t first;    // the first output of the tile; others follow `step` apart
    index_t reads;    // where its first element lies in the image
    index_t outputs;  // of this and all further tiles of its phase
    index_t left;     // tiles of the phase from this one on
  };
  Place at(index_t tile) const noexcept;

  index_t tiles() const { return tiles_; }
  index_t step() const { return step_; }
  const WinogradScheme& scheme() const { return kSchemes[scheme_]; }
  std::ptrdiff_t index() const { return scheme_; }  // of the scheme
  // The place in TapAxis::taps of the tap that reads nearest to the start, and of those after it.
  const std::vector<index_t>& order() const { return order_; }

 private:
  std::ptrdiff_t scheme_;
  index_t count_, step_ = 1, offset_ = 0;  // offset_ of the first tap
  index_t long_phases_, long_tiles_, short_tiles_, tiles_;
  std::vector<index_t> order_;
};

// Neighbouring tiles of one row of tiles.
struct TileRun {
  index_t lane;  // of the first, in its block
  index_t image, th, tw, n;
  TileAxis::Place h, w;
};

struct TileGrid {
  TileGrid(const Correlation& r, WinogradForm form) : h(r.h, form.h), w(r.w, form.w) {}
  TileAxis h, w;
  index_t alphas() const { return h.scheme().alpha * w.scheme().alpha; }
  index_t per_image() const { return h.tiles() * w.tiles(); }
  // Tiles first..first + n as runs; returns how many (at most n).
  index_t split(index_t first, index_t n, TileRun* runs) const noexcept;
};

}  // namespace fastconv
