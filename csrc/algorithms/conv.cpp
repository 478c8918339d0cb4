// SPDX-License-Identifier: MIT
#include "algorithms/conv.h"

#include "algorithms/blocking.h"
#include "algorithms/cost.h"
#include "algorithms/pack_weights.h"
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
    case Algorithm::broadcast:
      return "broadcast";
    default:
      return "auto";
  }
}

namespace {

const char* why_refused(Algorithm algorithm, const Correlation& r) {
  if (algorithm == Algorithm::pointwise && !is_pointwise(r))
    return "it takes 1x1 kernels with stride 1 and no padding";
  if (algorithm == Algorithm::depthwise && !is_depthwise(r))
    return "it takes one input channel per group";
  return nullptr;
}

template <class T>
double predicted_cycles(Algorithm algorithm, const Correlation& r, Packing packing,
                        const Exec& exec) {
  const CostModel model(r, choose_tile(exec.kernels<T>().conv.gemm, r.m),
                        exec.kernels<T>().conv.gemm.lanes);
  switch (algorithm) {
    case Algorithm::im2col:
      return model.im2col();
    case Algorithm::pointwise:
      return model.pointwise();
    case Algorithm::depthwise:
      return model.depthwise();
    case Algorithm::broadcast:
      return model.broadcast(packing == Packing::once);
    default:
      return model.direct();
  }
}

template <class T>
Algorithm choose(const Correlation& r, Algorithm asked, Packing packing, const Exec& exec) {
  if (asked != Algorithm::auto_) {
    const char* reason = why_refused(asked, r);
    require(reason == nullptr, "algorithm '", name_of(asked),
            "' cannot take this shape: ", reason ? reason : "",
            "; 'auto', 'direct', 'im2col' and 'broadcast' take every shape");
    return asked;
  }
  Algorithm best = Algorithm::direct;
  double least = predicted_cycles<T>(best, r, packing, exec);
  for (const Algorithm algorithm : kAlgorithms) {
    if (algorithm == best || algorithm == Algorithm::broadcast || why_refused(algorithm, r))
      continue;
    const double cycles = predicted_cycles<T>(algorithm, r, packing, exec);
    if (cycles < least) best = algorithm, least = cycles;
  }
  return best;
}

template <class T>
void add_step(Lowered& lowered, Correlation r, Algorithm asked, const Exec& exec) {
  const Algorithm algorithm = choose<T>(r, asked, lowered.packing, exec);
  Step step{.r = std::move(r),
            .algorithm = algorithm,
            .mr = 1,
            .packed = lowered.packed_elements,
            .taps = {},
            .layout = {}};
  step.taps = weight_taps(step.r);
  index_t bytes = 0;
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
    default:
      break;
  }
  if (algorithm != Algorithm::depthwise)
    step.mr = choose_tile(exec.kernels<T>().conv.gemm, step.r.m).mr;
  lowered.packed_elements += packed_size(step.r);
  lowered.scratch_bytes = std::max(lowered.scratch_bytes, bytes);
  lowered.steps.push_back(std::move(step));
}

// Whether one pass over all phases is cheaper than the best algorithm for each.
template <class T>
bool prefers_broadcast(const std::vector<Correlation>& phases, Packing packing, const Exec& exec) {
  double together = 0, apart = 0;
  for (const Correlation& r : phases) {
    const Algorithm best = choose<T>(r, Algorithm::auto_, packing, exec);
    together += predicted_cycles<T>(Algorithm::broadcast, r, packing, exec);
    apart += predicted_cycles<T>(best, r, packing, exec);
  }
  return together < apart;
}

template <class T>
void add_steps(Lowered& lowered, std::vector<Correlation> phases, Algorithm asked,
               const Exec& exec) {
  if (asked != Algorithm::broadcast &&
      (asked != Algorithm::auto_ || !prefers_broadcast<T>(phases, lowered.packing, exec))) {
    lowered.steps.reserve(phases.size());
    for (Correlation& phase : phases) add_step<T>(lowered, std::move(phase), asked, exec);
    return;
  }
  if (phases.empty()) return;
  const bool kept = lowered.packing == Packing::once;
  const BroadcastLayout& layout = lowered.broadcast.emplace(phases);
  const Correlation& r = phases.front();
  lowered.complete = true;
  if (kept) lowered.packed_elements = broadcast_packed<T>(r, layout, exec);
  lowered.scratch_bytes = broadcast_scratch<T>(r, layout, kept, exec);
  lowered.steps.reserve(phases.size());
  for (Correlation& phase : phases)
    lowered.steps.push_back({std::move(phase), Algorithm::broadcast, 1, 0, {}, {}});
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

}  // namespace

template <class T>
std::vector<Candidate> candidates(const Correlation& r, Packing packing, const Exec& exec) {
  std::vector<Candidate> all;
  for (const Algorithm algorithm : kAlgorithms) {
    const char* reason = why_refused(algorithm, r);
    all.push_back(
        {algorithm, reason, reason ? 0 : predicted_cycles<T>(algorithm, r, packing, exec)});
  }
  return all;
}

template <class T>
Lowered lower_forward(const ConvDesc& d, Algorithm asked, Packing packing, const Exec& exec) {
  Lowered lowered{
      .packing = packing, .batch = d.batch, .channels = d.c_out, .plane = d.out_plane()};
  std::vector<Correlation> phases;
  phases.push_back(forward_of(d));
  add_steps<T>(lowered, std::move(phases), asked, exec);
  return lowered;
}

template <class T>
Lowered lower_adjoint(const ConvDesc& d, Algorithm asked, Packing packing, const Exec& exec) {
  Lowered lowered{.packing = packing, .batch = d.batch, .channels = d.c_in, .plane = d.in_plane()};
  add_steps<T>(lowered, adjoint_of(d, &lowered.complete), asked, exec);
  return lowered;
}

template <class T>
void pack(const Lowered& lowered, const T* weights, T* packed, const Exec& exec) noexcept {
  if (lowered.steps.empty()) return;
  if (lowered.broadcast) {
    if (lowered.packing == Packing::once)
      broadcast_pack(lowered.steps.front().r, *lowered.broadcast, weights, packed, exec);
    return;
  }
  const Correlation& r = lowered.steps.front().r;  // all have its groups, channels and rows
  // Forward weights are rows: tasks are panels of them. The phases of an adjoint all read the same
  // cache lines: tasks are chunks of channels, which stay in L2 until each phase has had its taps
  // (512@4 -> 256, 4x4 stride 2: 8 MB are read once instead of four times, 0.24 -> 0.61 of
  // PyTorch).
  const bool by_rows = r.w_m > r.w_c;
  const index_t most_panels = ceil_div(r.m, lowered.steps.front().mr);
  const index_t per_channel = lowered.packed_elements / (r.groups * r.c) * index_t{sizeof(T)};
  const index_t chunk = std::clamp(cache_sizes().l2 / 4 / per_channel, index_t{1}, r.c);
  const index_t parts = by_rows ? most_panels : ceil_div(r.c, chunk);
  const index_t tasks = r.groups * parts;
  const int threads = useful_threads(tasks, double(lowered.packed_elements), exec.threads);
  parallel_for(tasks, threads, [&](index_t task, int) {
    const index_t g = task / parts, i = task % parts;
    const Range panels = by_rows ? Range{i, i + 1} : Range{0, most_panels};
    const Range channels = by_rows ? Range{0, r.c} : part(r.c, parts, i);
    for (const Step& step : lowered.steps)
      pack_weights(step.r, step.taps, step.mr, weights, g, panels, channels, packed + step.packed);
  });
}

template <class T>
void run(const Lowered& lowered, const ConvArgs<T>& args, const Exec& exec,
         std::byte* scratch) noexcept {
  if (!lowered.complete) fill_with_bias(lowered, args, exec);
  if (lowered.broadcast) {
    const bool kept = lowered.packing == Packing::once;
    const Job<T> job{lowered.steps.front().r,
                     args.x,
                     kept ? args.packed : args.weights,
                     args.bias,
                     args.residual,
                     args.y,
                     args.activation,
                     args.slope};
    broadcast(job, *lowered.broadcast, kept, exec, scratch);
    return;
  }
  for (const Step& step : lowered.steps) {
    const Job<T> job{step.r,        args.x, args.packed + step.packed, args.bias,
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
      default:
        im2col_gemm(job, exec, scratch);
        break;
    }
  }
}

#define FC_INSTANTIATE(T)                                                                  \
  template std::vector<Candidate> candidates<T>(const Correlation&, Packing, const Exec&); \
  template Lowered lower_forward<T>(const ConvDesc&, Algorithm, Packing, const Exec&);     \
  template Lowered lower_adjoint<T>(const ConvDesc&, Algorithm, Packing, const Exec&);     \
  template void pack(const Lowered&, const T*, T*, const Exec&) noexcept;                  \
  template void run(const Lowered&, const ConvArgs<T>&, const Exec&, std::byte*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
