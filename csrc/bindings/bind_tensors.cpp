// SPDX-License-Identifier: MIT
// How interfaces.torch reads the tensors of a call: all of them at once, as NumPy's views of their
// memory. In Python each costs 0.7 us by itself, and the questions about it as much again. And how
// its calls join the threads that torch has.
#include <pybind11/numpy.h>

#include <algorithm>
#include <optional>

#include "bindings/bind.h"
#include "bindings/dlpack_exchange.h"
#include "bindings/fast_call.h"
#include "core/join_openmp.h"
#include "core/types.h"

namespace fastconv {
namespace {

using dlpack::Tensor;
using py::detail::npy_api;

// The table of a type, or null if it has none of the version that we know.
const dlpack::Exchange* exchange_of(py::handle type) {
  static PyObject* const name = PyUnicode_InternFromString("__dlpack_c_exchange_api__");
  const auto capsule = py::reinterpret_steal<py::object>(PyObject_GetAttr(type.ptr(), name));
  const void* table =
      capsule ? PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api") : nullptr;
  if (table == nullptr) {
    PyErr_Clear();
    return nullptr;
  }
  const auto* exchange = static_cast<const dlpack::Exchange*>(table);
  return exchange->version.major == 1 && exchange->describe != nullptr ? exchange : nullptr;
}

// Whether a tensor's values are those in memory with the other sign.
bool is_negated(py::handle tensor) {
  static PyObject* const name = PyUnicode_InternFromString("is_neg");
  const auto answer =
      py::reinterpret_steal<py::object>(PyObject_CallMethodNoArgs(tensor.ptr(), name));
  if (!answer) throw py::error_already_set();
  return answer.ptr() == Py_True;
}

// A tensor of one of the plain types in float32 or float64, in the CPU's memory. Nothing for
// others, and for those that have no memory, or elements anywhere.
std::optional<Tensor> describe(py::handle object, py::handle plain,
                               const dlpack::Exchange& exchange) {
  constexpr int kMost = 8;
  Tensor tensor{};
  PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(object.ptr()));
  const auto types = py::reinterpret_borrow<py::tuple>(plain);
  if (std::none_of(types.begin(), types.end(), [&](py::handle t) { return t.ptr() == type; }))
    return {};
  if (exchange.describe(object.ptr(), &tensor) != 0) {
    PyErr_Clear();
    return {};
  }
  const bool is_float = tensor.dtype.code == dlpack::kFloat && tensor.dtype.lanes == 1 &&
                        (tensor.dtype.bits == 32 || tensor.dtype.bits == 64);
  if (!is_float || tensor.device.type != dlpack::kCpu || tensor.ndim > kMost ||
      tensor.strides == nullptr || is_negated(object))
    return {};
  return tensor;
}

// What PyTorch's is_channels_last_strides_2d says of a batch of images, or of signals, which it
// takes for images of one row.
bool looks_last(const Tensor& t, int spatial) {
  if (t.ndim != spatial + 2 || t.strides[1] > t.strides[t.ndim - 1]) return false;
  const index_t w = t.shape[t.ndim - 1], step = t.strides[t.ndim - 1];
  const index_t h = spatial == 2 ? t.shape[2] : 1;
  const index_t row = spatial == 2 ? t.strides[2] : w * step;
  const index_t shape[4] = {t.shape[0], t.shape[1], h, w};
  const index_t strides[4] = {t.strides[0], t.strides[1], row, step};
  index_t least = 0;
  for (const int axis : {1, 3, 2, 0}) {
    if (shape[axis] == 0 || strides[axis] < least) return false;
    if (axis == 0 && least == strides[1]) return false;  // N111, or 1C11 that is contiguous, too
    least = strides[axis] * std::max<index_t>(1, shape[axis]);
  }
  return true;
}

bool is_contiguous(const Tensor& t) {
  index_t step = 1;
  for (int axis = t.ndim - 1; axis >= 0; --axis) {
    if (t.shape[axis] != 1 && t.strides[axis] != step) return false;
    step *= t.shape[axis];
  }
  return true;
}

// The memory of a tensor, which the array keeps alive, with its channels at the end if `last`.
py::object array_of(const Tensor& t, py::handle owner, bool last) {
  py::ssize_t shape[8], strides[8];
  const py::ssize_t item = t.dtype.bits / 8;
  for (int i = 0; i < t.ndim; ++i) {
    const int from = !last || i == 0 ? i : i == t.ndim - 1 ? 1 : i + 1;
    shape[i] = t.shape[from];
    strides[i] = t.strides[from] * item;
  }
  auto& api = npy_api::get();
  py::dtype dtype = item == 4 ? py::dtype::of<float>() : py::dtype::of<double>();
  const auto array = py::reinterpret_steal<py::object>(api.PyArray_NewFromDescr_(
      api.PyArray_Type_, dtype.release().ptr(), t.ndim, shape, strides,
      static_cast<std::byte*>(t.data) + t.byte_offset, npy_api::NPY_ARRAY_WRITEABLE_, nullptr));
  if (!array || api.PyArray_SetBaseObject_(array.ptr(), owner.inc_ref().ptr()) != 0)
    throw py::error_already_set();
  return array;
}

// (input, weight, bias, last): the arrays of a call, or None if Python's half has to look closer.
// `weight` and `bias` may be None. `last` says that the arrays of input have their channels at the
// end, because PyTorch takes input or weight for channels_last; with `spatial` 0 it never does.
// A weight has its own order of axes, and is contiguous: PyTorch copies others faster than the
// functions would.
py::object read_tensors(py::handle plain, int spatial, py::handle input, py::handle weight,
                        py::handle bias) {
  const auto* exchange = exchange_of(py::type::handle_of(input));
  if (exchange == nullptr) return py::none();
  const auto x = describe(input, plain, *exchange);
  if (!x) return py::none();
  std::optional<Tensor> w, b;
  if (!weight.is_none() && !(w = describe(weight, plain, *exchange))) return py::none();
  if (!bias.is_none() && !(b = describe(bias, plain, *exchange))) return py::none();
  if ((w && w->dtype.bits != x->dtype.bits) || (b && b->dtype.bits != x->dtype.bits))
    return py::none();
  const bool last = spatial != 0 && (looks_last(*x, spatial) || (w && looks_last(*w, spatial)));
  py::object filters = py::none();
  if (w && is_contiguous(*w)) {
    filters = array_of(*w, weight, false);
  } else if (w) {
    const py::object dense = weight.attr("detach")().attr("contiguous")();
    Tensor copy{};
    if (exchange->describe(dense.ptr(), &copy) != 0) throw py::error_already_set();
    filters = array_of(copy, dense, false);
  }
  return py::make_tuple(array_of(*x, input, last && x->ndim == spatial + 2), filters,
                        b ? array_of(*b, bias, false) : py::none(), last);
}

PyObject* call_on_openmp(PyObject* function, PyObject* const* args, Py_ssize_t n) noexcept {
  const JoinOpenMP join;
  return PyObject_Vectorcall(function, args, static_cast<std::size_t>(n), nullptr);
}

// `function`, whose calls run on OpenMP wherever others run on the pool (core/join_openmp.h).
py::object on_openmp(py::handle function) {
  static PyMethodDef method = fast_method("on_openmp", &call_on_openmp, nullptr);
  return new_function(&method, function.ptr(), py::none());
}

}  // namespace

void bind_tensors(py::module_& m) {
  def_fast<&read_tensors>(m, "read_tensors");
  def_fast<&on_openmp>(m, "on_openmp");
}

}  // namespace fastconv
