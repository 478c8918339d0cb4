// SPDX-License-Identifier: MIT
#include "capi/conv_map.h"

#include "algorithms/weight_grad/weight_grad.h"
#include "core/memory.h"

namespace fastconv::capi {
namespace {

template <class T>
Lowered lower(const ConvDesc& d, bool adjoint, const Request& request, const Exec& exec) {
  try {
    return adjoint ? lower_adjoint<T>(d, request, exec) : lower_forward<T>(d, request, exec);
  } catch (const std::invalid_argument& refusal) {  // of the algorithm: the shape is valid
    fail(FASTCONV_UNSUPPORTED, refusal.what());
  }
}

// The padded image as an image of its own.
ConvDesc frame_of(const ConvDesc& d) {
  ConvDesc frame = d;
  frame.mode = PadMode::zeros;
  for (Axis* axis : {&frame.h, &frame.w}) {
    axis->in += axis->lo + axis->hi;
    axis->lo = axis->hi = 0;
  }
  return validated(frame);
}

}  // namespace

template <class T>
ConvMap conv_map(const Convolution& c, int pass, bool kept) {
  Request request = c.request;
  request.prepacked = kept;
  if (pass != FASTCONV_FORWARD) request.algorithm = Algorithm::auto_;
  const bool adjoint = c.transposed == (pass == FASTCONV_FORWARD);
  const bool framed = adjoint && c.d.mode != PadMode::zeros;
  const ConvDesc d = framed ? frame_of(c.d) : c.d;
  constexpr index_t item = sizeof(T);
  ConvMap map{.d = c.d,
              .exec = c.exec,
              .lowered = lower<T>(d, adjoint, request, c.exec),
              .framed = framed,
              .packed_bytes = 0,
              .frame_bytes = framed ? cache_lines(d.batch * d.c_in * d.in_plane() * item) : 0};
  map.packed_bytes = cache_lines(map.lowered.packed_elements * item);
  return map;
}

template <class T>
void run(const ConvMap& map, const ConvArgs<T>& args, std::byte* scratch) noexcept {
  if (!map.framed) {
    fastconv::run(map.lowered, args, map.exec, scratch);
    return;
  }
  ConvArgs<T> framed = args;
  framed.y = reinterpret_cast<T*>(scratch);
  fastconv::run(map.lowered, framed, map.exec, scratch + map.frame_bytes);
  fold_padding(map.d, map.d.batch * map.d.c_in, framed.y, args.y, map.exec);
}

template ConvMap conv_map<float>(const Convolution&, int, bool);
template ConvMap conv_map<double>(const Convolution&, int, bool);
template void run(const ConvMap&, const ConvArgs<float>&, std::byte*) noexcept;
template void run(const ConvMap&, const ConvArgs<double>&, std::byte*) noexcept;

}  // namespace fastconv::capi
