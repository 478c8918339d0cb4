// SPDX-License-Identifier: MIT
// Gradients of convolutions. The forward geometry is derived again from the arguments, and every
// array's shape must agree with it.
#include "algorithms/elementwise/elementwise.h"
#include "algorithms/weight_grad/weight_grad.h"
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"
#include "bindings/lowered.h"
#include "core/memory.h"
#include "core/require.h"

namespace fastconv {
namespace {

// The gradient of a convolution's input, or of a transposed convolution's output: the adjoint of d.
// Padding modes other than zeros give the gradient of the padded image first, then fold it.
template <class T>
void input_grad(const ConvDesc& d, const T* dy, const T* w, T* dx, const Request& request,
                const Exec& exec) {
  if (d.mode == PadMode::zeros) {
    const auto lowered = lowered_adjoint<T>(d, request, exec);
    run_call<T>(*lowered, {dy, w, nullptr, nullptr, dx, {}}, exec);
    return;
  }
  ConvDesc framed = d;
  framed.mode = PadMode::zeros;
  for (Axis* axis : {&framed.h, &framed.w}) {
    axis->in += axis->lo + axis->hi;
    axis->lo = axis->hi = 0;
  }
  const index_t size = product("the padded input", {framed.batch, framed.c_in, framed.h.in,
                                                    framed.w.in, index_t{sizeof(T)}});
  const Scratch padded(size);
  input_grad(framed, dy, w, padded.as<T>(), request, exec);
  const py::gil_scoped_release unlocked;
  fold_padding(d, d.batch * d.c_in, padded.as<T>(), dx, exec);
}

template <class T>
void run_weight_grad(const ConvDesc& d, const T* x, const T* dy, T* dw, const Request& request,
                     const Exec& exec) {
  const LoweredWeightGrad lowered = lower_weight_grad<T>(d, request, exec);
  const Scratch scratch(lowered.scratch);
  const py::gil_scoped_release unlocked;
  run(lowered, x, dy, dw, exec, scratch.bytes());
}

// One call of a gradient: the arguments that all of them share, checked.
struct Call {
  int rank;
  bool transposed;
  Options options;
  ConvGeometry geometry;

  // For a convolution of `image` with the kernel: what grad_output must be.
  ConvDesc describe(const Dims& image, const KernelShape& kernel, const Dims& grad_output) const {
    if (!transposed) return conv_desc(image, kernel, geometry);
    // output_padding follows from the gradient's own lengths.
    return transposed_desc(image, kernel, geometry, grad_output);
  }
  Dims image_dims(const ConvDesc& d) const { return transposed ? output_dims(d) : input_dims(d); }
  Dims grad_dims(const ConvDesc& d) const { return transposed ? input_dims(d) : output_dims(d); }

  void check_grad(const Image& dy, const ConvDesc& d, bool batched) const {
    expect_image(dy, "grad_output", grad_dims(d), rank, batched, options.channels_last);
  }

  // Points dy at the gradient before the activation, which follows from the activation's output.
  Scratch through_activation(Image* dy, const ActivationSpec& act, py::handle output) const {
    if (act.kind == Activation::none) {
      require(output.is_none(), "output is for a fused activation, and activation is None");
      return {};
    }
    require(act.kind != Activation::silu && act.kind != Activation::gelu,
            "activation must be 'relu', 'relu6', 'leaky_relu', 'sigmoid' or 'tanh', whose "
            "derivative follows from the output; use grad.silu or grad.gelu before this call");
    require(act.kind != Activation::leaky_relu || act.slope >= 0,
            "activation: leaky_relu's slope must not be negative for its sign to follow from the "
            "output, got ",
            act.slope);
    require(!output.is_none(),
            "output, the result of the forward call, is needed to pass through "
            "the activation");
    const Image y = to_image(output, "output", rank, options);
    expect_same_dtype(*dy, "grad_output", y, "output");
    expect_image(y, "output", dy->dims, rank, dy->batched, options.channels_last);
    return with_float(dy->dtype, [&]<class T>() {
      const index_t n = dy->dims.size();
      Scratch scratch(n * index_t{sizeof(T)});
      const Exec exec = make_exec(options.threads);
      const py::gil_scoped_release unlocked;
      activate_grad_from_output(exec, act.kind, static_cast<T>(act.slope), y.as<T>(), dy->as<T>(),
                                scratch.as<T>(), n);
      dy->data = scratch.as<T>();
      return scratch;
    });
  }

  Request request() const { return {Algorithm::auto_, options.highest}; }

  py::object input(const ConvDesc& d, const Image& dy, const Operand& w, py::handle out) const {
    const Result dx(image_dims(d), rank, dy.batched, options, dy.dtype, out, {&dy, &w});
    const Exec exec = make_exec(options.threads);
    with_float(dy.dtype, [&]<class T>() {
      if (!transposed) return input_grad(d, dy.as<T>(), w.as<T>(), dx.as<T>(), request(), exec);
      const auto lowered = lowered_forward<T>(d, request(), exec);
      run_call<T>(*lowered, {dy.data, w.data, nullptr, nullptr, dx.as<T>(), {}}, exec);
    });
    return dx.finish();
  }

  py::object weight(const ConvDesc& d, const Image& x, const Image& dy, const Dims& dims,
                    py::handle out) const {
    const Result dw(dims, x.dtype, out, {&x, &dy});
    const Exec exec = make_exec(options.threads);
    with_float(x.dtype, [&]<class T>() {
      // A transposed convolution's weights see the roles of input and gradient exchanged.
      if (transposed)
        run_weight_grad(d, dy.as<T>(), x.as<T>(), dw.as<T>(), request(), exec);
      else
        run_weight_grad(d, x.as<T>(), dy.as<T>(), dw.as<T>(), request(), exec);
    });
    return dw.finish();
  }

  py::object bias(const Image& dy, py::handle out) const {
    const Result db({dy.c()}, dy.dtype, out, {&dy});
    const Exec exec = make_exec(options.threads);
    with_float(dy.dtype, [&]<class T>() {
      const py::gil_scoped_release unlocked;
      bias_grad(dy.n(), dy.c(), dy.h() * dy.w(), dy.as<T>(), db.as<T>(), exec);
    });
    return db.finish();
  }
};

Call make_call(int rank, bool transposed, py::handle stride, py::handle padding,
               py::handle dilation, py::handle groups, py::handle padding_mode, py::handle threads,
               py::handle data_format, py::handle precision) {
  return {rank, transposed, to_options(threads, data_format, precision),
          to_geometry(rank, stride, padding, dilation, groups, padding_mode)};
}

py::object grad_input(int rank, bool transposed, py::handle input_size, py::handle weight,
                      py::handle grad_output, py::handle stride, py::handle padding,
                      py::handle dilation, py::handle groups, py::handle padding_mode,
                      py::handle threads, py::handle out, py::handle data_format,
                      py::handle precision) {
  const Call call = make_call(rank, transposed, stride, padding, dilation, groups, padding_mode,
                              threads, data_format, precision);
  const ImageSize size = to_image_size(input_size, "input_size", rank, call.options.channels_last);
  const Image dy = to_image(grad_output, "grad_output", rank, call.options);
  const Operand w = to_operand(weight, "weight");
  expect_same_dtype(dy, "grad_output", w, "weight");
  const ConvDesc d = call.describe(size.nchw, kernel_shape(w.dims, "weight", rank), dy.dims);
  call.check_grad(dy, d, size.batched);
  return call.input(d, dy, w, out);
}

py::object grad_weight(int rank, bool transposed, py::handle input, py::handle weight_size,
                       py::handle grad_output, py::handle stride, py::handle padding,
                       py::handle dilation, py::handle groups, py::handle padding_mode,
                       py::handle threads, py::handle out, py::handle data_format,
                       py::handle precision) {
  const Call call = make_call(rank, transposed, stride, padding, dilation, groups, padding_mode,
                              threads, data_format, precision);
  const Image x = to_image(input, "input", rank, call.options);
  const Image dy = to_image(grad_output, "grad_output", rank, call.options);
  expect_same_dtype(x, "input", dy, "grad_output");
  const Dims dims = to_dims(weight_size, "weight_size", rank + 2);
  const ConvDesc d = call.describe(x.dims, kernel_shape(dims, "weight_size", rank), dy.dims);
  call.check_grad(dy, d, x.batched);
  return call.weight(d, x, dy, dims, out);
}

py::object grad_bias(int rank, py::handle grad_output, py::handle threads, py::handle out,
                     py::handle data_format) {
  const Call call{rank, false, to_options(threads, data_format), {}};
  return call.bias(to_image(grad_output, "grad_output", rank, call.options), out);
}

// All three at once; what the mask leaves out is None.
py::tuple grad_all(int rank, bool transposed, py::handle input, py::handle weight,
                   py::handle grad_output, py::handle stride, py::handle padding,
                   py::handle dilation, py::handle groups, py::handle padding_mode,
                   py::handle output_mask, py::handle activation, py::handle output,
                   py::handle threads, py::handle data_format, py::handle precision) {
  const Call call = make_call(rank, transposed, stride, padding, dilation, groups, padding_mode,
                              threads, data_format, precision);
  if (!PyTuple_Check(output_mask.ptr()) && !PyList_Check(output_mask.ptr()))
    throw py::type_error(
        sentence("output_mask must be a tuple of three bools, got ", shown(output_mask)));
  const py::sequence mask = py::reinterpret_borrow<py::sequence>(output_mask);
  require(mask.size() == 3, "output_mask must have three entries, got ", shown(output_mask));
  const Image x = to_image(input, "input", rank, call.options);
  Image dy = to_image(grad_output, "grad_output", rank, call.options);
  const Operand w = to_operand(weight, "weight");
  expect_same_dtype(x, "input", w, "weight");
  expect_same_dtype(x, "input", dy, "grad_output");
  const ConvDesc d = call.describe(x.dims, kernel_shape(w.dims, "weight", rank), dy.dims);
  call.check_grad(dy, d, x.batched);
  const Scratch through = call.through_activation(&dy, to_activation(activation), output);
  const auto wanted = [&](int i) { return to_bool(py::object(mask[i]), "output_mask"); };
  const py::none none;
  py::object dx = none, dw = none, db = none;
  if (wanted(0)) dx = call.input(d, dy, w, none);
  if (wanted(1)) dw = call.weight(d, x, dy, w.dims, none);
  if (wanted(2)) db = call.bias(dy, none);
  return py::make_tuple(dx, dw, db);
}

}  // namespace

void bind_conv_grad(py::module_& m) {
  def_fast<&grad_input>(m, "conv_grad_input");
  def_fast<&grad_weight>(m, "conv_grad_weight");
  def_fast<&grad_bias>(m, "conv_grad_bias");
  def_fast<&grad_all>(m, "conv_grad");
}

}  // namespace fastconv
