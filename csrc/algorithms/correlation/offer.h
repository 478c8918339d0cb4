// SPDX-License-Identifier: MIT
// An algorithm's answer to a problem: why it refuses it, or what it will cost.
#pragma once

#include <algorithm>

#include "algorithms/correlation/request.h"
#include "core/cache.h"

namespace fastconv {

struct Offer {
  const char* refused = nullptr;          // the reason, or null if the algorithm takes the problem
  double cycles = 0;                      // predicted: what one core needs for the whole call
  double weight_bytes = 0;                // of prepacked weights, which come from memory
  bool turns_x = false, turns_y = false;  // whether the input, and the result, are transposed
};
inline Offer refusal(const char* reason) { return {.refused = reason}; }

// What one core takes to read so many bytes of prepacked weights. Between two calls of a plan the
// weights of all other layers of a network pass through the caches, so that they come from memory:
// at 2.8 to 3.2 bytes a cycle on a quiet Zen 4 (bench/NOTES.md). Weights that fill half of the L3
// that a process may count on also drive out what is read next, and count as slower.
inline double cycles_from_memory(double bytes) {
  constexpr double kFew = 3, kMany = 2.2;  // bytes in a cycle
  return bytes / (bytes < shared_l3() / 2 ? kFew : kMany);
}

// The offer of an algorithm that computes for `cycles` and reads `weight_bytes` of weights, for
// whose packing a call pays `packing` cycles unless they are prepacked. If they are, they are
// fetched from memory meanwhile, so that the slower of the two counts.
inline Offer offered(double cycles, double packing, double weight_bytes, const Request& request) {
  if (!request.prepacked) return {.cycles = cycles + packing};
  return {.cycles = std::max(cycles, cycles_from_memory(weight_bytes)),
          .weight_bytes = weight_bytes};
}

}  // namespace fastconv
