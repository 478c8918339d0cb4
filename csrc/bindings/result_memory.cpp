// SPDX-License-Identifier: MIT
// How NumPy is made to take the data of a large result from the pool of memory.
#include "bindings/result_memory.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/memory.h"

namespace fastconv {
namespace {

using py::detail::npy_api;

// NumPy's PyDataMem_Handler, version 1 (NEP 49); its header is not needed to build fastconv.
struct Allocator {
  void* context;
  void* (*malloc)(void*, std::size_t);
  void* (*calloc)(void*, std::size_t, std::size_t);
  void* (*realloc)(void*, void*, std::size_t);
  void (*free)(void*, void*, std::size_t);
};
struct Handler {
  char name[127];
  std::uint8_t version;
  Allocator allocator;
};

// Called with or without the GIL, at any time until the process ends.
void* pool_malloc(void*, std::size_t bytes) noexcept {
  return bytes <= PTRDIFF_MAX / 2 ? take_block(static_cast<index_t>(bytes)) : nullptr;
}

void* pool_calloc(void* context, std::size_t n, std::size_t size) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(n, size, &bytes)) return nullptr;
  void* data = pool_malloc(context, bytes);
  return data ? std::memset(data, 0, bytes) : nullptr;
}

void pool_free(void*, void* data, std::size_t) noexcept { give_block(data); }

void* pool_realloc(void* context, void* data, std::size_t bytes) noexcept {
  void* larger = pool_malloc(context, bytes);
  if (larger == nullptr || data == nullptr) return larger;
  std::memcpy(larger, data, std::min(bytes, static_cast<std::size_t>(block_size(data))));
  give_block(data);
  return larger;
}

Handler handler = {"fastconv", 1, {nullptr, pool_malloc, pool_calloc, pool_realloc, pool_free}};

// The part of NumPy's C API that pybind11 does not have. Its places in the table of that API are
// part of NumPy's ABI.
struct MemoryApi {
  PyObject* (*set_handler)(PyObject*);  // returns the handler that was set before
  PyObject* numpys;                     // NumPy's own handler
  PyObject* ours;

  static const MemoryApi& get() {
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<MemoryApi> storage;
    return storage.call_once_and_store_result(look_up).get_stored();
  }

 private:
  static MemoryApi look_up() {
    const py::object capsule =
        py::module_::import("numpy._core._multiarray_umath").attr("_ARRAY_API");
    void** api = static_cast<void**>(PyCapsule_GetPointer(capsule.ptr(), nullptr));
    if (api == nullptr) throw py::error_already_set();
    PyObject* ours = PyCapsule_New(&handler, "mem_handler", nullptr);
    if (ours == nullptr) throw py::error_already_set();
    return {reinterpret_cast<PyObject* (*)(PyObject*)>(api[304]),
            *static_cast<PyObject**>(api[306]), ours};
  }
};

// While it lives, arrays that are made in this thread's context take their data from the pool. If
// the user has installed another handler, they take it from that one.
class PoolForArrays {
 public:
  PoolForArrays() : api_(MemoryApi::get()), before_(set(api_.ours)) {
    if (before_.ptr() != api_.numpys) set(before_.ptr());
  }
  ~PoolForArrays() {
    py::error_scope error;  // keeps the error that making the array may have set
    Py_XDECREF(api_.set_handler(before_.ptr()));
  }
  PoolForArrays(const PoolForArrays&) = delete;
  PoolForArrays& operator=(const PoolForArrays&) = delete;

 private:
  py::object set(PyObject* handler_capsule) const {
    PyObject* before = api_.set_handler(handler_capsule);
    if (before == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(before);
  }
  const MemoryApi& api_;
  py::object before_;
};

py::array plain_array(py::dtype dtype, int rank, const py::ssize_t* shape) {
  const auto& api = npy_api::get();
  PyObject* array = api.PyArray_NewFromDescr_(api.PyArray_Type_, dtype.release().ptr(), rank,
                                              reinterpret_cast<const Py_intptr_t*>(shape), nullptr,
                                              nullptr, 0, nullptr);
  if (array == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::array>(array);
}

// Smaller arrays do not use the pool: malloc's heap reuses their pages as well as the pool would,
// and to set the handler twice takes 0.25 us, 2 % of the cheapest call that fills 64 KiB.
constexpr py::ssize_t kPooled = 256 << 10;

}  // namespace

py::array fresh_array(py::dtype dtype, int rank, const py::ssize_t* shape) {
  py::ssize_t bytes = dtype.itemsize();
  for (int i = 0; i < rank; ++i)
    if (__builtin_mul_overflow(bytes, shape[i], &bytes)) bytes = 0;  // NumPy refuses it
  if (bytes < kPooled) return plain_array(std::move(dtype), rank, shape);
  const PoolForArrays pool;
  return plain_array(std::move(dtype), rank, shape);
}

}  // namespace fastconv
