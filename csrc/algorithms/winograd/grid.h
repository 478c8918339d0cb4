// SPDX-License-Identifier: MIT
// How Winograd's algorithm cuts the outputs of a Correlation into tiles.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "algorithms/correlation/correlation.h"
#include "algorithms/correlation/request.h"

namespace fastconv::winograd {

// Which scheme is used along each axis: the indices of two of kSchemes.
struct Form {
  int h = 0, w = 0;
  int alphas() const { return kSchemes[h].alpha * kSchemes[w].alpha; }  // places of a tile
  bool operator==(const Form&) const = default;
};
std::string name_of(Form form);  // "winograd F(4,3) x F(4,3)"

// All forms but F(1,1) x F(1,1), which is for kernels of one tap, in the order of kSchemes.
inline constexpr int kForms = kNumSchemes * kNumSchemes - 1;
constexpr Form form_at(int i) { return {(i + 1) / kNumSchemes, (i + 1) % kNumSchemes}; }

// Why a request's precision does not allow the form for elements of `item` bytes, or null.
const char* too_coarse(Form form, const Request& request, index_t item);

// Whether r has as many taps as the form along each axis, all equally far apart, and no stride.
bool fits(const Correlation& r, Form form);
// Of the forms that fit, the one with the smallest errors.
std::optional<Form> mildest_form(const Correlation& r);

// The tiles of one axis. The outputs of a dilated axis whose position is the same modulo the
// dilation are a phase, in which nothing is dilated. Tiles are numbered phase by phase.
class TileAxis {
 public:
  TileAxis(const TapAxis& axis, int scheme);

  struct Place {
    index_t first;    // the first output of the tile; the others follow step() apart
    index_t reads;    // where the first element that it reads lies in the image
    index_t outputs;  // the outputs of the phase from this tile on
    index_t left;     // the tiles of the phase from this one on
  };
  Place at(index_t tile) const noexcept;

  index_t tiles() const { return tiles_; }
  index_t step() const { return step_; }  // the dilation
  const WinogradScheme& scheme() const { return kSchemes[scheme_]; }
  std::ptrdiff_t index() const { return scheme_; }  // of the scheme among kSchemes
  // The index in TapAxis::taps of the tap that reads i-th, counted from the start of the image.
  index_t tap(index_t i) const { return reversed_ ? scheme().r - 1 - i : i; }

 private:
  std::ptrdiff_t scheme_;
  index_t count_;       // the outputs of the axis
  index_t step_ = 1;    // the dilation
  index_t offset_ = 0;  // the first element that output 0 reads
  // The first phases are long ones: they may have an output, and so a tile, more than the others.
  index_t long_phases_, long_tiles_, short_tiles_, tiles_;
  bool reversed_;  // whether taps read backwards, as an adjoint's do
};

// Neighbouring tiles of one row of tiles.
struct TileRun {
  index_t lane;  // of the first tile, in its block
  index_t image;
  index_t th, tw;        // the first tile's number along each axis
  index_t n;             // how many tiles these are
  TileAxis::Place h, w;  // of the first tile
};

// Whether run b lies right below run a, so that they share rows of the image.
inline bool below(const TileRun& a, const TileRun& b) {
  return a.image == b.image && a.tw == b.tw && a.n == b.n && a.th + 1 == b.th && a.h.left > 1;
}

// All tiles of a correlation, numbered row by row, image after image.
struct TileGrid {
  TileGrid(const Correlation& r, Form form) : h(r.h, form.h), w(r.w, form.w) {}
  TileAxis h, w;
  // What list_weights() finds: for each weight of a kernel the place of its tap among the taps, in
  // the order in which these read the image, or -1.
  std::vector<index_t> slots;
  void list_weights(const Correlation& r);
  index_t alphas() const { return h.scheme().alpha * w.scheme().alpha; }
  index_t per_image() const { return h.tiles() * w.tiles(); }
  // Cuts n tiles, from number `first` on, into runs, and returns how many runs (at most n) these
  // are.
  index_t split(index_t first, index_t n, TileRun* runs) const noexcept;
};

}  // namespace fastconv::winograd
