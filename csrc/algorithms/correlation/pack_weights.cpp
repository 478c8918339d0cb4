// SPDX-License-Identifier: MIT
#include "algorithms/correlation/pack_weights.h"

#include <algorithm>

namespace fastconv {

std::vector<index_t> weight_slots(const Correlation& r) {
  // Of the two strides of the weights, that of the outer axis is a multiple of the other.
  std::vector<index_t> slots(static_cast<std::size_t>(std::min(r.w_m, r.w_c)), -1);
  index_t slot = 0;
  for (const Tap& h : r.h.taps)
    for (const Tap& w : r.w.taps)
      slots[static_cast<std::size_t>(h.kernel * r.w_row + w.kernel)] = slot++;
  return slots;
}

template <class T>
void pack_weights(const Correlation& r, const std::vector<index_t>& slots, index_t mr,
                  const T* weights, index_t g, Range panels, Range channels, T* packed,
                  const Exec& exec) noexcept {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const bool in_order = r.w_c == r.taps() && r.w_m > r.w_c && std::ranges::is_sorted(slots) &&
                        slots.front() == 0;  // forward: a panel is a transpose
  for (index_t row = panels.begin * mr; row < std::min(r.m, panels.end * mr); row += mr) {
    const index_t rows = std::min(mr, r.m - row);
    T* panel = packed + (g * r.m + row) * r.k();
    if (in_order) {
      exec.kernels<T>().elementwise.transpose(
          {.x = weights + g * r.w_group + row * r.w_m + channels.begin * r.w_c,
           .ldx = r.w_m,
           .y = panel + channels.begin * r.taps() * rows,
           .ldy = rows,
           .rows = rows,
           .columns = channels.size() * r.taps()});
      continue;
    }
    for (index_t i = 0; i < rows; i += lanes)  // read as whole vectors, the next panel's rows too
      exec.kernels<T>().conv.channel_lanes.pack(
          {.w = weights + g * r.w_group + (row + i) * r.w_m + channels.begin * r.w_c,
           .end = weights + r.groups * r.w_group,
           .row_step = r.w_m,
           .rows = std::min(lanes, r.m - row - i),
           .channel_step = r.w_c,
           .channels = channels.size(),
           .slots = slots.data(),
           .taps = static_cast<index_t>(slots.size()),
           .dst = panel + channels.begin * r.taps() * rows + i,
           .slot_step = rows,
           .ld = r.taps() * rows,
           .keep = std::min(lanes, rows - i)});
  }
}

template void pack_weights(const Correlation&, const std::vector<index_t>&, index_t, const float*,
                           index_t, Range, Range, float*, const Exec&) noexcept;
template void pack_weights(const Correlation&, const std::vector<index_t>&, index_t, const double*,
                           index_t, Range, Range, double*, const Exec&) noexcept;

}  // namespace fastconv
