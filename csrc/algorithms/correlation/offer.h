// SPDX-License-Identifier: MIT
// An algorithm's answer to a problem: why it refuses it, or what it will cost.
#pragma once

#include <algorithm>

#include "algorithms/correlation/request.h"

namespace fastconv {

struct Offer {
  const char* refused = nullptr;  // the reason, or null if the algorithm takes the problem
  double cycles = 0;              // predicted: what one core needs for the whole call
  double weight_bytes = 0;        // of prepacked weights, which come from memory
};
inline Offer refusal(const char* reason) { return {.refused = reason}; }

// How many bytes of prepacked weights one core reads from memory in a cycle, since between two
// calls of a plan the weights of all other layers of a network pass through the caches. A core of a
// quiet Zen 4 reads 2.8 to 3.2 (bench/NOTES.md); less is left where all cores of a server read, and
// what a plan reads drives other layers' data out.
inline constexpr double kBytesFromMemory = 2.2;

// The offer of an algorithm that computes for `cycles` and reads `weight_bytes` of weights, for
// whose packing a call pays `packing` cycles unless they are prepacked. If they are, they are
// fetched from memory meanwhile, so that the slower of the two counts.
inline Offer offered(double cycles, double packing, double weight_bytes, const Request& request) {
  if (!request.prepacked) return {.cycles = cycles + packing};
  return {.cycles = std::max(cycles, weight_bytes / kBytesFromMemory),
          .weight_bytes = weight_bytes};
}

}  // namespace fastconv
