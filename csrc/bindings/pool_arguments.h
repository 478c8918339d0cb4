// SPDX-License-Identifier: MIT
// Makes a PoolDesc of the arguments that pools and their gradients have.
#pragma once

#include "algorithms/pool/problem.h"
#include "algorithms/pool/scatter.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "core/dispatch.h"
#include "core/pool_desc.h"

namespace fastconv {

// As to_per_axis, but None and an empty sequence mean the kernel's size.
PerAxis to_pool_stride(py::handle stride, const PerAxis& kernel, int rank);

// `geometry` is (kernel_size, stride, padding, dilation, ceil_mode), each as the user gave it.
PoolDesc to_pool_desc(const Dims& nchw, int rank, const py::tuple& geometry);

// `output_size` is an int, None, or a sequence of one or of `rank` of these.
PoolDesc to_adaptive_desc(const Dims& nchw, int rank, py::handle output_size);

pool::Pooling to_average(py::handle count_include_pad, py::handle divisor_override);
double to_norm_type(py::handle norm_type);

// An array of int64, in the layout of images, which may be pixels; any other dtype is a TypeError.
Image to_indices(py::handle value, int rank, const Options& options);
// Throws an IndexError that names the index at position `at` of `indices`, unless `at` is -1.
// Indices have to be from 0 up to `places`.
void refuse_outside(index_t at, const Image& indices, index_t places, int rank, bool channels_last);

// If the caller gave an `out`, searches for the first index outside and throws before `out` has
// changed.
void refuse_before(py::handle out, const Image& indices, index_t places, int rank,
                   const Options& options);

inline Dims in_dims(const PoolDesc& d) { return {d.batch, d.channels, d.h.in, d.w.in}; }
inline Dims out_dims(const PoolDesc& d) { return {d.batch, d.channels, d.h.out, d.w.out}; }

// How `image` lies in memory; arrange() changes it to what a pool reads.
inline pool::Layout layout_of(const Image& image) {
  return image.pixels ? pool::Layout::pixels : pool::Layout::planes;
}
void arrange(Image& image, pool::Layout layout, int threads);
// Makes planes of both unless both are pixels, which it returns.
pool::Layout arrange_alike(Image& a, Image& b, int threads);

// The planes, or pixels, that `indices` move from or to `places`, as `result` lies: its planes have
// no gaps.
pool::Planes planes_of(const Image& indices, index_t places, const Result& result,
                       const Dims& nchw);
// An array of (N, C, H, W) that has no gaps if it is planes.
Result scattered(pool::Layout layout, const Dims& nchw, int rank, bool batched,
                 const Options& options, DType dtype, py::handle out,
                 std::initializer_list<const Operand*> inputs);

// An array of (N, C, H, W) that kernels write in `layout`.
Result result_in(pool::Layout layout, const Dims& nchw, int rank, bool batched,
                 const Options& options, DType dtype, py::handle out,
                 std::initializer_list<const Operand*> inputs);

// What a pool reads and writes.
template <class T>
pool::Arrays<T> arrays_of(const Image& from, const Result& to, std::int64_t* indices = nullptr) {
  return {.from = from.as<T>(),
          .to = to.as<T>(),
          .indices = indices,
          .from_image = from.image_step,
          .to_image = to.image_step(),
          .to_pixel = to.pixel_step()};
}

void bind_pool_testing(py::module_& testing);

}  // namespace fastconv
