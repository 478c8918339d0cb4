// SPDX-License-Identifier: MIT
// C's functions for plans. Everything is checked and chosen when a plan is made; a run checks its
// pointers only.
#include <algorithm>
#include <memory>
#include <variant>

#include "capi/conv_mapping.h"
#include "capi/functions.h"
#include "core/memory.h"

using fastconv::Activation;
using fastconv::index_t;

struct fastconv_plan {
  std::variant<fastconv::Mapping<float>, fastconv::Mapping<double>> mapping;
  bool is_double, takes_residual;
  Activation activation;
  double slope;
  index_t scratch_bytes;
  std::size_t workspace_bytes;
  // weights: empty unless the mapping needs them
  fastconv::Scratch packed, weights, bias, slopes;
};

namespace fastconv::capi {
namespace {

template <class T>
Scratch copy_of(const void* from, index_t n) {
  Scratch block(n * index_t{sizeof(T)});
  std::copy_n(static_cast<const T*>(from), n, block.as<T>());
  return block;
}

template <class T>
std::unique_ptr<fastconv_plan> make_plan(const Convolution& c, int pass, const void* w,
                                         const void* bias) {
  const bool forward = pass == FASTCONV_FORWARD;
  auto plan = std::make_unique<fastconv_plan>(
      fastconv_plan{.mapping = mapping_of<T>(c, pass, true),
                    .is_double = c.is_double,
                    .takes_residual = forward && !c.transposed,
                    .activation = forward ? c.activation : Activation::none,
                    .slope = c.slope,
                    .scratch_bytes = 0,
                    .workspace_bytes = 0,
                    .packed = {},
                    .weights = {},
                    .bias = {},
                    .slopes = {}});
  const auto& mapping = std::get<Mapping<T>>(plan->mapping);
  const index_t channels = c.transposed ? c.d.c_in : c.d.c_out;
  if (bias != nullptr) plan->bias = copy_of<T>(bias, channels);
  if (forward && c.slopes != nullptr) plan->slopes = copy_of<T>(c.slopes, channels);
  plan->scratch_bytes = mapping.workspace_bytes();
  plan->workspace_bytes = workspace_for(plan->scratch_bytes);
  plan->packed = Scratch(mapping.packed_bytes());
  mapping.pack(static_cast<const T*>(w), plan->packed.as<T>());
  if (mapping.needs_weights()) plan->weights = copy_of<T>(w, c.d.c_out * c.d.depth());
  return plan;
}

template <class T>
void run_plan(const fastconv_plan& plan, const void* x, const void* residual, void* y,
              std::byte* scratch) noexcept {
  std::get_if<Mapping<T>>(&plan.mapping)
      ->run(ConvArgs<T>{.x = static_cast<const T*>(x),
                        .packed = plan.packed.as<T>(),
                        .weights = plan.weights.as<T>(),
                        .bias = plan.bias.as<T>(),
                        .residual = static_cast<const T*>(residual),
                        .y = static_cast<T*>(y),
                        .activation = plan.activation,
                        .slope = static_cast<T>(plan.slope),
                        .slopes = plan.slopes.as<T>()},
            scratch);
}

// Says what is wrong with the arguments of plan_run. It is a function of its own so that plan_run
// needs no stack frame for it.
[[gnu::cold]] int complain(const fastconv_plan* plan, const void* x, const void* residual,
                           const void* y, void* workspace, std::size_t bytes) noexcept {
  return guarded([&] {
    expect_pointer(plan, "plan");
    expect_pointer(x, "x");
    expect_pointer(y, "y");
    expect(residual == nullptr || plan->takes_residual, FASTCONV_UNSUPPORTED,
           "residual: only plans of forward convolutions take one");
    checked_workspace(workspace, bytes, plan->scratch_bytes);
  });
}

}  // namespace

int plan_create(const fastconv_conv_desc* desc, int pass, const void* w, const void* bias,
                fastconv_plan** plan) noexcept {
  return guarded([&] {
    expect_pointer(w, "w");
    expect_pointer(plan, "plan");
    expect(pass == FASTCONV_FORWARD || pass == FASTCONV_INPUT_GRAD, FASTCONV_BAD_VALUE,
           "pass must be 0 or 1, got ", pass);
    expect(bias == nullptr || pass == FASTCONV_FORWARD, FASTCONV_UNSUPPORTED,
           "bias: a gradient of the input has none");
    const Convolution c = pass == FASTCONV_FORWARD ? describe_forward(desc) : describe(desc);
    *plan =
        with_type(c.is_double, [&]<class T>() { return make_plan<T>(c, pass, w, bias); }).release();
  });
}

std::size_t plan_workspace(const fastconv_plan* plan) noexcept {
  return plan == nullptr ? 0 : plan->workspace_bytes;
}

int plan_run(const fastconv_plan* plan, const void* x, const void* residual, void* y,
             void* workspace, std::size_t workspace_bytes) noexcept {
  if (plan == nullptr || x == nullptr || y == nullptr ||
      (residual != nullptr && !plan->takes_residual) || workspace_bytes < plan->workspace_bytes ||
      (workspace == nullptr && plan->workspace_bytes > 0)) [[unlikely]]
    return complain(plan, x, residual, y, workspace, workspace_bytes);
  std::byte* scratch = aligned(workspace);
  if (plan->is_double)
    run_plan<double>(*plan, x, residual, y, scratch);
  else
    run_plan<float>(*plan, x, residual, y, scratch);
  return FASTCONV_OK;
}

void plan_destroy(fastconv_plan* plan) noexcept { delete plan; }

}  // namespace fastconv::capi
