// SPDX-License-Identifier: MIT
// _native.testing, for the tests of fastconv: it makes every tile of every ISA callable from NumPy,
// and every entry of the tables by its name.
#include <algorithm>
#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/conv/table.h"
#include "algorithms/weight_grad/weight_grad.h"
#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"
#include "bindings/weight_grad_call.h"
#include "core/dispatch.h"
#include "core/exec.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/quota.h"
#include "core/require.h"
#include "core/threads.h"
#include "core/topology.h"

namespace fastconv {
namespace {

template <class T>
const ConvKernels<T>& kernels() {
  return make_exec(1).kernels<T>().conv;
}

// Returns the lanes of a vector, the most vectors of a gemm tile of 0, 1, 2, .. rows, and the most
// rows and columns of a dot tile.
py::tuple tile_shapes(const std::string& dtype) {
  const auto shapes = []<class T>() {
    const auto& k = kernels<T>();
    py::list widest;
    for (int mr = 0; mr <= k.gemm.max_mr; ++mr) widest.append(k.gemm.max_nv[mr]);
    return py::make_tuple(k.gemm.lanes, widest, py::make_tuple(k.dot.max_mr, k.dot.max_nr));
  };
  return dtype == "float32" ? shapes.operator()<float>() : shapes.operator()<double>();
}

// Computes init + bias + a^T b for a of shape (k, rows) and b of (k, n) by one gemm tile. With
// `strip` it is a tile of the indirect gemm, which finds rows of b through offsets and reads whole
// vectors of them, as it does in a strip.
py::object gemm_tile(py::handle a_, py::handle b_, py::handle init_, py::handle bias_, bool strip) {
  const Operand a = to_operand(a_, "a"), b = to_operand(b_, "b");
  const Operand init = to_operand(init_, "init"), bias = to_operand(bias_, "bias");
  const index_t k = a.dims[0], rows = a.dims[1], n = b.dims[1];
  expect_dims(b, "b", {k, n});
  expect_dims(init, "init", {rows, n});
  expect_dims(bias, "bias", {rows});
  const Result c({rows, n}, a.dtype, py::none());
  with_float(a.dtype, [&]<class T>() {
    const auto& gemm = kernels<T>().gemm;
    const index_t nv = ceil_div(n, gemm.lanes);
    require(rows <= gemm.max_mr && nv <= gemm.max_nv[rows], "no tile of ", rows, " rows and ", nv,
            " vectors");
    std::vector<T> strip_b(static_cast<std::size_t>(k * n + nv * gemm.lanes));
    std::copy_n(b.as<T>(), k * n, strip_b.begin());
    std::vector<index_t> offsets;
    for (index_t p = 0; p < k + kAhead; ++p) offsets.push_back(p < k ? p * n : 0);
    const auto run = strip ? gemm.run_indirect : gemm.run_gemm;
    run[rows - 1][nv - 1]({.k = k,
                           .a = a.as<T>(),
                           .b = strip ? strip_b.data() : b.as<T>(),
                           .ldb = n,
                           .offsets = offsets.data(),
                           .c = c.as<T>(),
                           .ldc = n,
                           .init = init.as<T>(),
                           .bias = bias.as<T>(),
                           .tail = static_cast<int>(n - (nv - 1) * gemm.lanes)});
  });
  return c.finish();
}

// Computes row r of its result as bias + sum over p of a[p] * b[p + r, :n], for r < rows, by one
// depthwise tile.
py::object depthwise_tile(py::handle a_, py::handle b_, double bias, index_t rows, index_t n) {
  const Operand a = to_operand(a_, "a"), b = to_operand(b_, "b");
  const index_t k = a.dims[0], ld = b.dims[1];
  const Result c({rows, n}, a.dtype, py::none());
  with_float(a.dtype, [&]<class T>() {
    const index_t lanes = kernels<T>().gemm.lanes, nv = ceil_div(n, lanes);
    index_t shape = 0;
    while ((index_t{1} << shape) < rows) ++shape;
    require(rows == index_t{1} << shape && shape < kDepthwiseShapes && nv <= 8 >> shape,
            "no tile of ", rows, " rows and ", nv, " vectors");
    require(b.dims[0] == k + rows - 1 && ld >= nv * lanes, "b must have ", k + rows - 1,
            " rows of at least ", nv * lanes);
    std::vector<index_t> offsets;
    for (index_t p = 0; p < k; ++p) offsets.push_back(p * ld);
    kernels<T>().depthwise.run[shape][nv - 1]({.k = k,
                                               .a = a.as<T>(),
                                               .b = b.as<T>(),
                                               .row_step = ld,
                                               .offsets = offsets.data(),
                                               .c = c.as<T>(),
                                               .ldc = n,
                                               .init = nullptr,
                                               .bias = static_cast<T>(bias),
                                               .tail = static_cast<int>(n - (nv - 1) * lanes)});
  });
  return c.finish();
}

// Computes a b^T for a of shape (mr, n) and b of (nr, n) by one dot tile. The tile runs twice, and
// adds its second result to the first; each row of b lies in two lines, as it may in a strip.
py::object dot_tile(py::handle a_, py::handle b_) {
  const Operand a = to_operand(a_, "a"), b = to_operand(b_, "b");
  const index_t mr = a.dims[0], nr = b.dims[0], n = a.dims[1];
  expect_dims(b, "b", {nr, n});
  require(n % 2 == 0, "n must be even, got ", n);
  const Result c({mr, nr}, a.dtype, py::none());
  with_float(a.dtype, [&]<class T>() {
    const auto& kernels = fastconv::kernels<T>();
    require(mr <= kernels.dot.max_mr && nr <= kernels.dot.max_nr, "no tile of ", mr, " by ", nr);
    const index_t lanes = kernels.gemm.lanes;
    const Scratch sums(mr * nr * lanes * index_t{sizeof(T)});
    std::vector<index_t> offsets;
    for (index_t j = 0; j < nr; ++j) offsets.push_back(j * n);
    for (const bool overwrite : {true, false})
      kernels.dot.run[mr - 1][nr - 1]({.n = n / 2,
                                       .lines = 2,
                                       .a = a.as<T>(),
                                       .lda = n,
                                       .b = b.as<T>(),
                                       .b_line = n / 2,
                                       .offsets = offsets.data(),
                                       .sums = sums.as<T>(),
                                       .ld = nr,
                                       .overwrite = overwrite});
    for (index_t i = 0; i < mr * nr; ++i)
      c.as<T>()[i] = static_cast<T>(kernels.sum(sums.as<T>() + i * lanes, lanes, 1, 0) / 2);
  });
  return c.finish();
}

// Returns (name, family) of every entry of the table of convolutions.
py::list algorithms() {
  py::list all;
  for (const Algorithm<float>* entry : table<float>())
    all.append(py::make_tuple(entry->name(), entry->family()));
  return all;
}

py::list weight_grad_algorithms() {
  py::list all;
  for (const auto* entry : weight_grad::table<float>()) all.append(entry->name());
  return all;
}

struct WeightGradCall {
  int rank;
  bool transposed;
  py::handle input, weight_size, grad_output, stride, padding, dilation, groups, padding_mode,
      algorithm, threads, data_format;
};

// Computes the gradient of the weights by the entry of this name.
py::object weight_grad_by(const WeightGradCall& call) {
  const Options options = to_options(call.threads, call.data_format);
  const ConvGeometry geometry = geometry_of(call);
  const auto read = [&](py::handle value, const char* name) {
    return to_grad_image(value, name, call.rank, options);
  };
  const Image x = read(call.input, "input"), dy = read(call.grad_output, "grad_output");
  const Dims dims = to_dims(call.weight_size, "weight_size", call.rank + 2);
  const KernelShape kernel = kernel_shape(dims, "weight_size", call.rank);
  const ConvDesc d = call.transposed ? transposed_desc(x.dims, kernel, geometry, dy.dims)
                                     : conv_desc(x.dims, kernel, geometry);
  const Dims wanted = call.transposed ? input_dims(d) : output_dims(d);
  expect_image(dy, "grad_output", wanted, call.rank, x.batched, options.channels_last);
  const Result dw(dims, x.dtype, py::none());
  const Exec exec = make_exec(options.threads);
  const Image &image = call.transposed ? dy : x, &grad = call.transposed ? x : dy;
  const std::string name = py::cast<std::string>(call.algorithm);
  with_float(x.dtype, [&]<class T>() {
    const Request request{.algorithm = name.c_str(),
                          .precision = Precision::medium,
                          .layouts = {image.pixels, grad.pixels}};
    const auto prepared = weight_grad::prepare<T>(d, request, exec);
    const Scratch scratch(prepared->scratch_bytes());
    prepared->run(weight_args<T>(image, grad, dw), exec, scratch.bytes());
  });
  return dw.finish();
}

// Returns (m, r, error) of every scheme that Winograd's kernels are compiled for.
py::list winograd_schemes() {
  py::list schemes;
  for (const WinogradScheme& s : kSchemes) schemes.append(py::make_tuple(s.m, s.r, s.error));
  return schemes;
}

// Runs the peak loop on each thread. Returns the operations of all of them, which the caller
// divides by the time.
index_t fma_peak(const std::string& dtype, int threads, index_t rounds) {
  const Exec exec = make_exec(threads);
  std::vector<double> sums(static_cast<std::size_t>(exec.threads));
  const Unlocked unlocked;
  const auto run = [&]<class T>() {
    const PeakLoop<T>& peak = exec.kernels<T>().peak;
    parallel_for(exec.threads, exec.threads, [&](index_t task, int) {
      sums[static_cast<std::size_t>(task)] = static_cast<double>(peak.run(rounds));
    });
    return peak.flops * rounds * exec.threads;
  };
  return dtype == "float32" ? run.operator()<float>() : run.operator()<double>();
}

}  // namespace

void bind_testing(py::module_& m) {
  py::module_ testing = m.def_submodule("testing", "Single tiles of the active ISA, for tests.");
  testing.def("tile_shapes", &tile_shapes);
  testing.def("gemm_tile", &gemm_tile);
  testing.def("depthwise_tile", &depthwise_tile);
  testing.def("dot_tile", &dot_tile);
  testing.def("algorithms", &algorithms);
  testing.def("weight_grad_algorithms", &weight_grad_algorithms);
  def_fast<&weight_grad_by>(testing, "weight_grad");
  testing.def("winograd_schemes", &winograd_schemes);
  testing.def("fma_peak", &fma_peak);
  testing.def("pretend_cpus", &pretend_cpus);
  testing.def("cgroup_cpus", &cgroup_cpus);
  bind_simulator(testing);
  testing.def("core_of", [](const std::string& siblings, int cpu) {
    return core_of(cpu, sibling_distance(siblings));
  });
}

}  // namespace fastconv
