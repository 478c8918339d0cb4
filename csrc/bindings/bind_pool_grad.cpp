// SPDX-License-Identifier: MIT
// The bindings of the gradients of pools. The geometry of the forward pass is derived again from
// the arguments, and every array's shape must agree with it.
#include "algorithms/pool/global_max_grad.h"
#include "algorithms/pool/norm_grad.h"
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

// The gradient of max and min pools: each element of grad_output is added at its index.
py::object indexed_pool_input(int rank, py::handle grad_output, py::handle indices,
                              py::handle input_size, py::handle threads, py::handle out,
                              py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const bool last = options.channels_last;
  Image dy = to_pixels(grad_output, "grad_output", rank, options, Accept::floats, Gaps::none);
  Image at = to_indices(indices, rank, options);
  const ImageSize size = to_image_size(input_size, "input_size", rank, last);
  expect_image(at, "indices", dy.dims, rank, dy.batched, last);
  expect_image(dy, "grad_output", {size.nchw[0], size.nchw[1], dy.h(), dy.w()}, rank, size.batched,
               last);
  const Dims& in = size.nchw;
  const index_t places = product("input_size", {in[2], in[3]});
  const pool::Layout layout = arrange_alike(dy, at, options.threads);
  refuse_before(out, at, places, rank, options);
  const Result dx = scattered(layout, in, rank, size.batched, options, dy.dtype, out, {&dy, &at});
  const index_t outside = with_float(dy.dtype, [&]<class T>() {
    const Unlocked unlocked;
    return pool::scatter_add<T>(planes_of(at, places, dx, in), dy.as<T>(), at.as<std::int64_t>(),
                                dx.as<T>(), options.threads);
  });
  refuse_outside(outside, at, places, rank, last);
  return dx.finish();
}

py::object max_unpool_input(int rank, py::handle grad_output, py::handle indices,
                            py::handle threads, py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const bool last = options.channels_last;
  Image dy = to_pixels(grad_output, "grad_output", rank, options, Accept::floats, Gaps::none);
  Image at = to_indices(indices, rank, options);
  expect_image(at, "indices", {dy.n(), dy.c(), at.h(), at.w()}, rank, dy.batched, last);
  const index_t places = dy.h() * dy.w();
  const pool::Layout layout = arrange_alike(dy, at, options.threads);
  refuse_before(out, at, places, rank, options);
  const Result dx =
      scattered(layout, at.dims, rank, dy.batched, options, dy.dtype, out, {&dy, &at});
  const index_t outside = with_float(dy.dtype, [&]<class T>() {
    const Unlocked unlocked;
    return pool::gather<T>(planes_of(at, places, dx, at.dims), dy.as<T>(), at.as<std::int64_t>(),
                           dx.as<T>(), options.threads);
  });
  refuse_outside(outside, at, places, rank, last);
  return dx.finish();
}

// The gradient of sums and averages over the windows of `d`.
py::object run_sum_grad(Image& dy, const PoolDesc& d, const Pooling& pooling, bool batched,
                        const Options& options, py::handle out) {
  expect_image(dy, "grad_output", out_dims(d), d.rank, batched, options.channels_last);
  return with_float(dy.dtype, [&]<class T>() {
    const pool::SumGrad<T> plan(d, pooling, layout_of(dy), {}, !out.is_none());
    arrange(dy, plan.layout(), options.threads);
    const Result dx =
        result_in(plan.layout(), in_dims(d), d.rank, batched, options, dy.dtype, out, {&dy});
    const Exec exec = make_exec(options.threads);
    const Scratch scratch(plan.scratch(exec.threads));
    {
      const Unlocked unlocked;
      plan.run(arrays_of<T>(dy, dx), exec, scratch.bytes());
    }
    return dx.finish();
  });
}

py::object sum_pool_input(int rank, py::handle grad_output, py::handle input_size,
                          const py::tuple& geometry, py::handle threads, py::handle out,
                          py::handle data_format) {
  const Options options = to_options(threads, data_format);
  Image dy = to_pixels(grad_output, "grad_output", rank, options);
  const ImageSize size = to_image_size(input_size, "input_size", rank, options.channels_last);
  return run_sum_grad(dy, to_pool_desc(size.nchw, rank, geometry), {.op = PoolOp::sum},
                      size.batched, options, out);
}

py::object avg_pool_input(int rank, py::handle grad_output, py::handle input_size,
                          const py::tuple& geometry, py::handle count_include_pad,
                          py::handle divisor_override, py::handle threads, py::handle out,
                          py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const Pooling pooling = to_average(count_include_pad, divisor_override);
  Image dy = to_pixels(grad_output, "grad_output", rank, options);
  const ImageSize size = to_image_size(input_size, "input_size", rank, options.channels_last);
  return run_sum_grad(dy, to_pool_desc(size.nchw, rank, geometry), pooling, size.batched, options,
                      out);
}

// The gradient of averages, or of sums, over adaptive windows. Without output_size there is a
// window for each element of grad_output.
py::object adaptive_pool_input(int rank, bool average, py::handle grad_output,
                               py::handle input_size, py::handle output_size, py::handle threads,
                               py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  Image dy = to_pixels(grad_output, "grad_output", rank, options);
  const ImageSize size = to_image_size(input_size, "input_size", rank, options.channels_last);
  PoolDesc d{.rank = rank, .batch = size.nchw[0], .channels = size.nchw[1]};
  if (output_size.is_none()) {
    if (rank == 2) d.h = adaptive_axis("height", size.nchw[2], dy.h());
    d.w = adaptive_axis(axis_name(rank, 1), size.nchw[3], dy.w());
    d = validated(d);
  } else {
    d = to_adaptive_desc(size.nchw, rank, output_size);
  }
  return run_sum_grad(dy, d, {.op = PoolOp::sum, .average = average}, size.batched, options, out);
}

py::object global_max_pool_input(int rank, py::handle grad_output, py::handle input,
                                 py::handle threads, py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const bool last = options.channels_last;
  const Image dy = to_image(grad_output, "grad_output", rank, options);
  const Image x = to_image(input, "input", rank, options);
  expect_same_dtype(dy, "grad_output", x, "input");
  const PoolDesc d = to_adaptive_desc(x.dims, rank, py::int_(1));
  expect_image(dy, "grad_output", out_dims(d), rank, x.batched, last);
  const Result dx(in_dims(d), rank, x.batched, options, dy.dtype, out, {&dy, &x});
  with_float(dy.dtype, [&]<class T>() {
    const pool::GlobalMaxGrad<T> plan(d);
    const Exec exec = make_exec(options.threads);
    const Scratch scratch(plan.scratch(exec.threads));
    const Unlocked unlocked;
    plan.run(x.as<T>(), dy.as<T>(), dx.as<T>(), exec, scratch.bytes());
  });
  return dx.finish();
}

py::object lp_pool_input(int rank, py::handle grad_output, py::handle input, py::handle output,
                         py::handle norm_type, const py::tuple& geometry, py::handle threads,
                         py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const bool last = options.channels_last;
  const double p = to_norm_type(norm_type);
  const Image dy = to_image(grad_output, "grad_output", rank, options);
  const Image x = to_image(input, "input", rank, options);
  const Image y = to_image(output, "output", rank, options);
  expect_same_dtype(x, "input", dy, "grad_output");
  expect_same_dtype(x, "input", y, "output");
  const PoolDesc d = to_pool_desc(x.dims, rank, geometry);
  expect_image(dy, "grad_output", out_dims(d), rank, x.batched, last);
  expect_image(y, "output", out_dims(d), rank, x.batched, last);
  const Result dx(in_dims(d), rank, x.batched, options, x.dtype, out, {&dy, &x, &y});
  with_float(x.dtype, [&]<class T>() {
    const Exec exec = make_exec(options.threads);
    const pool::NormGrad<T> plan(d, pool::p_norm(p));
    const Scratch scratch(plan.scratch(exec.threads));
    const Unlocked unlocked;
    plan.run({.x = x.as<T>(), .y = y.as<T>(), .dy = dy.as<T>(), .dx = dx.as<T>()}, exec,
             scratch.bytes());
  });
  return dx.finish();
}

}  // namespace

void bind_pool_grad(py::module_& m) {
  def_fast<&indexed_pool_input>(m, "indexed_pool_input");
  def_fast<&max_unpool_input>(m, "max_unpool_input");
  def_fast<&sum_pool_input>(m, "sum_pool_input");
  def_fast<&avg_pool_input>(m, "avg_pool_input");
  def_fast<&adaptive_pool_input>(m, "adaptive_pool_input");
  def_fast<&global_max_pool_input>(m, "global_max_pool_input");
  def_fast<&lp_pool_input>(m, "lp_pool_input");
}

}  // namespace fastconv
