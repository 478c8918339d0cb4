// SPDX-License-Identifier: MIT
// The table that the capsule holds. It only grows: what is in it stays at its place in every
// version.
#include "capi/error.h"
#include "capi/functions.h"
#include "core/memory.h"

namespace fastconv::capi {
namespace {

void* take(std::size_t bytes) noexcept {
  constexpr auto kMost = static_cast<std::size_t>(PTRDIFF_MAX / 2);
  return bytes == 0 || bytes > kMost ? nullptr : take_block(static_cast<index_t>(bytes));
}

int remember_text(int status, const char* text) noexcept {
  return remember(status, text == nullptr ? "" : text);
}

constinit const fastconv_api kTable{
    .size = sizeof(fastconv_api),
    .version = FASTCONV_API_VERSION,
    .reserved = 0,
    .last_error = last_error,
    .fail = remember_text,
    .take = take,
    .give = give_block,
    .conv_output_shape = conv_output_shape,
    .conv_workspace = conv_workspace,
    .conv = conv,
    .conv_input_grad = conv_input_grad,
    .conv_weight_grad = conv_weight_grad,
    .conv_bias_grad = conv_bias_grad,
    .plan_create = plan_create,
    .plan_workspace = plan_workspace,
    .plan_run = plan_run,
    .plan_destroy = plan_destroy,
    .pool_output_shape = pool_output_shape,
    .pool_workspace = pool_workspace,
    .pool = pool,
    .pool_input_grad = pool_input_grad,
    .stream_create = stream_create,
    .stream_copy = stream_copy,
    .stream_outputs = stream_outputs,
    .stream_run = stream_run,
    .stream_owed = stream_owed,
    .stream_finish = stream_finish,
    .stream_reset = stream_reset,
    .stream_kept = stream_kept,
    .stream_get_state = stream_get_state,
    .stream_set_state = stream_set_state,
    .stream_destroy = stream_destroy,
};

}  // namespace

const fastconv_api& table() noexcept { return kTable; }

}  // namespace fastconv::capi
