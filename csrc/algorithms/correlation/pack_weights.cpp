// SPDX-License-Identifier: MIT
// How threads share the packing of weights as panels.
#include "algorithms/correlation/pack_weights.h"

#include <algorithm>
#include <utility>

#include "core/parallel.h"

namespace fastconv {

std::vector<index_t> weight_slots(const Correlation& r) {
  // The smaller of the two strides is that of the inner axis of channels: the size of a kernel.
  std::vector<index_t> slots(static_cast<std::size_t>(std::min(r.w_m, r.w_c)), -1);
  index_t slot = 0;
  for (const Tap& h : r.h.taps)
    for (const Tap& w : r.w.taps)
      slots[static_cast<std::size_t>(h.kernel * r.w_row + w.kernel)] = slot++;
  return slots;
}

namespace {

// A vector of rows of group g from `row` on, of which `kept` belong to the panel. The kernel reads
// whole vectors of rows, so it reads rows of the next panel, too.
template <class T>
PackLanesArgs<T> rows_of(const Correlation& r, const T* weights, index_t g, index_t row,
                         index_t kept, Range channels, index_t lanes) noexcept {
  PackLanesArgs<T> args{};
  args.w = weights + g * r.w_group + row * r.w_m + channels.begin * r.w_c;
  args.end = weights + r.groups * r.w_group;
  args.row_step = r.w_m, args.rows = std::min(lanes, r.m - row);
  args.channel_step = r.w_c, args.channels = channels.size();
  args.keep = std::min(lanes, kept);
  return args;
}

// Packs the terms of the given channels of `rows` rows from `row` on, one after another.
template <class T>
void pack_few(const Correlation& r, const T* weights, index_t row, index_t rows, Range channels,
              T* panel) noexcept {
  T* to = panel + channels.begin * r.taps() * rows;
  for (index_t c = channels.begin; c < channels.end; ++c) {
    const T* from = weights + row * r.w_m + c * r.w_c;
    for (const Tap& h : r.h.taps)
      for (const Tap& w : r.w.taps)
        for (index_t i = 0; i < rows; ++i) *to++ = from[i * r.w_m + h.kernel * r.w_row + w.kernel];
  }
}

// Packs the terms of the given channels in the given panels of group g.
template <class T>
void pack_some(const Panels& phase, const T* weights, index_t g, Range panels, Range channels,
               T* packed, const Exec& exec) noexcept {
  const Correlation& r = *phase.r;
  const std::vector<index_t>& slots = phase.slots;
  const index_t mr = phase.mr;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  // In a forward convolution a panel is the transpose of its rows of weights.
  const bool in_order =
      r.w_c == r.taps() && r.w_m > r.w_c && std::ranges::is_sorted(slots) && slots.front() == 0;
  for (index_t row = panels.begin * mr; row < std::min(r.m, panels.end * mr); row += mr) {
    const index_t rows = std::min(mr, r.m - row);
    T* panel = packed + phase.at + (g * r.m + row) * r.k();
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
    if (rows <= kFewRows) {
      pack_few(r, weights + g * r.w_group, row, rows, channels, panel);
      continue;
    }
    for (index_t i = 0; i < rows; i += lanes) {
      PackLanesArgs<T> args = rows_of(r, weights, g, row + i, rows - i, channels, lanes);
      args.slots = slots.data(), args.taps = static_cast<index_t>(slots.size());
      args.dst = panel + channels.begin * r.taps() * rows + i;
      args.slot_step = rows, args.ld = r.taps() * rows;
      args.few = few_taps(r.taps(), slots);
      exec.kernels<T>().conv.channel_lanes.pack(args);
    }
  }
}

// As many taps as the list of one pass over the weights holds.
constexpr index_t kMostTaps = 128;

// Whether one pass over the weights can pack all phases: their panels are equally high, and no tap
// belongs to two of them (as it may to two parts of a tiny image).
bool pack_together(std::span<const Panels> phases) {
  const auto taps = phases.front().slots.size();
  if (phases.size() == 1 || taps > kMostTaps || phases.front().r->m <= kFewRows) return false;
  bool taken[kMostTaps] = {};
  for (const Panels& phase : phases) {
    if (phase.mr != phases.front().mr) return false;
    for (std::size_t tap = 0; tap < taps; ++tap)
      if (phase.slots[tap] >= 0 && std::exchange(taken[tap], true)) return false;
  }
  return true;
}

// Packs the terms of the given channels of group g, of all phases in one pass: a pass for each
// would take apart all weights each time and keep a part (3 to 15 cycles a weight instead of 1).
template <class T>
void pack_all(std::span<const Panels> phases, const T* weights, index_t g, Range channels,
              T* packed, const Exec& exec) noexcept {
  const Correlation& r = *phases.front().r;
  const index_t mr = phases.front().mr, lanes = exec.kernels<T>().conv.gemm.lanes;
  const auto taps = static_cast<index_t>(phases.front().slots.size());
  index_t places[kMostTaps], lds[kMostTaps];
  for (index_t row = 0; row < r.m; row += mr) {
    const index_t rows = std::min(mr, r.m - row);
    std::fill_n(places, taps, index_t{-1});
    for (const Panels& phase : phases)
      for (index_t tap = 0; tap < taps; ++tap)
        if (const index_t slot = phase.slots[static_cast<std::size_t>(tap)]; slot >= 0) {
          lds[tap] = phase.r->taps() * rows;
          places[tap] =
              phase.at + (g * r.m + row) * phase.r->k() + channels.begin * lds[tap] + slot * rows;
        }
    for (index_t i = 0; i < rows; i += lanes) {
      PackLanesArgs<T> args = rows_of(r, weights, g, row + i, rows - i, channels, lanes);
      args.slots = places, args.taps = taps, args.lds = lds;
      args.dst = packed + i, args.slot_step = 1;
      exec.kernels<T>().conv.channel_lanes.pack(args);
    }
  }
}

}  // namespace

std::vector<Panels> panels_of(const std::vector<Correlation>& phases, index_t mr) {
  std::vector<Panels> panels;
  panels.reserve(phases.size());
  index_t at = 0;
  for (const Correlation& r : phases) {
    panels.emplace_back(r, mr).at = at;
    at += panels.back().size();
  }
  return panels;
}

index_t packed_size(std::span<const Panels> phases) {
  index_t elements = 0;
  for (const Panels& phase : phases) elements += phase.size();
  return elements;
}

std::vector<index_t> start_of_key(Packing packing, const Correlation& r) {
  return {static_cast<index_t>(packing), r.groups, r.m, r.c, r.w_group, r.w_m, r.w_c, r.w_row};
}

std::vector<index_t> key_of(std::span<const Panels> phases) {
  std::vector<index_t> key;
  for (const Panels& phase : phases) {
    const auto start = start_of_key(Packing::panels, *phase.r);
    key.insert(key.end(), start.begin(), start.end());
    key.insert(key.end(), {phase.at, phase.mr});
    key.insert(key.end(), phase.slots.begin(), phase.slots.end());
  }
  return key;
}

template <class T>
void pack_panels(std::span<const Panels> phases, const T* weights, T* packed,
                 const Exec& exec) noexcept {
  if (phases.empty()) return;
  const Correlation& r = *phases.front().r;  // all phases have the same groups and channels
  const index_t elements = packed_size(phases);
  // In a forward convolution the weights of an output channel are one row of the caller's array,
  // and a task packs one panel. In an adjoint all phases read the same cache lines, and a task
  // packs some channels for all phases, so few that their weights stay in L2 until each phase has
  // had its taps (512@4 -> 256, 4x4 stride 2: 8 MB are read once instead of four times, 0.24 ->
  // 0.61 of PyTorch).
  const bool by_rows = r.w_m > r.w_c;
  const index_t most_panels = ceil_div(r.m, phases.front().mr);
  const index_t per_channel =
      std::max<index_t>(elements / (r.groups * r.c) * index_t{sizeof(T)}, 1);
  const index_t chunk = std::clamp(cache_sizes().l2 / 4 / per_channel, index_t{1}, r.c);
  const index_t parts = by_rows ? most_panels : ceil_div(r.c, chunk);
  const index_t tasks = r.groups * parts;
  const bool together = !by_rows && pack_together(phases);
  parallel_for(
      tasks, useful_threads(tasks, double(elements), exec.threads), [&](index_t task, int) {
        const index_t g = task / parts, i = task % parts;
        const Range channels = by_rows ? Range{0, r.c} : part(r.c, parts, i);
        if (together) return pack_all(phases, weights, g, channels, packed, exec);
        for (const Panels& phase : phases) {
          // By rows there is only one phase. Else a task packs all panels of each phase, and the
          // phases may have panels of different heights.
          const Range panels = by_rows ? Range{i, i + 1} : Range{0, ceil_div(phase.r->m, phase.mr)};
          pack_some(phase, weights, g, panels, channels, packed, exec);
        }
      });
}

template void pack_panels(std::span<const Panels>, const float*, float*, const Exec&) noexcept;
template void pack_panels(std::span<const Panels>, const double*, double*, const Exec&) noexcept;

}  // namespace fastconv
