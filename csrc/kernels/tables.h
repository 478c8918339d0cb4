// SPDX-License-Identifier: MIT
// All kernels of one vector type, as a table that each ISA file instantiates for float and double.
#pragma once

#include "core/kernel_table.h"
#include "kernels/activation.h"
#include "kernels/activation_grad.h"
#include "kernels/add.h"
#include "kernels/channel_lanes.h"
#include "kernels/depthwise.h"
#include "kernels/dot.h"
#include "kernels/fft.h"
#include "kernels/gemm.h"
#include "kernels/norm.h"
#include "kernels/pack.h"
#include "kernels/peak.h"
#include "kernels/pixel_tile.h"
#include "kernels/pool_integers.h"
#include "kernels/pool_pixels.h"
#include "kernels/prelu.h"
#include "kernels/softmax.h"
#include "kernels/transpose.h"
#include "kernels/winograd.h"
#include "simd/concept.h"

namespace fastconv::FC_ISA {

// What depends on the number of registers: Limits<mr>::nv are the most vectors of a gemm tile of mr
// rows; PIXELS the most pixels of a tile whose lanes are channels; DOT_MR and DOT_NR the largest
// dot tile.
template <Vector V, template <int> class Limits, int PIXELS, int DOT_MR, int DOT_NR>
consteval Kernels<typename V::T> make_kernels() {
  return {.conv = {.gemm = make_gemm<V, Limits>(),
                   .channel_lanes = make_channel_lanes<V, PIXELS>(),
                   .pixel_tile = make_pixel_tiles<V, PIXELS>(),
                   .depthwise = make_depthwise<V>(),
                   .dot = make_dot<V, DOT_MR, DOT_NR>(),
                   .fft = make_fft<V>(),
                   .winograd = make_winograd<V>(),
                   .pack_panel = &pack_panel<V>,
                   .gather_rows = &gather_rows<V>,
                   .interleave = &interleave<V>,
                   .sum = &sum_rows<V>,
                   .add_to_totals = &add_to_totals<typename V::T>},
          .pool = make_pool<V>(),
          .elementwise = {.activate = &activate<V>,
                          .activate_grad = &activate_grad<V>,
                          .activate_grad_from_output = &activate_grad_from_output<V>,
                          .prelu_row = &prelu_row<V>,
                          .prelu_rows_grad = &prelu_rows_grad<V>,
                          .prelu_plane_grad = &prelu_plane_grad<V>,
                          .softmax_row = &softmax_row<V>,
                          .softmax_columns = &softmax_columns<V>,
                          .softmax_row_grad = &softmax_row_grad<V>,
                          .softmax_columns_grad = &softmax_columns_grad<V>,
                          .sum_moments = &sum_moments<V>,
                          .sum_products = &sum_products<V>,
                          .sum_columns = &sum_columns<V>,
                          .normalize_grad = &normalize_grad<V>,
                          .normalize = &normalize<V>,
                          .add = &add<V>,
                          .transpose = &transpose<V>},
          .peak = make_peak<V>()};
}

}  // namespace fastconv::FC_ISA
