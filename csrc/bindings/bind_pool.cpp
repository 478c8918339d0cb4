// SPDX-License-Identifier: MIT
// The bindings of pools. `rank` is the number of spatial axes; pool_arguments.h says what
// `geometry` holds.
#include <optional>

#include "algorithms/pool/scatter.h"
#include "algorithms/pool/tables.h"
#include "bindings/bind.h"
#include "bindings/fast_call.h"
#include "bindings/pool_arguments.h"
#include "bindings/unlocked.h"
#include "core/require.h"

namespace fastconv {
namespace {

using pool::Pooling;

// Runs any pool that needs no indices: it views the input, allocates the result, releases the GIL
// and computes.
py::object run_pool(Image& x, const PoolDesc& d, const Pooling& pooling, const Options& options,
                    py::handle out) {
  return with_number(x.dtype, [&]<class T>() {
    const pool::Values<T> plan(d, pooling, layout_of(x), {}, !out.is_none());
    arrange(x, plan.layout(), options.threads);
    const Result y =
        result_in(plan.layout(), out_dims(d), d.rank, x.batched, options, x.dtype, out, {&x});
    const Exec exec = make_exec(options.threads);
    const Scratch scratch(plan.scratch(exec.threads));
    {
      const Unlocked unlocked;
      plan.run(arrays_of<T>(x, y), exec, scratch.bytes());
    }
    return y.finish();
  });
}

py::object run_pool_with_indices(Image& x, const PoolDesc& d, PoolOp op, const Options& options,
                                 py::handle out) {
  for (const Axis* axis : {&d.h, &d.w})
    require(d.planes() == 0 || !has_empty_window(*axis),
            "return_indices: padding leaves a window without any element of the input");
  return with_number(x.dtype, [&]<class T>() -> py::object {
    const pool::Indices<T> plan(d, {.op = op}, layout_of(x), {}, !out.is_none());
    arrange(x, plan.layout(), options.threads);
    const auto result = [&](DType dtype, py::handle wanted,
                            std::initializer_list<const Operand*> inputs) {
      return result_in(plan.layout(), out_dims(d), d.rank, x.batched, options, dtype, wanted,
                       inputs);
    };
    const Result y = result(x.dtype, out, {&x}), indices = result(DType::i64, py::none(), {});
    const Exec exec = make_exec(options.threads);
    const Scratch scratch(plan.scratch(exec.threads));
    {
      const Unlocked unlocked;
      plan.run(arrays_of<T>(x, y, indices.as<std::int64_t>()), exec, scratch.bytes());
    }
    return py::make_tuple(y.finish(), indices.finish());
  });
}

py::object extreme_pool(int rank, bool smallest, py::handle input, const py::tuple& geometry,
                        py::handle return_indices, py::handle threads, py::handle out,
                        py::handle data_format) {
  const Options options = to_options(threads, data_format);
  Image x = to_pixels(input, "input", rank, options, Accept::numbers);
  const PoolDesc d = to_pool_desc(x.dims, rank, geometry);
  const PoolOp op = smallest ? PoolOp::min : PoolOp::max;
  if (to_bool(return_indices, "return_indices"))
    return run_pool_with_indices(x, d, op, options, out);
  return run_pool(x, d, {.op = op}, options, out);
}

py::object sum_pool(int rank, py::handle input, const py::tuple& geometry, py::handle threads,
                    py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  Image x = to_pixels(input, "input", rank, options, Accept::numbers);
  return run_pool(x, to_pool_desc(x.dims, rank, geometry), {.op = PoolOp::sum}, options, out);
}

py::object avg_pool(int rank, py::handle input, const py::tuple& geometry,
                    py::handle count_include_pad, py::handle divisor_override, py::handle threads,
                    py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const Pooling pooling = to_average(count_include_pad, divisor_override);
  Image x = to_pixels(input, "input", rank, options, Accept::samples);
  make_floats(x, options.threads);
  return run_pool(x, to_pool_desc(x.dims, rank, geometry), pooling, options, out);
}

py::object lp_pool(int rank, py::handle input, py::handle norm_type, const py::tuple& geometry,
                   py::handle threads, py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const double p = to_norm_type(norm_type);
  Image x = to_pixels(input, "input", rank, options);
  return run_pool(x, to_pool_desc(x.dims, rank, geometry), pool::p_norm(p), options, out);
}

py::object adaptive_avg_pool(int rank, py::handle input, py::handle output_size, py::handle threads,
                             py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  Image x = to_pixels(input, "input", rank, options, Accept::samples);
  make_floats(x, options.threads);
  return run_pool(x, to_adaptive_desc(x.dims, rank, output_size),
                  {.op = PoolOp::sum, .average = true}, options, out);
}

py::object adaptive_max_pool(int rank, py::handle input, py::handle output_size,
                             py::handle return_indices, py::handle threads, py::handle out,
                             py::handle data_format) {
  const Options options = to_options(threads, data_format);
  Image x = to_pixels(input, "input", rank, options, Accept::numbers);
  const PoolDesc d = to_adaptive_desc(x.dims, rank, output_size);
  if (to_bool(return_indices, "return_indices"))
    return run_pool_with_indices(x, d, PoolOp::max, options, out);
  return run_pool(x, d, {.op = PoolOp::max}, options, out);
}

py::object global_sum_pool(int rank, py::handle input, py::handle threads, py::handle out,
                           py::handle data_format) {
  const Options options = to_options(threads, data_format);
  Image x = to_pixels(input, "input", rank, options, Accept::numbers);
  return run_pool(x, to_adaptive_desc(x.dims, rank, py::int_(1)), {.op = PoolOp::sum}, options,
                  out);
}

// The spatial lengths in output_size, which has these alone or the full shape of the result.
struct Lengths {
  std::optional<index_t> h, w;
};
Lengths to_unpooled_size(py::handle output_size, const Image& x, int rank, bool channels_last) {
  if (output_size.is_none()) return {};
  const Py_ssize_t entries = PySequence_Size(output_size.ptr());
  if (entries < 0) PyErr_Clear();  // it is an int, or something that to_per_axis refuses
  if (entries <= rank) {
    const PerAxis size = to_per_axis(output_size, "output_size", rank, 1);
    return {size.h, size.w};
  }
  const ImageSize size = to_image_size(output_size, "output_size", rank, channels_last);
  require(size.batched == x.batched && size.nchw[0] == x.n() && size.nchw[1] == x.c(),
          "output_size must have the batch and channels of input, ",
          caller_dims(x.dims, rank, x.batched, channels_last).text(), ", got ",
          caller_dims(size.nchw, rank, size.batched, channels_last).text());
  return {size.nchw[2], size.nchw[3]};
}

py::object max_unpool(int rank, py::handle input, py::handle indices, py::handle kernel_size,
                      py::handle stride, py::handle padding, py::handle output_size,
                      py::handle threads, py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const bool last = options.channels_last;
  Image x = to_pixels(input, "input", rank, options, Accept::numbers, Gaps::none);
  Image at = to_indices(indices, rank, options);
  expect_image(at, "indices", x.dims, rank, x.batched, last);
  require(x.c() >= 1, "input must have at least one channel, got 0");
  const PerAxis kernel = to_per_axis(kernel_size, "kernel_size", rank, 1);
  const PerAxis step = to_pool_stride(stride, kernel, rank);
  const PaddingPair pads = to_padding(padding, rank, true);
  const Lengths size = to_unpooled_size(output_size, x, rank, last);
  const index_t h =
      rank == 1 ? 1 : unpooled_length("height", x.h(), kernel.h, step.h, pads.h, size.h);
  const index_t w = unpooled_length(axis_name(rank, 1), x.w(), kernel.w, step.w, pads.w, size.w);
  const index_t places = product("the result", {h, w});
  const pool::Layout layout = arrange_alike(x, at, options.threads);
  refuse_before(out, at, places, rank, options);
  const Dims wide{x.n(), x.c(), h, w};
  const Result y = scattered(layout, wide, rank, x.batched, options, x.dtype, out, {&x, &at});
  const index_t outside = with_number(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    return pool::scatter<T>(planes_of(at, places, y, wide), x.as<T>(), at.as<std::int64_t>(),
                            y.as<T>(), options.threads);
  });
  refuse_outside(outside, at, places, rank, last);
  return y.finish();
}

// There are two spatial axes if the shape has four lengths, or if it has three and the kernel two.
// Otherwise there is one.
py::object pool_output_shape(py::handle input_shape, const py::tuple& geometry,
                             py::handle data_format) {
  const bool last = to_channels_last(data_format);
  const Dims shape = to_dims(input_shape, "input_shape", 0);
  const py::handle kernel = geometry[0];
  const bool pair = PySequence_Size(kernel.ptr()) == 2;
  PyErr_Clear();  // for an int, which has no size, PySequence_Size sets an error
  const int rank = shape.rank == 4 || (shape.rank == 3 && pair) ? 2 : 1;
  const ImageSize size = to_image_size(input_shape, "input_shape", rank, last);
  const PoolDesc d = to_pool_desc(size.nchw, rank, geometry);
  return as_tuple(caller_dims(out_dims(d), rank, size.batched, last));
}

}  // namespace

void bind_pool(py::module_& m) {
  def_fast<&extreme_pool>(m, "extreme_pool");
  def_fast<&sum_pool>(m, "sum_pool");
  def_fast<&avg_pool>(m, "avg_pool");
  def_fast<&lp_pool>(m, "lp_pool");
  def_fast<&adaptive_avg_pool>(m, "adaptive_avg_pool");
  def_fast<&adaptive_max_pool>(m, "adaptive_max_pool");
  def_fast<&global_sum_pool>(m, "global_sum_pool");
  def_fast<&max_unpool>(m, "max_unpool");
  def_fast<&pool_output_shape>(m, "pool_output_shape");
  py::module_ testing = m.def_submodule("testing");
  bind_pool_testing(testing);
}

}  // namespace fastconv
