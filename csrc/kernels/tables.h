// SPDX-License-Identifier: MIT
// The inventory of one vector type, as each ISA file instantiates it.
#pragma once

#include "core/kernel_table.h"
#include "kernels/depthwise.h"
#include "kernels/dot.h"
#include "kernels/gemm.h"
#include "kernels/pack.h"
#include "kernels/pool.h"

namespace fastconv::FC_ISA {

template <class V, template <int> class Limits, int DOT_MR, int DOT_NR>
consteval Kernels<typename V::T> make_kernels() {
  return {.conv = {.gemm = make_gemm<V, Limits>(),
                   .depthwise = make_depthwise<V>(),
                   .dot = make_dot<V, DOT_MR, DOT_NR>(),
                   .pack_panel = &pack_panel<V>,
                   .gather_row = &gather_row<V>,
                   .sum = &sum_row<V>},
          .pool = make_pool<V>(),
          .elementwise = {}};
}

}  // namespace fastconv::FC_ISA
