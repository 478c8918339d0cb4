// SPDX-License-Identifier: MIT
// Weights packed in the order in which gemm tiles read them. The output channels of each group are
// cut into panels of `mr` rows; the last panel may have fewer. A panel holds one term after
// another, in the order (channel, tap of h, tap of w), and for each term the weights of all its
// rows:
//
//     panel[term * rows + row]
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/correlation.h"
#include "core/exec.h"

namespace fastconv {

// How many elements the panels of a phase have together.
inline index_t packed_size(const Correlation& r) { return r.groups * r.m * r.k(); }

// For each weight of a kernel, in the caller's order, the place of its tap among the taps of r, or
// -1 if r has no such tap.
std::vector<index_t> weight_slots(const Correlation& r);

// Whether so few taps of a kernel are packed that it pays to look for them.
inline bool few_taps(index_t taps, const std::vector<index_t>& slots) {
  return 4 * taps <= static_cast<index_t>(slots.size());
}

// A panel of so few rows is packed weight by weight: a vector of rows would take apart a vector of
// all taps of each row to keep one of them (384 kernels of 16x16 at stride 3, one output channel
// each: 2,700 us; 60 so).
inline constexpr index_t kFewRows = 3;

// Whether the slots of all phases together, 8 bytes for each phase and weight of a kernel, take so
// much memory that only a caller who asks for panels by name is to have them.
inline bool many_slots(const Correlation& r, std::size_t phases) {
  constexpr double kMost = 1 << 22;  // 32 MiB
  return double(phases) * double(std::min(r.w_m, r.w_c)) > kMost;
}

// The panels of one phase, among the packed weights of all phases.
struct Panels {
  const Correlation* r = nullptr;  // the phase; null if there are no panels
  index_t mr = 1;                  // rows of every panel but the last
  std::vector<index_t> slots;      // what weight_slots says of the phase
  index_t at = 0;                  // where these panels begin among the packed weights

  Panels() = default;
  Panels(const Correlation& phase, index_t rows)
      : r(&phase), mr(rows), slots(weight_slots(phase)) {}
  index_t size() const { return r == nullptr ? 0 : packed_size(*r); }
};

// The panels of all phases, of `mr` rows, one phase after another. They refer to the phases.
std::vector<Panels> panels_of(const std::vector<Correlation>& phases, index_t mr);

// How many elements the panels of all phases have together.
index_t packed_size(std::span<const Panels> phases);

// The layouts of packed weights: the first number of a key (PackingKey, algorithm.h) that is not
// empty.
enum class Packing : index_t {
  panels = 1,
  lanes,
  columns,
  winograd,
  fft,
  fft_channels,
  pixels,
  fft_planes,
  split
};
// A key's first numbers: the layout, and where r's weights lie in the caller's array.
std::vector<index_t> start_of_key(Packing packing, const Correlation& r);
// The key of panels; empty if there are none.
std::vector<index_t> key_of(std::span<const Panels> phases);

// Packs the weights of all phases of a convolution or adjoint, those of each phase from packed + at
// on.
template <class T>
void pack_panels(std::span<const Panels> phases, const T* weights, T* packed,
                 const Exec& exec) noexcept;

}  // namespace fastconv
