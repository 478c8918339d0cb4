// SPDX-License-Identifier: MIT
#include "bindings/dlpack.h"

#include <string>

#include "core/require.h"

namespace fastconv {
namespace {

using py::detail::npy_api;

// Codes of DLPack's DLDeviceType: memory that a CPU can read. (Pinned memory and memory that a GPU
// shares with the CPU have codes of their own.)
bool is_cpu(long long device) {
  constexpr long long kCpu = 1, kCudaHost = 3, kRocmHost = 11, kCudaManaged = 13;
  return device == kCpu || device == kCudaHost || device == kRocmHost || device == kCudaManaged;
}

// The first line of what an exception says: those of other libraries may go on for pages.
std::string said_by(const py::error_already_set& error) {
  const std::string text = py::str(error.value()).cast<std::string>();
  return text.substr(0, text.find('\n'));
}

// The array that the object's own __array__ makes, or null if it has none or that fails.
PyObject* by_array_method(py::handle value) {
  if (PyObject_HasAttrString(value.ptr(), "__array__") == 0) return nullptr;
  PyObject* array = npy_api::get().PyArray_FromAny_(value.ptr(), nullptr, 0, 0,
                                                    npy_api::NPY_ARRAY_ENSUREARRAY_, nullptr);
  if (array == nullptr) PyErr_Clear();
  return array;
}

}  // namespace

bool speaks_dlpack(py::handle value) {
  return PyObject_HasAttrString(reinterpret_cast<PyObject*>(Py_TYPE(value.ptr())), "__dlpack__") !=
         0;
}

py::array from_dlpack(py::handle value, const char* name) {
  const std::string type = Py_TYPE(value.ptr())->tp_name;
  std::string reason;
  try {
    const auto device = py::tuple(value.attr("__dlpack_device__")());
    if (device.size() == 2 && !is_cpu(device[0].attr("__index__")().cast<long long>()))
      throw py::type_error(sentence(name, " must lie in the CPU's memory, got a ", type,
                                    " on DLPack's device ", py::str(device).cast<std::string>(),
                                    "; copy it first"));
    return py::module_::import("numpy").attr("from_dlpack")(value).cast<py::array>();
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_Exception)) throw;  // an interrupt
    reason = said_by(error);
  }
  // NumPy may refuse what the object can make an array of, such as memory that nobody may write.
  if (PyObject* array = by_array_method(value)) return py::reinterpret_steal<py::array>(array);
  throw py::type_error(
      sentence(name, " must be an array that NumPy can read, got a ", type, ": ", reason));
}

}  // namespace fastconv
