// SPDX-License-Identifier: MIT
// How Winograd's algorithm cuts the outputs of a Correlation into tiles.
#pragma once

#include <string>
#include <vector>

#include "algorithms/correlation/correlation.h"

namespace fastconv::winograd {

struct Form {  // of each axis a scheme: an index into kSchemes
  int h = 0, w = 0;
  int alphas() const { return kSchemes[h].alpha * kSchemes[w].alpha; }
  bool operator==(const Form&) const = default;
};
std::string name_of(Form form);  // "winograd F(4,3) x F(4,3)"

// Of a kernel with several taps, in the order of kSchemes.
inline constexpr int kForms = kNumSchemes * kNumSchemes - 1;
constexpr Form form_at(int i) { return {(i + 1) / kNumSchemes, (i + 1) % kNumSchemes}; }

// Whether the form's taps are r's, neighbours or evenly dilated, and no axis is strided.
bool fits(const Correlation& r, Form form);

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
  // The place in TapAxis::taps of the i-th tap from the start of the image.
  index_t tap(index_t i) const { return reversed_ ? scheme().r - 1 - i : i; }

 private:
  std::ptrdiff_t scheme_;
  index_t count_, step_ = 1, offset_ = 0;  // offset_ of the first tap
  index_t long_phases_, long_tiles_, short_tiles_, tiles_;
  bool reversed_;
};

// Neighbouring tiles of one row of tiles.
struct TileRun {
  index_t lane;  // of the first, in its block
  index_t image, th, tw, n;
  TileAxis::Place h, w;
};

// Run b lies right below run a, so that they share rows of the image.
inline bool below(const TileRun& a, const TileRun& b) {
  return a.image == b.image && a.tw == b.tw && a.n == b.n && a.th + 1 == b.th && a.h.left > 1;
}

struct TileGrid {
  TileGrid(const Correlation& r, Form form) : h(r.h, form.h), w(r.w, form.w) {}
  TileAxis h, w;
  std::vector<index_t>
      slots;  // by list_weights: the place of each weight of a kernel among the taps, or -1
  void list_weights(const Correlation& r);
  index_t alphas() const { return h.scheme().alpha * w.scheme().alpha; }
  index_t per_image() const { return h.tiles() * w.tiles(); }
  // Tiles first..first + n as runs; returns how many (at most n).
  index_t split(index_t first, index_t n, TileRun* runs) const noexcept;
};

}  // namespace fastconv::winograd
