// SPDX-License-Identifier: MIT
#include "algorithms/stream/desc.h"

#include "core/conv_desc.h"
#include "core/require.h"

namespace fastconv::stream {

const Desc& validated(const Desc& d) {
  require(d.batch >= 0 && d.batch <= kMaxElements, "batch must be at least 0, got ", d.batch);
  require(d.c_in >= 1, "channels must be at least 1, got ", d.c_in);
  require(d.c_out >= 1, "a stream must have at least 1 output channel, got ", d.c_out);
  check_extents("length", 1, d.kernel, d.stride, d.dilation);
  require(d.groups >= 1, "groups must be at least 1, got ", d.groups);
  require(d.c_in % d.groups == 0 && d.c_out % d.groups == 0,
          "groups must divide the channels, got ", d.groups, " groups of ", d.c_in, " input and ",
          d.c_out, " output channels");
  require(d.last >= 0 && d.last < d.stride, "a window must end within its stride, got input ",
          d.last, " of ", d.stride);
  const index_t reach = product("the reach of the kernel", {d.dilation, d.kernel});
  // Twice the past of every channel, and some.
  const index_t samples = product("the past of the stream", {d.batch, d.c_in, reach + d.stride, 4});
  if (samples > kMaxElements || product("the kernel", {d.kernel, d.c_in, d.c_out}) > kMaxElements)
    throw TooLarge("the past or the kernel of the stream is too large to address");
  return d;
}

}  // namespace fastconv::stream
