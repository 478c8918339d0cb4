// SPDX-License-Identifier: MIT
// How a call runs: decided once per call and passed down, so that set_isa in another thread cannot
// change a tile's shape between sizing scratch and using it.
#pragma once

#include <type_traits>

#include "core/kernel_table.h"

namespace fastconv {

struct Exec {
  const KernelTable* table;
  int threads;

  template <class T>
  const Kernels<T>& kernels() const noexcept {
    if constexpr (std::is_same_v<T, float>)
      return table->f32;
    else
      return table->f64;
  }
  template <class T>
  const IntegerPools<T>& integers() const noexcept {
    return table->integers;
  }
};

}  // namespace fastconv
