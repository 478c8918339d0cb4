// SPDX-License-Identifier: MIT
// In which order the terms of a weighted sum are added. Where sums are rounded as SciPy rounds
// them, this is SciPy's order (NI_Correlate1D and NI_Correlate of its ni_filters.c): along an axis
// the centre first, then pairs from the outermost inwards, if the weights are symmetric; else the
// last place first, then the others. Of a kernel of two axes, weights of 0 have no term.
#pragma once

#include <cmath>
#include <vector>

#include "algorithms/filter/problem.h"

namespace fastconv::filter {

// The terms of a sum, in the order in which they are added.
template <class T>
struct Terms {
  std::vector<T> weights;
  std::vector<double> exact;
  std::vector<index_t> first, second;
  Places places = Places::one;
  index_t size() const { return static_cast<index_t>(weights.size()); }
  void add(double weight, index_t one, index_t two) {
    weights.push_back(static_cast<T>(weight));
    exact.push_back(weight);
    first.push_back(one);
    second.push_back(two);
  }
};

// The weights of an axis in T. Their sum is kept: what rounding adds to it would be added to every
// result of a mean, and goes into the smallest weight, and its mirror image if that is as large,
// where it can be told most finely.
template <class T>
std::vector<T> rounded(const std::vector<double>& weights) {
  std::vector<T> result;
  double lost = 0;
  std::size_t least = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    result.push_back(static_cast<T>(weights[i]));
    lost += weights[i] - static_cast<double>(result[i]);
    const double size = std::abs(weights[i]), smallest = std::abs(weights[least]);
    if (size > 0 && (size < smallest || smallest == 0)) least = i;
  }
  if (!(std::abs(lost) > 0) || !std::isfinite(lost)) return result;
  const std::size_t mirror = weights.size() - 1 - least;
  const bool both = mirror != least && weights[mirror] == weights[least];
  const double share = both ? lost / 2 : lost;
  result[least] = static_cast<T>(weights[least] + share);
  if (both) result[mirror] = result[least];
  return result;
}

// The terms of an axis in the order of its places, which is that of weigh_plane.
template <class T>
Terms<T> plain_terms_of(const AxisFilter& axis, index_t step) {
  Terms<T> terms;
  if (axis.kind != Kind::weigh) return terms;
  for (index_t i = 0; i < axis.size; ++i)
    terms.add(axis.weights[static_cast<std::size_t>(i)], i * step, 0);
  terms.weights = rounded<T>(axis.weights);
  return terms;
}

// Whether a weight of a kernel of two axes has a term: SciPy's limit.
inline bool has_term(double weight) { return weight > 0x1p-52 || weight < -0x1p-52; }

// The terms of a filter along an axis whose neighbouring places lie `step` elements apart.
template <class T>
Terms<T> terms_of(const AxisFilter& axis, index_t step) {
  Terms<T> terms;
  if (axis.kind != Kind::weigh) return terms;
  const auto weight = [&](index_t i) { return axis.weights[static_cast<std::size_t>(i)]; };
  terms.places = axis.places;
  if (axis.places == Places::one) {
    terms.add(weight(axis.size - 1), (axis.size - 1) * step, 0);
    for (index_t i = 0; i + 1 < axis.size; ++i) terms.add(weight(i), i * step, 0);
    return terms;
  }
  const index_t centre = axis.size / 2;
  terms.add(weight(centre), centre * step, centre * step);
  for (index_t i = 0; i < centre; ++i) terms.add(weight(i), i * step, (axis.size - 1 - i) * step);
  return terms;
}

// The terms of a kernel of two axes on rows that lie `pitch` elements apart.
template <class T>
Terms<T> terms_of(const Problem& p, index_t pitch) {
  Terms<T> terms;
  for (index_t i = 0; i < p.column.size; ++i)
    for (index_t j = 0; j < p.row.size; ++j) {
      const double weight = p.plane[static_cast<std::size_t>(i * p.row.size + j)];
      if (has_term(weight)) terms.add(weight, i * pitch + j * p.depth, 0);
    }
  if (terms.weights.empty()) terms.add(0, 0, 0);
  return terms;
}

}  // namespace fastconv::filter
