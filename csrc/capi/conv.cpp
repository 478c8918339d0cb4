// SPDX-License-Identifier: MIT
// C's functions for convolutions and their gradients, each as one call.
#include "algorithms/weight_grad/weight_grad.h"
#include "capi/conv_mapping.h"
#include "capi/functions.h"
#include "core/memory.h"

namespace fastconv::capi {
namespace {

struct Arrays {
  const void *x, *w, *bias, *residual;
  void* y;
};

// Runs any call that computes images from images. The workspace holds the packed weights first,
// then what the mapping needs.
void run_once(const Convolution& c, int pass, const Arrays& a, void* workspace,
              std::size_t workspace_bytes) {
  expect(a.residual == nullptr || !c.transposed, FASTCONV_UNSUPPORTED,
         "residual: a transposed convolution takes none");
  with_type(c.is_double, [&]<class T>() {
    const Mapping<T> mapping = mapping_of<T>(c, pass, false);
    const index_t packed_bytes = mapping.packed_bytes();
    std::byte* memory =
        checked_workspace(workspace, workspace_bytes, packed_bytes + mapping.workspace_bytes());
    const bool forward = pass == FASTCONV_FORWARD;
    T* packed = reinterpret_cast<T*>(memory);
    const ConvArgs<T> args{.x = static_cast<const T*>(a.x),
                           .packed = packed,
                           .weights = static_cast<const T*>(a.w),
                           .bias = static_cast<const T*>(a.bias),
                           .residual = static_cast<const T*>(a.residual),
                           .y = static_cast<T*>(a.y),
                           .activation = forward ? c.activation : Activation::none,
                           .slope = static_cast<T>(c.slope),
                           .slopes = forward ? static_cast<const T*>(c.slopes) : nullptr};
    mapping.pack(args.weights, packed);
    mapping.run(args, memory + packed_bytes);
  });
}

// The descriptor's algorithm is meant for the forward pass, so that the gradient does not ask for
// it.
template <class T>
auto weight_gradient(const Convolution& c) {
  return weight_grad::prepare<T>(c.d, {.precision = c.request.precision}, c.exec);
}

}  // namespace

int conv_output_shape(const fastconv_conv_desc* desc, std::int64_t shape[4]) noexcept {
  return guarded([&] {
    expect_pointer(shape, "shape");
    const Convolution c = describe(desc);
    const ConvDesc& d = c.d;
    shape[0] = d.batch;
    shape[1] = c.transposed ? d.c_in : d.c_out;
    shape[2] = c.transposed ? d.h.in : d.h.out;
    shape[3] = c.transposed ? d.w.in : d.w.out;
  });
}

int conv_workspace(const fastconv_conv_desc* desc, int pass, std::size_t* bytes) noexcept {
  return guarded([&] {
    expect_pointer(bytes, "bytes");
    expect(pass >= FASTCONV_FORWARD && pass <= FASTCONV_WEIGHT_GRAD, FASTCONV_BAD_VALUE,
           "pass must be from 0 to 2, got ", pass);
    const Convolution c = describe(desc);
    *bytes = workspace_for(with_type(c.is_double, [&]<class T>() {
      if (pass == FASTCONV_WEIGHT_GRAD) return weight_gradient<T>(c)->scratch_bytes();
      const Mapping<T> mapping = mapping_of<T>(c, pass, false);
      return mapping.packed_bytes() + mapping.workspace_bytes();
    }));
  });
}

int conv(const fastconv_conv_desc* desc, const void* x, const void* w, const void* bias,
         const void* residual, void* y, void* workspace, std::size_t workspace_bytes) noexcept {
  return guarded([&] {
    expect_pointer(x, "x");
    expect_pointer(w, "w");
    expect_pointer(y, "y");
    run_once(describe_forward(desc), FASTCONV_FORWARD, {x, w, bias, residual, y}, workspace,
             workspace_bytes);
  });
}

int conv_input_grad(const fastconv_conv_desc* desc, const void* w, const void* dy, void* dx,
                    void* workspace, std::size_t workspace_bytes) noexcept {
  return guarded([&] {
    expect_pointer(w, "w");
    expect_pointer(dy, "dy");
    expect_pointer(dx, "dx");
    run_once(describe(desc), FASTCONV_INPUT_GRAD, {dy, w, nullptr, nullptr, dx}, workspace,
             workspace_bytes);
  });
}

int conv_weight_grad(const fastconv_conv_desc* desc, const void* x, const void* dy, void* dw,
                     void* workspace, std::size_t workspace_bytes) noexcept {
  return guarded([&] {
    expect_pointer(x, "x");
    expect_pointer(dy, "dy");
    expect_pointer(dw, "dw");
    const Convolution c = describe(desc);
    if (c.transposed) std::swap(x, dy);  // for its weights, the two have exchanged their roles
    with_type(c.is_double, [&]<class T>() {
      const auto prepared = weight_gradient<T>(c);
      std::byte* memory = checked_workspace(workspace, workspace_bytes, prepared->scratch_bytes());
      prepared->run({static_cast<const T*>(x), static_cast<const T*>(dy), static_cast<T*>(dw)},
                    c.exec, memory);
    });
  });
}

int conv_bias_grad(const fastconv_conv_desc* desc, const void* dy, void* db) noexcept {
  return guarded([&] {
    expect_pointer(dy, "dy");
    expect_pointer(db, "db");
    const Convolution c = describe(desc);
    const index_t channels = c.transposed ? c.d.c_in : c.d.c_out;
    const index_t plane = c.transposed ? c.d.in_plane() : c.d.out_plane();
    with_type(c.is_double, [&]<class T>() {
      weight_grad::bias_grad(c.d.batch, channels, plane, static_cast<const T*>(dy),
                             static_cast<T*>(db), c.exec);
    });
  });
}

}  // namespace fastconv::capi
