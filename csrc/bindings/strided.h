// SPDX-License-Identifier: MIT
// Arrays of any rank that kernels read and write row by row wherever they lie: whole arrays, slices
// of larger ones, or arrays that are repeated along some axes.
#pragma once

#include <initializer_list>
#include <vector>

#include "algorithms/elementwise/strided_loop.h"
#include "bindings/arrays.h"

namespace fastconv {

struct Strided : Operand {       // without dims
  Shape shape;                   // of the caller's array
  std::vector<index_t> strides;  // in elements, for each axis of `shape`

  // The same array as it looks to a loop over `wanted`, which it broadcasts to by NumPy's rule.
  void broadcast(const Shape& wanted);
  // Copies it to new memory in C order, unless it is there. Repeated axes become whole.
  void settle(const char* name);
  // Whether neighbours along its innermost axis of more than one element are neighbours in memory.
  bool in_rows() const;
};

// np.asarray(value), copied only if its elements are not aligned or not in native order.
Strided to_strided(py::handle value, const char* name);

// Throws a ValueError unless b has a's shape, and a TypeError unless it has a's dtype.
void expect_like(const Strided& a, const char* a_name, const Strided& b, const char* b_name);

// A new array in C order, or the caller's `out`. Kernels may write where an input lies that begins
// and goes on as `out` does; if an input overlaps `out` in any other way, or the elements of `out`
// do not lie in rows, they write to a temporary.
class StridedResult {
 public:
  StridedResult(const Shape& shape, DType dtype, py::handle out,
                std::initializer_list<const Strided*> inputs);

  const std::vector<index_t>& strides() const { return strides_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(const_cast<void*>(work_.data()));
  }
  py::object finish() const;  // copies a temporary to the result, and returns what the caller gets

 private:
  py::array result_, work_;  // what the caller gets; what kernels write, which may be a temporary
  std::vector<index_t> strides_;
};

// The loop over `shape` with the steps of three arrays for each axis.
StridedLoop<3> loop_over(const Shape& shape, const std::vector<index_t>& first,
                         const std::vector<index_t>& second, const std::vector<index_t>& third);

}  // namespace fastconv
