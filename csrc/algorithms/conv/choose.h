// SPDX-License-Identifier: MIT
// Which algorithm a Correlation takes: what can compute it, what each is predicted to cost, and
// what the caller wants.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "algorithms/winograd/grid.h"
#include "core/exec.h"

namespace fastconv {

enum class Algorithm : int { auto_, direct, im2col, channel_lanes, pointwise, depthwise, winograd };
inline constexpr Algorithm kAlgorithms[] = {Algorithm::direct,        Algorithm::im2col,
                                            Algorithm::channel_lanes, Algorithm::pointwise,
                                            Algorithm::depthwise,     Algorithm::winograd};
const char* name_of(Algorithm algorithm);

// What a call asks for beside its shape.
struct Request {
  Algorithm algorithm = Algorithm::auto_;
  bool plain_sums = false;                // precision "highest": no Winograd
  bool prepacked = false;                 // a plan: packing the weights costs nothing
  std::optional<WinogradForm> form = {};  // only this one of Winograd's; for tests
};

struct Candidate {
  Algorithm algorithm;
  const char* refused;  // why it cannot take this shape, or null
  double cycles;        // predicted, on one core
  WinogradForm form;    // of Algorithm::winograd
  bool same_as(Algorithm other, WinogradForm other_form) const {
    return algorithm == other && form.h == other_form.h && form.w == other_form.w;
  }
};

std::string label_of(const Candidate& candidate);  // its name, and the form of Winograd's

// Every algorithm, and every form of Winograd's, with its predicted cost for one Correlation; a
// pure function of problem and ISA.
template <class T>
std::vector<Candidate> candidates(const Correlation& r, const Request& request, const Exec& exec);

// The cheapest that the request allows. Throws std::invalid_argument, with the reason, if the
// algorithm asked for cannot take r.
template <class T>
Candidate choose(const Correlation& r, const Request& request, const Exec& exec);

// Whether im2col, or pointwise, better has pixels of several images in a panel.
template <class T>
bool merges_images(const Correlation& r, Algorithm algorithm, const Exec& exec);

// Whether `channel_lanes` takes the phases of an adjoint together: asked for, or cheaper than the
// best algorithm for each.
template <class T>
bool prefers_channel_lanes(const std::vector<Correlation>& phases, const Request& request,
                           const Exec& exec);

}  // namespace fastconv
