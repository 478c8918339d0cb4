// SPDX-License-Identifier: MIT
// The bindings of what tells and sets threads, ISA and configuration.
#include <pybind11/stl.h>

#include <algorithm>

#include "bindings/arguments.h"
#include "bindings/bind.h"
#include "core/cache.h"
#include "core/dispatch.h"
#include "core/memory.h"
#include "core/require.h"
#include "core/threads.h"
#include "core/workers.h"

namespace fastconv {
namespace {

py::dict config() {
  const CacheSizes& cache = cache_sizes();
  py::dict d;
  d["version"] = FASTCONV_VERSION;
  d["isa"] = active_table().isa;
  d["supported_isas"] = py::cast(supported_isas());
  d["threads"] = default_threads();
  d["threading"] = threading_name();
  d["openmp"] = openmp_runtime();
#if defined(__clang__)
  d["compiler"] = sentence("clang ", __clang_version__);
#else
  d["compiler"] = sentence("gcc ", __VERSION__);
#endif
  d["build_type"] = FASTCONV_BUILD_TYPE;
  const PoolState pool = pool_state();
  d["pool_bytes"] = py::make_tuple(pool.kept, pool.most);
  d["cache_bytes"] = py::make_tuple(cache.l1, cache.l2, cache.l3);
  return d;
}

// Wrong values of environment variables become warnings, since no import may fail because of them.
void warn(const std::string& complaint) {
  if (complaint.empty()) return;
  // The variable's value may hold any bytes.
  const auto text = py::reinterpret_steal<py::object>(PyUnicode_DecodeFSDefault(complaint.c_str()));
  if (!text || PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "%U", text.ptr()) < 0)
    throw py::error_already_set();
}

}  // namespace

void bind_runtime(py::module_& m) {
  install_fork_handlers();
  m.attr("__version__") = FASTCONV_VERSION;
  warn(init_threading_from_environment());
  warn(init_threads_from_environment());
  warn(init_isa_from_environment());
  warn(init_pool_from_environment());
  m.def("set_num_threads", [](py::handle n) {
    const index_t threads = to_index(n, "n");
    require(threads >= 1 && threads <= kMaxThreads, "n must be from 1 to ", kMaxThreads, ", got ",
            threads);
    set_default_threads(static_cast<int>(threads));
  });
  m.def("get_num_threads", [] { return std::min(to_threads(py::none()), thread_limit()); });
  m.def("threading", &threading_name);
  m.def("set_threading", [](py::handle name) {
    if (!PyUnicode_Check(name.ptr()))
      throw py::type_error(sentence("name must be a str, got ", shown(name)));
    set_threading(name.cast<std::string>());
  });
  m.def("supported_isas", &supported_isas);
  m.def("isa", [] { return std::string(active_table().isa); });
  m.def("set_isa", [](py::handle name) {
    if (!PyUnicode_Check(name.ptr()))
      throw py::type_error(sentence("name must be a str, got ", shown(name)));
    set_isa(name.cast<std::string>());
  });
  m.def("config", &config);
  m.def("clear_pool", &release_cached_memory);
}

}  // namespace fastconv
