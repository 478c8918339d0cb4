// SPDX-License-Identifier: MIT
// The binding of filters. Python's half of them (interfaces/scipy_ndimage) lays arrays out as
// images and chooses what to compute in; here all of it is checked again, for memory's sake.
#include <algorithm>

#include "algorithms/filter/filter.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/fast_call.h"
#include "bindings/unlocked.h"
#include "core/conv_desc.h"
#include "core/dispatch.h"
#include "core/require.h"

namespace fastconv {
namespace {

using filter::AxisFilter;
using filter::Kind;

// `column` and `row` are (kind, weights or size, before, places, border); `plane` is None or the
// weights of both axes, in the order of rows. `compute` is 0 for float32, 1 for float64, 2 for the
// dtype of the image, and 3 for float64 in the order of SciPy.
struct FilterCall {
  py::handle image, result, column, row, plane, constant, compute, threads;
};

py::array image_of(py::handle value, const char* name) {
  if (!py::isinstance<py::array>(value)) throw py::type_error(sentence(name, " must be an array"));
  auto array = py::reinterpret_borrow<py::array>(value);
  require(array.ndim() == 4 && (array.flags() & py::array::c_style) != 0 &&
              (array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0,
          name, " must have four axes, and no gaps");
  return array;
}

Element element_of(const py::array& array, const char* name) {
  switch (dtype_of(array, name, Accept::numbers)) {
    case DType::u8:
      return Element::u8;
    case DType::i16:
      return Element::i16;
    case DType::u16:
      return Element::u16;
    case DType::f32:
      return Element::f32;
    case DType::f64:
      return Element::f64;
    default:
      throw py::type_error(
          sentence(name, " must have dtype uint8, int16, uint16, float32 or float64, got ",
                   py::str(array.dtype()).cast<std::string>()));
  }
}

std::vector<double> weights_of(py::handle value) {
  const Operand w = to_operand(value, "weights");
  require(w.dtype == DType::f64, "weights must be float64");
  return {w.as<double>(), w.as<double>() + w.dims.size()};
}

index_t choice_of(py::handle value, const char* name, index_t most) {
  const index_t number = to_index(value, name);
  require(number >= 0 && number <= most, name, " must be from 0 to ", most, ", got ", number);
  return number;
}

AxisFilter axis_of(py::handle value) {
  require(PyTuple_Check(value.ptr()) && PyTuple_GET_SIZE(value.ptr()) == 5,
          "an axis must have five items");
  const auto items = py::reinterpret_borrow<py::tuple>(value);
  AxisFilter axis{.kind = static_cast<Kind>(choice_of(items[0], "kind", 4)), .weights = {}};
  if (axis.kind == Kind::weigh) {
    axis.weights = weights_of(items[1]);
    axis.size = static_cast<index_t>(axis.weights.size());
  } else {
    axis.size = to_index(items[1], "size");
  }
  require(axis.size >= 1 && axis.size <= kMaxExtent, "size must be from 1 to ", kMaxExtent,
          ", got ", axis.size);
  axis.before = to_index(items[2], "origin");
  require(axis.before >= 0 && axis.before < axis.size, "origin must lie within the filter");
  axis.places = static_cast<Places>(choice_of(items[3], "places", 2));
  axis.border = static_cast<PadMode>(choice_of(items[4], "border", 5));
  return axis;
}

template <class T>
void compute(filter::Problem problem, const py::array& x, const py::array& y, const Exec& exec) {
  const filter::Filter<T> call(std::move(problem), filters_of(*exec.table), exec);
  const Scratch scratch(call.scratch_bytes());
  void* to = const_cast<void*>(y.data());
  const Unlocked unlocked(call.work());
  call.run(x.data(), to, scratch.bytes());
}

void check_extremes(const filter::Problem& p) {
  for (const AxisFilter* axis : {&p.column, &p.row})
    require(axis->kind != Kind::weigh && axis->kind != Kind::total && p.plane.empty(),
            "sums are computed in float32 or float64");
  require(p.from == p.to, "extremes have the dtype of the image");
}

py::object run_filter(const FilterCall& call) {
  const py::array x = image_of(call.image, "image"), y = image_of(call.result, "result");
  require(y.writeable() && x.request().shape == y.request().shape,
          "result must be writable, and of the image's shape");
  const auto *from = static_cast<const std::byte*>(x.data()),
             *to = static_cast<const std::byte*>(y.data());
  require(from + x.nbytes() <= to || to + y.nbytes() <= from, "result must not overlap the image");
  filter::Problem p{.batch = x.shape(0),
                    .height = x.shape(1),
                    .width = x.shape(2),
                    .depth = x.shape(3),
                    .from = element_of(x, "image"),
                    .to = element_of(y, "result"),
                    .column = axis_of(call.column),
                    .row = axis_of(call.row),
                    .plane = {},
                    .constant = to_double(call.constant, "cval")};
  if (!call.plane.is_none()) {
    p.plane = weights_of(call.plane);
    require(p.column.kind == Kind::none && p.row.kind == Kind::none &&
                static_cast<index_t>(p.plane.size()) == p.column.size * p.row.size,
            "a kernel must have the sizes of its axes");
  }
  const index_t how = choice_of(call.compute, "compute", 3);
  p.exactly = how == 3;
  const Exec exec = make_exec(to_threads(call.threads));
  if (x.size() == 0) return py::none();
  const bool wraps = filter::can_wrap(p);
  if (!wraps && (how == 0 || filter::can_check(p)))
    return compute<float>(std::move(p), x, y, exec), py::none();
  if (!wraps && how != 2) return compute<double>(std::move(p), x, y, exec), py::none();
  if (!wraps) check_extremes(p);
  switch (p.from) {
    case Element::u8:
      return compute<std::uint8_t>(std::move(p), x, y, exec), py::none();
    case Element::i16:
      return compute<std::int16_t>(std::move(p), x, y, exec), py::none();
    case Element::u16:
      return compute<std::uint16_t>(std::move(p), x, y, exec), py::none();
    case Element::f32:
      return compute<float>(std::move(p), x, y, exec), py::none();
    default:
      return compute<double>(std::move(p), x, y, exec), py::none();
  }
}

}  // namespace

void bind_filter(py::module_& m) { def_fast<&run_filter>(m, "filter"); }

}  // namespace fastconv
