// SPDX-License-Identifier: MIT
// The binding of the sum of two arrays.
#include <algorithm>

#include "algorithms/elementwise/add.h"
#include "bindings/arguments.h"
#include "bindings/bind.h"
#include "bindings/fast_call.h"
#include "bindings/strided.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"
#include "core/require.h"

namespace fastconv {
namespace {

struct AddCall {
  py::handle a, b, activation, threads, out;
};

// The shape that both broadcast to by NumPy's rule.
Shape common_shape(const Shape& a, const Shape& b) {
  Shape shape(std::max(a.size(), b.size()), 1);
  for (const Shape* one : {&a, &b})
    for (std::size_t i = 1; i <= one->size(); ++i) {
      const py::ssize_t n = (*one)[one->size() - i];
      py::ssize_t& common = shape[shape.size() - i];
      if (n != common && n != 1 && common != 1)
        refuse("b must have a shape that broadcasts with that of a, ", text_of(a), ", got ",
               text_of(b));
      if (n != 1) common = n;
    }
  return shape;
}

py::object sum(const AddCall& call) {
  Strided a = to_strided(call.a, "a"), b = to_strided(call.b, "b");
  expect_same_dtype(a, "a", b, "b");
  const Exec exec = make_exec(to_threads(call.threads));
  const ActivationSpec act = to_activation(call.activation);
  const Shape shape = common_shape(a.shape, b.shape);
  if (!a.in_rows()) a.settle("a");
  if (!b.in_rows()) b.settle("b");
  a.broadcast(shape);
  b.broadcast(shape);
  const StridedResult y(shape, a.dtype, call.out, {&a, &b});
  const StridedLoop<3> loop = loop_over(shape, a.strides, b.strides, y.strides());
  with_float(a.dtype, [&]<class T>() {
    const Unlocked unlocked(double(loop.size()));
    add<T>(exec, loop, a.as<T>(), b.as<T>(), {act.kind, static_cast<T>(act.slope)}, y.as<T>());
  });
  return y.finish();
}

}  // namespace

void bind_add(py::module_& m) { def_fast<&sum>(m, "add"); }

}  // namespace fastconv
