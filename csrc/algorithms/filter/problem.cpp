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

bool can_wrap(const Problem& p) {
  if (!is_integer(p.from) || p.to != p.from) return false;
  const bool is_signed = p.from == Element::i16;
  const double most = p.from == Element::u8 ? 255 : is_signed ? 32767 : 65535;
  const double least = is_signed ? -32768 : 0;
  const auto whole = [](double value) { return value == std::floor(value); };
  if (!(whole(p.constant) && p.constant >= least && p.constant <= most)) return false;
  for (const AxisFilter* axis : {&p.column, &p.row})
    if (axis->kind != Kind::none && axis->kind != Kind::weigh) return false;
  for (const auto* weights : {&p.column.weights, &p.row.weights, &p.plane}) {
    double magnitude = 0;
    for (const double weight : *weights) {
      if (!whole(weight)) return false;
      magnitude += std::abs(weight);
    }
    if (!(magnitude * (most + 1) < 0x1p31)) return false;  // a NaN is no such sum
  }
  return true;
}

}  // namespace fastconv::filter
