// SPDX-License-Identifier: MIT
// The bindings of unfold, fold and their gradients: each of the two is the other's gradient.
#include "algorithms/elementwise/fold.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"
#include "core/require.h"

namespace fastconv {
namespace {

struct FoldGeometry {
  PerAxis kernel, dilation, stride;
  PaddingPair padding;
};

FoldGeometry to_fold_geometry(py::handle kernel_size, py::handle dilation, py::handle padding,
                              py::handle stride) {
  return {.kernel = to_per_axis(kernel_size, "kernel_size", 2, 1),
          .dilation = to_per_axis(dilation, "dilation", 2, 1),
          .stride = to_per_axis(stride, "stride", 2, 1),
          .padding = to_padding(padding, 2)};
}

FoldDesc fold_desc(index_t batch, index_t channels, index_t height, index_t width,
                   const FoldGeometry& g) {
  return validated(FoldDesc{.batch = batch,
                            .channels = channels,
                            .h = conv_axis("height", height, g.kernel.h, g.stride.h, g.dilation.h,
                                           g.padding.h, PadMode::zeros),
                            .w = conv_axis("width", width, g.kernel.w, g.stride.w, g.dilation.w,
                                           g.padding.w, PadMode::zeros)});
}

py::object run_unfold(const Image& x, const FoldGeometry& geometry, const Options& options,
                      py::handle out) {
  const FoldDesc d = fold_desc(x.n(), x.c(), x.h(), x.w(), geometry);
  const Exec exec = make_exec(options.threads);
  const Result y({d.batch, d.rows(), 1, d.columns()}, 1, x.batched, options, x.dtype, out, {&x});
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    unfold<T>(exec, d, x.as<T>(), y.as<T>());
  });
  return y.finish();
}

py::object run_fold(const Image& y, const FoldDesc& d, const Options& options, py::handle out) {
  const Exec exec = make_exec(options.threads);
  const Result x({d.batch, d.channels, d.h.in, d.w.in}, 2, y.batched, options, y.dtype, out, {&y});
  with_float(y.dtype, [&]<class T>() {
    const Unlocked unlocked;
    fold<T>(exec, d, y.as<T>(), x.as<T>());
  });
  return x.finish();
}

py::object fold_columns(py::handle input, py::handle output_size, py::handle kernel_size,
                        py::handle dilation, py::handle padding, py::handle stride,
                        py::handle threads, py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const FoldGeometry geometry = to_fold_geometry(kernel_size, dilation, padding, stride);
  const Image y = to_image(input, "input", 1, options);
  const PerAxis size = to_per_axis(output_size, "output_size", 2, 1);
  if (size.h < 1 || size.w < 1) refuse("output_size must be positive, got ", shown(output_size));
  // The number of channels follows from the rows of a channel, which only a descriptor tells: that
  // of one channel comes first.
  const FoldDesc one = fold_desc(y.n(), 1, size.h, size.w, geometry);
  require(y.c() >= 1 && y.c() % one.taps() == 0, "input must have a multiple of ", one.taps(),
          " rows, one for each element of a kernel of (", one.h.kernel, ", ", one.w.kernel,
          "), got ", y.c());
  require(y.w() == one.columns(), "input must have ", one.columns(), " columns, one for each of ",
          one.h.out, " x ", one.w.out, " windows of an output of (", size.h, ", ", size.w,
          "), got ", y.w());
  const FoldDesc d = fold_desc(y.n(), y.c() / one.taps(), size.h, size.w, geometry);
  return run_fold(y, d, options, out);
}

py::object unfold_image(const char* name, py::handle image, py::handle kernel_size,
                        py::handle dilation, py::handle padding, py::handle stride,
                        py::handle threads, py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const FoldGeometry geometry = to_fold_geometry(kernel_size, dilation, padding, stride);
  return run_unfold(to_image(image, name, 2, options), geometry, options, out);
}

py::object unfold_input(py::handle grad_output, py::handle input_size, py::handle kernel_size,
                        py::handle dilation, py::handle padding, py::handle stride,
                        py::handle threads, py::handle out, py::handle data_format) {
  const Options options = to_options(threads, data_format);
  const FoldGeometry geometry = to_fold_geometry(kernel_size, dilation, padding, stride);
  const Image dy = to_image(grad_output, "grad_output", 1, options);
  const auto [size, batched] = to_image_size(input_size, "input_size", 2, options.channels_last);
  const FoldDesc d = fold_desc(size[0], size[1], size[2], size[3], geometry);
  expect_image(dy, "grad_output", {d.batch, d.rows(), 1, d.columns()}, 1, batched,
               options.channels_last);
  return run_fold(dy, d, options, out);
}

}  // namespace

void bind_fold(py::module_& m) {
  using Value = py::handle;
  m.def("unfold", [](Value input, Value kernel_size, Value dilation, Value padding, Value stride,
                     Value threads, Value out, Value data_format) {
    return unfold_image("input", input, kernel_size, dilation, padding, stride, threads, out,
                        data_format);
  });
  m.def("fold", &fold_columns);
  m.def("unfold_input", &unfold_input);
  m.def("fold_input", [](Value grad_output, Value kernel_size, Value dilation, Value padding,
                         Value stride, Value threads, Value out, Value data_format) {
    return unfold_image("grad_output", grad_output, kernel_size, dilation, padding, stride, threads,
                        out, data_format);
  });
}

}  // namespace fastconv
