// SPDX-License-Identifier: MIT
// Transposed convolutions, and gradients of strided ones: all phases share a strip, which each
// alone would gather, where there are few channels to write for next to no FMAs.
#pragma once

#include <optional>
#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/job.h"
#include "algorithms/correlation/strip.h"
#include "algorithms/transposed/column_products.h"

namespace fastconv {

struct PhasesLayout {
  struct Phase {
    Correlation r;
    index_t packed;             // where its weights start
    std::vector<index_t> taps;  // in the strip
  };
  std::vector<Phase> phases;
  Correlation all;        // the taps of all phases, for the strip
  index_t rows, columns;  // outputs of each phase in a block, at most
  std::optional<StripLayout> strip;
  std::optional<PhaseColumns> by_columns;  // instead of a strip
  index_t channels;                        // of a slice of the sum
  Tile tile;
  index_t offsets;  // of a phase, at most
};

// With so few channels to write nothing else comes close, unless there are very many phases: each
// passes over all weights to pack its own (64@14 -> 3 k16 s16 takes 27 ms, by `broadcast` 2.7).
inline constexpr index_t kFewOutputs = 8;
inline constexpr std::size_t kMostPhases = 16;

template <class T>
bool takes_phases(const std::vector<Correlation>& phases, const Exec& exec);
template <class T>
PhasesLayout phases_layout(const std::vector<Correlation>& phases, const Exec& exec);
template <class T>
index_t phases_scratch(const PhasesLayout& layout, const Exec& exec);

// `job` is of any phase, with the packed weights of all.
template <class T>
void direct_phases(const Job<T>& job, const PhasesLayout& layout, const Exec& exec,
                   std::byte* scratch) noexcept;

}  // namespace fastconv
