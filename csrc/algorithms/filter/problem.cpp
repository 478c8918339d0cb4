// SPDX-License-Identifier: MIT
#include "algorithms/filter/problem.h"

#include <cmath>

namespace fastconv::filter {

// Weights are rounded, and each sum: n + 1 roundings on the way of a product, to all of which the
// sum of magnitudes is a bound. Two more are for this bound itself.
double float_error(const std::vector<double>& weights) {
  double magnitude = 0;
  for (const double weight : weights) magnitude += std::abs(weight);
  return (double(weights.size()) + 3) * 0x1p-24 * magnitude * 255;
}

bool can_check(const Problem& p) {
  constexpr double kMost = 1.0 / 128;  // a sum of 64 then is computed again
  const bool constant =
      p.constant >= 0 && p.constant <= 255 && double(static_cast<float>(p.constant)) == p.constant;
  if (!p.exactly || p.from != Element::u8 || p.to != Element::u8 || !constant) return false;
  for (const auto* weights : {&p.column.weights, &p.row.weights, &p.plane})
    if (!(float_error(*weights) < kMost)) return false;
  return true;
}

}  // namespace fastconv::filter
