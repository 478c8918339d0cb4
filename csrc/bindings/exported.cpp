// SPDX-License-Identifier: MIT
// Functions that others look up by name in the loaded library, without Python. threadpoolctl knows
// a library by such names and limits its threads through them (fastconv.interfaces.threadpoolctl);
// so each copy of this library in a process answers for itself.
#include <pybind11/detail/common.h>

#include <algorithm>

#include "core/threads.h"
#include "core/workers.h"

using namespace fastconv;

extern "C" {

PYBIND11_EXPORT const char* fastconv_version() { return FASTCONV_VERSION; }
PYBIND11_EXPORT int fastconv_get_num_threads() {
  return std::min(default_threads(), thread_limit());
}
PYBIND11_EXPORT int fastconv_get_thread_limit() { return thread_limit(); }
PYBIND11_EXPORT void fastconv_set_thread_limit(int most) {
  limit_threads(std::clamp(most, 1, kMaxThreads));
}
}
