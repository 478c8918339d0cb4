// SPDX-License-Identifier: MIT
// How arrays of any rank become rows of elements, and where their results are computed.
#include "bindings/elementwise_arrays.h"

#include "bindings/result_memory.h"
#include "core/require.h"

namespace fastconv {
namespace {

using py::detail::npy_api;

py::array contiguous(const py::array& array) {
  if (array.flags() & py::array::c_style) return array;
  PyObject* copy = npy_api::get().PyArray_FromAny_(
      array.ptr(), nullptr, 0, 0,
      npy_api::NPY_ARRAY_C_CONTIGUOUS_ | npy_api::NPY_ARRAY_ENSUREARRAY_, nullptr);
  if (copy == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::array>(copy);
}

py::array new_array(const Elements& like) {
  return fresh_array(numpy_dtype(like.dtype), static_cast<int>(like.shape.size()),
                     like.shape.data());
}

// Whether kernels may write `out` while they read `input`.
bool apart(const py::array& out, const Operand& input) {
  const auto* first = static_cast<const std::byte*>(out.data());
  return first + out.nbytes() <= input.first || input.last <= first;
}

}  // namespace

Elements to_elements(py::handle value, const char* name) {
  const py::array array = as_array(value, name);
  Elements elements;
  elements.shape.assign(array.shape(), array.shape() + array.ndim());
  const py::array whole = contiguous(array);
  const py::array row(whole.dtype(), {whole.size()}, {whole.itemsize()}, whole.data(), whole);
  static_cast<Operand&>(elements) = to_operand(row, name);
  return elements;
}

void expect_like(const Elements& a, const char* a_name, const Elements& b, const char* b_name) {
  expect_same_dtype(a, a_name, b, b_name);
  if (a.shape != b.shape)
    refuse(b_name, " must have the shape of ", a_name, ", ", text_of(a.shape), ", got ",
           text_of(b.shape));
}

ElementsResult::ElementsResult(const Elements& like, py::handle out,
                               std::initializer_list<const Elements*> in_place,
                               std::initializer_list<const Elements*> inputs)
    : result_(out.is_none() ? new_array(like) : checked_out(out, like.dtype, like.shape)),
      work_(result_) {
  if (out.is_none()) return;
  constexpr int kDirect = int{py::array::c_style} | int{npy_api::NPY_ARRAY_ALIGNED_};
  bool direct = (result_.flags() & kDirect) == kDirect;
  for (const Elements* input : in_place)
    direct = direct && (apart(result_, *input) || input->data == result_.data());
  for (const Elements* input : inputs) direct = direct && apart(result_, *input);
  if (!direct) work_ = new_array(like);
}

py::object ElementsResult::finish() const {
  if (work_.ptr() != result_.ptr() && PyObject_SetItem(result_.ptr(), Py_Ellipsis, work_.ptr()) < 0)
    throw py::error_already_set();
  return result_;
}

}  // namespace fastconv
