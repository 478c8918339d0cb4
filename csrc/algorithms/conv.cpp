// SPDX-License-Identifier: MIT
#include "algorithms/conv.h"

#include "algorithms/blocking.h"
#include "algorithms/cost.h"
#include "algorithms/pack_weights.h"
#include "algorithms/winograd_cost.h"
#include "core/parallel.h"
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
const char* why_refused(Algorithm algorithm, const Correlation& r, const Wish& wish) {
  const bool asked = algorithm == wish.algorithm;
  if (algorithm == Algorithm::pointwise && !is_pointwise(r))
    return "it takes 1x1 kernels with stride 1 and no padding";
  if (algorithm == Algorithm::depthwise && !is_depthwise(r))
    return "it takes one input channel per group";
  if (algorithm == Algorithm::winograd) {
    if (wish.plain_sums) return "precision='highest' allows plain sums only";
    if (winograd_forms(r).n == 0) return "it takes kernels of 2, 3 or 5 taps an axis with stride 1";
    if (sizeof(T) == 8 && !asked) return "in float64 it is used only if asked for";
  }
  return nullptr;
}

template <class T>
double predicted_cycles(Algorithm algorithm, const Correlation& r, const Exec& exec) {
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const CostModel model(r, choose_tile(gemm, r.m), gemm.lanes);
  switch (algorithm) {
    case Algorithm::im2col:
      return model.im2col();
    case Algorithm::pointwise:
      return model.pointwise();
    case Algorithm::depthwise:
      return model.depthwise();
    default:
      return model.direct();
  }
}

// Calls f for every candidate; no allocation, since it is part of every call.
template <class T, class F>
void each_candidate(const Correlation& r, const Wish& wish, const Exec& exec, const F& f) {
  const auto& gemm = exec.kernels<T>().conv.gemm;
  for (const Algorithm algorithm : kAlgorithms) {
    if (const char* reason = why_refused<T>(algorithm, r, wish)) {
      f(Candidate{algorithm, reason, 0, {}});
    } else if (algorithm == Algorithm::winograd) {
      for (const WinogradForm form : winograd_forms(r)) {
        if (wish.form && (wish.form->h != form.h || wish.form->w != form.w)) continue;
        f(Candidate{algorithm, nullptr,
                    winograd_cycles(r, form, choose_tile(gemm, r.m), gemm.lanes, sizeof(T),
                                    wish.packed_ahead),
                    form});
      }
    } else {
      f(Candidate{algorithm, nullptr, predicted_cycles<T>(algorithm, r, exec), {}});
    }
  }
}

template <class T>
Candidate choose(const Correlation& r, const Wish& wish, const Exec& exec) {
  std::optional<Candidate> best;
  each_candidate<T>(r, wish, exec, [&](const Candidate& c) {
    const bool asked = c.algorithm == wish.algorithm;
    if (!asked && wish.algorithm != Algorithm::auto_) return;
    if (asked && c.refused)
      refuse("algorithm '", name_of(c.algorithm), "' cannot take this call: ", c.refused,
             "; 'auto', 'direct' and 'im2col' take every shape");
    if (!c.refused && (!best || c.cycles < best->cycles)) best = c;
  });
  return *best;
}

template <class T>
void add_step(Lowered& lowered, Correlation r, const Wish& wish, const Exec& exec) {
  const Candidate chosen = choose<T>(r, wish, exec);
  const Algorithm algorithm = chosen.algorithm;
  Step step{.r = std::move(r),
            .algorithm = algorithm,
            .mr = 1,
            .packed = lowered.packed_elements,
            .taps = {},
            .layout = {},
            .form = chosen.form,
            .grid = {}};
  index_t bytes = 0, packed = packed_size(step.r);
  switch (algorithm) {
    case Algorithm::direct:
      step.layout = direct_layout<T>(step.r, exec);
      bytes = direct_scratch<T>(step.r, *step.layout, exec);
      break;
    case Algorithm::depthwise:
      step.layout = depthwise_layout<T>(step.r, exec);
      bytes = depthwise_scratch<T>(step.r, *step.layout, exec);
      break;
    case Algorithm::im2col:
      bytes = im2col_scratch<T>(step.r, exec);
      break;
    case Algorithm::winograd:
      step.grid.emplace(step.r, step.form);
      step.fused = !wish.packed_ahead && winograd_fuses<T>(step.r, *step.grid, exec);
      bytes = winograd_scratch<T>(step.r, *step.grid, step.fused, exec);
      packed = step.fused ? 0 : winograd_packed_size(step.r, step.form);
      break;
    default:
      break;
  }
  if (algorithm != Algorithm::winograd) step.taps = weight_taps(step.r);
  if (algorithm != Algorithm::depthwise)
    step.mr = choose_tile(exec.kernels<T>().conv.gemm, step.r.m).mr;
  lowered.packed_elements += packed;
  lowered.scratch_bytes = std::max(lowered.scratch_bytes, bytes);
  lowered.steps.push_back(std::move(step));
}

// Outputs that no tap reaches: their bias alone.
template <class T>
void fill_with_bias(const Lowered& lowered, const ConvArgs<T>& args, const Exec& exec) noexcept {
  const index_t planes = lowered.batch * lowered.channels, n = lowered.plane;
  const int threads = useful_threads(planes, double(planes) * double(n), exec.threads);
  parallel_for(planes, threads, [&](index_t plane, int) {
    T* y = args.y + plane * n;
    std::fill_n(y, n, args.bias ? args.bias[plane % lowered.channels] : T{0});
    if (args.activation != Activation::none)
      exec.kernels<T>().elementwise.activate(args.activation, y, y, n, args.slope);
  });
}

template <class T>
void pack_winograd(const Step& step, const T* weights, T* packed, const Exec& exec) noexcept {
  const index_t panels = ceil_div(step.r.m, step.mr), tasks = step.r.groups * panels;
  const double work = double(winograd_packed_size(step.r, step.form));
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    const index_t g = task / panels, row = task % panels * step.mr;
    T* panel = packed + step.packed + (g * step.r.m + row) * step.r.c * step.grid->alphas();
    winograd_pack(step.r, *step.grid, step.mr, weights, g, row, panel, exec);
  });
}

}  // namespace

template <class T>
std::vector<Candidate> candidates(const Correlation& r, const Wish& wish, const Exec& exec) {
  std::vector<Candidate> all;
  each_candidate<T>(r, wish, exec, [&](const Candidate& c) { all.push_back(c); });
  return all;
}

template <class T>
Lowered lower_forward(const ConvDesc& d, const Wish& wish, const Exec& exec) {
  Lowered lowered{.batch = d.batch, .channels = d.c_out, .plane = d.out_plane()};
  lowered.steps.reserve(1);
  add_step<T>(lowered, forward_of(d), wish, exec);
  return lowered;
}

template <class T>
Lowered lower_adjoint(const ConvDesc& d, const Wish& wish, const Exec& exec) {
  Lowered lowered{.batch = d.batch, .channels = d.c_in, .plane = d.in_plane()};
  auto phases = adjoint_of(d, &lowered.complete);
  lowered.steps.reserve(phases.size());
  for (Correlation& phase : phases) add_step<T>(lowered, std::move(phase), wish, exec);
  return lowered;
}

template <class T>
void pack(const Lowered& lowered, const T* weights, T* packed, const Exec& exec) noexcept {
  if (lowered.steps.empty()) return;
  for (const Step& step : lowered.steps)
    if (step.algorithm == Algorithm::winograd && !step.fused)
      pack_winograd(step, weights, packed, exec);
  const Correlation& r = lowered.steps.front().r;  // all have its groups, channels and rows
  // Forward weights are rows: tasks are panels of them. The phases of an adjoint all read the same
  // cache lines: tasks are chunks of channels, which stay in L2 until each phase has had its taps
  // (512@4 -> 256, 4x4 stride 2: 8 MB are read once instead of four times, 0.24 -> 0.61 of
  // PyTorch).
  const bool by_rows = r.w_m > r.w_c;
  const index_t most_panels = ceil_div(r.m, lowered.steps.front().mr);
  const index_t per_channel =
      std::max<index_t>(lowered.packed_elements / (r.groups * r.c) * index_t{sizeof(T)}, 1);
  const index_t chunk = std::clamp(cache_sizes().l2 / 4 / per_channel, index_t{1}, r.c);
  const index_t parts = by_rows ? most_panels : ceil_div(r.c, chunk);
  const index_t tasks = r.groups * parts;
  const int threads = useful_threads(tasks, double(lowered.packed_elements), exec.threads);
  parallel_for(tasks, threads, [&](index_t task, int) {
    const index_t g = task / parts, i = task % parts;
    const Range panels = by_rows ? Range{i, i + 1} : Range{0, most_panels};
    const Range channels = by_rows ? Range{0, r.c} : part(r.c, parts, i);
    for (const Step& step : lowered.steps)
      if (step.algorithm != Algorithm::winograd)
        pack_weights(step.r, step.taps, step.mr, weights, g, panels, channels,
                     packed + step.packed);
  });
}

template <class T>
void run(const Lowered& lowered, const ConvArgs<T>& args, const Exec& exec,
         std::byte* scratch) noexcept {
  if (!lowered.complete) fill_with_bias(lowered, args, exec);
  for (const Step& step : lowered.steps) {
    const Job<T> job{step.r,        args.x, args.packed + step.packed, args.weights, args.bias,
                     args.residual, args.y, args.activation,           args.slope};
    switch (step.algorithm) {
      case Algorithm::direct:
        direct(job, *step.layout, exec, scratch);
        break;
      case Algorithm::depthwise:
        depthwise(job, *step.layout, exec, scratch);
        break;
      case Algorithm::pointwise:
        pointwise(job, exec, scratch);
        break;
      case Algorithm::winograd:
        winograd(job, *step.grid, step.fused, exec, scratch);
        break;
      default:
        im2col_gemm(job, exec, scratch);
        break;
    }
  }
}

#define FC_INSTANTIATE(T)                                                                      \
  template std::vector<Candidate> candidates<T>(const Correlation&, const Wish&, const Exec&); \
  template Lowered lower_forward<T>(const ConvDesc&, const Wish&, const Exec&);                \
  template Lowered lower_adjoint<T>(const ConvDesc&, const Wish&, const Exec&);                \
  template void pack(const Lowered&, const T*, T*, const Exec&) noexcept;                      \
  template void run(const Lowered&, const ConvArgs<T>&, const Exec&, std::byte*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
