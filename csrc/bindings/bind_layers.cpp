// SPDX-License-Identifier: MIT
// What fastconv.nn asks before it uses packed weights again: whether anybody can have changed the
// arrays that they were packed from, and whether the settings of a call are what they were. And how
// Python code of ours makes an array of an argument, as the functions do.
#include <pybind11/numpy.h>

#include <algorithm>
#include <cstring>

#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/bind.h"
#include "bindings/fast_call.h"
#include "core/dispatch.h"

namespace fastconv {
namespace {

bool is_array(PyObject* value) {
  return Py_TYPE(value) == py::detail::npy_api::get().PyArray_Type_;
}

// Calls each(key, value) for the items of a dict until it returns false; whether it never did.
template <class F>
bool all_of(py::handle dict, const F& each) {
  if (!PyDict_Check(dict.ptr())) throw py::type_error("wanted a dict of arrays");
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t at = 0;
  while (PyDict_Next(dict.ptr(), &at, &key, &value))
    if (!each(key, value)) return false;
  return true;
}

// Whether nobody but this dict holds its arrays, and no array shares its memory: a view of an array
// would hold it. Only who asks the layer for an array can then change it.
py::bool_ unshared(py::handle values) {
  constexpr int kOwns = py::detail::npy_api::NPY_ARRAY_OWNDATA_;
  return all_of(values, [](PyObject*, PyObject* value) {
    return Py_REFCNT(value) == 1 && is_array(value) &&
           (py::detail::array_proxy(value)->flags & kOwns) != 0;
  });
}

// Whether two dicts have the same keys, and arrays with the same shapes, dtypes and bytes.
py::bool_ same_bytes(py::handle a, py::handle b) {
  return PyDict_Check(b.ptr()) && PyDict_Size(a.ptr()) == PyDict_Size(b.ptr()) &&
         all_of(a, [b](PyObject* key, PyObject* value) {
           PyObject* found = PyDict_GetItemWithError(b.ptr(), key);
           if (found == nullptr || !is_array(value) || !is_array(found)) return false;
           const auto left = py::reinterpret_borrow<py::array>(value),
                      right = py::reinterpret_borrow<py::array>(found);
           constexpr int kDense = py::array::c_style;
           return (left.flags() & kDense) && (right.flags() & kDense) &&
                  left.dtype().is(right.dtype()) && left.ndim() == right.ndim() &&
                  std::equal(left.shape(), left.shape() + left.ndim(), right.shape()) &&
                  std::memcmp(left.data(), right.data(), static_cast<std::size_t>(left.nbytes())) ==
                      0;
         });
}

// The ISA, the threads and the precision that a call would use now, as one number.
py::int_ settings(py::handle precision) {
  return (py::ssize_t{active_isa()} << 32) | (py::ssize_t{to_threads(py::none())} << 2) |
         static_cast<py::ssize_t>(to_precision(precision));
}

py::object array_of(py::handle value, py::handle name) {
  return as_array(value, name.cast<std::string>().c_str());
}

}  // namespace

void bind_layers(py::module_& m) {
  def_fast<&unshared>(m, "unshared");
  def_fast<&same_bytes>(m, "same_bytes");
  def_fast<&settings>(m, "settings");
  def_fast<&array_of>(m, "as_array");
}

}  // namespace fastconv
