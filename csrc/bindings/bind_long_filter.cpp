// SPDX-License-Identifier: MIT
// _native.testing.LongFilter: one signal through a long filter, for tests of its engine alone.
#include <variant>

#include "algorithms/fft/long_filter.h"
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "core/dispatch.h"
#include "core/exec.h"
#include "core/memory.h"
#include "core/require.h"

namespace fastconv {
namespace {

class LongFilter {
  template <class F>
  auto with_filter(const F& f) {
    return with_float(dtype_, [&]<class T>() { return f(std::get<fft::LongFilter<T>>(filter_)); });
  }

 public:
  // The weights are (groups * m, c, k), the bias (groups * m,) or None.
  LongFilter(py::handle weight, py::handle bias, index_t groups, py::handle activation) {
    const Operand w = to_operand(weight, "weight");
    ActivationSpec act = to_activation(activation, true);
    const auto b = to_bias(bias, w, w.dims[0]), s = to_slopes(act, w, w.dims[0]);
    require(w.dims.rank == 3 && groups >= 1 && w.dims[0] % groups == 0, "weight must have ",
            "3 dimensions and whole groups");
    const fft::LongShape shape{groups, w.dims[1], w.dims[0] / groups, w.dims[2]};
    dtype_ = w.dtype;
    with_float(dtype_, [&]<class T>() {
      const fft::LongFinish<T> finish{.bias = b ? b->as<T>() : nullptr,
                                      .activation = act.kind,
                                      .slope = static_cast<T>(act.slope),
                                      .slopes = s ? s->as<T>() : nullptr};
      const auto& filter =
          filter_.emplace<fft::LongFilter<T>>(shape, w.as<T>(), finish, make_exec(1));
      memory_ = Scratch(filter.item_bytes());
      filter.reset(memory_.bytes());
    });
  }

  // The outputs, (outputs, n), that come with a block of (channels, n), computed where samples lie
  // `apart` elements from each other.
  py::object run(py::handle block, index_t apart) {
    const Operand x = to_operand(block, "block");
    return with_filter([&]<class T>(const fft::LongFilter<T>& filter) {
      const fft::LongShape& shape = filter.shape();
      expect_dims(x, "block", {shape.inputs(), x.dims[1]});
      const index_t n = x.dims[1];
      const Scratch outputs((shape.outputs() * n * apart + 1) * index_t{sizeof(T)});
      for (index_t g = 0; g < shape.groups; ++g)
        filter.run(memory_.bytes(), g, {x.as<T>(), n, 1}, {outputs.as<T>(), n * apart, apart}, n);
      const Result y({shape.outputs(), n}, dtype_, py::none());
      for (index_t i = 0; i < shape.outputs() * n; ++i) y.as<T>()[i] = outputs.as<T>()[i * apart];
      return y.finish();
    });
  }

  // Additions and multiplications of the last run.
  index_t operations() {
    return with_filter([&](const auto& filter) {
      index_t sum = 0;
      for (index_t g = 0; g < filter.shape().groups; ++g)
        sum += filter.operations(memory_.bytes(), g);
      return sum;
    });
  }

  py::object past() {
    return with_filter([&]<class T>(const fft::LongFilter<T>& filter) {
      const index_t n = filter.shape().k - 1;
      const Result y({filter.shape().inputs(), n}, dtype_, py::none());
      filter.read_past(memory_.bytes(), n, {y.as<T>(), n, 1});
      return y.finish();
    });
  }
  void set_past(py::handle value) {
    const Operand x = to_operand(value, "past");
    with_filter([&]<class T>(const fft::LongFilter<T>& filter) {
      expect_dims(x, "past", {filter.shape().inputs(), filter.shape().k - 1});
      filter.write_past(memory_.bytes(), x.dims[1], {x.as<T>(), x.dims[1], 1});
    });
  }
  void reset() {
    with_filter([&](const auto& filter) { filter.reset(memory_.bytes()); });
  }

 private:
  DType dtype_ = DType::f32;
  std::variant<std::monostate, fft::LongFilter<float>, fft::LongFilter<double>> filter_;
  Scratch memory_;
};

}  // namespace

void bind_long_filter(py::module_& testing) {
  py::class_<LongFilter>(testing, "LongFilter")
      .def(py::init<py::handle, py::handle, index_t, py::handle>())
      .def("run", &LongFilter::run)
      .def("reset", &LongFilter::reset)
      .def_property("past", &LongFilter::past, &LongFilter::set_past)
      .def_property_readonly("operations", &LongFilter::operations);
}

}  // namespace fastconv
