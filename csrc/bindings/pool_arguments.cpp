// SPDX-License-Identifier: MIT
// The checks of the arguments that pools and their gradients have.
#include "bindings/pool_arguments.h"
#include "bindings/unlocked.h"

#include <cmath>

#include "algorithms/pool/scatter.h"
#include "core/require.h"

namespace fastconv {

PerAxis to_pool_stride(py::handle stride, const PerAxis& kernel, int rank) {
  if (stride.is_none() || is_empty_sequence(stride)) return kernel;
  return to_per_axis(stride, "stride", rank, 1);
}

PoolDesc to_pool_desc(const Dims& nchw, int rank, const py::tuple& geometry) {
  const PerAxis kernel = to_per_axis(geometry[0], "kernel_size", rank, 1);
  const PerAxis stride = to_pool_stride(geometry[1], kernel, rank);
  const PaddingPair padding = to_padding(geometry[2], rank, true);
  const PerAxis dilation = to_per_axis(geometry[3], "dilation", rank, 1);
  const bool ceil_mode = to_bool(geometry[4], "ceil_mode");
  PoolDesc d{.rank = rank, .batch = nchw[0], .channels = nchw[1]};
  if (rank == 2)
    d.h = pool_axis("height", nchw[2], kernel.h, stride.h, dilation.h, padding.h, ceil_mode);
  d.w =
      pool_axis(axis_name(rank, 1), nchw[3], kernel.w, stride.w, dilation.w, padding.w, ceil_mode);
  return validated(d);
}

PoolDesc to_adaptive_desc(const Dims& nchw, int rank, py::handle output_size) {
  const OptionalPerAxis out = to_optional_per_axis(output_size, "output_size", rank);
  PoolDesc d{.rank = rank, .batch = nchw[0], .channels = nchw[1]};
  if (rank == 2) d.h = adaptive_axis("height", nchw[2], out.h.value_or(nchw[2]));
  d.w = adaptive_axis(axis_name(rank, 1), nchw[3], out.w.value_or(nchw[3]));
  return validated(d);
}

pool::Pooling to_average(py::handle count_include_pad, py::handle divisor_override) {
  pool::Pooling pooling{.op = PoolOp::sum, .average = true};
  pooling.include_pad = to_bool(count_include_pad, "count_include_pad");
  if (!divisor_override.is_none()) {
    pooling.divisor = to_index(divisor_override, "divisor_override");
    require(pooling.divisor != 0, "divisor_override must not be zero");
  }
  return pooling;
}

double to_norm_type(py::handle norm_type) {
  const double p = to_double(norm_type, "norm_type");
  require(p > 0, "norm_type must be positive, got ", p);
  return p;
}

Image to_indices(py::handle value, int rank, const Options& options) {
  Image indices = to_pixels(value, "indices", rank, options, Accept::numbers, Gaps::none);
  if (indices.dtype != DType::i64)
    throw py::type_error(sentence("indices must have dtype int64, got ", name_of(indices.dtype)));
  return indices;
}

void refuse_outside(index_t at, const Image& indices, index_t places, int rank,
                    bool channels_last) {
  if (at < 0) return;
  const index_t n = indices.h() * indices.w();
  const Dims nchw{at / n / indices.c(), at / n % indices.c(), at % n / indices.w(),
                  at % n % indices.w()};
  const index_t pixel = (nchw[0] * n + at % n) * indices.c() + nchw[1];
  const std::int64_t bad = indices.as<std::int64_t>()[indices.pixels ? pixel : at];
  throw py::index_error(sentence("indices must be from 0 to ", places - 1, ", got ", bad, " at ",
                                 caller_dims(nchw, rank, indices.batched, channels_last).text()));
}

void refuse_before(py::handle out, const Image& indices, index_t places, int rank,
                   const Options& options) {
  if (out.is_none()) return;
  const pool::Planes planes{.count = indices.n() * indices.c(),
                            .n = indices.h() * indices.w(),
                            .places = places,
                            .channels = indices.pixels ? indices.c() : 0};
  index_t at = -1;
  {
    const Unlocked unlocked;
    at = pool::first_outside(planes, indices.as<std::int64_t>(), options.threads);
  }
  refuse_outside(at, indices, places, rank, options.channels_last);
}

void arrange(Image& image, pool::Layout layout, int threads) {
  if (layout == pool::Layout::planes) make_planes(image, threads);
}

pool::Layout arrange_alike(Image& a, Image& b, int threads) {
  if (a.pixels && b.pixels) return pool::Layout::pixels;
  make_planes(a, threads), make_planes(b, threads);
  return pool::Layout::planes;
}

pool::Planes planes_of(const Image& indices, index_t places, const Result& result,
                       const Dims& nchw) {
  pool::Planes p{indices.n() * indices.c(), indices.h() * indices.w(), places};
  if (!indices.pixels) return p;
  p.channels = indices.c();
  p.to_pixel = result.pixel_step() ? result.pixel_step() : p.channels;
  p.to_image = result.image_step() ? result.image_step() : nchw[2] * nchw[3] * p.to_pixel;
  return p;
}

Result scattered(pool::Layout layout, const Dims& nchw, int rank, bool batched,
                 const Options& options, DType dtype, py::handle out,
                 std::initializer_list<const Operand*> inputs) {
  const Gaps gaps = layout == pool::Layout::planes ? Gaps::none : Gaps::pixels;
  return {nchw, rank, batched, options, dtype, out, inputs, nullptr, gaps};
}

Result result_in(pool::Layout layout, const Dims& nchw, int rank, bool batched,
                 const Options& options, DType dtype, py::handle out,
                 std::initializer_list<const Operand*> inputs) {
  const Gaps gaps = layout == pool::Layout::planes ? Gaps::images : Gaps::pixels;
  return {nchw, rank, batched, options, dtype, out, inputs, nullptr, gaps};
}

}  // namespace fastconv
