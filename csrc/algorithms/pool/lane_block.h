// SPDX-License-Identifier: MIT
// One block of channel_lanes.h at work: it brings its part of the input into the caches with
// channels in the lanes, and takes the results to where they belong.
#pragma once

#include "algorithms/pool/channel_lanes.h"
#include "algorithms/pool/lane_tables.h"
#include "algorithms/pool/tasks.h"

namespace fastconv::pool {

// What all blocks of one call share.
template <class T>
struct LaneCall {
  const Problem& problem;
  const Arrays<T>& arrays;
  const Exec& exec;
  const Kernels<T>& kernels;
  LaneWindows windows_h, windows_w;
  LaneTables<T> h, w;
  PlaneGroups planes;  // those that are transposed together
  index_t channels;    // of a pixel, as kernels see it

  bool pixels() const { return problem.layout == Layout::pixels; }
  bool gives_indices() const { return problem.use == Use::indices; }
  bool takes_powers() const { return problem.pooling.op == PoolOp::powers; }
  index_t in_w() const { return windows_w.in(); }
  index_t in_plane() const { return windows_h.in() * windows_w.in(); }
  index_t out_w() const { return windows_w.out(); }
  index_t out_plane() const { return windows_h.out() * windows_w.out(); }
};

template <class T>
struct LaneBlock {
  const LaneCall<T>& call;
  index_t group;   // an image, or one of call.planes
  index_t oh, ow;  // the first output
  PixelArgs<T> args;
  T *region, *y, *places;  // scratch: the packed input, then the results

  // Packs the region of the input, unless it may be read where it lies, and divides it if the
  // divisors of a gradient come first.
  void read();
  // Takes the roots of norms, and the results out of the scratch.
  void write();

 private:
  index_t planes() const { return call.planes.size(group); }
  void take_powers();
  void divide();
  void write_planes();
  void write_pixels();
  void write_indices();
  void transpose_results(const T* from, T* to, index_t plane, index_t row) const;
};

}  // namespace fastconv::pool
