// SPDX-License-Identifier: MIT
// How a call runs: which kernels it uses, on how many threads. This is decided once, at the
// beginning of a call, and passed down: otherwise set_isa in another thread could change the shapes
// of tiles between the moment when scratch memory is sized and the moment when it is used.
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
