// SPDX-License-Identifier: MIT
// An activation behind another elementwise function, while its results are in L1.
#pragma once

#include "core/exec.h"

namespace fastconv {

template <class T>
struct Fused {
  Activation kind = Activation::none;
  T slope = T{0};  // leaky_relu's

  bool relu() const { return kind == Activation::relu; }
  // What one element of the whole call costs, in elements moved within L1: more, since most arrays
  // of this size lie in L3.
  double cost() const { return kind <= Activation::leaky_relu ? 4 : 8; }
  // Applies it to rows of n elements, ld apart; ReLU is left to the kernel that computed them.
  void apply(const Exec& exec, T* y, index_t n, index_t rows, index_t ld) const noexcept {
    if (kind == Activation::none || relu()) return;
    if (ld == n || rows == 1) {
      n *= rows;
      rows = 1;
    }
    for (index_t row = 0; row < rows; ++row)
      exec.kernels<T>().elementwise.activate(kind, y + row * ld, y + row * ld, n, slope);
  }
};

}  // namespace fastconv
