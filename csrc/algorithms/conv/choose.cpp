// SPDX-License-Identifier: MIT
#include "algorithms/conv/choose.h"

#include "algorithms/conv/cost.h"
#include "algorithms/loops.h"
#include "algorithms/winograd/cost.h"
#include "core/require.h"

namespace fastconv {

const char* name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::direct:
      return "direct";
    case Algorithm::im2col:
      return "im2col";
    case Algorithm::pointwise:
      return "pointwise";
    case Algorithm::depthwise:
      return "depthwise";
    case Algorithm::winograd:
      return "winograd";
    case Algorithm::channel_lanes:
      return "channel_lanes";
    default:
      return "auto";
  }
}

std::string label_of(const Candidate& candidate) {
  const std::string name = name_of(candidate.algorithm);
  if (candidate.algorithm != Algorithm::winograd || candidate.refused) return name;
  const WinogradScheme &h = kSchemes[candidate.form.h], &w = kSchemes[candidate.form.w];
  return sentence(name, " F(", h.m, ",", h.r, ") x F(", w.m, ",", w.r, ")");
}

namespace {

template <class T>
const char* why_refused(Algorithm algorithm, const Correlation& r, const Request& request) {
  const bool asked = algorithm == request.algorithm;
  if (algorithm == Algorithm::pointwise && !is_pointwise(r))
    return "it takes 1x1 kernels with stride 1 and no padding";
  if (algorithm == Algorithm::depthwise && !is_depthwise(r))
    return "it takes one input channel per group";
  if (algorithm == Algorithm::winograd) {
    if (request.plain_sums) return "precision='highest' allows plain sums only";
    if (winograd_forms(r).n == 0) return "it takes kernels of 3 or 5 taps an axis with stride 1";
    if (sizeof(T) == 8 && !asked) return "in float64 it is used only if asked for";
  }
  return nullptr;
}

constexpr double kCopied = 1.05;  // of what it would cost without the copy: a bare tie-break

template <class T>
CostModel cost_of(const Correlation& r, const Exec& exec) {
  const auto& gemm = exec.kernels<T>().conv.gemm;
  return {r, choose_tile(gemm, r.m), gemm.lanes, sizeof(T)};
}

template <class T>
double predicted_cycles(Algorithm algorithm, const Correlation& r, const Request& request,
                        const Exec& exec) {
  const auto& kernels = exec.kernels<T>().conv;
  const CostModel model = cost_of<T>(r, exec);
  const double panels = request.prepacked ? 0 : model.packed_panels();
  switch (algorithm) {
    case Algorithm::im2col:
      return model.im2col() + panels;
    case Algorithm::pointwise:
      return model.pointwise() + panels;
    case Algorithm::depthwise:
      return model.depthwise() + panels;
    case Algorithm::channel_lanes:
      return model.channel_lanes(kernels.channel_lanes.max_pixels) +
             (request.prepacked ? 0 : model.packed_lanes());
    default:  // of a 1x1 convolution, where a strip is nothing but a copy
      return std::max(model.direct(), is_pointwise(r) ? kCopied * model.pointwise() : 0) + panels;
  }
}

// Calls f for every candidate; no allocation, since it is part of every call.
template <class T, class F>
void each_candidate(const Correlation& r, const Request& request, const Exec& exec, const F& f) {
  const auto& gemm = exec.kernels<T>().conv.gemm;
  for (const Algorithm algorithm : kAlgorithms) {
    if (const char* reason = why_refused<T>(algorithm, r, request)) {
      f(Candidate{algorithm, reason, 0, {}});
    } else if (algorithm == Algorithm::winograd) {
      for (const WinogradForm form : winograd_forms(r)) {
        if (request.form && (request.form->h != form.h || request.form->w != form.w)) continue;
        f(Candidate{algorithm, nullptr,
                    winograd_cycles(r, form, choose_tile(gemm, r.m), gemm.lanes, sizeof(T),
                                    request.prepacked),
                    form});
      }
    } else {
      f(Candidate{algorithm, nullptr, predicted_cycles<T>(algorithm, r, request, exec), {}});
    }
  }
}

}  // namespace

template <class T>
std::vector<Candidate> candidates(const Correlation& r, const Request& request, const Exec& exec) {
  std::vector<Candidate> all;
  each_candidate<T>(r, request, exec, [&](const Candidate& c) { all.push_back(c); });
  return all;
}

template <class T>
Candidate choose(const Correlation& r, const Request& request, const Exec& exec) {
  std::optional<Candidate> best;
  each_candidate<T>(r, request, exec, [&](const Candidate& c) {
    const bool asked = c.algorithm == request.algorithm;
    if (!asked && request.algorithm != Algorithm::auto_) return;
    if (asked && c.refused)
      refuse("algorithm '", name_of(c.algorithm), "' cannot take this call: ", c.refused,
             "; 'auto', 'direct', 'im2col' and 'channel_lanes' take every shape");
    // channel_lanes takes all phases or none: see prefers_channel_lanes
    if (c.refused || (!asked && c.algorithm == Algorithm::channel_lanes)) return;
    if (!best || c.cycles <= best->cycles) best = c;
  });
  return *best;
}

template <class T>
bool merges_images(const Correlation& r, Algorithm algorithm, const Exec& exec) {
  return cost_of<T>(r, exec).merges(algorithm != Algorithm::pointwise);
}

template <class T>
bool prefers_channel_lanes(const std::vector<Correlation>& phases, const Request& request,
                           const Exec& exec) {
  if (phases.empty()) return false;
  if (request.algorithm != Algorithm::auto_) return request.algorithm == Algorithm::channel_lanes;
  double together = 0, apart = 0;
  for (const Correlation& r : phases) {
    together += predicted_cycles<T>(Algorithm::channel_lanes, r, request, exec);
    apart += choose<T>(r, request, exec).cycles;
  }
  return together < apart;
}

#define FC_INSTANTIATE(T)                                                                         \
  template std::vector<Candidate> candidates<T>(const Correlation&, const Request&, const Exec&); \
  template Candidate choose<T>(const Correlation&, const Request&, const Exec&);                  \
  template bool merges_images<T>(const Correlation&, Algorithm, const Exec&);                     \
  template bool prefers_channel_lanes<T>(const std::vector<Correlation>&, const Request&,         \
                                         const Exec&)
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
