// SPDX-License-Identifier: MIT
// How arrays of any rank become rows of elements, and where their results are computed.
#include "bindings/elementwise_arrays.h"

#include <cstdlib>
#include <optional>

#include "bindings/result_memory.h"
#include "bindings/views.h"
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

// The longest rows of neighbours that the array consists of, and how far apart they begin. Nothing
// if that distance is not even, or if rows are so short that a copy costs less.
struct Rows {
  index_t rows, n, step;
};
std::optional<Rows> rows_of(const py::array& array) {
  constexpr index_t kShortest = 8;
  const index_t item = array.itemsize();
  if (!aligned(array.data(), item) || !is_native(array)) return {};
  Rows rows{.rows = 1, .n = 1, .step = 0};
  bool in_row = true;
  index_t next = 0;  // how far apart neighbours of the next axis lie if the distance is even
  for (py::ssize_t i = array.ndim(); i-- > 0;) {
    const index_t length = array.shape(i), stride = array.strides(i);
    if (length == 1) continue;
    if (in_row && stride == rows.n * item) {
      rows.n *= length;
      continue;
    }
    if (!in_row && stride != next) return {};
    if (in_row && stride % item != 0) return {};
    if (in_row) rows.step = stride / item;
    in_row = false;
    rows.rows *= length;
    next = stride * length;
  }
  if (in_row) rows.step = rows.n;
  if (!in_row && rows.n < kShortest) return {};
  return rows;
}

void copy(const py::array& to, const py::array& from) {
  if (PyObject_SetItem(to.ptr(), py::ellipsis().ptr(), from.ptr()) < 0)
    throw py::error_already_set();
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
  if (work_.ptr() != result_.ptr()) copy(result_, work_);
  return result_;
}

RowsResult::RowsResult(py::handle x, const char* name, py::handle out) {
  const py::array given = as_array(x, name);
  std::optional<Rows> from = rows_of(given);
  if (from && from->rows > 1) {  // a dtype that is refused has its message from to_elements
    const py::array first(given.dtype(), {py::ssize_t{1}}, {given.itemsize()}, given.data(), given);
    static_cast<Operand&>(x_) = to_operand(first, name);
    x_.shape.assign(given.shape(), given.shape() + given.ndim());
    x_.owner = given;
  } else {
    x_ = to_elements(given, name);
    const index_t n = x_.dims[0];
    from = Rows{1, n, n};
  }
  result_ = out.is_none() ? new_array(x_) : checked_out(out, x_.dtype, x_.shape);
  std::optional<Rows> to = rows_of(result_);
  if (!out.is_none() && to) {
    const bool exactly = x_.data == result_.data() && from->n == to->n && from->step == to->step;
    const bool overlap_itself = to->rows > 1 && std::abs(to->step) < to->n;
    const bool apart = x_.copied.bytes() != nullptr || exactly ||
                       !share_memory(result_, py::reinterpret_borrow<py::array>(x_.owner));
    if (overlap_itself || !apart) to.reset();
  }
  work_ = to ? result_ : new_array(x_);
  const index_t all = from->rows * from->n;
  if (!to) to = Rows{1, all, all};
  // Where both lie in rows, but in other ones, x becomes one row.
  if (from->rows > 1 && to->rows > 1 && from->n != to->n) {
    x_ = to_elements(given, name);
    from = Rows{1, all, all};
  }
  const index_t n = std::min(from->n, to->n);
  pairs_ = {n == 0 ? 0 : all / n, n, from->rows == 1 ? n : from->step,
            to->rows == 1 ? n : to->step};
}

py::object RowsResult::finish() const {
  if (work_.ptr() != result_.ptr()) copy(result_, work_);
  return result_;
}

}  // namespace fastconv
