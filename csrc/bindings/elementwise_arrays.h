// SPDX-License-Identifier: MIT
// The arrays of elementwise functions. They may have any rank; kernels see one row of elements,
// whose shape does not matter to them.
#pragma once

#include "algorithms/elementwise/elementwise.h"
#include "bindings/arrays.h"

namespace fastconv {

struct Elements : Operand {  // its dims are the number of elements
  Shape shape;               // of the caller's array
};

// np.asarray(value) in C order, copied only if kernels cannot read it where it is.
Elements to_elements(py::handle value, const char* name);

// Throws a ValueError unless b has a's shape, and a TypeError unless it has a's dtype.
void expect_like(const Elements& a, const char* a_name, const Elements& b, const char* b_name);

// A new array, or the caller's `out`, of the shape and dtype of `like`. Each of `in_place` may be
// exactly `out`; if an array overlaps `out` in any other way, kernels write to a temporary.
class ElementsResult {
 public:
  ElementsResult(const Elements& like, py::handle out,
                 std::initializer_list<const Elements*> in_place,
                 std::initializer_list<const Elements*> inputs = {});

  template <class T>
  T* as() const {
    return static_cast<T*>(const_cast<void*>(work_.data()));
  }
  py::object finish() const;  // copies a temporary to the result, and returns what the caller gets

 private:
  py::array result_, work_;  // what the caller gets; what kernels write, which may be a temporary
};

// The arrays of a function of single elements. Where x, or `out`, is a slice of a larger array that
// consists of rows at an even distance, kernels read, or write, it where it lies.
class RowsResult {
 public:
  RowsResult(py::handle x, const char* name, py::handle out);

  const Elements& x() const { return x_; }
  const RowPairs& pairs() const { return pairs_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(const_cast<void*>(work_.data()));
  }
  py::object finish() const;

 private:
  Elements x_;
  py::array result_, work_;
  RowPairs pairs_;
};

}  // namespace fastconv
