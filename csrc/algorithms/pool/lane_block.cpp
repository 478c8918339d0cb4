// SPDX-License-Identifier: MIT
#include "algorithms/pool/lane_block.h"

namespace fastconv::pool {
namespace {

template <class T>
void copy(const T* from, std::int64_t* to, index_t n) {
  for (index_t i = 0; i < n; ++i) to[i] = static_cast<std::int64_t>(from[i]);
}

}  // namespace

template <class T>
void LaneBlock<T>::read() {
  const index_t size = args.w.size, rows = args.h.size, channels = call.channels;
  const index_t in_w = call.in_w(), in_plane = call.in_plane();
  const index_t corner = args.h.first * in_w + args.w.first;
  if (call.pixels()) {
    args.x = call.arrays.from + (group * in_plane + corner) * channels;
    args.x_row = in_w * channels;
  } else {
    const T* from =
        call.arrays.from + corner +
        plane_at(call.problem.d, call.planes.first(group), in_plane, call.arrays.from_image);
    const bool whole = size == in_w;
    for (index_t r = 0; r < (whole ? 1 : rows); ++r)
      call.kernels.elementwise.transpose({.x = from + r * in_w,
                                          .ldx = in_plane,
                                          .y = region + r * size * kPlanes,
                                          .ldy = kPlanes,
                                          .rows = planes(),
                                          .columns = whole ? rows * size : size});
    args.x = region;
    args.x_row = size * kPlanes;
  }
  if (call.takes_powers()) take_powers();
  if (call.problem.use == Use::sum_grad && call.problem.pooling.average) divide();
}

template <class T>
void LaneBlock<T>::take_powers() {
  const index_t n = args.w.size * args.channels;
  for (index_t r = 0; r < args.h.size; ++r)
    call.kernels.pool.take(PoolOp::powers, call.problem.pooling.power, args.x + r * args.x_row, n,
                           region + r * n);
  args.x = region;
  args.x_row = n;
}

template <class T>
void LaneBlock<T>::divide() {
  for (index_t r = 0; r < args.h.size; ++r)
    for (index_t c = 0; c < args.w.size; ++c) {
      const T divisor = call.h.counts[args.h.first + r] * call.w.counts[args.w.first + c];
      const T* from = args.x + r * args.x_row + c * args.channels;
      T* to = region + (r * args.w.size + c) * args.channels;
      for (index_t i = 0; i < args.channels; ++i) to[i] = from[i] / divisor;
    }
  args.x = region;
  args.x_row = args.w.size * args.channels;
}

template <class T>
void LaneBlock<T>::write() {
  for (index_t r = 0; r < args.h.n; ++r)
    take_roots(call.exec, call.problem.pooling, args.y + r * args.y_row, args.w.n * args.channels);
  if (!call.pixels()) return write_planes();
  if (call.arrays.to_pixel != 0) write_pixels();
  if (call.gives_indices()) write_indices();
}

// Copies the values of an image in pixels to pixels that lie apart. Those of an image without gaps
// are where they belong already.
template <class T>
void LaneBlock<T>::write_pixels() {
  const index_t step = call.arrays.to_pixel, channels = call.channels;
  T* image = call.arrays.to + group * call.arrays.to_image;
  for (index_t r = 0; r < args.h.n; ++r)
    for (index_t c = 0; c < args.w.n; ++c)
      std::copy_n(y + r * args.y_row + c * channels, channels,
                  image + ((oh + r) * call.out_w() + ow + c) * step);
}

template <class T>
void LaneBlock<T>::write_indices() {
  const index_t channels = call.channels, row = call.out_w() * channels;
  std::int64_t* to =
      call.arrays.indices + group * call.out_plane() * channels + oh * row + ow * channels;
  for (index_t r = 0; r < args.h.n; ++r)
    copy(places + r * args.places_row, to + r * row, args.w.n * channels);
}

template <class T>
void LaneBlock<T>::write_planes() {
  const index_t out_w = call.out_w(), out_plane = call.out_plane();
  const index_t plane = call.planes.first(group), corner = oh * out_w + ow;
  T* to = call.arrays.to + plane_at(call.problem.d, plane, out_plane, call.arrays.to_image);
  transpose_results(y, to + corner, out_plane, out_w);
  if (!call.gives_indices()) return;
  std::int64_t* indices = call.arrays.indices + plane * out_plane + corner;
  // Places by planes, where the input was.
  const index_t n = args.h.n * args.w.n;
  transpose_results(places, region, n, args.w.n);
  for (index_t p = 0; p < planes(); ++p)
    for (index_t r = 0; r < args.h.n; ++r)
      copy(region + p * n + r * args.w.n, indices + p * out_plane + r * out_w, args.w.n);
}

template <class T>
void LaneBlock<T>::transpose_results(const T* from, T* to, index_t plane, index_t row) const {
  const bool whole = args.w.n == row;
  for (index_t r = 0; r < (whole ? 1 : args.h.n); ++r)
    call.kernels.elementwise.transpose({.x = from + r * args.w.n * kPlanes,
                                        .ldx = kPlanes,
                                        .y = to + r * row,
                                        .ldy = plane,
                                        .rows = whole ? args.h.n * args.w.n : args.w.n,
                                        .columns = planes()});
}

template struct LaneBlock<float>;
template struct LaneBlock<double>;

}  // namespace fastconv::pool
