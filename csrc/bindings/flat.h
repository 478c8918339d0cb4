// SPDX-License-Identifier: MIT
// Arrays whose shape does not matter to the kernels, of any rank, as one row of elements.
#pragma once

#include "bindings/arrays.h"

namespace fastconv {

struct Flat : Operand {  // dims: the number of elements
  Shape shape;           // the caller's
};

// np.asarray(value) in C order, copied only where kernels cannot read it where it is.
Flat to_flat(py::handle value, const char* name);

// ValueError unless `b` has a's shape, TypeError unless it has its dtype.
void expect_like(const Flat& a, const char* a_name, const Flat& b, const char* b_name);

// A overwrite array, or the caller's `out`, of the shape and dtype of `like`. Each of `in_place`
// may be exactly `out`; any other overlap makes it compute into a temporary.
class FlatResult {
 public:
  FlatResult(const Flat& like, py::handle out, std::initializer_list<const Flat*> in_place,
             std::initializer_list<const Flat*> inputs = {});

  template <class T>
  T* as() const {
    return static_cast<T*>(const_cast<void*>(work_.data()));
  }
  py::object finish() const;  // copies a temporary back; what the caller gets

 private:
  py::array result_, work_;
};

}  // namespace fastconv
