// SPDX-License-Identifier: MIT
// An axis of a correlation whose taps are split into parts, for Winograd's algorithm. At a stride
// of 2 taps at even places only meet elements at even places, and those at odd places the others;
// long kernels are split into runs of three taps. So each part is a correlation at stride 1 of up
// to three taps, on all elements or on every other one:
//
//     3 taps, stride 2    y[i] = (w[0] x[2i] + w[2] x[2i + 2])  +  (w[1] x[2i + 1])
//                                 F(4, 2)                          as it is
//     5 taps, stride 1    y[i] = (w[0] x[i] + .. + w[2] x[i + 2])  +  (w[3] x[i + 3] + w[4] x[i +
//     4])
//                                 F(4, 3)                             F(4, 2)
//
// A tile has m outputs of the axis. A part of one tap stays as it is: m values, which all meet the
// same weight.
#pragma once

#include <vector>

#include "algorithms/correlation/correlation.h"

namespace fastconv::winograd {

// Some taps of an axis, which read elements that lie the stride apart.
struct AxisPart {
  int scheme = 0;             // the index of F(m, taps) among kSchemes, or 0 for a single tap
  index_t offset = 0;         // of its first tap, from the first of all taps
  std::vector<index_t> taps;  // indices in TapAxis::taps, in the order in which they read
  const WinogradScheme& kind() const { return kSchemes[scheme]; }
  bool plain() const { return scheme == 0; }
};

class SplitAxis {
 public:
  static constexpr index_t kMostTaps = 7;
  // Whether an axis can be split: it has a stride of 1 or 2 and up to kMostTaps neighbouring taps,
  // or a single tap.
  static bool takes(const TapAxis& axis);
  SplitAxis(const TapAxis& axis, index_t m);

  const std::vector<AxisPart>& parts() const { return parts_; }
  index_t m() const { return m_; }
  index_t step() const { return step_; }  // the stride
  index_t outputs() const { return count_; }
  index_t tiles() const { return ceil_div(count_, m_); }
  index_t outputs(index_t tile) const { return std::min(m_, count_ - tile * m_); }
  index_t first() const { return first_; }  // where output 0 reads its first tap
  // The elements that n neighbouring outputs read, from the first one's first tap on.
  index_t reach(index_t n) const { return (n - 1) * step_ + span_; }
  // The values of all parts for each output, in the mean.
  double values() const;

 private:
  std::vector<AxisPart> parts_;
  index_t m_, step_, count_, first_, span_;
};

}  // namespace fastconv::winograd
