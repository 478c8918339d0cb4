// SPDX-License-Identifier: MIT
// The bindings of the gradients of convolutions. The geometry of the forward pass is derived again
// from the arguments, and every array's shape must agree with it.
#include "algorithms/elementwise/elementwise.h"
#include "algorithms/elementwise/prelu.h"
#include "algorithms/weight_grad/weight_grad.h"
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"
#include "bindings/weight_grad_call.h"
#include "core/memory.h"
#include "core/require.h"

namespace fastconv {
namespace {

struct InputCall {
  int rank;
  bool transposed;
  py::handle input_size, weight, grad_output, stride, padding, dilation, groups, padding_mode,
      threads, out, data_format, precision;
};

struct WeightCall {
  int rank;
  bool transposed;
  py::handle input, weight_size, grad_output, stride, padding, dilation, groups, padding_mode,
      threads, out, data_format, precision;
};

struct BiasCall {
  int rank;
  py::handle grad_output, threads, out, data_format;
};

struct AllCall {
  int rank;
  bool transposed;
  py::handle input, weight, grad_output, stride, padding, dilation, groups, padding_mode,
      output_mask, activation, output, threads, data_format, precision;
};

template <class T>
void run_weight_grad(const ConvDesc& d, const weight_grad::Args<T>& args, const Request& request,
                     const Exec& exec) {
  const auto prepared = weight_grad::prepare<T>(d, request, exec);
  const Scratch scratch(prepared->scratch_bytes());
  const Unlocked unlocked;
  prepared->run(args, exec, scratch.bytes());
}

// The arguments that all gradients have, after all checks.
struct Gradient {
  int rank;
  bool transposed;
  Options options;
  ConvGeometry geometry;

  template <class Call>
  explicit Gradient(const Call& call)
      : rank(call.rank),
        transposed(call.transposed),
        options(options_of(call)),
        geometry(geometry_of(call)) {}

  // An example of a shape of weights, for messages.
  const char* weight_example() const {
    if (rank == 1) return transposed ? "(C_in, C_out / groups, W)" : "(C_out, C_in / groups, W)";
    return transposed ? "(C_in, C_out / groups, H, W)" : "(C_out, C_in / groups, H, W)";
  }

  // The descriptor of the convolution of `image` with the kernel, from which grad_output's shape
  // follows.
  ConvDesc describe(const Dims& image, const KernelShape& kernel, const Dims& grad_output) const {
    if (!transposed) return conv_desc(image, kernel, geometry);
    // The output_padding of a transposed convolution follows from grad_output's own lengths.
    return transposed_desc(image, kernel, geometry, grad_output);
  }
  Dims image_dims(const ConvDesc& d) const { return transposed ? output_dims(d) : input_dims(d); }
  Dims grad_dims(const ConvDesc& d) const { return transposed ? input_dims(d) : output_dims(d); }

  Image read(py::handle value, const char* name) const {
    return to_grad_image(value, name, rank, options);
  }

  void check_grad(const Image& dy, const ConvDesc& d, bool batched) const {
    expect_image(dy, "grad_output", grad_dims(d), rank, batched, options.channels_last);
  }

  // Points dy at the gradient of what the activation was applied to. This gradient is computed from
  // the activation's output, and lies in the memory that is returned. Both arrays are read as
  // pixels if both lie so without gaps, and else as planes.
  Scratch through_activation(Image* dy, py::handle grad_output, ActivationSpec act,
                             py::handle output) const {
    if (act.kind == Activation::none) {
      require(output.is_none(), "output is for a fused activation, and activation is None");
      return {};
    }
    const std::optional<Operand> slopes = to_slopes(act, *dy, dy->c());
    check_follows(act, slopes);
    require(!output.is_none(),
            "output, the result of the forward call, is needed to pass through "
            "the activation");
    Image y = read(output, "output");
    if (!are_dense_pixels(*dy) || !are_dense_pixels(y)) {
      *dy = to_image(grad_output, "grad_output", rank, options);
      y = to_image(output, "output", rank, options);
    }
    expect_same_dtype(*dy, "grad_output", y, "output");
    expect_image(y, "output", dy->dims, rank, dy->batched, options.channels_last);
    return with_float(dy->dtype, [&]<class T>() {
      const index_t n = dy->dims.size(), plane = dy->h() * dy->w();
      const PreluShape shape = dy->pixels ? PreluShape{dy->n() * plane, dy->c(), 1}
                                          : PreluShape{dy->n(), dy->c(), plane};
      Scratch result(n * index_t{sizeof(T)});
      const Scratch scratch(slopes ? prelu_grad_scratch<T>(shape) : 0);
      const Exec exec = make_exec(options.threads);
      const Unlocked unlocked;
      if (slopes)
        prelu_grad<T>(exec, shape, slopes->as<T>(), y.as<T>(), dy->as<T>(), result.as<T>(), nullptr,
                      scratch.bytes());
      else
        activate_grad_from_output(exec, act.kind, static_cast<T>(act.slope), y.as<T>(), dy->as<T>(),
                                  result.as<T>(), n);
      dy->data = result.as<T>();
      return result;
    });
  }

  // Whether kernels that go through all elements may take the image as pixels.
  static bool are_dense_pixels(const Image& image) {
    return image.pixels && image.pixel_step == image.c() &&
           image.row_step == image.w() * image.c() &&
           image.image_step == image.h() * image.w() * image.c();
  }

  // Refuses an activation whose derivative does not follow from its output.
  static void check_follows(const ActivationSpec& act, const std::optional<Operand>& slopes) {
    require(act.kind != Activation::silu && act.kind != Activation::gelu &&
                act.kind != Activation::hardswish,
            "activation must be one whose derivative follows from the output, not 'silu', 'gelu' "
            "or 'hardswish'; use grad.silu, grad.gelu or grad.hardswish before this call");
    const bool scaled = act.kind == Activation::leaky_relu || act.kind == Activation::elu;
    require(!scaled || slopes || act.slope >= 0,
            "activation: the slope of leaky_relu or prelu, or elu's alpha, must not be negative "
            "for the sign of what it was applied to to follow from the output, got ",
            act.slope);
    if (!slopes) return;
    const index_t n = slopes->dims.size();
    const bool keep =
        with_float(slopes->dtype, [&]<class T>() { return slopes_keep_signs(slopes->as<T>(), n); });
    require(keep,
            "activation: prelu's slopes must not be negative for the sign of what it was applied "
            "to to follow from the output; use grad.prelu before this call");
  }

  Request request() const { return {.precision = options.precision}; }

  py::object input(const ConvDesc& d, const Image& dy, const Operand& w, py::handle out) const {
    const bool pixels = result_is_pixels(image_dims(d), rank, dy.batched, options, out);
    const Result dx(image_dims(d), rank, dy.batched, options, dy.dtype, out, {&dy, &w}, nullptr,
                    gaps_of(pixels));
    Request asked = request();
    asked.layouts = {dy.pixels, pixels};
    const Exec exec = make_exec(options.threads);
    const Pass pass = transposed ? Pass::forward : Pass::adjoint;
    with_float(dy.dtype, [&]<class T>() {
      ConvArgs<T> args = args_of<T>(dy, nullptr, dx);
      args.weights = w.as<T>();
      run_once(Mapping<T>(d, pass, asked, exec), args);
    });
    return dx.finish();
  }

  py::object weight(const ConvDesc& d, const Image& x, const Image& dy, const Dims& dims,
                    py::handle out) const {
    const Result dw(dims, x.dtype, out, {&x, &dy});
    const Exec exec = make_exec(options.threads);
    // For the weights of a transposed convolution, input and gradient have exchanged their roles.
    const Image &image = transposed ? dy : x, &grad = transposed ? x : dy;
    Request asked = request();
    asked.layouts = {image.pixels, grad.pixels};
    with_float(x.dtype, [&]<class T>() {
      run_weight_grad<T>(d, weight_args<T>(image, grad, dw), asked, exec);
    });
    return dw.finish();
  }
};

py::object bias_of(const Image& dy, const Options& options, py::handle out) {
  const Result db({dy.c()}, dy.dtype, out, {&dy});
  const Exec exec = make_exec(options.threads);
  const weight_grad::PixelArray pixels{dy.n(),        dy.c(),      dy.h(),       dy.w(),
                                       dy.image_step, dy.row_step, dy.pixel_step};
  with_float(dy.dtype, [&]<class T>() {
    const Scratch scratch(dy.pixels ? weight_grad::bias_grad_bytes<T>(pixels) : 0);
    const Unlocked unlocked;
    if (dy.pixels)
      weight_grad::bias_grad(pixels, dy.as<T>(), db.as<T>(), scratch.bytes(), exec);
    else
      weight_grad::bias_grad(dy.n(), dy.c(), dy.h() * dy.w(), dy.as<T>(), db.as<T>(), exec);
  });
  return db.finish();
}

py::object grad_input(const InputCall& call) {
  const Gradient g(call);
  const ImageSize size =
      to_image_size(call.input_size, "input_size", g.rank, g.options.channels_last);
  const Image dy = to_conv_image(call.grad_output, "grad_output", g.rank, g.options);
  const Operand w = to_operand(call.weight, "weight");
  expect_same_dtype(dy, "grad_output", w, "weight");
  const ConvDesc d = g.describe(size.nchw, kernel_shape(w.dims, "weight", g.rank), dy.dims);
  g.check_grad(dy, d, size.batched);
  return g.input(d, dy, w, call.out);
}

py::object grad_weight(const WeightCall& call) {
  const Gradient g(call);
  const Image x = g.read(call.input, "input");
  const Image dy = g.read(call.grad_output, "grad_output");
  expect_same_dtype(x, "input", dy, "grad_output");
  const Dims dims = to_dims(call.weight_size, "weight_size", g.rank + 2, g.weight_example());
  const ConvDesc d = g.describe(x.dims, kernel_shape(dims, "weight_size", g.rank), dy.dims);
  g.check_grad(dy, d, x.batched);
  return g.weight(d, x, dy, dims, call.out);
}

py::object grad_bias(const BiasCall& call) {
  const Options options = to_options(call.threads, call.data_format);
  const Image dy = to_grad_image(call.grad_output, "grad_output", call.rank, options);
  return bias_of(dy, options, call.out);
}

// Computes all three gradients in one call. A gradient that the mask leaves out is None.
py::object grad_all(const AllCall& call) {
  const Gradient g(call);
  if (!PyTuple_Check(call.output_mask.ptr()) && !PyList_Check(call.output_mask.ptr()))
    throw py::type_error(
        sentence("output_mask must be a tuple of three bools, got ", shown(call.output_mask)));
  const py::sequence mask = py::reinterpret_borrow<py::sequence>(call.output_mask);
  require(mask.size() == 3, "output_mask must have three entries, got ", shown(call.output_mask));
  const Image x = g.read(call.input, "input");
  Image dy = g.read(call.grad_output, "grad_output");
  const Operand w = to_operand(call.weight, "weight");
  expect_same_dtype(x, "input", w, "weight");
  expect_same_dtype(x, "input", dy, "grad_output");
  const ConvDesc d = g.describe(x.dims, kernel_shape(w.dims, "weight", g.rank), dy.dims);
  g.check_grad(dy, d, x.batched);
  const Scratch through = g.through_activation(&dy, call.grad_output,
                                               to_activation(call.activation, true), call.output);
  const auto wanted = [&](int i) { return to_bool(py::object(mask[i]), "output_mask"); };
  const py::none none;
  py::object dx = none, dw = none, db = none;
  if (wanted(0)) dx = g.input(d, dy, w, none);
  if (wanted(1)) dw = g.weight(d, x, dy, w.dims, none);
  if (wanted(2)) db = bias_of(dy, g.options, none);
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
