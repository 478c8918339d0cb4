// SPDX-License-Identifier: MIT
// The pools' half of _native.testing: it runs each algorithm of the tables by its name.
#include <pybind11/stl.h>

#include "algorithms/pool/norm_grad.h"
#include "algorithms/pool/tables.h"
#include "bindings/pool_arguments.h"
#include "bindings/unlocked.h"
#include "core/require.h"

namespace fastconv {
namespace {

std::vector<const char*> pool_algorithms(const std::string& kind, bool integers) {
  if (kind == "values") return integers ? pool::Values<int>::names() : pool::Values<float>::names();
  if (kind == "indices")
    return integers ? pool::Indices<int>::names() : pool::Indices<float>::names();
  if (kind == "sum_grad") return pool::SumGrad<float>::names();
  require(kind == "norm_grad", "there is no kind '", kind, "'");
  return pool::NormGrad<float>::names();
}

// The pool that a test asks for, by the number of a PoolOp, whose power is 3 if it needs one, or by
// the word "average".
pool::Pooling to_pooling(py::handle op) {
  if (py::isinstance<py::str>(op)) return to_average(py::bool_(true), py::none());
  return {.op = static_cast<PoolOp>(op.cast<int>()), .power = 3};
}

template <class Plan, class Arrays>
void run_named(const Plan& plan, const Arrays& arrays, int threads) {
  require(plan.refusal() == nullptr, "refused: ", plan.refusal() ? plan.refusal() : "");
  const Exec exec = make_exec(threads);
  const Scratch scratch(plan.scratch(threads));
  const Unlocked unlocked;
  plan.run(arrays, exec, scratch.bytes());
}

py::object pool_values(const std::string& name, py::handle input, py::handle op,
                       const py::tuple& geometry, int threads, py::handle data_format) {
  const Options options = to_options(py::int_(threads), data_format);
  Image x = to_pixels(input, "input", 2, options, Accept::numbers);
  const PoolDesc d = to_pool_desc(x.dims, 2, geometry);
  return with_number(x.dtype, [&]<class T>() {
    const pool::Values<T> plan(d, to_pooling(op), layout_of(x), name);
    arrange(x, plan.layout(), threads);
    const Result y =
        result_in(plan.layout(), out_dims(d), 2, x.batched, options, x.dtype, py::none(), {});
    run_named(plan, arrays_of<T>(x, y), threads);
    return y.finish();
  });
}

py::tuple pool_indices(const std::string& name, py::handle input, py::handle op,
                       const py::tuple& geometry, int threads, py::handle data_format) {
  const Options options = to_options(py::int_(threads), data_format);
  Image x = to_pixels(input, "input", 2, options, Accept::numbers);
  const PoolDesc d = to_pool_desc(x.dims, 2, geometry);
  return with_number(x.dtype, [&]<class T>() {
    const pool::Indices<T> plan(d, to_pooling(op), layout_of(x), name);
    arrange(x, plan.layout(), threads);
    const Result y =
        result_in(plan.layout(), out_dims(d), 2, x.batched, options, x.dtype, py::none(), {});
    const Result indices =
        result_in(plan.layout(), out_dims(d), 2, x.batched, options, DType::i64, py::none(), {});
    run_named(plan, arrays_of<T>(x, y, indices.as<std::int64_t>()), threads);
    return py::make_tuple(y.finish(), indices.finish());
  });
}

py::object pool_sum_grad(const std::string& name, py::handle grad_output, py::handle input_size,
                         py::handle op, const py::tuple& geometry, int threads,
                         py::handle data_format) {
  const Options options = to_options(py::int_(threads), data_format);
  Image dy = to_pixels(grad_output, "grad_output", 2, options);
  const ImageSize size = to_image_size(input_size, "input_size", 2, options.channels_last);
  const PoolDesc d = to_pool_desc(size.nchw, 2, geometry);
  expect_image(dy, "grad_output", out_dims(d), 2, size.batched, options.channels_last);
  return with_float(dy.dtype, [&]<class T>() {
    const pool::SumGrad<T> plan(d, to_pooling(op), layout_of(dy), name);
    arrange(dy, plan.layout(), threads);
    const Result dx =
        result_in(plan.layout(), in_dims(d), 2, dy.batched, options, dy.dtype, py::none(), {});
    run_named(plan, arrays_of<T>(dy, dx), threads);
    return dx.finish();
  });
}

py::object pool_norm_grad(const std::string& name, py::handle input, py::handle output,
                          py::handle grad_output, double power, const py::tuple& geometry,
                          int threads) {
  const Options options{.threads = threads};
  const Image x = to_image(input, "input", 2, options);
  const Image y = to_image(output, "output", 2, options);
  const Image dy = to_image(grad_output, "grad_output", 2, options);
  const PoolDesc d = to_pool_desc(x.dims, 2, geometry);
  expect_image(y, "output", out_dims(d), 2, x.batched, false);
  expect_image(dy, "grad_output", out_dims(d), 2, x.batched, false);
  return with_float(x.dtype, [&]<class T>() {
    const pool::NormGrad<T> plan(d, pool::p_norm(power), pool::Layout::planes, name);
    const Result dx(x.dims, 2, x.batched, options, x.dtype, py::none(), {});
    run_named(
        plan,
        pool::NormArrays<T>{.x = x.as<T>(), .y = y.as<T>(), .dy = dy.as<T>(), .dx = dx.as<T>()},
        threads);
    return dx.finish();
  });
}

}  // namespace

void bind_pool_testing(py::module_& testing) {
  testing.def("pool_algorithms", &pool_algorithms);
  testing.def("pool_values", &pool_values);
  testing.def("pool_indices", &pool_indices);
  testing.def("pool_sum_grad", &pool_sum_grad);
  testing.def("pool_norm_grad", &pool_norm_grad);
}

}  // namespace fastconv
