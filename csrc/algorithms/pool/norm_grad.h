// SPDX-License-Identifier: MIT
// Gradients of p-norms with output y: d|x|_p / dx = sign(x) * (|x| / y)**(p - 1), and 0 where x or
// y is 0.
#pragma once

#include "algorithms/pool/tables.h"

namespace fastconv::pool {

// For finite p it is the gradient of a sum between two elementwise steps: one from dy and y, and
// one with x to dx.
template <class T>
struct NormGradBySums {
  static constexpr const char* kName = "sums";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static NormGradBySums prepare(const Problem& problem);

  index_t scratch(int threads) const { return factor_bytes + sums.scratch(threads); }
  void run(const Problem& problem, const NormArrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t factor_bytes = 0;  // of what the first step computes
  SumGrad<T> sums;
};

// For an infinite p the first of the largest gets all: it is found as maxima are, and dy is added
// there.
template <class T>
struct NormGradByPlaces {
  static constexpr const char* kName = "places";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static NormGradByPlaces prepare(const Problem& problem);

  index_t scratch(int threads) const;
  void run(const Problem& problem, const NormArrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t found_bytes = 0;  // of the largest and their places
  Sliding<T> places{};
};

// Any p, tap by tap.
template <class T>
struct NormGradByTaps {
  static constexpr const char* kName = "taps";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static NormGradByTaps prepare(const Problem&) { return {}; }

  index_t scratch(int) const { return 0; }
  void run(const Problem& problem, const NormArrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
};

template <class T>
using NormGrad = Plan<Use::norm_grad, NormArrays<T>,  //
                      NormGradBySums<T>,              //
                      NormGradByPlaces<T>,            //
                      NormGradByTaps<T>>;

}  // namespace fastconv::pool
