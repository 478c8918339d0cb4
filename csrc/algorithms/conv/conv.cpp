// SPDX-License-Identifier: MIT
#include "algorithms/conv/conv.h"

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/pack_weights.h"
#include "core/parallel.h"

namespace fastconv {

namespace {

template <class T>
void add_step(Lowered& lowered, Correlation r, const Request& request, const Exec& exec) {
  if (is_pointwise(r)) r = flattened(r);
  const Candidate chosen = choose<T>(r, request, exec);
  const Algorithm algorithm = chosen.algorithm;
  Step step{.r = std::move(r),
            .algorithm = algorithm,
            .mr = 1,
            .packed = lowered.packed_elements,
            .slots = {},
            .layout = {},
            .form = chosen.form,
            .grid = {}};
  index_t bytes = 0, packed = packed_size(step.r);
  switch (algorithm) {
    case Algorithm::direct:
      step.direct = direct_layout<T>(step.r, exec);
      bytes = direct_scratch<T>(step.r, *step.direct, exec);
      break;
    case Algorithm::depthwise:
      if (takes_rows(step.r)) {
        bytes = depthwise_rows_scratch<T>(step.r);
        if (!request.prepacked) packed = 0;
        break;
      }
      step.layout = depthwise_layout<T>(step.r, exec);
      bytes = depthwise_scratch<T>(step.r, *step.layout, exec);
      break;
    case Algorithm::im2col:
    case Algorithm::pointwise:
      step.pixels.merged = merges_images<T>(step.r, algorithm, exec);
      step.pixels.packs = algorithm == Algorithm::im2col || step.pixels.merged;
      bytes = im2col_scratch<T>(step.r, step.pixels, exec);
      break;
    case Algorithm::winograd:
      step.grid.emplace(step.r, step.form).list_weights(step.r);
      step.fused = !request.prepacked && winograd_fuses<T>(step.r, *step.grid, exec);
      bytes = winograd_scratch<T>(step.r, *step.grid, step.fused, exec);
      packed = step.fused ? 0 : winograd_packed_size(step.r, step.form);
      break;
    default:
      break;
  }
  if (algorithm != Algorithm::winograd && packed > 0) step.slots = weight_slots(step.r);
  if (algorithm != Algorithm::depthwise)
    step.mr = choose_tile(exec.kernels<T>().conv.gemm, step.r.m).mr;
  lowered.packed_elements += packed;
  lowered.scratch_bytes = std::max(lowered.scratch_bytes, bytes);
  lowered.steps.push_back(std::move(step));
}

// Phases that one loop nest computes, their panels of weights one after another.
void add_packed(Lowered& lowered, std::vector<Correlation> phases, index_t mr) {
  for (Correlation& r : phases) {
    const index_t packed = lowered.packed_elements;
    lowered.packed_elements += packed_size(r);
    std::vector<index_t> slots = weight_slots(r);
    lowered.steps.push_back({std::move(r), Algorithm::direct, mr, packed, std::move(slots), {}});
  }
}

template <class T>
void add_phases(Lowered& lowered, std::vector<Correlation> phases, const Exec& exec) {
  const PhasesLayout& layout = lowered.phases.emplace(phases_layout<T>(phases, exec));
  lowered.scratch_bytes = phases_scratch<T>(layout, exec);
  if (layout.by_columns) {
    const Correlation& r = phases.front();
    lowered.packed_elements = r.groups * layout.by_columns->packed(r.c);
    for (Correlation& phase : phases)
      lowered.steps.push_back({std::move(phase), Algorithm::direct, 1, 0, {}, {}});
    return;
  }
  add_packed(lowered, std::move(phases), layout.tile.mr);
}

template <class T>
void add_spread(Lowered& lowered, std::vector<Correlation> phases, const Exec& exec) {
  const SpreadLayout& layout = lowered.spread.emplace(spread_layout<T>(phases, exec));
  lowered.scratch_bytes = spread_scratch<T>(phases.front(), layout, exec);
  lowered.complete = true;
  add_packed(lowered, std::move(phases), layout.tile.mr);
}

template <class T>
void add_pairs(Lowered& lowered, std::vector<Correlation> phases, const Request& request) {
  lowered.pairs = pairs_layout(phases);
  lowered.scratch_bytes = pairs_scratch(lowered.pairs, sizeof(T));
  for (Correlation& r : phases) {
    const index_t packed = lowered.packed_elements;
    std::vector<index_t> slots;
    if (request.prepacked) lowered.packed_elements += packed_size(r), slots = weight_slots(r);
    lowered.steps.push_back({std::move(r), Algorithm::depthwise, 1, packed, std::move(slots), {}});
  }
}

template <class T>
void add_pixels(Lowered& lowered, std::vector<Correlation> phases, const Exec& exec) {
  const DepthwisePixels& layout =
      lowered.turned.emplace(pixels_layout<T>(phases, lowered.complete, exec));
  lowered.scratch_bytes = pixels_scratch<T>(layout, exec);
  lowered.complete = true;
  for (Correlation& r : phases)
    lowered.steps.push_back({std::move(r), Algorithm::depthwise, 1, 0, {}, {}});
}

template <class T>
void add_steps(Lowered& lowered, std::vector<Correlation> phases, const Request& request,
               const Exec& exec) {
  lowered.kept = request.prepacked;
  lowered.steps.reserve(phases.size());
  const bool depthwise =
      request.algorithm == Algorithm::auto_ || request.algorithm == Algorithm::depthwise;
  if (depthwise && takes_pixels<T>(phases, exec))
    return add_pixels<T>(lowered, std::move(phases), exec);
  if (depthwise && takes_pairs(phases)) return add_pairs<T>(lowered, std::move(phases), request);
  const bool direct =
      request.algorithm == Algorithm::auto_ || request.algorithm == Algorithm::direct;
  const bool few = prefers_columns(phases) || (!phases.empty() && phases.front().m <= kFewOutputs &&
                                               phases.size() <= kMostPhases);
  const bool channel_lanes = !(direct && few) && prefers_channel_lanes<T>(phases, request, exec);
  if (direct && !channel_lanes && !few && takes_spread(phases))
    return add_spread<T>(lowered, std::move(phases), exec);
  if (direct && !channel_lanes && takes_phases<T>(phases, exec))
    return add_phases<T>(lowered, std::move(phases), exec);
  if (!channel_lanes) {
    for (Correlation& phase : phases) add_step<T>(lowered, std::move(phase), request, exec);
    return;
  }
  const ChannelLanesLayout& layout = lowered.channel_lanes.emplace(phases);
  const Correlation& r = phases.front();
  lowered.complete = true;
  if (lowered.kept) lowered.packed_elements = channel_lanes_packed<T>(r, layout, exec);
  lowered.scratch_bytes = channel_lanes_scratch<T>(r, layout, lowered.kept, exec);
  for (Correlation& phase : phases)
    lowered.steps.push_back({std::move(phase), Algorithm::channel_lanes, 1, 0, {}, {}});
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

double Lowered::fmas() const {
  double sum = 0;
  for (const Step& step : steps) sum += step.r.fmas();
  return sum;
}

template <class T>
Lowered lower_forward(const ConvDesc& d, const Request& request, const Exec& exec) {
  Lowered lowered{.batch = d.batch, .channels = d.c_out, .plane = d.out_plane()};
  std::vector<Correlation> phases;
  phases.push_back(forward_of(d));
  add_steps<T>(lowered, std::move(phases), request, exec);
  return lowered;
}

template <class T>
Lowered lower_adjoint(const ConvDesc& d, const Request& request, const Exec& exec) {
  Lowered lowered{.batch = d.batch, .channels = d.c_in, .plane = d.in_plane()};
  add_steps<T>(lowered, adjoint_of(d, &lowered.complete), request, exec);
  return lowered;
}

template <class T>
void pack(const Lowered& lowered, const T* weights, T* packed, const Exec& exec) noexcept {
  if (lowered.steps.empty() || lowered.packed_elements == 0) return;
  for (const Step& step : lowered.steps)
    if (step.algorithm == Algorithm::winograd && !step.fused)
      pack_winograd(step, weights, packed, exec);
  if (lowered.channel_lanes) {
    if (lowered.kept)
      channel_lanes_pack(lowered.steps.front().r, *lowered.channel_lanes, weights, packed, exec);
    return;
  }
  const Correlation& r = lowered.steps.front().r;  // all have its groups and channels
  if (lowered.phases && lowered.phases->by_columns)
    return pack_columns(r, *lowered.phases->by_columns, weights, packed, exec);
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
    const Range channels = by_rows ? Range{0, r.c} : part(r.c, parts, i);
    for (const Step& step : lowered.steps) {
      // By rows there is one step; else their panels differ in height.
      const Range panels = by_rows ? Range{i, i + 1} : Range{0, ceil_div(step.r.m, step.mr)};
      if (!step.slots.empty())
        pack_weights(step.r, step.slots, step.mr, weights, g, panels, channels,
                     packed + step.packed, exec);
    }
  });
}

template <class T>
void run(const Lowered& lowered, const ConvArgs<T>& args, const Exec& exec,
         std::byte* scratch) noexcept {
  if (!lowered.complete) fill_with_bias(lowered, args, exec);
  const auto job_of = [&](const Correlation& r, const T* weights) {
    return Job<T>{r,      args.x,          weights,   args.weights, args.bias, args.residual,
                  args.y, args.activation, args.slope};
  };
  if (lowered.channel_lanes || lowered.phases || lowered.spread || lowered.turned ||
      !lowered.pairs.empty()) {
    // All steps together.
    const bool raw = lowered.channel_lanes && !lowered.kept;
    const Job<T> job = job_of(lowered.steps.front().r, raw ? args.weights : args.packed);
    if (lowered.channel_lanes)
      return channel_lanes(job, *lowered.channel_lanes, lowered.kept, exec, scratch);
    if (lowered.phases) return direct_phases(job, *lowered.phases, exec, scratch);
    if (lowered.spread) return spread(job, *lowered.spread, exec, scratch);
    if (lowered.turned) return depthwise_pixels(job, *lowered.turned, exec, scratch);
    return depthwise_pairs(job, lowered.pairs, lowered.kept, exec, scratch);
  }
  for (const Step& step : lowered.steps) {
    const Job<T> job = job_of(step.r, args.packed + step.packed);
    switch (step.algorithm) {
      case Algorithm::direct:
        direct(job, *step.direct, exec, scratch);
        break;
      case Algorithm::depthwise:
        if (step.layout)
          depthwise(job, *step.layout, exec, scratch);
        else
          depthwise_rows(job, lowered.kept, exec, scratch);
        break;
      case Algorithm::winograd:
        winograd(job, *step.grid, step.fused, exec, scratch);
        break;
      default:
        im2col_gemm(job, step.pixels, exec, scratch);
        break;
    }
  }
}

#define FC_INSTANTIATE(T)                                                          \
  template Lowered lower_forward<T>(const ConvDesc&, const Request&, const Exec&); \
  template Lowered lower_adjoint<T>(const ConvDesc&, const Request&, const Exec&); \
  template void pack(const Lowered&, const T*, T*, const Exec&) noexcept;          \
  template void run(const Lowered&, const ConvArgs<T>&, const Exec&, std::byte*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
