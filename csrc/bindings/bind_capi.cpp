// SPDX-License-Identifier: MIT
// The capsule through which C, C++ and Cython reach fastconv.
#include "bindings/bind.h"
#include "capi/functions.h"

namespace fastconv {

void bind_capi(py::module_& m) {
  // A capsule's pointer is not const; the table is, and users get it as such.
  m.attr("_C_API") =
      py::capsule(const_cast<fastconv_api*>(&capi::table()), "fastconv._native._C_API");
}

}  // namespace fastconv
