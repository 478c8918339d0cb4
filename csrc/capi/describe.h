// SPDX-License-Identifier: MIT
// Makes the core's descriptors of C's, by the same checks that Python's arguments go through.
#pragma once

#include "algorithms/correlation/request.h"
#include "algorithms/pool/problem.h"
#include "algorithms/stream/desc.h"
#include "capi/error.h"
#include "core/conv_desc.h"
#include "core/exec.h"
#include "core/pool_desc.h"

namespace fastconv::capi {

struct Convolution {
  ConvDesc d;  // the convolution, or the one whose adjoint a transposed convolution is
  bool transposed, is_double;
  Request request;
  Activation activation;
  double slope;
  const void* slopes;  // the caller's, of FASTCONV_PRELU; else null
  bool lacks_slopes;   // FASTCONV_PRELU without them
  Exec exec;
};
Convolution describe(const fastconv_conv_desc* desc);
// The same for the forward pass, which fails if slopes are missing.
Convolution describe_forward(const fastconv_conv_desc* desc);

struct Pool {
  PoolDesc d;
  pool::Pooling pooling;
  bool is_double;
  Exec exec;
};
Pool describe(const fastconv_pool_desc* desc);

struct Streaming {
  stream::Desc d;
  bool is_double, channels_last;
  Activation activation;
  double slope;
  const void* slopes;  // as above
  Exec exec;
};
Streaming describe(const fastconv_stream_desc* desc);

// Calls f.operator()<T>() with the type of the arrays.
template <class F>
auto with_type(bool is_double, F&& f) {
  return is_double ? f.template operator()<double>() : f.template operator()<float>();
}

// The caller's workspace may have any alignment: aligned() is where kernels may begin in it, and
// workspace_for() adds the bytes that this may take. checked_workspace() fails if it is too small.
inline constexpr index_t kAlignment = 64;
inline std::size_t workspace_for(index_t bytes) {
  return bytes == 0 ? 0 : static_cast<std::size_t>(bytes + kAlignment - 1);
}
inline std::byte* aligned(void* workspace) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(workspace);
  return static_cast<std::byte*>(workspace) + (-at & std::uintptr_t{kAlignment - 1});
}
std::byte* checked_workspace(void* workspace, std::size_t bytes, index_t needed);

}  // namespace fastconv::capi
