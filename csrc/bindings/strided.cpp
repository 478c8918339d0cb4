// SPDX-License-Identifier: MIT
#include "bindings/strided.h"

#include <numeric>

#include "bindings/result_memory.h"
#include "bindings/views.h"
#include "core/require.h"

namespace fastconv {
namespace {

using py::detail::npy_api;

// The strides of an array in elements, or an empty vector where they are no whole elements.
std::vector<index_t> steps_of(const py::array& array) {
  std::vector<index_t> steps(static_cast<std::size_t>(array.ndim()));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const py::ssize_t bytes = array.strides(static_cast<py::ssize_t>(i));
    if (array.shape(static_cast<py::ssize_t>(i)) > 1 && bytes % array.itemsize() != 0) return {};
    steps[i] = bytes / array.itemsize();
  }
  return steps;
}

bool lies_in_rows(const Shape& shape, const std::vector<index_t>& steps) {
  for (std::size_t i = shape.size(); i-- > 0;)
    if (shape[i] != 1) return steps[i] == 1;
  return true;
}

std::vector<index_t> dense_steps(const Shape& shape) {
  std::vector<index_t> steps(shape.size());
  index_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0; step *= shape[i]) steps[i] = step;
  return steps;
}

// Whether two arrays of one shape take the same step along every axis.
bool same_steps(const Shape& shape, const std::vector<index_t>& a, const std::vector<index_t>& b) {
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] > 1 && a[i] != b[i]) return false;
  return true;
}

// Whether arrays of one shape, whose data begin `apart` elements apart, lie beside each other like
// slices of the channels of a larger array: every row of both begins at a multiple of some step,
// and within that step the rows do not meet.
bool interleaved(const Shape& shape, const std::vector<index_t>& a, const std::vector<index_t>& b,
                 index_t apart) {
  StridedLoop<2> loop;
  for (std::size_t i = 0; i < shape.size(); ++i) loop.add_axis(shape[i], {a[i], b[i]});
  if (loop.rank < 2 || loop.inner(0) != 1 || loop.inner(1) != 1) return false;
  index_t step = 0;
  for (int i = 0; i < loop.rank - 1; ++i)
    step = std::gcd(step, std::gcd(loop.step[0][i], loop.step[1][i]));
  if (step == 0) return false;
  const index_t n = loop.length[loop.rank - 1], offset = (apart % step + step) % step;
  return offset >= n && offset + n <= step;
}

}  // namespace

Strided to_strided(py::handle value, const char* name) {
  const py::array array = as_array(value, name);
  Strided strided;
  strided.shape.assign(array.shape(), array.shape() + array.ndim());
  strided.dtype = dtype_of(array, name, Accept::floats);
  strided.owner = array;
  strided.data = array.data();
  set_bounds(strided, array);
  strided.strides = steps_of(array);
  const bool readable = strided.strides.size() == strided.shape.size() &&
                        aligned(array.data(), array.itemsize()) && is_native(array);
  if (!readable) strided.settle(name);
  return strided;
}

void Strided::settle(const char* name) {
  if (!owner) return;  // it is a copy already
  const auto array = py::reinterpret_borrow<py::array>(owner);
  if (shape.size() <= Dims::kMost) {
    static_cast<Operand&>(*this) = to_operand(array, name);
  } else {
    constexpr int kFlags = npy_api::NPY_ARRAY_C_CONTIGUOUS_ | npy_api::NPY_ARRAY_ALIGNED_ |
                           npy_api::NPY_ARRAY_ENSUREARRAY_;
    PyObject* copy = npy_api::get().PyArray_FromAny_(
        array.ptr(), numpy_dtype(dtype).release().ptr(), 0, 0, kFlags, nullptr);
    if (copy == nullptr) throw py::error_already_set();
    const auto whole = py::reinterpret_steal<py::array>(copy);
    owner = whole;
    data = whole.data();
  }
  if (data != array.data()) first = last = nullptr;  // `out` may overlap what was copied
  strides = dense_steps(shape);
}

bool Strided::in_rows() const { return lies_in_rows(shape, strides); }

void Strided::broadcast(const Shape& wanted) {
  std::vector<index_t> steps(wanted.size(), 0);
  const std::size_t lead = wanted.size() - shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1 || wanted[lead + i] == 1) steps[lead + i] = strides[i];
  shape = wanted;
  strides = std::move(steps);
}

void expect_like(const Strided& a, const char* a_name, const Strided& b, const char* b_name) {
  expect_same_dtype(a, a_name, b, b_name);
  if (a.shape != b.shape)
    refuse(b_name, " must have the shape of ", a_name, ", ", text_of(a.shape), ", got ",
           text_of(b.shape));
}

StridedResult::StridedResult(const Shape& shape, DType dtype, py::handle out,
                             std::initializer_list<const Strided*> inputs)
    : result_(out.is_none()
                  ? fresh_array(numpy_dtype(dtype), static_cast<int>(shape.size()), shape.data())
                  : checked_out(out, dtype, shape)),
      work_(result_),
      strides_(steps_of(result_)) {
  if (out.is_none()) return;
  bool direct = strides_.size() == shape.size() && aligned(result_.data(), result_.itemsize()) &&
                lies_in_rows(shape, strides_);
  Operand bounds;
  set_bounds(bounds, result_);
  for (const Strided* input : inputs) {
    const auto* begin = static_cast<const std::byte*>(input->data);
    const index_t apart = begin - static_cast<const std::byte*>(result_.data());
    const index_t item = result_.itemsize();
    direct = direct &&
             (bounds.last <= input->first || input->last <= bounds.first ||
              (apart == 0 && same_steps(shape, input->strides, strides_)) ||
              (apart % item == 0 && interleaved(shape, input->strides, strides_, apart / item)));
  }
  if (direct) return;
  work_ = fresh_array(numpy_dtype(dtype), static_cast<int>(shape.size()), shape.data());
  strides_ = dense_steps(shape);
}

py::object StridedResult::finish() const {
  if (work_.ptr() != result_.ptr() && PyObject_SetItem(result_.ptr(), Py_Ellipsis, work_.ptr()) < 0)
    throw py::error_already_set();
  return result_;
}

StridedLoop<3> loop_over(const Shape& shape, const std::vector<index_t>& first,
                         const std::vector<index_t>& second, const std::vector<index_t>& third) {
  StridedLoop<3> loop;
  for (std::size_t i = 0; i < shape.size(); ++i)
    loop.add_axis(shape[i], {first[i], second[i], third[i]});
  loop.finish();
  return loop;
}

}  // namespace fastconv
